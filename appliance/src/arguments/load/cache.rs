//! `spindle load cache`: an open-loop load on a cache.
#![forbid(unsafe_code)]

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use spindle_perf::arrivals::{Arrivals, PER_SECOND};
use spindle_perf::describe::Removal;
use spindle_perf::environment::Environment;
use spindle_perf::load::{CachePlan, ClassPlan, KeyPlan, Pace, Plan, Protocol, Verify, WorkPlan};
use spindle_perf::popularity::Popularity;
use spindle_perf::process::Pid;
use spindle_perf::sizes::Sizes;

/// What the load can hold.
const PLACES_MAX: usize = 1 << 22;
const VALUE_BYTES_MAX: u64 = 1 << 30;
/// How long each of a server's addresses is tried.
const CONNECTING: Duration = Duration::from_secs(3);

/// Which of memcached's protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    Classic,
    Meta,
}

/// How many answers are checked byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Checking {
    All,
    /// One in 64
    Sampled,
    Off,
}

#[derive(Debug, Args)]
pub struct CacheLoadArguments {
    /// The cache
    #[arg(value_name = "HOST:PORT")]
    pub server: String,
    /// Requests a second, sent when they are due, whatever the server does
    #[arg(long, default_value_t = 10_000.0)]
    pub rate: f64,
    /// Send each request when the one before it is answered: throughput only, latency not comparable
    #[arg(long, conflicts_with = "rate")]
    pub closed: bool,
    /// The gaps between requests: all alike (constant), or as of many clients (poisson)
    #[arg(long, default_value = "poisson")]
    pub arrivals: Arrivals,
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Requests outstanding on a connection
    #[arg(long, default_value_t = 1)]
    pub depth: usize,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Seconds before that, which are not
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// Seconds that late answers are waited for in the end
    #[arg(long, default_value_t = 2.0)]
    pub patience: f64,
    /// Keys; every one is set before the load begins
    #[arg(long, default_value_t = 100_000)]
    pub keys: u64,
    /// How often each key is asked for: uniform, zipf:S, sequential, latest[:S]
    #[arg(long, value_name = "LAW", default_value = "uniform")]
    pub key_distribution: Popularity,
    /// Bytes of a value: 100, 100-4000, lognormal:MEDIAN:SIGMA[:MAX], etc, csv:FILE
    #[arg(long, value_name = "SIZE", default_value = "100")]
    pub value: Sizes,
    /// Of all requests, 0 to 1: sets; the others are gets
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub set_share: f64,
    #[arg(long, value_enum, default_value = "classic")]
    pub protocol: Dialect,
    /// Which answers are checked byte by byte
    #[arg(long, value_enum, default_value = "all")]
    pub verify: Checking,
    /// The server may evict: a key that is not there is no lost one
    #[arg(long)]
    pub may_evict: bool,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The CPU that the load runs on
    #[arg(long)]
    pub cpu: Option<usize>,
    /// The server's process, on this machine: its CPU time and memory are shown, too
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Writes the result (docs/load-result.md)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes a row a second
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Writes a page to look at
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Writes the percentiles as HdrHistogram's plotter reads them
    #[arg(long, value_name = "FILE")]
    pub hgrm: Option<PathBuf>,
    /// Writes the histograms, one a second, as HdrHistogram's log
    #[arg(long, value_name = "FILE")]
    pub hlog: Option<PathBuf>,
}

/// What cannot be measured, and why not.
#[derive(Debug, thiserror::Error)]
pub enum CacheLoadError {
    #[error("{0}: no such server: {1}")]
    Server(String, std::io::Error),
    #[error("{0} has no address")]
    Nowhere(String),
    #[error("cannot connect to {0}: {1}")]
    Unreachable(String, std::io::Error),
    #[error("--{name} {value}: {bounds}")]
    Bounds { name: &'static str, value: String, bounds: &'static str },
}

impl CacheLoadArguments {
    /// What is to be measured.
    ///
    /// # Errors
    /// No such server; a number that is out of its bounds.
    pub fn decide(&self) -> Result<Plan, CacheLoadError> {
        let seconds = |name, value: f64| {
            let ok = (0.0..=1e6).contains(&value);
            ok.then(|| Duration::from_secs_f64(value)).ok_or(CacheLoadError::Bounds {
                name,
                value: value.to_string(),
                bounds: "seconds are from 0 to a million",
            })
        };
        let within = |name, value: f64, ok: bool, bounds| match ok {
            true => Ok(()),
            false => Err(CacheLoadError::Bounds { name, value: value.to_string(), bounds }),
        };
        within("rate", self.rate, PER_SECOND.contains(&self.rate), "a rate is from 0.000001 to 1000000000")?;
        within("set-share", self.set_share, (0.0..=1.0).contains(&self.set_share), "a share is from 0 to 1")?;
        within("seconds", self.seconds, self.seconds > 0.0, "nothing would be measured")?;
        let (connections, depth) = (self.connections, self.depth);
        let places = connections.saturating_mul(depth);
        within("depth", depth as f64, places <= PLACES_MAX, "connections times depth is at most 4194304")?;
        let largest = self.value.at(1.0 - f64::EPSILON / 2.0);
        within("value", largest as f64, largest <= VALUE_BYTES_MAX, "values are of 1 GiB at most: name a maximum")?;
        within("connections", connections as f64, (1..=60_000).contains(&connections), "from 1 to 60000")?;
        within("depth", depth as f64, (1..=65_536).contains(&depth), "from 1 to 65536")?;
        within("keys", self.keys as f64, (1..=500_000_000).contains(&self.keys), "from 1 to 500000000")?;
        let class = ClassPlan {
            name: "cache".into(),
            pace: match self.closed {
                true => Pace::Closed,
                false => Pace::Open { per_second: self.rate, arrivals: self.arrivals },
            },
            server: self.address()?,
            connections,
            depth,
            churn: None,
            verify: match self.verify {
                Checking::All => Verify::All,
                Checking::Sampled => Verify::Sampled,
                Checking::Off => Verify::Off,
            },
            seed: self.seed,
            work: WorkPlan::Cache(CachePlan {
                protocol: match self.protocol {
                    Dialect::Classic => Protocol::Classic,
                    Dialect::Meta => Protocol::Meta,
                },
                prefix: "k".into(),
                keys: KeyPlan {
                    count: self.keys,
                    popularity: self.key_distribution,
                    sizes: self.value.clone(),
                    removal: if self.may_evict { Removal::Allowed } else { Removal::Never },
                },
                set_share: self.set_share,
            }),
        };
        Ok(Plan {
            cpu: self.cpu,
            classes: vec![class],
            warm_up: seconds("warm-up", self.warm_up)?,
            measured: seconds("seconds", self.seconds)?,
            patience: seconds("patience", self.patience)?,
            watched: self.server_pid.map(Pid),
            environment: Environment::look(std::env::args().collect()),
        })
    }

    fn address(&self) -> Result<SocketAddr, CacheLoadError> {
        let addresses = self.server.to_socket_addrs();
        let addresses = addresses.map_err(|error| CacheLoadError::Server(self.server.clone(), error))?;
        let mut refused = CacheLoadError::Nowhere(self.server.clone());
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECTING) {
                Ok(_) => return Ok(address),
                Err(error) => refused = CacheLoadError::Unreachable(self.server.clone(), error),
            }
        }
        Err(refused)
    }
}
