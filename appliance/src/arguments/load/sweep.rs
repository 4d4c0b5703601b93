//! `spindle load sweep`: a ladder of offered loads, on one target or on several beside each other.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::Args;
use spindle_perf::arrivals::PER_SECOND;
use spindle_perf::process::Pid;
use spindle_perf::sweep::ladder::{STEPS_MAX, Spacing, loads};
use spindle_perf::sweep::limit::{Limit, Rank, time_ns};

use super::number::within;
use super::refusal::{Argument, Refusal};
use super::run::process;
use super::target::{Target, TargetError, TargetsArguments};

const REPEATS_MAX: u32 = 1000;

#[derive(Debug, Args)]
// Several servers have several processes.
#[command(mut_arg("server_pid", |pid| pid.hide(true).conflicts_with("targets")))]
pub struct SweepArguments {
    /// At each load, they take turns
    #[command(flatten)]
    pub targets: TargetsArguments,
    /// The servers' processes, in the order of the targets: their CPU time a request is shown, too
    #[arg(long, value_name = "PID", value_delimiter = ',', value_parser = process)]
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

/// What is to be swept.
#[derive(Clone, Debug)]
pub struct Sweep {
    pub targets: Vec<Target>,
    /// Rising.
    pub loads: Vec<f64>,
    pub repeats: u32,
    pub limit: Option<Limit>,
}

impl SweepArguments {
    /// What is to be swept.
    ///
    /// # Errors
    /// Those of [`TargetsArguments::decide`]; values that cannot be.
    pub fn decide(&self) -> Result<Sweep, TargetError> {
        let (from, to) = self.range.decide()?;
        let steps = (to / from).ln() / self.factor.ln();
        if self.steps.is_none() && steps >= STEPS_MAX as f64 {
            let why = format!("that is {steps:.0} steps from --from to --to, and there are {STEPS_MAX} at most");
            return Err(Refusal::new(Argument::Named("factor"), self.factor, why).into());
        }
        if !self.server_pids.is_empty() && self.server_pids.len() != self.targets.count() {
            let (pids, why) = (self.server_pids.len(), format!("there are {} targets", self.targets.count()));
            return Err(Refusal::new(Argument::Named("server_pids"), format!("of {pids} processes"), why).into());
        }
        let mut targets = self.targets.decide((from, to))?;
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
        let why = format!("it is below --from, which is {}", self.from);
        if self.to >= self.from {
            Ok((self.from, self.to))
        } else {
            Err(Refusal::new(Argument::Named("to"), self.to, why))
        }
    }
}
