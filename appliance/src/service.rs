//! The services that the binary runs, and where they meet the crates below.
//!
//! - [`cache`]: the cache service, memcached's protocol on the slab
//! - [`bridge`]: cache memory lent to the kernel, the only unsafe code of the appliance
//! - [`value_sending`]: how a value leaves the cache

pub mod bridge;
pub mod cache;
pub mod value_sending;

use crate::failure::EXIT_SYSTEM;
use crate::lifecycle::{self, LifecycleError, signals};
use crate::say;
use crate::settings::Settings;
use crate::settings::decided::Listen;
use cache::start::StartError;

/// Why the service could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    #[error(transparent)]
    Cache(#[from] StartError),
}

impl ServiceError {
    /// The exit status that belongs to the error.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Lifecycle(error) => error.exit_status(),
            Self::Cache(_) => EXIT_SYSTEM,
        }
    }
}

/// Serves until a signal asks for the end.
pub fn run(settings: &Settings) -> Result<(), ServiceError> {
    lifecycle::events::start(settings.process.verbosity);
    let opened = cache::start::open(&settings.cache)?;
    for address in &opened.listening {
        say::line(format_args!("cache: listening on {address} (memcached protocol, {} cores)", settings.cache.cores));
    }
    for listen in &settings.cache.listen {
        if let Listen::Unix { path, .. } = listen {
            say::line(format_args!("cache: listening on {} (memcached protocol)", path.display()));
        }
    }
    // Root is gone before the first byte of a client is read.
    let settled = lifecycle::settle(&settings.process, &opened.listening)?;
    let running = cache::start::start(&settings.cache, opened)?;
    let stop = signals::wait_for_stop();
    running.stop(stop);
    drop(settled);
    Ok(())
}
