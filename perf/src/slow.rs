//! Slow clients: thousands of connections beside a load that trickle, stall, abort, or sit there. What they do to those
//! who are fast is what a load beside them measures; what became of them is counted here.
//!
//! ```text
//! behaviour     what they do on the wire, and what each expects
//! measured      what came of them
//! client        one of them: connects, behaves, begins anew
//!   acts        what each behaviour does with a connection
//!   exchange    one request and its answer
//!   request     what they say;  answer: what they are told
//!   steps       when each does its next small thing
//!   attendance  who is missing
//!   wire        the socket, which receives only when told
//! ```
//!
//! They share a core with a load whose pace they must not disturb: each acts ten times a second at most, at moments that are
//! spread evenly over all of them, and allocates nothing on the way. One costs about 2 KiB, besides its socket.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use spindle_core::gate::Gate;
use spindle_core::{Core, TaskId};

use attendance::Attendance;
pub use behaviour::{Abort, Again, Behaviour, DownloadTarget, UploadTarget};
use client::{Client, End};
pub use measured::SlowMeasured;

mod acts;
mod answer;
mod attendance;
mod behaviour;
mod client;
mod exchange;
mod measured;
mod request;
mod steps;
mod wire;

/// Clients that behave alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowPlan {
    pub name: String,
    pub server: SocketAddr,
    /// One connection each, and two slots of the engine ([`spindle_core::Limits::slots_max`]).
    pub count: usize,
    pub behaviour: Behaviour,
    pub again: Again,
    /// The first connects at once, and the others one by one within this time.
    pub ramp: Duration,
    /// Of the bytes that are uploaded.
    pub seed: u64,
}

/// A group that is at work on its core.
pub struct SlowGroup {
    core: Core,
    plan: SlowPlan,
    begin_ns: u64,
    tally: RefCell<SlowMeasured>,
    attendance: Attendance,
    tasks: RefCell<Vec<TaskId>>,
    at_work: Gate,
    stopped: Cell<bool>,
}

/// Sets the clients of a plan to work. Nothing waits for them: they end by themselves, with the stop, or with the core.
pub fn attach(core: &Core, plan: &SlowPlan) -> Rc<SlowGroup> {
    let group = Rc::new(SlowGroup {
        core: core.clone(),
        plan: plan.clone(),
        begin_ns: core.read_clock_ns(),
        tally: RefCell::new(SlowMeasured {
            name: plan.name.clone(),
            planned: plan.count as u64,
            ..SlowMeasured::default()
        }),
        attendance: Attendance::new(plan.count),
        tasks: RefCell::default(),
        at_work: Gate::new(core),
        stopped: Cell::new(false),
    });
    for index in 0..plan.count {
        let (of_client, inside) = (Rc::clone(&group), group.at_work.enter());
        let task = core.spawn("slow client", async move {
            Client::new(&of_client, index).live().await;
            drop(inside);
        });
        group.tasks.borrow_mut().push(task);
    }
    group
}

impl SlowGroup {
    /// Lets go of every connection, in the core's next turn.
    pub fn stop(&self) {
        self.stopped.set(true);
        self.tasks.borrow_mut().drain(..).for_each(|task| self.core.wake(task));
    }

    /// Waits until every client has ended. One may wait.
    pub async fn ended(&self) {
        self.at_work.emptied().await;
    }

    /// The measured time of the load beside them begins: who is missing now is missing in it.
    pub fn note_missing(&self) {
        self.tally.borrow_mut().missing_at_begin = self.attendance.missing(self.core.now_ns());
    }

    /// Up to now.
    pub fn measured(&self) -> SlowMeasured {
        self.tally.borrow().clone()
    }

    fn note(&self, end: End) {
        let tally = &mut *self.tally.borrow_mut();
        let count = match end {
            End::ConnectFailed => &mut tally.connect_failed,
            End::Answered => &mut tally.answered_as_expected,
            End::Refused => &mut tally.refused,
            End::Unexpected => &mut tally.unexpected,
            End::Cut => &mut tally.cut_by_server,
            End::Aborted => &mut tally.aborted,
        };
        *count += 1;
        tally.completed = tally.answered_as_expected + tally.aborted;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::sync::Arc;

    use spindle_core::Limits;
    use spindle_core::counters::CoreCounters;
    use spindle_core::simulator::{Faults, SimulatedKernel, World};
    use spindle_core::stall::StallReport;

    use super::*;

    #[test]
    fn a_client_is_small() {
        let world = World::new(1, Faults::default());
        let limits = Limits::default();
        let kernel = SimulatedKernel::new(&world, &limits).unwrap();
        let core = Core::new(Box::new(kernel), limits, Arc::new(CoreCounters::default()), StallReport::Count);
        let to = UploadTarget::Memcached { key_prefix: String::new() };
        let plan = SlowPlan {
            name: String::new(),
            server: (std::net::Ipv4Addr::LOCALHOST, 1).into(),
            count: 0,
            behaviour: Behaviour::TrickledUpload { to, body_bytes: 1, bytes_per_second: NonZeroU64::MIN },
            again: Again::Never,
            ramp: Duration::ZERO,
            seed: 0,
        };
        let group = attach(&core, &plan);
        let client = Client::new(&group, 0);
        let bytes = size_of_val(&client.live()) + wire::READ_BYTES_MAX as usize;
        assert!(bytes < 2048, "{bytes} bytes");
    }
}
