//! What came of a load: the one type between those who measure and those who report.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use crate::environment::Environment;
use crate::link::LinkUse;
use crate::load::{Operation, Spin};
use crate::slow::SlowMeasured;
pub use packed::Packed;

mod packed;

/// Who decides when the next request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// A schedule made beforehand: response times are comparable.
    Open,
    /// The answer before: throughput only.
    Closed,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Closed if every class is.
    pub driven: Loop,
    /// When the measured time began.
    pub began: SystemTime,
    pub lasted: Duration,
    /// In the order of the scenario.
    pub classes: Vec<ClassMeasured>,
    /// What became of those who were slow beside them, until the end of the measured time.
    pub slow: Vec<SlowMeasured>,
    /// One for every second begun, in order.
    pub seconds: Vec<Second>,
    pub generator: Generator,
    /// Of the server's process, when that is known.
    pub server: Option<ServerCost>,
    /// Networks between, in the measured time.
    pub links: Vec<LinkUse>,
    /// Why the measurement is not valid; empty when it is.
    pub reasons: Vec<Reason>,
    pub environment: Environment,
}

/// One class of requests.
#[derive(Clone, Debug)]
pub struct ClassMeasured {
    pub name: String,
    pub driven: Loop,
    /// A second, as asked for; of a closed loop what was achieved.
    pub offered_per_second: f64,
    /// Answered, right or wrong, and due within the measured time.
    pub requests: u64,
    /// Of those, answered within the measured time, too: not in the patience after it.
    pub achieved: u64,
    pub errors: Errors,
    pub wrong: Wrong,
    /// Done less intended. The headline.
    pub response_ns: Histogram<u64>,
    /// Done less handed to the kernel.
    pub service_ns: Histogram<u64>,
    /// Handed to the kernel less intended: the sum of the two below.
    pub lag_ns: Histogram<u64>,
    /// Waited for a free place on a connection: the server's fault.
    pub lag_server_ns: Histogram<u64>,
    /// Waited for the generator: our fault.
    pub lag_generator_ns: Histogram<u64>,
    /// What all of that is the sum of, as [`ClassMeasured::requests`] is: one for each operation that the class may ask for.
    pub operations: Vec<OperationMeasured>,
}

/// One operation of a class. Its times are those that the class has.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationMeasured {
    pub operation: Operation,
    pub requests: u64,
    pub response_ns: Histogram<u64>,
    pub service_ns: Histogram<u64>,
    pub lag_ns: Histogram<u64>,
    pub lag_server_ns: Histogram<u64>,
    pub lag_generator_ns: Histogram<u64>,
}

/// Requests that came to nothing. They are in no histogram but for those unfinished, which count in `response_ns` at the
/// time that they had waited when the load ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Error replies.
    pub refused: u64,
    /// Without an answer at the deadline.
    pub unfinished: u64,
    /// Whose connection the server ended, or the network.
    pub broken: u64,
    /// Answers that are none; each ends its connection.
    pub malformed: u64,
}

/// Answers that came in time and are not true, by what is wrong with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// Bytes that nobody wrote.
    pub corrupt: u64,
    /// What an acknowledged write has replaced.
    pub stale: u64,
    /// A part of one version, a part of another.
    pub torn: u64,
    /// Another object's bytes.
    pub swapped: u64,
    /// Fewer or more bytes than the object has.
    pub length: u64,
    /// Another part of the object than the one that was asked for.
    pub misplaced: u64,
    /// Not there, though it was written and nothing may have removed it.
    pub lost: u64,
    /// There, though its time to live was over.
    pub expired: u64,
    /// An acknowledged change that a later one did not see: an increment that was not counted, a compare-and-swap that was
    /// done although what it compared with was gone.
    pub lost_update: u64,
    /// A change that nobody asked for.
    pub invented: u64,
}

/// One second of a run, all classes together.
#[derive(Clone, Debug)]
pub struct Second {
    /// Due in this second.
    pub offered: u64,
    /// Answered in this second.
    pub achieved: u64,
    /// Asked and not answered at its end.
    pub in_flight: u64,
    pub errors: u64,
    pub wrong: u64,
    /// Of those answered in this second.
    pub response_ns: Packed,
    pub server_cpu: Option<Duration>,
}

/// What the load itself used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Generator {
    /// Of all its threads.
    pub cpu: Duration,
    /// Of one CPU, 0 to 1, without the time that was only spun away: of the busiest thread.
    pub busy: f64,
    pub threads: usize,
    pub spin: Spin,
}

/// What the server used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerCost {
    pub cpu: Duration,
    pub resident_bytes: u64,
    pub context_switches: u64,
}

