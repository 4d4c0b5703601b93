//! Signals are read like messages, never handled: they are blocked in every thread, and the main thread waits for them.
//!
//! | signal | meaning |
//! |---|---|
//! | SIGTERM, SIGINT | stop now |
//! | SIGUSR1 | stop gracefully |
//! | SIGHUP | reload what can be reloaded: nothing yet; it is taken, and does not end the process |
//! | SIGPIPE | ignored by Rust's runtime: a lost connection is an answer of the send |
//! | SIGXFSZ | blocked, and nobody waits for it: a file that may not be as large is an answer of the write |
#![forbid(unsafe_code)]

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use super::LifecycleError;

/// How to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Answer what was read, then close.
    Now,
    /// Let connections finish what they are at.
    Graceful,
}

/// Blocks the signals in this thread, and so in all that it starts. To be called before it starts any.
pub fn block() -> Result<(), LifecycleError> {
    let mut blocked = awaited();
    blocked.add(Signal::SIGXFSZ);
    blocked.thread_block().map_err(LifecycleError::Signals)
}

/// Waits for the end. May be called again: an operator who has asked for a graceful stop can lose patience.
pub fn wait_for_stop() -> Stop {
    loop {
        match awaited().wait() {
            Ok(Signal::SIGTERM | Signal::SIGINT) => return Stop::Now,
            Ok(Signal::SIGUSR1) => return Stop::Graceful,
            // SIGHUP; or a wait that a debugger interrupted.
            Ok(_) | Err(_) => {}
        }
    }
}

/// Asks this very process to stop, as the `shutdown` command does. From any thread.
pub fn request(stop: Stop) -> Result<(), Errno> {
    let signal = match stop {
        Stop::Now => Signal::SIGINT,
        Stop::Graceful => Signal::SIGUSR1,
    };
    kill(Pid::this(), signal)
}

fn awaited() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGUSR1, Signal::SIGHUP].into_iter().collect()
}
