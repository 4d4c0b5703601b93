//! What is said on standard error: one structured line an event. Nothing is said on the steady data path.
#![forbid(unsafe_code)]

use tracing::Level;

use crate::say::Unfailing;
use crate::settings::decided::Verbosity;

/// Starts saying events, as many as the verbosity asks for. A second start in one process changes nothing.
pub fn start(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet => Level::WARN,
        Verbosity::Errors => Level::INFO,
        Verbosity::Commands => Level::DEBUG,
        Verbosity::Transitions => Level::TRACE,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(Unfailing::stderr).with_target(false);
    let _ = lines.without_time().try_init();
}
