//! What is said on standard error: one structured line an event. Nothing is said on the steady data path.
#![forbid(unsafe_code)]

use std::io::stderr;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt};

use crate::settings::decided::Verbosity;

/// How much is said, from the start on.
static LEVEL: OnceLock<Handle<LevelFilter, Registry>> = OnceLock::new();

/// Starts saying events, as many as the verbosity asks for. A second start in one process changes nothing.
pub fn start(verbosity: Verbosity) {
    let (filter, handle) = reload::Layer::new(level(verbosity));
    // What cannot be written is lost. To report that, on the same stream, would end the process.
    let lines = fmt::layer().with_writer(stderr).log_internal_errors(false).with_target(false).without_time();
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        let _ = LEVEL.set(handle);
    }
}

/// Says more from now on, or less. From any thread; nothing happens where nothing was started.
pub fn change(verbosity: Verbosity) {
    if let Some(handle) = LEVEL.get() {
        // It fails only when the subscriber is gone, and ours stays for ever.
        let _ = handle.reload(level(verbosity));
    }
}

fn level(verbosity: Verbosity) -> LevelFilter {
    match verbosity {
        Verbosity::Quiet => LevelFilter::WARN,
        Verbosity::Errors => LevelFilter::INFO,
        Verbosity::Commands => LevelFilter::DEBUG,
        Verbosity::Transitions => LevelFilter::TRACE,
    }
}
