//! What came of a class of requests.

use std::cell::{Cell, RefCell};

use hdrhistogram::Histogram;

use super::scan::Verdict;

/// The longest response time that is told apart from longer ones: 100 s.
const RESPONSE_NS_MAX: u64 = 100_000_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Answers that were not what was asked for, the warm-up's among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// Keys that should have been there.
    pub misses: u64,
    /// Values of another length.
    pub lengths: u64,
    /// Error replies.
    pub refusals: u64,
    /// Answers that are none; each ends its connection.
    pub malformed: u64,
}

impl Wrong {
    pub fn total(&self) -> u64 {
        self.misses + self.lengths + self.refusals + self.malformed
    }
}

/// What came of one class.
#[derive(Clone, Debug)]
pub struct ClassOutcome {
    /// Answered within the measured time, right or wrong.
    pub requests: u64,
    pub wrong: Wrong,
    /// Requests that had no answer when the load ended.
    pub unanswered: u64,
    /// Connections that the server ended.
    pub broken: u64,
    /// From the sending of a batch to its last answer, once for each request in it, in nanoseconds.
    pub response_ns: Histogram<u64>,
}

impl ClassOutcome {
    /// Whether every request got the right answer.
    pub fn is_clean(&self) -> bool {
        self.wrong.total() == 0 && self.unanswered == 0 && self.broken == 0
    }
}

/// Of response times, in nanoseconds.
pub(crate) fn response_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, RESPONSE_NS_MAX, SIGNIFICANT_DIGITS).expect("constant bounds in order")
}

/// The counting side, shared by the connections of a class.
pub(crate) struct Tally {
    requests: Cell<u64>,
    wrong: Cell<Wrong>,
    outstanding: Cell<u64>,
    broken: Cell<u64>,
    response_ns: RefCell<Histogram<u64>>,
}

impl Tally {
    pub(crate) fn new() -> Tally {
        Tally {
            requests: Cell::default(),
            wrong: Cell::default(),
            outstanding: Cell::default(),
            broken: Cell::default(),
            response_ns: RefCell::new(response_histogram()),
        }
    }

    #[inline]
    pub(crate) fn asked(&self, requests: usize) {
        self.outstanding.set(self.outstanding.get() + requests as u64);
    }

    #[inline]
    pub(crate) fn answered(&self, verdict: Verdict) {
        self.outstanding.set(self.outstanding.get() - 1);
        if verdict != Verdict::Right {
            self.wrong(verdict);
        }
    }

    #[cold]
    fn wrong(&self, verdict: Verdict) {
        let mut wrong = self.wrong.get();
        match verdict {
            Verdict::Right => {}
            Verdict::Miss => wrong.misses += 1,
            Verdict::WrongLength => wrong.lengths += 1,
            Verdict::Refused => wrong.refusals += 1,
        }
        self.wrong.set(wrong);
    }

    pub(crate) fn malformed(&self) {
        let wrong = self.wrong.get();
        self.wrong.set(Wrong { malformed: wrong.malformed + 1, ..wrong });
    }

    pub(crate) fn broken(&self) {
        self.broken.set(self.broken.get() + 1);
    }

    /// Counts a batch that was answered within the measured time.
    #[inline]
    pub(crate) fn measured(&self, requests: usize, response_ns: u64) {
        self.requests.set(self.requests.get() + requests as u64);
        let response_ns = response_ns.clamp(1, RESPONSE_NS_MAX);
        self.response_ns.borrow_mut().saturating_record_n(response_ns, requests as u64);
    }

    pub(crate) fn outcome(&self) -> ClassOutcome {
        ClassOutcome {
            requests: self.requests.get(),
            wrong: self.wrong.get(),
            unanswered: self.outstanding.get(),
            broken: self.broken.get(),
            response_ns: self.response_ns.borrow().clone(),
        }
    }
}
