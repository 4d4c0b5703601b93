//! Tables as Markdown: a head and its rows, each of as many cells, with a line feed after each.

/// With columns that also stand below each other where nobody renders it.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([heads[column].chars().count(), 3]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let rule: Vec<String> = widths.iter().enumerate().map(|(column, width)| rule(column, *width)).collect();
    let heads: Vec<String> = heads.iter().map(|head| (*head).into()).collect();
    [&heads, &rule].into_iter().chain(rows).map(|cells| line(cells, &widths)).collect()
}

/// For cells that are as long as sentences: nothing stands below anything.
pub fn unaligned(heads: &[String], rows: &[Vec<String>]) -> String {
    let widths = vec![0; heads.len()];
    let rule = vec!["---".to_owned(); heads.len()];
    [heads, &rule].into_iter().chain(rows.iter().map(Vec::as_slice)).map(|cells| line(cells, &widths)).collect()
}

/// Names stand on the left, numbers on the right.
fn rule(column: usize, width: usize) -> String {
    if column == 0 { "-".repeat(width) } else { format!("{}:", "-".repeat(width - 1)) }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::from("|");
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        // A bar in a name would end its cell.
        let cell = cell.replace('|', "/");
        let cell = if column == 0 { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") };
        line.push_str(&cell);
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::{table, unaligned};

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [vec!["µ|a".into(), "1".into()], vec!["longer".into(), "12,345".into()]];
        let expected = "\
            | server |      n |\n\
            | ------ | -----: |\n\
            | µ/a    |      1 |\n\
            | longer | 12,345 |\n";
        assert_eq!(table(&["server", "n"], &rows), expected);
        let expected = "| server | n |\n| --- | --- |\n| µ/a | 1 |\n| longer | 12,345 |\n";
        assert_eq!(unaligned(&["server", "n"].map(String::from), &rows), expected);
    }
}
