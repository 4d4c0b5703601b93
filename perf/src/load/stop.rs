//! Ending a run before its time, from another thread.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use spindle_core::Core;
use spindle_core::gate::Gate;

use super::NS_PER_SECOND;
use super::begin::Connected;
use crate::closed_loop::within;

/// How often a run looks whether it is to end: soon enough for who waits, and too rarely to make a request late.
const LOOK_AGAIN_NS: u64 = NS_PER_SECOND / 20;

/// The wish that a run ends. What was measured until then is reported.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a run is over before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Early {
    /// Every connection was ended.
    Ended,
    /// Somebody wished it.
    Stopped,
}

/// Waits with an eye on what may end a run.
pub(super) struct Vigil<'a> {
    core: &'a Core,
    /// Every connection of this generator is inside.
    lanes: &'a Gate,
    connected: &'a Connected,
    /// Whether this one is among them.
    is_connected: Cell<bool>,
    stop: &'a Stop,
}

impl<'a> Vigil<'a> {
    pub(super) fn new(core: &'a Core, lanes: &'a Gate, connected: &'a Connected, stop: &'a Stop) -> Vigil<'a> {
        Vigil { core, lanes, connected, is_connected: Cell::new(true), stop }
    }

    pub(super) async fn until(&self, at_ns: u64) -> Option<Early> {
        loop {
            if self.stop.is_asked() {
                return Some(Early::Stopped);
            }
            let left_ns = at_ns.saturating_sub(self.core.read_clock_ns());
            self.nap(left_ns.min(LOOK_AGAIN_NS)).await;
            if !self.connected.is_any() {
                return Some(Early::Ended);
            }
            if left_ns <= LOOK_AGAIN_NS {
                return None;
            }
        }
    }

    /// Sooner over when the last connection ends.
    async fn nap(&self, for_ns: u64) {
        if !self.is_connected.get() {
            return self.core.sleep_until(self.core.read_clock_ns() + for_ns).await;
        }
        if within(self.core, Duration::from_nanos(for_ns), self.lanes.emptied()).await.is_some() {
            self.is_connected.set(false);
            self.connected.note_lost();
        }
    }
}
