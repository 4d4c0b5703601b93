//! One slow client: connects, behaves, and begins anew if it is to.

use std::future::{Future, poll_fn};
use std::num::NonZeroU64;
use std::pin::pin;
use std::task::Poll;

use super::acts::{act, window};
use super::behaviour::Again;
use super::steps::Steps;
use super::wire::Wire;
use super::{SlowGroup, SlowPlan};
use crate::describe::Object;

/// How a connection ended. [`super::SlowMeasured`] says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    ConnectFailed,
    Answered,
    Refused,
    Unexpected,
    Cut,
    Aborted,
}

pub(super) struct Client<'a> {
    group: &'a SlowGroup,
    pub(super) plan: &'a SlowPlan,
    index: usize,
}

impl<'a> Client<'a> {
    pub(super) fn new(group: &'a SlowGroup, index: usize) -> Client<'a> {
        Client { group, plan: &group.plan, index }
    }

    /// Lives until it is not to begin anew, or the group is stopped.
    pub(super) async fn live(&self) {
        let mut life = pin!(self.unless_stopped());
        let stopped = &self.group.stopped;
        poll_fn(|context| if stopped.get() { Poll::Ready(()) } else { life.as_mut().poll(context) }).await;
    }

    async fn unless_stopped(&self) {
        let core = &self.group.core;
        core.sleep_until(self.begin_ns()).await;
        for version in 1..=u32::MAX {
            self.group.tally.borrow_mut().begun += 1;
            self.group.attendance.sets_out(self.index, core.now_ns());
            let window = window(&self.plan.behaviour);
            let end = match Wire::connect(core, &self.group.tally, self.plan.server, window).await {
                Ok(mut wire) => {
                    self.group.attendance.arrives(self.index);
                    act(self, &mut wire, version).await
                }
                Err(_) => End::ConnectFailed,
            };
            self.group.note(end);
            let Again::After(pause) = self.plan.again else {
                if !matches!(end, End::Answered | End::Aborted) {
                    self.group.attendance.is_turned_out(self.index);
                }
                return;
            };
            let pause_ns = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX);
            let steps = Steps::shortest(self.group.begin_ns, self.index, self.plan.count);
            core.sleep_until(steps.after(core.now_ns().saturating_add(pause_ns))).await;
        }
    }

    /// The ramp is divided evenly.
    fn begin_ns(&self) -> u64 {
        let ramp_ns = self.plan.ramp.as_nanos() * self.index as u128 / self.plan.count.max(1) as u128;
        self.group.begin_ns.saturating_add(u64::try_from(ramp_ns).unwrap_or(u64::MAX))
    }

    pub(super) fn steps(&self, per_second: NonZeroU64) -> Steps {
        Steps::new(per_second, self.group.begin_ns, self.index, self.plan.count)
    }

    pub(super) fn object(&self, version: u32, length: u64) -> Object {
        Object { key: self.index as u64, version, length, seed: self.plan.seed }
    }
}
