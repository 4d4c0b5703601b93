//! A histogram that takes equal times in a row as one.

use hdrhistogram::Histogram;

use crate::closed_loop::response_histogram;

/// What was sent in one parcel, and answered in one, has the same times: of a deep pipeline nearly all of it. Then counting
/// them costs next to nothing, and otherwise a comparison.
pub(super) struct RunLength {
    histogram: Histogram<u64>,
    last_ns: u64,
    /// Of `last_ns`, not in the histogram yet.
    times: u64,
}

impl RunLength {
    pub(super) fn new() -> RunLength {
        RunLength { histogram: response_histogram(), last_ns: 0, times: 0 }
    }

    /// At least 1 ns is recorded, the least that the histogram knows.
    #[inline]
    pub(super) fn record(&mut self, ns: u64) {
        if ns == self.last_ns {
            self.times += 1;
            return;
        }
        self.count_last();
        (self.last_ns, self.times) = (ns, 1);
    }

    fn count_last(&mut self) {
        if self.times > 0 {
            self.histogram.saturating_record_n(self.last_ns.max(1), std::mem::take(&mut self.times));
        }
    }

    /// All that was recorded; nothing remains.
    pub(super) fn take(&mut self) -> Histogram<u64> {
        self.count_last();
        std::mem::replace(&mut self.histogram, response_histogram())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_counts_as_often_as_it_was_recorded() {
        let (mut run_length, mut plain) = (RunLength::new(), response_histogram());
        for ns in [0, 0, 5, 5, 5, 0, 1_000_000, u64::MAX, u64::MAX, 7, 5] {
            run_length.record(ns);
            plain.saturating_record(ns.max(1));
        }
        assert_eq!(run_length.take(), plain);
        assert!(run_length.take().is_empty());
        run_length.record(5);
        assert_eq!(run_length.take().len(), 1);
    }
}
