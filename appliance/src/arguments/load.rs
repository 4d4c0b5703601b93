//! The load lab's command line.
//!
//! ```text
//! cache, http what is asked of a server: a class of requests
//!   offer     its load and its connections;  server: whom it is for
//! sweep       of several servers, at many loads;  search: of one, up to its knee
//! compare     two results
//! corpus      files to be asked for
//! run         how long, and where
//! output      what is kept of the result
//! refusal     why it cannot be;  number: bounds
//! ```
#![forbid(unsafe_code)]

pub mod cache;
pub mod compare;
pub mod corpus;
pub mod http;
mod number;
pub mod offer;
pub mod output;
pub mod refusal;
pub mod run;
pub mod search;
mod server;
pub mod sweep;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use spindle_perf::peers::{Ceiling, Options, Other, Row, UnknownRow};

/// What was typed after `spindle load`.
#[derive(Debug, Args)]
pub struct LoadArguments {
    #[command(subcommand)]
    pub work: LoadWork,
}

#[derive(Debug, Subcommand)]
pub enum LoadWork {
    /// Put an open-loop load on a cache, check every answer, and say whether the generator kept up
    Cache(Box<cache::CacheLoadArguments>),
    /// Write files for a server to serve, of a law of sizes, from a seed; check them, make them cold or warm
    Corpus(corpus::CorpusArguments),
    /// Put such a load on a server of files and uploads
    Http(Box<http::HttpLoadArguments>),
    /// Put a ladder of loads on caches, in turns, and show how latency grows with load
    Sweep(Box<sweep::SweepArguments>),
    /// Find the highest load that a cache bears within a response time
    Search(Box<search::SearchArguments>),
    /// Tell whether two results differ, and how surely
    Compare(compare::CompareArguments),
    /// Measure Spindle beside the servers that it replaces, in interleaved rounds, and print one table
    Peers(PeersArguments),
}

/// Which peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peers {
    /// memcached, a toy store, and the ceiling that the kernel sets
    Cache,
}

#[derive(Debug, Args)]
pub struct PeersArguments {
    #[arg(value_enum)]
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
    /// Rounds; the median of them is shown
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of one throughput measurement
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// Some rows only: get-NxD, set-NxD, items, idle, hit-ratio, worst-case
    #[arg(long, value_delimiter = ',')]
    pub rows: Vec<String>,
    /// A smoke run, whose figures mean nothing
    #[arg(long)]
    pub quick: bool,
}

impl PeersArguments {
    /// What is to be measured; `spindle` is this very binary.
    ///
    /// # Errors
    /// A row that nobody knows.
    pub fn decide(&self, spindle: PathBuf) -> Result<Options, UnknownRow> {
        let mut options = Options {
            spindle: Some(spindle),
            memcached: self.memcached.clone(),
            others: self.other.clone(),
            ceiling: match self.ceiling.to_str() {
                Some("build") => Ceiling::Build,
                Some("none") => Ceiling::Absent,
                _ => Ceiling::Binary(self.ceiling.clone()),
            },
            rounds: self.rounds.max(1),
            measured: Duration::try_from_secs_f64(self.seconds).unwrap_or(Duration::from_secs(2)),
            ..Options::default()
        };
        if !self.rows.is_empty() {
            options.rows = self.rows.iter().map(|row| row.parse()).collect::<Result<Vec<Row>, _>>()?;
        }
        Ok(if self.quick { options.quick() } else { options })
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
    use super::*;

    #[test]
    fn another_cache_has_a_name_and_a_binary() {
        let parsed = other("new=/opt/new=er/memcached").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.binary.to_str()), ("new", Some("/opt/new=er/memcached")));
        for wrong in ["", "new", "new=", "=/bin/true"] {
            assert!(other(wrong).is_err(), "{wrong}");
        }
    }
}
