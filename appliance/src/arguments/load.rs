//! The load lab's command line.
//!
//! ```text
//! cache, http what is asked of a server: a class of requests
//!   offer     its load and its connections;  server: whom it is for
//! scenario    several of them at once, and slow clients, from a file
//! sweep       of several servers, at many loads;  search: of one, up to its knee
//!   target    whom these are for
//! compare     two results
//! corpus      files to be asked for
//! peers       who is measured beside whom
//! run         how long, and where
//! output      what is kept of the result
//! refusal     why it cannot be;  number: bounds
//! ```
#![forbid(unsafe_code)]

pub mod cache;
pub mod compare;
pub mod corpus;
pub mod cpus;
pub mod http;
mod number;
pub mod offer;
pub mod output;
pub mod peers;
pub mod refusal;
pub mod run;
pub mod scenario;
pub mod search;
mod server;
pub mod sweep;
pub mod target;

use clap::{Args, Subcommand};

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
    /// Put several such loads at once on servers, and slow clients beside them, as a file says
    Scenario(Box<scenario::ScenarioArguments>),
    /// Put a ladder of loads on servers, in turns, and show how latency grows with load
    Sweep(Box<sweep::SweepArguments>),
    /// Find the highest load that a server bears within a response time
    Search(Box<search::SearchArguments>),
    /// Tell whether two results differ, and how surely
    Compare(compare::CompareArguments),
    /// Measure Spindle beside the servers that it replaces, in interleaved rounds, and print one table
    Peers(Box<peers::PeersArguments>),
}
