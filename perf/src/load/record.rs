//! Every time that is measured, and what was wrong.
//!
//! ```text
//! operations   the times of each operation of a class
//! run_length   a histogram that takes equal times in a row as one
//! ```

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::sampling::{Outcome, Sampler};
use super::{NS_PER_SECOND, Operation, Span};
use crate::closed_loop::response_histogram;
use crate::describe::Fault;
use crate::measured::{ClassMeasured, Errors, Loop, OperationMeasured, Packed, Second, Wrong};
use operations::{Answered, Operations};
use run_length::RunLength;

mod operations;
mod run_length;

/// The moments of one request, in the core's nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) intended_ns: u64,
    /// The generator got to it.
    pub(super) noticed_ns: u64,
    /// A connection had a place for it; not before it was noticed.
    pub(super) placed_ns: u64,
    /// Handed to the kernel.
    pub(super) sent_ns: u64,
}

/// Why a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Refused,
    Broken,
    Malformed,
}

/// Where goes what a class measures.
pub(super) struct Recording {
    pub(super) span: Span,
    pub(super) timeline: Rc<RefCell<Timeline>>,
    pub(super) times: Times,
    /// Where every request is asked for.
    pub(super) sampler: Option<Sampler>,
}

/// Whether a class's response times are among those of the run's seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    Shown,
    /// Of a closed loop beside open ones.
    ItsOwn,
}

/// Of one class.
pub(super) struct Record {
    span: Span,
    offered: u64,
    achieved: u64,
    errors: Errors,
    wrong: Wrong,
    operations: Operations,
    /// Where every request is asked for.
    sampler: Option<Sampler>,
}

impl Moments {
    /// Of a request that no connection had a place for until now.
    pub(super) fn waiting(intended_ns: u64, noticed_ns: u64, now_ns: u64) -> Moments {
        Moments { intended_ns, noticed_ns, placed_ns: now_ns.max(noticed_ns), sent_ns: 0 }
    }
}

impl Record {
    /// `operations`: what the class may ask for, one at least.
    pub(super) fn new(span: Span, operations: &[Operation], sampler: Option<Sampler>) -> Record {
        Record {
            span,
            sampler,
            offered: 0,
            achieved: 0,
            errors: Errors::default(),
            wrong: Wrong::default(),
            operations: Operations::new(operations),
        }
    }

    #[inline]
    pub(super) fn due(&mut self, intended_ns: u64) {
        self.offered += u64::from(self.span.is_measured(intended_ns));
    }

    /// A request was answered; with its fault, if the answer is not true.
    #[inline]
    pub(super) fn answered(&mut self, operation: Operation, moments: &Moments, done_ns: u64, fault: Option<&Fault>) {
        // A lie is a lie, also before the measured time.
        if let Some(fault) = fault {
            fault.count(&mut self.wrong);
        }
        if !self.span.is_measured(moments.intended_ns) {
            return;
        }
        let outcome = || fault.map_or(Outcome::Right, |fault| Outcome::Wrong(*fault));
        self.sample(operation, moments, done_ns, outcome);
        self.achieved += u64::from(done_ns < self.span.end_ns);
        self.operations.of(operation).answered(&Answered {
            response_ns: done_ns.saturating_sub(moments.intended_ns),
            service_ns: done_ns.saturating_sub(moments.sent_ns),
            lag_ns: moments.sent_ns.saturating_sub(moments.intended_ns),
            waited_ns: moments.placed_ns - moments.noticed_ns,
        });
    }

