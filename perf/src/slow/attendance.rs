//! Which clients of a group are missing: planned, and not there.

use std::cell::RefCell;

/// A client that was there and connects anew is on its way for so long. Then its first packet is lost, or the server has no
/// room for it: that is when the kernel sends it again (RFC 6298, 2).
const ON_ITS_WAY_NS: u64 = 1_000_000_000;

/// Of every client of a group, by its index.
pub(super) struct Attendance(RefCell<Vec<Whereabouts>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    /// It has never been there.
    Awaited,
    /// It is connected, or was and does not mean to be just now.
    Came,
    /// It was there, did not go by itself, and does not come back.
    Gone,
    /// It was there, and has been connecting anew since then.
    Returning { since_ns: u64 },
}

impl Attendance {
    pub(super) fn new(count: usize) -> Attendance {
        Attendance(RefCell::new(vec![Whereabouts::Awaited; count]))
    }

    /// A client begins to connect. One that failed before has been at it since.
    pub(super) fn sets_out(&self, index: usize, now_ns: u64) {
        let whereabouts = &mut self.0.borrow_mut()[index];
        if *whereabouts == Whereabouts::Came {
            *whereabouts = Whereabouts::Returning { since_ns: now_ns };
        }
    }

    /// A client is connected.
    pub(super) fn arrives(&self, index: usize) {
        self.0.borrow_mut()[index] = Whereabouts::Came;
    }

    /// A client was turned out, for good.
    pub(super) fn is_turned_out(&self, index: usize) {
        self.0.borrow_mut()[index] = Whereabouts::Gone;
    }

    pub(super) fn missing(&self, now_ns: u64) -> u64 {
        let is_missing = |whereabouts: &&Whereabouts| match whereabouts {
            Whereabouts::Awaited | Whereabouts::Gone => true,
            Whereabouts::Came => false,
            Whereabouts::Returning { since_ns } => now_ns.saturating_sub(*since_ns) >= ON_ITS_WAY_NS,
        };
        self.0.borrow().iter().filter(is_missing).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_come_is_missing() {
        let attendance = Attendance::new(3);
        attendance.sets_out(0, 10);
        assert_eq!(attendance.missing(10), 3, "one connects, the others are still to begin");
        attendance.arrives(0);
        attendance.sets_out(1, 20);
        attendance.arrives(1);
        assert_eq!(attendance.missing(u64::MAX), 1);
    }

    #[test]
    fn who_was_turned_out_for_good_is_missing() {
        let attendance = Attendance::new(2);
        attendance.arrives(0);
        attendance.arrives(1);
        attendance.is_turned_out(1);
        assert_eq!(attendance.missing(0), 1);
    }

    #[test]
    fn who_was_there_is_missing_only_after_connecting_for_long() {
        let attendance = Attendance::new(1);
        attendance.sets_out(0, 0);
        attendance.arrives(0);
        assert_eq!(attendance.missing(5 * ON_ITS_WAY_NS), 0, "it pauses");
        attendance.sets_out(0, 5 * ON_ITS_WAY_NS);
        assert_eq!(attendance.missing(6 * ON_ITS_WAY_NS - 1), 0, "it is on its way");
        // The first try failed.
        attendance.sets_out(0, 6 * ON_ITS_WAY_NS - 1);
        assert_eq!(attendance.missing(6 * ON_ITS_WAY_NS), 1);
        attendance.arrives(0);
        assert_eq!(attendance.missing(7 * ON_ITS_WAY_NS), 0);
    }
}
