//! What a run has, whatever is asked in it: how long it lasts, and where.
#![forbid(unsafe_code)]

use std::time::Duration;

use super::cpus::CpuList;
use clap::{Args, ValueEnum};
use spindle_perf::environment::Environment;
use spindle_perf::load::{ClassPlan, Plan, Spin};
use spindle_perf::process::{Pid, cpu_time};

#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    /// Seconds that are measured
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = measured)]
    pub seconds: Duration,
    /// Seconds before that, which are not
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub warm_up: Duration,
    /// Seconds that late answers are waited for in the end
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub patience: Duration,
    /// Whether the load looks for answers all the time, or sleeps until 30 µs before a request is due and spins from there
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_value = "always", default_missing_value = "always")]
    pub spin: Spinning,
    /// The CPU that the load runs on, best one that nobody else uses; of several (1-3 or 1,3) each has a generator that asks
    /// for keys of its own
    #[arg(long, value_name = "CPUS")]
    pub cpu: Option<CpuList>,
    /// The server's process, on this machine: its CPU time and memory are shown, too
    #[arg(long, value_name = "PID", value_parser = process)]
    pub server_pid: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Spinning {
    /// A server on this machine is not charged for waking the load: for measurements
    Always,
    /// The CPU is for others in between; who waits for an answer has to be woken
    Near,
}

impl From<Spinning> for Spin {
    fn from(typed: Spinning) -> Spin {
        match typed {
            Spinning::Always => Spin::Always,
            Spinning::Near => Spin::Near,
        }
    }
}

impl RunArguments {
    pub(super) fn plan(&self, classes: Vec<ClassPlan>) -> Plan {
        Plan {
            cpus: self.cpu.clone().map_or_else(Vec::new, |CpuList(cpus)| cpus),
            classes,
            slow: Vec::new(),
            warm_up: self.warm_up,
            measured: self.seconds,
            patience: self.patience,
            spin: self.spin.into(),
            watched: self.server_pid.map(Pid),
            environment: Environment::look(std::env::args().collect()),
        }
    }
}

/// A process that can be watched.
pub(super) fn process(typed: &str) -> Result<u32, String> {
    let pid = typed.parse().map_err(|_| "it is the number of a process".to_owned())?;
    cpu_time(Pid(pid)).map(|_| pid).map_err(|error| format!("no such process: {error}"))
}

/// A time that may be none.
pub(super) fn seconds(typed: &str) -> Result<Duration, String> {
    let number = typed.parse().ok().filter(|number| (0.0..=1e6).contains(number));
    number.map(Duration::from_secs_f64).ok_or_else(|| "it is a number of seconds from 0 to 1000000".into())
}

/// A time that something is measured in.
pub(super) fn measured(typed: &str) -> Result<Duration, String> {
    seconds(typed)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "it is a number of seconds to 1000000, above 0".into())
}
