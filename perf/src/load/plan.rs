//! What is to be measured: whom, with what, for how long.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use spindle_core::limits::Idle;

use super::cache::CachePlan;
use super::http::HttpPlan;
use crate::arrivals::Arrivals;
use crate::environment::Environment;
use crate::process::Pid;
use crate::slow::SlowPlan;

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The CPUs that the load is pinned to, a generator on each; none: a single generator, not pinned.
    pub cpus: Vec<usize>,
    pub classes: Vec<ClassPlan>,
    /// They are attached before the warm-up, let go of when all is measured, and no part of any figure of the classes.
    pub slow: Vec<SlowPlan>,
    /// What is due in this time first is sent and checked, and not counted.
    pub warm_up: Duration,
    pub measured: Duration,
    /// How long after the last request is due answers may still come.
    pub patience: Duration,
    pub spin: Spin,
    /// The server's process, if its CPU time is to be read.
    pub watched: Option<Pid>,
    pub environment: Environment,
}

impl Plan {
    /// All that are open at once.
    pub fn connections(&self) -> usize {
        let fast: usize = self.classes.iter().map(|class| class.connections).sum();
        fast + self.slow.iter().map(|slow| slow.count).sum::<usize>()
    }

    /// Whom it goes to.
    pub fn servers(&self) -> impl Iterator<Item = SocketAddr> {
        let fast = self.classes.iter().map(|class| class.server);
        fast.chain(self.slow.iter().map(|slow| slow.server))
    }
}

/// Requests of one kind, with an offered load of their own.
#[derive(Clone, Debug)]
pub struct ClassPlan {
    pub name: String,
    pub server: SocketAddr,
    pub pace: Pace,
    /// At least 1.
    pub connections: usize,
    /// Requests outstanding on a connection, at least 1.
    pub depth: usize,
    /// Requests of a connection, after whose answers it is closed and another one takes its place; none: as many as come.
    pub churn: Option<NonZeroU64>,
    pub verify: Verify,
    /// No other class of the plan may have it: it makes the class's objects its own.
    pub seed: u64,
    pub work: WorkPlan,
}

/// What the requests of a class are.
#[derive(Clone, Debug)]
pub enum WorkPlan {
    Cache(CachePlan),
    Http(HttpPlan),
}

/// When the next request is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// By a schedule. `per_second` is within [`crate::arrivals::PER_SECOND`].
    Open { per_second: f64, arrivals: Arrivals },
    /// As soon as there is a place for it: throughput only.
    Closed,
}

/// What a generator does while it waits for the next request to be due, or for an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spin {
    /// It looks again and again. A server on this machine is not charged for waking it, and answers are met when they come.
    #[default]
    Always,
    /// It sleeps until 30 µs before the next request is due, or until there is an answer, and spins from there on: the
    /// CPU is for others in between. Who sends is on time; an answer that wakes it is met that much later, and in a closed
    /// loop all do.
    Near,
}

/// A waking takes less, on a CPU that has nothing else to do.
const SPIN_NEAR: Duration = Duration::from_micros(30);

impl Spin {
    pub(crate) fn idle(self) -> Idle {
        match self {
            Spin::Always => Idle::Spin,
            Spin::Near => Idle::SpinNear { timer_ns: SPIN_NEAR.as_nanos() as u64 },
        }
    }
}

/// How many answers are checked byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    All,
    /// One in 64.
    Sampled,
    Off,
}