/// Why a measurement says nothing about the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// p99.9 of the generator's own lag is above the bound. `class`: which one, where there are several.
    GeneratorLate { class: Option<String>, p99_9_ns: u64, bound_ns: u64 },
    /// Above nine tenths of a CPU.
    GeneratorSaturated { busy: f64 },
    /// Below 99 % of what one class was offered.
    NotAchieved { class: String, achieved_per_second: f64, offered_per_second: f64 },
    /// Nothing was due, or nothing was answered.
    NothingMeasured,
    /// A network interface had no room left.
    LinkSaturated(LinkUse),
    /// Slow clients could not connect: fewer than planned were there.
    SlowNotAttached { name: String, failed: u64, begun: u64 },
    /// Slow clients had not connected when the measured time began: fewer than planned were there.
    SlowMissing { name: String, missing: u64, planned: u64 },
    /// The run ended before its time.
    CutShort { after: Duration, cause: String },
    /// Somebody ended the run: what was measured is less than what was asked for, and otherwise true.
    Stopped { after: Duration },
}

impl Errors {
    pub fn add(&mut self, other: Errors) {
        let Errors { refused, unfinished, broken, malformed } = other;
        self.refused += refused;
        self.unfinished += unfinished;
        self.broken += broken;
        self.malformed += malformed;
    }

    pub fn total(&self) -> u64 {
        self.refused + self.unfinished + self.broken + self.malformed
    }
}

impl Wrong {
    pub fn add(&mut self, other: Wrong) {
        let Wrong { corrupt, stale, torn, swapped, length, misplaced, lost, expired, lost_update, invented } = other;
        self.corrupt += corrupt;
        self.stale += stale;
        self.torn += torn;
        self.swapped += swapped;
        self.length += length;
        self.misplaced += misplaced;
        self.lost += lost;
        self.expired += expired;
        self.lost_update += lost_update;
        self.invented += invented;
    }

    pub fn total(&self) -> u64 {
        let Wrong { corrupt, stale, torn, swapped, length, misplaced, lost, expired, lost_update, invented } = self;
        corrupt + stale + torn + swapped + length + misplaced + lost + expired + lost_update + invented
    }
}

impl Measured {
    pub fn is_valid(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Whose response times are those of the run. Beside an open loop a closed one tells its throughput only: its times
    /// would hide in a mean of both what the open one has to say.
    pub fn timed(&self) -> Vec<&ClassMeasured> {
        self.classes.iter().filter(|class| class.driven == self.driven).collect()
    }

    pub fn errors(&self) -> u64 {
        self.classes.iter().map(|class| class.errors.total()).sum()
    }

    pub fn wrong(&self) -> u64 {
        self.classes.iter().map(|class| class.wrong.total()).sum()
    }
}

impl Reason {
    /// How a reason begins that is the generator's own doing: in a file it is only words.
    pub const OF_GENERATOR: &str = "the generator was ";
    pub const LATE: &str = "the generator was late";
    pub const SATURATED: &str = "the generator was saturated";

    /// Whether a run that is not valid for these reasons, in their words, was spoilt by the generator. One without CPU to
    /// spare falls short of the offer by itself: whatever else is said of such a run may be its doing.
    pub fn blame_generator(reasons: &[String]) -> bool {
        let is_saturated = reasons.iter().any(|reason| reason.starts_with(Reason::SATURATED));
        let is_alone = !reasons.is_empty() && reasons.iter().all(|reason| reason.starts_with(Reason::OF_GENERATOR));
        is_saturated || is_alone
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::GeneratorLate { class, p99_9_ns, bound_ns } => {
                let of = class.as_ref().map_or_else(String::new, |class| format!(" for class {class:?}"));
                let (p99_9_us, bound_us) = (*p99_9_ns as f64 / 1e3, *bound_ns as f64 / 1e3);
                write!(formatter, "{}{of}: {p99_9_us:.1} µs at p99.9, {bound_us:.1} µs is the bound", Reason::LATE)
            }
            Reason::GeneratorSaturated { busy } => {
                write!(formatter, "{}: {:.0} % of a CPU", Reason::SATURATED, busy * 100.0)
            }
            Reason::NotAchieved { class, achieved_per_second, offered_per_second } => write!(
                formatter,
                "achieved {achieved_per_second:.0} of the {offered_per_second:.0} requests of {class} offered a second"
            ),
            Reason::LinkSaturated(LinkUse { name, speed_mbit, received_mbit, sent_mbit }) => write!(
                formatter,
                "the network was saturated: {received_mbit:.0} Mb/s received and {sent_mbit:.0} Mb/s sent by {name}, which has \
                 {} Mb/s",
                speed_mbit.unwrap_or_default()
            ),
            Reason::NothingMeasured => write!(formatter, "no request was answered"),
            Reason::SlowNotAttached { name, failed, begun } => {
                write!(formatter, "{failed} of {begun} connections of the slow clients {name} failed")
            }
            Reason::SlowMissing { name, missing, planned } => write!(
                formatter,
                "{missing} of the {planned} slow clients {name} were not connected when the measured time began"
            ),
            Reason::Stopped { after } => write!(formatter, "stopped after {:.1} s", after.as_secs_f64()),
            Reason::CutShort { after, cause } => {
                write!(formatter, "ended after {:.1} s: {cause}", after.as_secs_f64())
            }
        }
    }
}
