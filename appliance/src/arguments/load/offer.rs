//! What a class of requests has whatever its protocol: its load, its connections, and how its answers are checked.
#![forbid(unsafe_code)]

use std::num::NonZeroU64;

use clap::{Args, ValueEnum};
use spindle_perf::arrivals::{Arrivals, PER_SECOND};
use spindle_perf::load::{ClassPlan, Pace, Verify, WorkPlan};

use super::number::within;
use super::refusal::{Argument, Refusal};
use super::server::reach;

/// What the load can hold.
const PLACES_MAX: usize = 1 << 22;
const CONNECTIONS_MAX: usize = 60_000;
const DEPTH_MAX: usize = 65_536;

/// How many answers are checked byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Checking {
    All,
    /// One in 64
    Sampled,
    Off,
}

#[derive(Clone, Debug, Args)]
pub struct OfferArguments {
    /// Requests a second, sent when they are due, whatever the server does
    #[arg(long, default_value_t = 10_000.0, value_parser = within(PER_SECOND))]
    pub rate: f64,
    /// Send each request when the one before it is answered: throughput only, latency not comparable
    #[arg(long, conflicts_with = "rate")]
    pub closed: bool,
    /// The gaps between requests: all alike (constant), or as of many clients (poisson)
    #[arg(long, default_value = "poisson")]
    pub arrivals: Arrivals,
    #[arg(long, default_value_t = 64, value_parser = within(1..=CONNECTIONS_MAX))]
    pub connections: usize,
    /// Requests outstanding on a connection
    #[arg(long, default_value_t = 1, value_parser = within(1..=DEPTH_MAX))]
    pub depth: usize,
    /// Requests of a connection, after which another one takes its place; without this, as many as come
    #[arg(long, value_name = "REQUESTS")]
    pub churn: Option<NonZeroU64>,
    /// Which answers are checked byte by byte
    #[arg(long, value_enum, default_value = "all")]
    pub verify: Checking,
    /// What everything that is drawn follows from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl OfferArguments {
    /// Requests of one kind to `server`, a `HOST:PORT`.
    ///
    /// # Errors
    /// More places for requests than the load can hold; no such server.
    pub(super) fn class(&self, name: &str, server: &str, work: WorkPlan) -> Result<ClassPlan, Refusal> {
        if self.connections.saturating_mul(self.depth) > PLACES_MAX {
            let why = format!("connections times depth is at most {PLACES_MAX}");
            return Err(Refusal::new(Argument::Named("depth"), self.depth, why));
        }
        Ok(ClassPlan {
            name: name.into(),
            server: reach(server)?,
            pace: match self.closed {
                true => Pace::Closed,
                false => Pace::Open { per_second: self.rate, arrivals: self.arrivals },
            },
            connections: self.connections,
            depth: self.depth,
            churn: self.churn,
            verify: match self.verify {
                Checking::All => Verify::All,
                Checking::Sampled => Verify::Sampled,
                Checking::Off => Verify::Off,
            },
            seed: self.seed,
            work,
        })
    }
}
