//! Sizes and weights from a file.

use std::path::{Path, PathBuf};

use super::SizesError;
use super::spelling::parse_bytes;

/// Sizes, each with its share.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Where they were read; what `Display` names.
    pub path: PathBuf,
    /// Ascending in both.
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    size: u64,
    weight: f64,
    /// The weights of all sizes up to this one.
    up_to: f64,
}

impl Listed {
    /// A file of lines `SIZE[,WEIGHT]`: the size as [`parse_bytes`] reads it, the weight a number from 0 on, 1 when there
    /// is none. Empty lines and what follows a `#` are nothing.
    pub fn read(path: &Path) -> Result<Listed, SizesError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| SizesError::Unreadable { path: path.to_owned(), source })?;
        Listed::parse(path.to_owned(), &text)
    }

    pub(crate) fn parse(path: PathBuf, text: &str) -> Result<Listed, SizesError> {
        let mut weighted = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                let at_line = |cause| SizesError::Line { path: path.clone(), line: index + 1, cause: Box::new(cause) };
                weighted.push(parse_line(line).map_err(at_line)?);
            }
        }
        weighted.sort_by_key(|&(size, _)| size);
        let mut up_to = 0.0;
        let mut steps = Vec::with_capacity(weighted.len());
        for (size, weight) in weighted {
            if weight > 0.0 {
                up_to += weight;
                steps.push(Step { size, weight, up_to });
            }
        }
        match up_to {
            0.0 => Err(SizesError::Nothing { path }),
            up_to if up_to.is_infinite() => Err(SizesError::Heavy { path }),
            _ => Ok(Listed { path, steps }),
        }
    }

    /// What is read back as the same: the lines of the file, without those that say nothing.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(|step| format!("{},{}", step.size, step.weight))
    }

    pub(super) fn at(&self, even: f64) -> u64 {
        let last = self.steps.len() - 1;
        let sought = even * self.steps[last].up_to;
        self.steps[self.steps.partition_point(|step| step.up_to <= sought).min(last)].size
    }

    pub(super) fn mean(&self) -> f64 {
        let whole = self.steps[self.steps.len() - 1].up_to;
        let mut before = 0.0;
        let mut mean = 0.0;
        for step in &self.steps {
            mean += step.size as f64 * ((step.up_to - before) / whole);
            before = step.up_to;
        }
        mean
    }
}

fn parse_line(line: &str) -> Result<(u64, f64), SizesError> {
    let (size, weight) = line.split_once(',').unwrap_or((line, "1"));
    let size = parse_bytes(size.trim())?;
    let weight = weight.trim();
    match weight.parse() {
        Ok(number) if (0.0..f64::INFINITY).contains(&number) => Ok((size, number)),
        _ => Err(SizesError::Weight { text: weight.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Listed, String> {
        Listed::parse("sizes.csv".into(), text).map_err(|error| error.to_string())
    }

    #[test]
    fn weights_are_shares() {
        let listed = parse("# bytes, weight\n1k , 3\n\n100,1 # small\n7,0\n").unwrap();
        assert_eq!([0.0, 0.24, 0.26, 0.99].map(|even| listed.at(even)), [100, 100, 1024, 1024]);
        assert_eq!(listed.mean(), 0.25 * 100.0 + 0.75 * 1024.0);
    }

    /// The sum of weights in another order would be another one.
    #[test]
    fn lines_are_read_back_as_the_same() {
        let listed = parse("9,0.3\n1k,0.1\n9,1e-17\n5,0.2\n7,0\n").unwrap();
        assert_eq!(listed.lines().next().unwrap(), "5,0.2");
        let lines: Vec<String> = listed.lines().collect();
        assert_eq!(parse(&lines.join("\n")).unwrap(), listed);
    }

    #[test]
    fn a_line_without_a_weight_counts_once() {
        let listed = parse("5\n5\n8\n").unwrap();
        assert_eq!([0.0, 0.66, 0.67].map(|even| listed.at(even)), [5, 5, 8]);
    }

    #[test]
    fn faults_name_the_file_and_the_line() {
        let fault = |text| parse(text).unwrap_err();
        assert_eq!(
            fault("100\nmany\n"),
            "sizes.csv:2: \"many\" is not a size: it is a whole number of bytes, or of k, m or g (100, 32k, 1m)"
        );
        assert_eq!(fault("1,-2"), "sizes.csv:1: \"-2\" is not a weight: it is a number from 0 on");
        assert_eq!(fault("1,NaN"), "sizes.csv:1: \"NaN\" is not a weight: it is a number from 0 on");
        assert_eq!(fault("1,2,3"), "sizes.csv:1: \"2,3\" is not a weight: it is a number from 0 on");
        assert_eq!(fault("# none\n"), "sizes.csv names no size that has a weight: its lines are SIZE or SIZE,WEIGHT");
        assert_eq!(fault("1,0"), "sizes.csv names no size that has a weight: its lines are SIZE or SIZE,WEIGHT");
        assert_eq!(fault("1,1e308\n2,1e308"), "the weights in sizes.csv are too large to add up");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Listed::read(Path::new("/nowhere/sizes.csv")).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/sizes.csv cannot be read: "), "{error}");
    }
}
