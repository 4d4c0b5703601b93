//! `spindle load cache`: a load on a cache.
#![forbid(unsafe_code)]

use clap::{Args, ValueEnum};
use spindle_perf::describe::Removal;
use spindle_perf::load::{CachePlan, ClassPlan, KEY_BYTES_MAX, KeyPlan, Mix, OnMiss, Plan, Protocol, Ttl, WorkPlan};
use spindle_perf::popularity::Popularity;
use spindle_perf::sizes::Sizes;

use super::number::within;
use super::offer::OfferArguments;
use super::output::OutputArguments;
use super::refusal::{Argument, Refusal};
use super::run::RunArguments;

/// What the load can hold.
const VALUE_BYTES_MAX: u64 = 1 << 30;
const KEYS_MAX: u64 = 500_000_000;
pub(super) const PREFIX_BYTES_MAX: usize = 200;

/// Which of memcached's protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    Classic,
    Meta,
}

#[derive(Clone, Debug, Args)]
pub struct CacheLoadArguments {
    #[command(flatten)]
    pub class: CacheClassArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// One class of requests to a cache: on a command line, or in a scenario.
#[derive(Clone, Debug, Args)]
pub struct CacheClassArguments {
    /// The cache
    #[arg(value_name = "HOST:PORT")]
    pub server: String,
    #[command(flatten)]
    pub offer: OfferArguments,
    /// Keys; every one is set before the load begins
    #[arg(long, default_value_t = 100_000, value_parser = within(1..=KEYS_MAX))]
    pub keys: u64,
    /// How often each key is asked for: uniform, zipf:S, sequential, latest[:S]
    #[arg(long, value_name = "LAW", default_value = "uniform")]
    pub key_distribution: Popularity,
    /// What every key begins with
    #[arg(long, default_value = "k", value_parser = visible(PREFIX_BYTES_MAX))]
    pub prefix: String,
    /// Bytes of a key, with prefix and number, as --value is spelled, and etc-keys; 250 at most. One that is too short for
    /// prefix and number (11 digits) is as long as these are, and so are all without this
    #[arg(long, value_name = "SIZE")]
    pub key: Option<Sizes>,
    /// Bytes of a value: 100, 100-4000, lognormal:MEDIAN:SIGMA[:MAX], etc, csv:FILE
    #[arg(long, value_name = "SIZE", default_value = "100")]
    pub value: Sizes,
    /// Of all requests, 0 to 1: sets; the others are gets
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = within(0.0..=1.0))]
    pub set_share: f64,
    /// What is asked, and how often, by weights: of get, set, multiget (with its keys), delete, touch, incr and cas, as in
    /// get=80,set=10,multiget=5:16,delete=1,touch=1,incr=2,cas=1
    #[arg(long, conflicts_with = "set_share")]
    pub mix: Option<Mix>,
    /// Seconds that objects live when they are set or touched: 60, 60-600
    #[arg(long, value_name = "SECONDS")]
    pub ttl: Option<Ttl>,
    /// A get that finds nothing, where that is allowed, is followed by a set of the key, which counts as a request
    #[arg(long)]
    pub get_miss_set: bool,
    #[arg(long, value_enum, default_value = "classic")]
    pub protocol: Dialect,
    /// The server may evict: a key that is not there is no lost one
    #[arg(long)]
    pub may_evict: bool,
}

impl CacheLoadArguments {
    /// What is to be measured.
    ///
    /// # Errors
    /// No such server; values that cannot be.
    pub fn decide(&self) -> Result<Plan, Refusal> {
        Ok(self.run.plan(vec![self.class.decide("cache")?]))
    }
}

impl CacheClassArguments {
    /// What is to be asked.
    ///
    /// # Errors
    /// No such server; values that cannot be.
    pub fn decide(&self, name: &str) -> Result<ClassPlan, Refusal> {
        let largest = |sizes: &Sizes| sizes.at(1.0 - f64::EPSILON / 2.0);
        if largest(&self.value) > VALUE_BYTES_MAX {
            let why = "values are of 1 GiB at most: name a maximum";
            return Err(Refusal::new(Argument::Named("value"), &self.value, why));
        }
        if let Some(key) = self.key.as_ref().filter(|key| largest(key) > KEY_BYTES_MAX as u64) {
            let why = "keys are of 250 bytes at most: name a maximum";
            return Err(Refusal::new(Argument::Named("key"), key, why));
        }
        let work = WorkPlan::Cache(CachePlan {
            protocol: match self.protocol {
                Dialect::Classic => Protocol::Classic,
                Dialect::Meta => Protocol::Meta,
            },
            prefix: self.prefix.clone(),
            key_sizes: self.key.clone(),
            keys: KeyPlan {
                count: self.keys,
                popularity: self.key_distribution,
                sizes: self.value.clone(),
                removal: if self.may_evict { Removal::Allowed } else { Removal::Never },
            },
            mix: self.mix.unwrap_or_else(|| Mix::of_sets(self.set_share)),
            ttl: self.ttl,
            on_miss: if self.get_miss_set { OnMiss::Set } else { OnMiss::Nothing },
        });
        self.offer.class(name, &self.server, work)
    }
}

/// A key, or what keys begin with.
pub(super) fn visible(bytes_max: usize) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |typed| {
        let is_one = (1..=bytes_max).contains(&typed.len()) && typed.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| typed.into()).ok_or_else(|| format!("it is 1 to {bytes_max} visible ASCII characters"))
    }
}
