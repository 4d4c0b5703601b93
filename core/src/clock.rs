//! The core's idea of now: read once a turn, so that asking costs nothing.

use std::cell::Cell;

/// Monotonic nanoseconds of [`crate::kernel::Kernel::now_ns`], as of the start of the current turn.
#[derive(Debug, Default)]
pub struct Clock {
    now_ns: Cell<u64>,
}

impl Clock {
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }

    /// Time never runs backwards, whatever the kernel face says.
    #[inline]
    pub(crate) fn advance_to(&self, now_ns: u64) {
        self.now_ns.set(self.now_ns.get().max(now_ns));
    }
}

/// CLOCK_MONOTONIC: the same for every core.
pub fn monotonic_ns() -> u64 {
    let clock = nix::time::ClockId::CLOCK_MONOTONIC;
    let now = nix::time::clock_gettime(clock).expect("the monotonic clock is always there");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_backwards() {
        let clock = Clock::default();
        clock.advance_to(5);
        clock.advance_to(3);
        assert_eq!(clock.now_ns(), 5);
    }
}
