//! What a core counts: written by its thread alone, read by anybody without stopping it.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number with one writer. A plain load and store: no locked instruction on the data path.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Only the thread that owns the counter adds to it.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The engine's own counters, one set per core.
#[derive(Debug, Default)]
pub struct CoreCounters {
    pub turns: Counter,
    pub completions: Counter,
    pub polls: Counter,
    /// Time of turns that found nothing to do, of a core that spins: all the time, or near its timers. It slept or spun.
    pub idle_ns: Counter,
    /// Turns that computed for longer than `Limits::stall_ns`, and the longest.
    pub stalls: Counter,
    pub stall_ns_max: Counter,
    /// Receives that found no buffer.
    pub receive_buffers_exhausted: Counter,
    /// Receives cancelled because their flow did not keep up.
    pub receives_paused: Counter,
    /// Sends that the kernel took only a part of.
    pub sends_short: Counter,
    /// Ops refused because every slot was taken.
    pub slots_exhausted: Counter,
    /// Rings whose ops would not drain; their memory is leaked on purpose.
    pub rings_abandoned: Counter,
}
