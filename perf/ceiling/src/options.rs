//! The command line, as typed.
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

/// What the kernel allows: a server with no protocol and no cache that answers every line with one canned value.
#[derive(Debug, Parser)]
pub struct Options {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:11299")]
    pub listen: SocketAddr,
    /// Core to be pinned to
    #[arg(long)]
    pub cpu: Option<usize>,
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
