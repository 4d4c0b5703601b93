//! The command line, as typed. Each default is what measured best.
//!
//! Thousands of gets per second of server CPU, Linux 6.18, one pinned core for the server and one for `ping`, loopback,
//! median of three interleaved rounds of a second; the default row, and rows that change one thing of it. Rows a line
//! apart came from runs of their own; differences under 3 % are noise.
//!
//! | flags | 64 x 1 | 256 x 1 | 64 x 16 | 64 x 64 | |
//! |---|---|---|---|---|---|
//! | `--send inline --files direct` | 305 | 315 | 4292 | 13763 | the default |
//! | `--send kept` | 304 | 304 | 4146 | 13418 | a completion and a buffer a connection cost 0 to 4 % |
//! | `--files plain` | 305 | 313 | 4276 | 13307 | up to 3 % |
//! | `--send kept --files plain` | 299 | 287 | 4189 | 13324 | up to 9 % with many connections |
//! | `--sqarray dropped` | 306 | 310 | 4307 | 13763 | noise |
//! | `--iowait uncounted` | 308 | 308 | 4283 | 13707 | noise |
//! | `--engine async --files plain` | 304 | 308 | 4200 | 12871 | against plain: 0 to 3 % |
//!
//! The same with `--sqarray dropped` throughout:
//!
//! | flags | 64 x 1 | 256 x 1 | 64 x 16 | 64 x 64 | |
//! |---|---|---|---|---|---|
//! | `--buffers 64` | 308 | 309 | 4152 | 12953 | the default |
//! | `--buffers 8` | 208 | 141 | 3030 | 9986 | receives starve and are armed again |
//! | `--buffers 1024` | 280 | 290 | 4007 | 12848 | falls out of the cache: up to 9 % |
//! | `--buffers 256 --buffer-bytes 2048` | 303 | 306 | 4037 | 13032 | noise |
//! | `--buffer-bytes 16448` | 304 | 305 | 4109 | 12886 | spreading over cache sets: noise |
//! | `--consumption incremental` | 302 | 312 | 4100 | 12548 | noise |
//! | `--wait-for 8 --wait-us 20` | 294 | 246 | 3459 | 10864 | worse: a busy core finds its batches without waiting |
//!
//! Not tried: receive bundles, because no batch here spans two buffers.
#![forbid(unsafe_code)]

use crate::buffers::Consumption;
use crate::ring::{IoWait, SqArray, Wait};
use clap::{Parser, ValueEnum};
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Hand-written state machines.
    Raw,
    /// One `async fn` a connection, on a local executor.
    Async,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Files {
    Plain,
    /// Sockets live in the ring's own table.
    Direct,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sends {
    /// From the connection's own buffer, a completion each.
    Kept,
    /// From the turn's arena, done when the enter returns.
    Inline,
}

/// What answers the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// Nothing: every line gets one canned value.
    Canned,
    /// A hash map: what was set, and nothing else that a cache does.
    Toy,
    /// Nothing: every get gets its own key back, with one canned value.
    Mirror,
}

/// What the kernel allows: a server with no protocol and no cache that answers every line with one canned value.
#[derive(Debug, Parser)]
pub struct Options {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:11299")]
    pub listen: SocketAddr,
    /// Core to be pinned to
    #[arg(long)]
    pub cpu: Option<usize>,
    #[arg(long, value_enum, default_value = "canned")]
    pub store: Store,
    #[arg(long, value_enum, default_value = "raw")]
    pub engine: Engine,
    #[arg(long, value_enum, default_value = "inline")]
    pub send: Sends,
    #[arg(long, value_enum, default_value = "direct")]
    pub files: Files,
    /// Receive buffers, a power of two
    #[arg(long, default_value_t = 64)]
    pub buffers: u16,
    /// Bytes of one receive buffer
    #[arg(long, default_value_t = 16 * 1024)]
    pub buffer_bytes: usize,
    #[arg(long, value_enum, default_value = "whole")]
    pub consumption: Consumption,
    #[arg(long, value_enum, default_value = "kept")]
    pub sqarray: SqArray,
    #[arg(long, value_enum, default_value = "counted")]
    pub iowait: IoWait,
    /// Completions that a turn waits for
    #[arg(long, default_value_t = 1)]
    pub wait_for: u32,
    /// Microseconds after which one completion is enough (with --wait-for above 1; Linux 6.12)
    #[arg(long, default_value_t = 0)]
    pub wait_us: u64,
}

impl Options {
    pub fn wait(&self) -> Wait {
        Wait { completions: self.wait_for, at_least: Duration::from_micros(self.wait_us) }
    }
}
