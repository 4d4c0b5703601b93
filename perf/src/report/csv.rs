//! A row a second, for spreadsheets and scripts. RFC 4180, though with bare line feeds: no field needs quotes.

use std::io::{self, Write};

use super::summary::Row;

/// The names of the columns are those of the rows of `timeline` in docs/load-result.md.
pub const HEAD: &str =
    "at_s,seconds,offered,achieved,in_flight,errors,wrong,p50_ns,p90_ns,p99_ns,p99_9_ns,max_ns,server_cpu_s";

/// Writes the head and every row. The last field is empty where the CPU time of the server is not known.
///
/// # Errors
/// What the writer says.
pub fn write(timeline: &[Row], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEAD}")?;
    for row in timeline {
        let Row { at_s, seconds, offered, achieved, in_flight, errors, wrong, .. } = row;
        write!(out, "{at_s},{seconds},{offered},{achieved},{in_flight},{errors},{wrong}")?;
        for ns in [row.p50_ns, row.p90_ns, row.p99_ns, row.p99_9_ns, row.max_ns] {
            write!(out, ",{ns}")?;
        }
        match row.server_cpu_s {
            Some(cpu_s) => writeln!(out, ",{cpu_s}")?,
            None => writeln!(out, ",")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen;
    use crate::report::summary::Summary;

    #[test]
    fn a_row_a_second_under_its_head() {
        let mut summary = Summary::of(&specimen::invalid_run(3));
        summary.timeline[1].server_cpu_s = None;
        let mut out = Vec::new();
        write(&summary.timeline, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(rows.len(), 4);
        assert!(rows.iter().all(|row| row.len() == HEAD.split(',').count()));
        assert_eq!(rows[3][..7], ["2", "1", "2000", "1999", "5", "10", "21"]);
        assert_eq!(rows[2].last(), Some(&""));
        assert_eq!(rows[1][11], summary.timeline[0].max_ns.to_string());
    }
}
