//! Ctrl-C in the middle of a load: what was measured until then is worth having.
#![forbid(unsafe_code)]

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use spindle_perf::load::Stop;

/// From here on Ctrl-C and SIGTERM end the load, and not the process; a second one ends that, too. To be called before
/// the load's threads are started.
///
/// # Errors
/// No thread to be had.
pub(super) fn heed() -> io::Result<Stop> {
    let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    signals.thread_block()?;
    let stop = Stop::default();
    let heard = stop.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        if signals.wait().is_ok() {
            heard.ask();
        }
        // This is the only thread now that takes the next one, which does what it always did.
        let _ = signals.thread_unblock();
        loop {
            thread::park();
        }
    })?;
    Ok(stop)
}
