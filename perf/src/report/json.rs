//! A summary in a JSON file, and back. docs/load-result.md is the schema.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, Serializer};

use super::summary::{SCHEMA, Summary};
use crate::sweep::result::Kind;

/// Why a file gave no summary.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{}: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{} is not the result of a load: {error}", path.display())]
    NotAResult { path: PathBuf, error: serde_json::Error },
    #[error(
        "{} is the result of a {kind}, which is many runs at many loads: only those of single loads are compared \
         (spindle load cache, http or scenario)", path.display()
    )]
    OfALadder { path: PathBuf, kind: &'static str },
    #[error("{} has schema {found}; this version reads schema {SCHEMA}", path.display())]
    OtherSchema { path: PathBuf, found: u64 },
}

/// All that is read of a file before its schema is known.
#[derive(Deserialize)]
struct Head {
    schema: u64,
    /// Only a ladder says what it is.
    kind: Option<Kind>,
}

/// Writes a summary, or another result, with a line for every field and for every item of its lists: for every class and
/// second.
///
/// # Errors
/// What the writer says.
pub fn write(result: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Lines::default());
    result.serialize(&mut serializer)?;
    writeln!(out)
}

impl Summary {
    /// Reads what [`write`] wrote.
    ///
    /// # Errors
    /// An unreadable file, one that is no result, that of a ladder, or one of another schema.
    pub fn read(path: &Path) -> Result<Summary, ReadError> {
        let text = std::fs::read(path).map_err(|error| ReadError::Unreadable { path: path.to_owned(), error })?;
        let not_a_result = |error| ReadError::NotAResult { path: path.to_owned(), error };
        let head: Head = serde_json::from_slice(&text).map_err(not_a_result)?;
        if let Some(kind) = head.kind {
            return Err(ReadError::OfALadder { path: path.to_owned(), kind: kind.name() });
        }
        if head.schema != u64::from(SCHEMA) {
            return Err(ReadError::OtherSchema { path: path.to_owned(), found: head.schema });
        }
        serde_json::from_slice(&text).map_err(not_a_result)
    }
}

/// A line for every field of the run and for every item of its lists; whatever is deeper stands in that line: a file that
/// both people and line tools can read.
#[derive(Default)]
struct Lines {
    depth: usize,
    /// Whether the value that was begun last at the second level, a field of the run, is a list.
    in_list: bool,
    /// Whether the value that was begun last has had no item: `[]` has no line of its own.
    is_empty: bool,
}

impl Lines {
    fn begin<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.is_empty = true;
        if self.depth == 2 {
            self.in_list = bracket == b"[";
        }
        out.write_all(bracket)
    }

    fn item<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.is_empty = false;
        out.write_all(if first { b"" } else { b"," })?;
        if self.is_broken() {
            return self.line(out);
        }
        out.write_all(if first { b"" } else { b" " })
    }

    fn end<W: Write + ?Sized>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        let has_lines = self.is_broken() && !self.is_empty;
        self.depth -= 1;
        self.is_empty = false;
        if has_lines {
            self.line(out)?;
        }
        out.write_all(bracket)
    }

    fn is_broken(&self) -> bool {
        self.depth == 1 || self.depth == 2 && self.in_list
    }

    fn line<W: Write + ?Sized>(&self, out: &mut W) -> io::Result<()> {
        write!(out, "\n{:1$}", "", self.depth * 2)
    }
}

