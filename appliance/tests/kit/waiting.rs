//! Waiting for the thing itself.

use std::time::{Duration, Instant};

/// Only a defect takes as long as this.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks at a condition that nothing announces.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Waits until `look` finds something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
