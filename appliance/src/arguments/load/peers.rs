//! `spindle load peers`: Spindle beside the servers that it replaces.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use spindle_perf::peers::files::{self, FileRow, UnknownFileRow};
use spindle_perf::peers::{self, Ceiling, Other, Row, UnknownRow};

use super::number::within;
use super::run::measured;

const ROUNDS_MAX: usize = 1000;

/// Which peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peers {
    /// memcached, a toy store, and the ceiling that the kernel sets
    Cache,
    /// Spindle, nginx, lighttpd and Perlbal with files; Spindle, haproxy, nginx and Perlbal as proxies
    Files,
    /// Both, one table each
    All,
}

#[derive(Debug, Args)]
pub struct PeersArguments {
    /// Beside whom
    #[arg(value_enum, default_value_t = Peers::All)]
    pub peers: Peers,
    /// The memcached to compare with; without it, the one on PATH
    #[arg(long, value_name = "BINARY")]
    pub memcached: Option<PathBuf>,
    /// One more cache that takes memcached's options; may be given again
    #[arg(long, value_name = "NAME=BINARY", value_parser = other)]
    pub other: Vec<Other>,
    /// The ceiling program: a binary, `build` (with cargo, from the source tree) or `none`
    #[arg(long, value_name = "BINARY", default_value = "build")]
    pub ceiling: PathBuf,
    /// Where all files are put for as long as it lasts; without it, those that are read where temporary files are, and those
    /// that are uploaded on a tmpfs, at /dev/shm
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// Rounds; the median of them is shown
    #[arg(long, default_value_t = 5, value_parser = within(1..=ROUNDS_MAX))]
    pub rounds: usize,
    /// Seconds of one measurement
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = measured)]
    pub seconds: Duration,
    /// Some rows only: get-NxD, set-NxD, equal-load, generator, items, idle, hit-ratio, worst-case of caches; get-SIZE, put-SIZE of files
    #[arg(long, value_delimiter = ',')]
    pub rows: Vec<String>,
    /// A smoke run, whose figures mean nothing
    #[arg(long)]
    pub quick: bool,
}

/// What is to be measured, of each kind.
#[derive(Debug)]
pub struct Decided {
    pub cache: Option<peers::Options>,
    pub files: Option<files::Options>,
}

/// A row that nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    #[error(transparent)]
    Cache(#[from] UnknownRow),
    #[error(transparent)]
    Files(#[from] UnknownFileRow),
}

impl PeersArguments {
    /// What is to be measured; `spindle` is this very binary.
    ///
    /// # Errors
    /// A row that nobody knows.
    pub fn decide(&self, spindle: PathBuf) -> Result<Decided, RowError> {
        let is_of_files = |row: &&String| match self.peers {
            Peers::Cache => false,
            Peers::Files => true,
            Peers::All => row.parse::<FileRow>().is_ok(),
        };
        let (file_rows, cache_rows): (Vec<&String>, Vec<&String>) = self.rows.iter().partition(is_of_files);
        let cache_rows = cache_rows.into_iter().map(|row| row.parse()).collect::<Result<Vec<Row>, _>>()?;
        let file_rows = file_rows.into_iter().map(|row| row.parse()).collect::<Result<Vec<FileRow>, _>>()?;
        let everything = self.rows.is_empty();
        let (cache, files) = match self.peers {
            Peers::Cache => (true, false),
            Peers::Files => (false, true),
            Peers::All => (everything || !cache_rows.is_empty(), everything || !file_rows.is_empty()),
        };
        Ok(Decided {
            cache: cache.then(|| self.cache(spindle.clone(), cache_rows)),
            files: files.then(|| self.files(spindle, file_rows)),
        })
    }

    /// Without a row: all.
    fn cache(&self, spindle: PathBuf, rows: Vec<Row>) -> peers::Options {
        let options = peers::Options {
            spindle: Some(spindle),
            memcached: self.memcached.clone(),
            others: self.other.clone(),
            ceiling: match self.ceiling.to_str() {
                Some("build") => Ceiling::Build,
                Some("none") => Ceiling::Absent,
                _ => Ceiling::Binary(self.ceiling.clone()),
            },
            rounds: self.rounds,
            measured: self.seconds,
            rows: if rows.is_empty() { Row::all() } else { rows },
            ..peers::Options::default()
        };
        if self.quick { options.quick() } else { options }
    }

    /// Without a row: all.
    fn files(&self, spindle: PathBuf, rows: Vec<FileRow>) -> files::Options {
        let options = files::Options {
            spindle: Some(spindle),
            folder: self.folder.clone(),
            rounds: self.rounds,
            measured: self.seconds,
            rows: if rows.is_empty() { FileRow::ALL.to_vec() } else { rows },
            ..files::Options::default()
        };
        if self.quick { options.quick() } else { options }
    }
}

/// What was typed after `--other`.
fn other(typed: &str) -> Result<Other, String> {
    match typed.split_once('=') {
        Some((name, binary)) if !name.is_empty() && !binary.is_empty() => {
            Ok(Other { name: name.into(), binary: binary.into() })
        }
        _ => Err("a name, =, and the path of a binary".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    fn typed(peers: Peers, rows: &[&str]) -> PeersArguments {
        PeersArguments {
            peers,
            memcached: None,
            other: Vec::new(),
            ceiling: "none".into(),
            folder: None,
            rounds: 1,
            seconds: Duration::from_secs(1),
            rows: rows.iter().map(ToString::to_string).collect(),
            quick: false,
        }
    }

    #[test]
    fn without_a_word_all_are_meant() {
        let parsed = |words: &[&str]| {
            let command = PeersArguments::augment_args(clap::Command::new("peers").no_binary_name(true));
            let matches = command.try_get_matches_from(words).unwrap();
            PeersArguments::from_arg_matches(&matches).unwrap()
        };
        assert_eq!(parsed(&[]).peers, Peers::All);
        assert_eq!(parsed(&["--quick", "--rows", "idle"]).peers, Peers::All);
        assert_eq!(parsed(&["--quick", "cache"]).peers, Peers::Cache);
        assert_eq!(parsed(&["files"]).peers, Peers::Files);
        assert_eq!(parsed(&["all"]).peers, Peers::All);
    }

    #[test]
    fn another_cache_has_a_name_and_a_binary() {
        let parsed = other("new=/opt/new=er/memcached").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.binary.to_str()), ("new", Some("/opt/new=er/memcached")));
        for wrong in ["", "new", "new=", "=/bin/true"] {
            assert!(other(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rows_find_whose_they_are() {
        let rows = |peers, rows: &[&str]| {
            let decided = typed(peers, rows).decide("spindle".into()).unwrap();
            (decided.cache.map(|cache| cache.rows), decided.files.map(|files| files.rows))
        };
        let (get, idle) = (FileRow::Get { bytes: 4096 }, Row::Idle);
        assert_eq!(rows(Peers::All, &["idle", "get-4k"]), (Some(vec![idle]), Some(vec![get])));
        assert_eq!(rows(Peers::All, &["get-4k"]), (None, Some(vec![get])));
        assert_eq!(rows(Peers::All, &[]), (Some(Row::all()), Some(FileRow::ALL.to_vec())));
        assert_eq!(rows(Peers::Cache, &[]), (Some(Row::all()), None));
        assert_eq!(rows(Peers::Files, &[]), (None, Some(FileRow::ALL.to_vec())));
        for (peers, unknown) in [(Peers::Cache, "get-4k"), (Peers::Files, "idle"), (Peers::All, "head-4k")] {
            assert!(typed(peers, &[unknown]).decide("spindle".into()).is_err(), "{unknown}");
        }
    }
}