impl Formatter for Lines {
    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.item(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen;

    fn written(summary: &Summary) -> String {
        let mut out = Vec::new();
        write(summary, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn read(text: &str) -> Result<Summary, ReadError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        std::fs::write(&path, text).unwrap();
        Summary::read(&path)
    }

    #[test]
    fn reads_what_it_wrote() {
        for measured in [specimen::run(5), specimen::invalid_run(3), specimen::run(0), specimen::mixed_run(2)] {
            let summary = Summary::of(&measured);
            assert!(read(&written(&summary)).unwrap() == summary, "{}", written(&summary));
        }
    }

    #[test]
    fn has_the_promised_fields() {
        let text = written(&Summary::of(&specimen::invalid_run(2)));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["valid"], false);
        assert_eq!(json["loop"], "open");
        assert_eq!(
            json["reasons"][0],
            "the generator was late for class \"get\": 812.0 µs at p99.9, 50.0 µs is the bound"
        );
        assert_eq!(json["errors"], 10);
        assert_eq!(json["errors_per_second"], 5.0);
        assert_eq!(json["errors_by_kind"]["broken"], 3);
        assert_eq!(json["wrong"], 21);
        assert_eq!(json["wrong_by_kind"]["lost"], 6);
        for figures in [&json, &json["classes"][0], &json["classes"][1]] {
            for field in ["offered_per_second", "achieved_per_second", "requests", "errors_per_second"] {
                assert!(figures[field].is_number(), "{field}");
            }
            for histogram in ["response_ns", "service_ns", "lag_ns", "lag_server_ns", "lag_generator_ns"] {
                for percentile in ["p50", "p90", "p99", "p99_5", "p99_9", "p99_99", "max", "mean", "count"] {
                    assert!(figures[histogram][percentile].is_number(), "{histogram}.{percentile}");
                }
            }
        }
        assert_eq!(json["slow"][0]["cut_by_server"], 6);
        assert!(json["environment"]["machine"]["kernel"].is_string());
        assert_eq!(json["timeline"][1]["errors"], 10);
    }

    #[test]
    fn operations_are_there_where_a_class_has_several() {
        let json = serde_json::to_value(Summary::of(&specimen::mixed_run(2))).unwrap();
        let operations = json["classes"][0]["operations"].as_array().unwrap();
        let requests: Vec<_> =
            operations.iter().map(|one| (one["operation"].clone(), one["requests"].clone())).collect();
        assert_eq!(requests, [("get".into(), 1800.into()), ("set".into(), 200.into()), ("add".into(), 0.into())]);
        for histogram in ["response_ns", "service_ns", "lag_ns", "lag_server_ns", "lag_generator_ns"] {
            assert!(operations[1][histogram]["p99_9"].as_u64() > Some(0), "{histogram}");
            assert_eq!(operations[2][histogram]["count"], 0, "{histogram}");
        }
        let plain = serde_json::to_value(Summary::of(&specimen::run(2))).unwrap();
        assert!(plain["classes"][0].get("operations").is_none(), "one operation is the class");
    }

    #[test]
    fn a_result_from_before_there_were_operations_can_be_read() {
        let mut json = serde_json::to_value(Summary::of(&specimen::mixed_run(1))).unwrap();
        json["classes"][0].as_object_mut().unwrap().remove("operations");
        json.as_object_mut().unwrap().remove("errors_per_second");
        let read = read(&json.to_string()).unwrap();
        assert!(read.classes[0].operations.is_empty() && read.total.errors_per_second == 0.0);
    }

    #[test]
    fn a_result_from_before_there_were_slow_clients_can_be_read() {
        let mut json = serde_json::to_value(Summary::of(&specimen::run(1))).unwrap();
        json.as_object_mut().unwrap().remove("slow");
        assert!(read(&json.to_string()).unwrap().slow.is_empty());
    }

    #[test]
    fn a_second_is_a_line() {
        let text = written(&Summary::of(&specimen::run(5)));
        assert_eq!(text.lines().filter(|line| line.starts_with("    {\"at_s\": ")).count(), 5);
        let histogram = text.lines().find(|line| line.starts_with("  \"response_ns\": {")).unwrap();
        assert!(histogram.ends_with("},"), "{histogram}");
        assert!(text.contains("\n  \"reasons\": [],\n"), "{text}");
        assert!(text.ends_with("\n  ]\n}\n"), "{text}");
    }

    #[test]
    fn a_ladder_is_no_run() {
        let mut out = Vec::new();
        write(&crate::sweep::table::tests::sweep(), &mut out).unwrap();
        let error = read(&String::from_utf8(out).unwrap()).unwrap_err().to_string();
        assert!(error.contains("result.json is the result of a sweep, which is many runs"), "{error}");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let other = written(&Summary::of(&specimen::run(1))).replacen("\"schema\": 1", "\"schema\": 2", 1);
        let refusals =
            [(other.as_str(), "has schema 2; this version reads schema 1"), ("{}", "missing field `schema`")];
        for (text, expected) in refusals {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(matches!(Summary::read(Path::new("/nowhere.json")), Err(ReadError::Unreadable { .. })));
        assert!(matches!(read("{\"schema\": 1}"), Err(ReadError::NotAResult { .. })));
        assert!(matches!(read("nonsense"), Err(ReadError::NotAResult { .. })));
    }
}
