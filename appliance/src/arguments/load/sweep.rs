//! `spindle load sweep`: a ladder of offered loads, on one cache or on several beside each other.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::{Arg, Args};
use spindle_perf::arrivals::PER_SECOND;
use spindle_perf::load::Plan;
use spindle_perf::process::Pid;
use spindle_perf::sweep::ladder::{STEPS_MAX, Spacing, loads};
use spindle_perf::sweep::limit::{Limit, Rank, time_ns};

use super::cache::CacheClassArguments;
use super::number::within;
use super::refusal::{Argument, Refusal};
use super::run::RunArguments;

const REPEATS_MAX: u32 = 1000;

#[derive(Debug, Args)]
#[command(mut_args(for_ladders), mut_args(for_several))]
pub struct SweepArguments {
    #[command(flatten)]
    pub class: CacheClassArguments,
    /// More of them: at each load, they take turns
    #[arg(value_name = "TARGET")]
    pub others: Vec<String>,
    #[command(flatten)]
    pub run: RunArguments,
    /// The servers' processes, in the order of the targets: their CPU time a request is shown, too
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub server_pids: Vec<u32>,
    #[command(flatten)]
    pub range: RangeArguments,
    /// Each load is so many times the one before it
    #[arg(long, default_value_t = 2.0, value_parser = within(1.01..=1000.0))]
    pub factor: f64,
    /// Or so many loads in all, in equal ratios
    #[arg(long, conflicts_with = "factor", value_parser = within(2..=STEPS_MAX))]
    pub steps: Option<usize>,
    /// Tells the knee, too: the highest load whose response time is within this, such as 2ms
    #[arg(long, value_name = "TIME", value_parser = time_ns)]
    pub limit: Option<u64>,
    #[command(flatten)]
    pub judging: JudgingArguments,
    #[command(flatten)]
    pub output: LadderOutputArguments,
}

/// Which loads.
#[derive(Debug, Args)]
pub struct RangeArguments {
    /// The lowest load, in requests a second
    #[arg(long, value_name = "RATE", default_value_t = 1000.0, value_parser = within(PER_SECOND))]
    pub from: f64,
    /// The highest; fewer are tried where the server does not bear them
    #[arg(long, value_name = "RATE", default_value_t = 1_000_000.0, value_parser = within(PER_SECOND))]
    pub to: f64,
}

/// How a load is judged.
#[derive(Debug, Args)]
pub struct JudgingArguments {
    /// Runs of each load, the median of which decides
    #[arg(long, default_value_t = 3, value_parser = within(1..=REPEATS_MAX))]
    pub repeats: u32,
    /// Of the response time: what the limit is for
    #[arg(long, default_value = "99.9")]
    pub percentile: Rank,
}

/// What is kept of the result.
#[derive(Debug, Args)]
pub struct LadderOutputArguments {
    /// Writes the result, with that of every run (docs/sweep-result.md)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes a page to look at
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// One server, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Target {
    pub name: String,
    /// At a load that is none of the ladder's.
    pub plan: Plan,
}

/// What is to be swept.
#[derive(Clone, Debug)]
pub struct Sweep {
    pub targets: Vec<Target>,
    /// Rising.
    pub loads: Vec<f64>,
    pub repeats: u32,
    pub limit: Option<Limit>,
}

/// What of a single load's flags means nothing where the loads are many; and how long each lasts, by default: figures that
/// are to be compared need their time.
pub(super) fn for_ladders(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "server" => arg.value_name("TARGET").help("A cache: HOST:PORT, or NAME=HOST:PORT to call it so in the results"),
        // The target is always there: so these are refused.
        "rate" | "closed" => arg.hide(true).conflicts_with("server"),
        "seconds" => arg.default_value("20"),
        "warm_up" => arg.default_value("5"),
        _ => arg,
    }
}

/// Several servers have several processes.
fn for_several(arg: Arg) -> Arg {
    if arg.get_id() == "server_pid" { arg.hide(true).conflicts_with("server") } else { arg }
}

impl SweepArguments {
    /// What is to be swept.
    ///
    /// # Errors
    /// A target that does not answer, or has the name of another; values that cannot be.
    pub fn decide(&self) -> Result<Sweep, Refusal> {
        let (from, to) = self.range.decide()?;
        let typed: Vec<&String> = std::iter::once(&self.class.server).chain(&self.others).collect();
        if !self.server_pids.is_empty() && self.server_pids.len() != typed.len() {
            let (pids, why) = (self.server_pids.len(), format!("there are {} targets", typed.len()));
            return Err(Refusal::new(Argument::Named("server_pids"), format!("of {pids} processes"), why));
        }
        let targets = typed.into_iter().map(|typed| target(&self.class, &self.run, typed));
        let mut targets: Vec<Target> = targets.collect::<Result<_, _>>()?;
        for (at, Target { name, .. }) in targets.iter().enumerate() {
            if targets[..at].iter().any(|other| other.name == *name) {
                return Err(Refusal::new(Argument::Server, name, "two targets are called so: call one NAME=HOST:PORT"));
            }
        }
        for (target, pid) in targets.iter_mut().zip(&self.server_pids) {
            target.plan.watched = Some(Pid(*pid));
        }
        Ok(Sweep {
            targets,
            loads: loads(from, to, self.steps.map_or(Spacing::Factor(self.factor), Spacing::Steps)),
            repeats: self.judging.repeats,
            limit: self.limit.map(|ns| Limit { percentile: self.judging.percentile, ns }),
        })
    }
}

impl RangeArguments {
    /// Both ends.
    pub(super) fn decide(&self) -> Result<(f64, f64), Refusal> {
        let why = "it is not below --from";
        if self.to >= self.from {
            Ok((self.from, self.to))
        } else {
            Err(Refusal::new(Argument::Named("to"), self.to, why))
        }
    }
}

/// `NAME=HOST:PORT` or `HOST:PORT`, as typed.
pub(super) fn target(class: &CacheClassArguments, run: &RunArguments, typed: &str) -> Result<Target, Refusal> {
    let (name, server) = typed.split_once('=').unwrap_or((typed, typed));
    let class = CacheClassArguments { server: server.into(), ..class.clone() };
    Ok(Target { name: name.into(), plan: run.plan(vec![class.decide("cache")?]) })
}
