//! `spindle load http`: a load on a server of files and uploads.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use spindle_perf::corpus::Corpus;
use spindle_perf::describe::Removal;
use spindle_perf::load::http::{Filling, HttpPlan, Method, Mix, ObjectsPlan, Url};
use spindle_perf::load::{ClassPlan, KeyPlan, Plan, WorkPlan};
use spindle_perf::popularity::Popularity;
use spindle_perf::sizes::Sizes;

use super::number::within;
use super::offer::OfferArguments;
use super::output::OutputArguments;
use super::refusal::{Argument, Refusal};
use super::run::RunArguments;

/// What the load can hold.
const KEYS_MAX: u64 = 500_000_000;
/// Uploads are made as they are sent, so memory is no bound.
const VALUE_BYTES_MAX: u64 = 1 << 40;

#[derive(Clone, Debug, Args)]
pub struct HttpLoadArguments {
    #[command(flatten)]
    pub class: HttpClassArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// One class of requests to a server of HTTP: on a command line, or in a scenario.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("rate", |rate| rate.default_value("1000")))]
pub struct HttpClassArguments {
    /// The server, and the folder that the objects lie in: http://HOST[:PORT][/PATH]
    pub url: Url,
    #[command(flatten)]
    pub offer: OfferArguments,
    /// What is asked: get, head, put, delete or post, or several with their weights: get=9,put=1. A post goes to the URL
    /// itself
    #[arg(long, value_name = "MIX", default_value = "get")]
    pub method: Mix,
    /// The manifest that `spindle load corpus` wrote of the files there. Without it, objects called k00000000000 and so on
    /// are uploaded before the load begins
    #[arg(long, value_name = "MANIFEST")]
    pub corpus: Option<PathBuf>,
    /// Objects
    #[arg(long, default_value_t = 1000, value_parser = within(1..=KEYS_MAX), conflicts_with = "corpus")]
    pub keys: u64,
    /// How often each is asked for: uniform, zipf:S, sequential, latest[:S]
    #[arg(long, value_name = "LAW", default_value = "uniform")]
    pub key_distribution: Popularity,
    /// Bytes of an object: 4k, 100-64k, lognormal:MEDIAN:SIGMA[:MAX], csv:FILE
    #[arg(long, value_name = "SIZE", default_value = "64k", conflicts_with = "corpus")]
    pub value: Sizes,
    /// The objects are there already, from a load with the same --seed, --keys and --value that changed none of them
    #[arg(long, conflicts_with = "corpus")]
    pub filled: bool,
    /// Of all gets, 0 to 1: those for a range of the object
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = within(0.0..=1.0))]
    pub range_share: f64,
    /// Of all heads and other gets, 0 to 1: those on the condition that the object is not the one of an earlier answer
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = within(0.0..=1.0))]
    pub conditional_share: f64,
}

impl HttpLoadArguments {
    /// What is to be measured.
    ///
    /// # Errors
    /// No such server; no such corpus; values that cannot be.
    pub fn decide(&self) -> Result<Plan, Refusal> {
        Ok(self.run.plan(vec![self.class.decide("http")?]))
    }
}

impl HttpClassArguments {
    /// What is to be asked.
    ///
    /// # Errors
    /// No such server; no such corpus; values that cannot be.
    pub fn decide(&self, name: &str) -> Result<ClassPlan, Refusal> {
        let reads = [Method::Get, Method::Head, Method::Delete].iter().any(|method| self.method.has(*method));
        let work = WorkPlan::Http(HttpPlan {
            url: self.url.clone(),
            objects: self.objects()?,
            mix: self.method.clone(),
            range_share: self.range_share,
            conditional_share: self.conditional_share,
            filling: if self.filled || !reads { Filling::Present { seed: self.offer.seed } } else { Filling::Put },
        });
        self.offer.class(name, &self.url.server(), work)
    }

    fn objects(&self) -> Result<ObjectsPlan, Refusal> {
        let Some(manifest) = &self.corpus else {
            let largest = self.value.at(1.0 - f64::EPSILON / 2.0);
            if largest > VALUE_BYTES_MAX {
                return Err(Refusal::new(Argument::Named("value"), &self.value, "objects are of 1 TiB at most"));
            }
            return Ok(ObjectsPlan::Keys(KeyPlan {
                count: self.keys,
                popularity: self.key_distribution,
                sizes: self.value.clone(),
                removal: Removal::Never,
            }));
        };
        if self.method.has(Method::Put) || self.method.has(Method::Delete) {
            let why = "nobody puts or deletes the files of a corpus";
            return Err(Refusal::new(Argument::Named("method"), &self.method, why));
        }
        let corpus = Corpus::read(manifest)
            .map_err(|error| Refusal::new(Argument::Named("corpus"), manifest.display(), error))?;
        Ok(ObjectsPlan::Corpus { corpus: Arc::new(corpus), popularity: self.key_distribution })
    }
}