    /// A request came to nothing, or a connection without one. An error is an error, also before the measured time.
    pub(super) fn failed(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Refused => self.errors.refused += 1,
            Trouble::Broken => self.errors.broken += 1,
            Trouble::Malformed => self.errors.malformed += 1,
        }
    }

    /// Of a request that is over; of one that came to nothing, beside [`Record::failed`] or [`Record::unfinished`].
    #[inline]
    pub(super) fn sample(
        &mut self,
        operation: Operation,
        moments: &Moments,
        now_ns: u64,
        outcome: impl FnOnce() -> Outcome,
    ) {
        if let Some(sampler) = &mut self.sampler
            && self.span.is_measured(moments.intended_ns)
        {
            sampler.note(operation, moments, self.span.measured_ns, now_ns, outcome());
        }
    }

    /// A request was not answered by the deadline: it has waited at least so long.
    pub(super) fn unfinished(&mut self, operation: Operation, moments: &Moments, deadline_ns: u64) {
        if self.span.is_measured(moments.intended_ns) {
            self.errors.unfinished += 1;
            self.operations.of(operation).response_ns.record(deadline_ns.saturating_sub(moments.intended_ns));
            self.sample(operation, moments, deadline_ns, || Outcome::Unfinished);
        }
    }

    /// What is due or answered from then on is not measured.
    pub(super) fn end_at(&mut self, at_ns: u64) {
        self.span.end_ns = at_ns;
    }

    /// `until_ns`: the end of the run, where it was earlier than planned.
    pub(super) fn close(&mut self, name: &str, driven: Loop, until_ns: u64) -> ClassMeasured {
        if let Some(sampler) = &mut self.sampler {
            sampler.finish();
        }
        let lasted_ns = until_ns.min(self.span.end_ns).saturating_sub(self.span.measured_ns);
        let seconds = lasted_ns as f64 / NS_PER_SECOND as f64;
        let operations = self.operations.take();
        let sum = |times: fn(&OperationMeasured) -> &Histogram<u64>| {
            operations.iter().map(times).fold(response_histogram(), |sum, of_one| sum + of_one)
        };
        ClassMeasured {
            name: name.into(),
            driven,
            offered_per_second: self.offered as f64 / seconds.max(1e-9),
            requests: operations.iter().map(|operation| operation.requests).sum(),
            achieved: self.achieved,
            errors: self.errors,
            wrong: self.wrong,
            response_ns: sum(|operation| &operation.response_ns),
            service_ns: sum(|operation| &operation.service_ns),
            lag_ns: sum(|operation| &operation.lag_ns),
            lag_server_ns: sum(|operation| &operation.lag_server_ns),
            lag_generator_ns: sum(|operation| &operation.lag_generator_ns),
            operations,
        }
    }
}

/// What happened in a second, all classes together.
pub(super) struct Counted {
    pub(super) offered: u64,
    pub(super) achieved: u64,
    pub(super) in_flight: u64,
    pub(super) errors: u64,
    pub(super) wrong: u64,
    pub(super) response_ns: Histogram<u64>,
}

impl Counted {
    /// Puts what another generator has counted on top.
    pub(super) fn add(&mut self, other: &Counted) {
        self.offered += other.offered;
        self.achieved += other.achieved;
        self.in_flight += other.in_flight;
        self.errors += other.errors;
        self.wrong += other.wrong;
        self.response_ns += &other.response_ns;
    }

    pub(super) fn nothing() -> Counted {
        Counted { offered: 0, achieved: 0, in_flight: 0, errors: 0, wrong: 0, response_ns: response_histogram() }
    }

    /// To be kept.
    pub(super) fn second(&self, server_cpu: Option<Duration>) -> Second {
        Second {
            offered: self.offered,
            achieved: self.achieved,
            in_flight: self.in_flight,
            errors: self.errors,
            wrong: self.wrong,
            response_ns: Packed::of(&self.response_ns),
            server_cpu,
        }
    }
}

/// The second under way. What comes after the measured time is in none.
pub(super) struct Timeline {
    offered: u64,
    achieved: u64,
    errors: u64,
    wrong: u64,
    response_ns: RunLength,
    span: Span,
}

impl Timeline {
    pub(super) fn new(span: Span) -> Timeline {
        Timeline { offered: 0, achieved: 0, errors: 0, wrong: 0, response_ns: RunLength::new(), span }
    }

    #[inline]
    pub(super) fn due(&mut self, intended_ns: u64) {
        self.offered += u64::from(self.span.is_measured(intended_ns));
    }

    #[inline]
    pub(super) fn answered(&mut self, intended_ns: u64, done_ns: u64, times: Times, is_wrong: bool) {
        if self.span.is_measured(done_ns) {
            self.achieved += 1;
            self.wrong += u64::from(is_wrong);
            if times == Times::Shown {
                self.response_ns.record(done_ns.saturating_sub(intended_ns));
            }
        }
    }

    pub(super) fn failed(&mut self, at_ns: u64) {
        self.errors += u64::from(self.span.is_measured(at_ns));
    }

    /// Takes the second under way, and begins the next.
    pub(super) fn end_second(&mut self, in_flight: u64) -> Counted {
        Counted {
            offered: std::mem::take(&mut self.offered),
            achieved: std::mem::take(&mut self.achieved),
            in_flight,
            errors: std::mem::take(&mut self.errors),
            wrong: std::mem::take(&mut self.wrong),
            response_ns: self.response_ns.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_counts_a_closed_loop_beside_open_ones_and_leaves_out_its_times() {
        let mut timeline = Timeline::new(Span { begin_ns: 0, measured_ns: 0, end_ns: 100 });
        timeline.answered(10, 20, Times::Shown, false);
        timeline.answered(10, 90, Times::ItsOwn, true);
        let counted = timeline.end_second(0);
        assert_eq!((counted.achieved, counted.wrong), (2, 1));
        assert_eq!((counted.response_ns.len(), counted.response_ns.max()), (1, 10));
    }
}
