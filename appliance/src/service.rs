//! The services that the binary runs, and where they meet the crates below.
//!
//! - [`cache`]: the cache service, memcached's protocol on the slab
//! - [`bridge`]: cache memory lent to the kernel, the only unsafe code of the appliance
//! - [`value_sending`]: how a value leaves the cache

pub mod bridge;
pub mod cache;
pub mod value_sending;

use std::net::SocketAddr;

use crate::failure::EXIT_SYSTEM;
use crate::lifecycle::signals::{self, Stop};
use crate::lifecycle::{self, LifecycleError, Settled, privileges};
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
    let addresses = opened.addresses.clone();
    // Root is gone before the first byte of a client is read.
    privileges::drop_to(&settings.process)?;
    let running = cache::start::start(&settings.cache, opened)?;
    match announce(settings, &addresses) {
        Ok(settled) => {
            running.stop(signals::wait_for_stop());
            drop(settled);
            Ok(())
        }
        Err(error) => {
            running.stop(Stop::Now);
            Err(error.into())
        }
    }
}

/// Says that it serves, and where. By now nothing else can fail.
fn announce(settings: &Settings, addresses: &[SocketAddr]) -> Result<Settled, LifecycleError> {
    let settled = lifecycle::settle(&settings.process, addresses)?;
    let threads = match settings.cache.cores {
        1 => "1 thread".to_owned(),
        several => format!("{several} threads"),
    };
    let sockets = settings.cache.listen.iter().filter_map(|listen| match listen {
        Listen::Unix { path, .. } => Some(path.display().to_string()),
        Listen::Tcp(_) => None,
    });
    for place in addresses.iter().map(SocketAddr::to_string).chain(sockets) {
        say::line(format_args!("cache: listening on {place} (memcached protocol, {threads})"));
    }
    lifecycle::ready(&settings.process)?;
    Ok(settled)
}
