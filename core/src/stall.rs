//! The stall detector: a turn that computes for too long delays every connection of its core.

use std::cell::Cell;

use crate::counters::CoreCounters;

/// Whether a stalled turn is also named in the log. Naming reads the clock around every poll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StallReport {
    #[default]
    Count,
    Name,
}

/// Longest poll of the current turn.
#[derive(Debug, Default)]
pub(crate) struct StallDetector {
    slowest: Cell<(&'static str, u64)>,
}

impl StallDetector {
    pub(crate) fn polled(&self, name: &'static str, took_ns: u64) {
        if took_ns > self.slowest.get().1 {
            self.slowest.set((name, took_ns));
        }
    }

    /// Judges one turn, from the end of one wait to the beginning of the next.
    #[inline]
    pub(crate) fn turn_over(&self, took_ns: u64, bound_ns: u64, counters: &CoreCounters) {
        if took_ns <= bound_ns {
            return self.slowest.set(("", 0));
        }
        counters.stalls.add(1);
        counters.stall_ns_max.set(counters.stall_ns_max.get().max(took_ns));
        let (name, ns) = self.slowest.replace(("", 0));
        if !name.is_empty() {
            tracing::warn!(turn_ns = took_ns, bound_ns, flow = name, flow_ns = ns, "a turn stalled its core");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_turns_over_the_bound_are_counted() {
        let (detector, counters) = (StallDetector::default(), CoreCounters::default());
        detector.turn_over(100, 100, &counters);
        assert_eq!(counters.stalls.get(), 0);
        detector.turn_over(101, 100, &counters);
        detector.turn_over(500, 100, &counters);
        detector.turn_over(200, 100, &counters);
        assert_eq!((counters.stalls.get(), counters.stall_ns_max.get()), (3, 500));
    }
}
