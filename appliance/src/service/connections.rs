//! The connection limit of a service, shared by its cores.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use spindle_core::Core;

/// Between two looks for a place under the limit, as often as memcached looks.
const PLACE_PAUSE_NS: u64 = 10_000_000;

/// The connection limit, by count.
#[derive(Debug, Default)]
pub struct Connections {
    pub current: AtomicUsize,
    pub total: AtomicU64,
    pub rejected: AtomicU64,
    /// How often accepting stopped: at the limit where newcomers wait, and for want of descriptors.
    pub stops: AtomicU64,
    /// Listeners that cannot accept now.
    stopped: AtomicUsize,
    pub max: usize,
}

impl Connections {
    pub fn new(max: u32) -> Connections {
        Connections { max: max as usize, ..Connections::default() }
    }

    /// Counts one in; false when the limit is reached.
    pub fn admit(&self) -> bool {
        let before = self.current.fetch_add(1, Relaxed);
        if before >= self.max {
            self.current.fetch_sub(1, Relaxed);
            return false;
        }
        self.total.fetch_add(1, Relaxed);
        true
    }

    pub fn leave(&self) {
        self.current.fetch_sub(1, Relaxed);
    }

    pub fn full(&self) -> bool {
        self.current.load(Relaxed) >= self.max
    }

    /// A listener cannot accept any more.
    pub fn stop_accepting(&self) {
        self.stops.fetch_add(1, Relaxed);
        self.stopped.fetch_add(1, Relaxed);
    }

    /// And now it can.
    pub fn resume_accepting(&self) {
        self.stopped.fetch_sub(1, Relaxed);
    }

    /// Whether who comes now is accepted.
    pub fn accepting(&self) -> bool {
        !self.full() && self.stopped.load(Relaxed) == 0
    }
}

/// Waits until there is room under the connection limit; false when the service stops first. Few wait here: accepting
/// stops at the limit, but a burst is accepted at once, and by several cores.
pub async fn wait_for_place(core: &Core, connections: &Connections, stopping: &AtomicBool) -> bool {
    while !connections.admit() {
        if stopping.load(Relaxed) {
            return false;
        }
        core.sleep_until(core.now_ns() + PLACE_PAUSE_NS).await;
    }
    true
}
