//! Ending a run before its time, from another thread.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use spindle_core::Core;
use spindle_core::gate::Gate;

use super::begin::Ending;
use crate::closed_loop::within;

/// How often a run looks whether it is to end: soon enough for who waits, and too rarely to make a request late.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(50);

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
    ending: &'a Ending,
    /// Whether this one is among those that have somebody.
    is_connected: Cell<bool>,
    stop: &'a Stop,
}

impl<'a> Vigil<'a> {
    pub(super) fn new(core: &'a Core, lanes: &'a Gate, ending: &'a Ending, stop: &'a Stop) -> Vigil<'a> {
        Vigil { core, lanes, ending, is_connected: Cell::new(true), stop }
    }

    pub(super) async fn until(&self, at_ns: u64) -> Option<Early> {
        loop {
            let now_ns = self.core.read_clock_ns();
            let stop_ns = if self.stop.is_asked() { self.ending.stop_ns(now_ns) } else { u64::MAX };
            if !self.ending.has_anybody() {
                return Some(Early::Ended);
            }
            // Whichever comes first, however late it is noticed.
            if now_ns >= at_ns.min(stop_ns) {
                return (stop_ns < at_ns).then_some(Early::Stopped);
            }
            self.nap((at_ns.min(stop_ns) - now_ns).min(LOOK_AGAIN.as_nanos() as u64)).await;
        }
    }

    /// Sooner over when the last connection ends.
    async fn nap(&self, for_ns: u64) {
        if !self.is_connected.get() {
            return self.core.sleep_until(self.core.read_clock_ns() + for_ns).await;
        }
        if within(self.core, Duration::from_nanos(for_ns), self.lanes.emptied()).await.is_some() {
            self.is_connected.set(false);
            self.ending.note_lost();
        }
    }
}
