//! Ending a run before its time, from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use spindle_core::Core;
use spindle_core::gate::Gate;

use super::NS_PER_SECOND;
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
#[derive(Clone, Copy)]
pub(super) struct Vigil<'a> {
    pub(super) core: &'a Core,
    /// Every connection is inside.
    pub(super) lanes: &'a Gate,
    pub(super) stop: &'a Stop,
}

impl Vigil<'_> {
    pub(super) async fn until(&self, at_ns: u64) -> Option<Early> {
        loop {
            if self.stop.is_asked() {
                return Some(Early::Stopped);
            }
            let left_ns = at_ns.saturating_sub(self.core.read_clock_ns());
            let nap = Duration::from_nanos(left_ns.min(LOOK_AGAIN_NS));
            if within(self.core, nap, self.lanes.emptied()).await.is_some() {
                return Some(Early::Ended);
            }
            if left_ns <= LOOK_AGAIN_NS {
                return None;
            }
        }
    }
}
