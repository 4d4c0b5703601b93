//! The services that the binary runs, and where they meet the crates below.
//!
//! - [`cores`]: the threads that all services share, and the orderly stop
//! - [`listeners`], [`connections`]: what a service listens on, and how many it lets in
//! - [`cache`]: the cache service, memcached's protocol on the slab
//! - [`bridge`]: cache memory lent to the kernel, the only unsafe code of the appliance
//! - [`value_sending`]: how a value leaves the cache
//! - [`http`]: a client, from its coming to its end, for the services that speak HTTP
//! - [`files`]: the server of files, HTTP on the disks
//! - [`proxy`]: HTTP passed on to backends
//! - [`patience`]: how long a peer may say nothing

pub mod bridge;
pub mod cache;
pub mod connections;
pub mod cores;
pub mod files;
pub mod http;
pub mod listeners;
pub mod patience;
pub mod proxy;
pub mod value_sending;

use std::net::SocketAddr;
use std::sync::Arc;

use spindle_core::Limits;
use spindle_core::probe::Unsupported;
use spindle_core::stall::StallReport;

use crate::failure::EXIT_SYSTEM;
use crate::lifecycle::signals::{self, Stop};
use crate::lifecycle::{self, LifecycleError, Settled, privileges};
use crate::say;
use crate::settings::Settings;
use crate::settings::decided::{Listen, Verbosity};
use cache::shared::CacheService;
use cores::{CoreStart, CoresError};
use files::start::{FilesOpened, OpenError, RootError};
use listeners::{ListenError, Listeners};

/// Why a service could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("the cache cannot be made: {0}")]
    Cache(#[from] spindle_slab::SettingsError),
    #[error(transparent)]
    Files(#[from] OpenError),
    #[error(transparent)]
    Root(#[from] RootError),
    #[error(transparent)]
    Cores(#[from] CoresError),
}

impl ServiceError {
    /// The exit status that belongs to the error.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Lifecycle(error) => error.exit_status(),
            _ => EXIT_SYSTEM,
        }
    }
}

/// What is open before root is given up.
struct Opened {
    cache: Option<Listeners>,
    files: Option<FilesOpened>,
    proxy: Option<Listeners>,
}

/// Serves until a signal asks for the end.
pub fn run(settings: &Settings) -> Result<(), ServiceError> {
    lifecycle::events::start(settings.process.verbosity);
    spindle_core::probe::probe()?;
    let opened = Opened {
        cache: settings.cache.as_ref().map(cache::start::open).transpose()?,
        files: settings.files.as_ref().map(|files| files::start::open(files, &settings.process)).transpose()?,
        proxy: settings.proxy.as_ref().map(proxy::start::open).transpose()?,
    };
    let places = places(settings, &opened);
    let addresses = addresses(&opened);
    // Root is gone before the first byte of a client is read.
    privileges::drop_to(&settings.process)?;
    // Sockets' files go when this goes: last.
    let (running, _files) = start(settings, opened)?;
    match announce(settings, &addresses, &places) {
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

/// Starts every core with its parts of the services.
fn start(
    settings: &Settings,
    opened: Opened,
) -> Result<(cores::Running, Vec<spindle_net::listener::SocketFile>), ServiceError> {
    let cache = settings.cache.as_ref().map(cache::start::make).transpose()?;
    let workers = opened.files.as_ref().map_or(0, FilesOpened::workers);
    let mut starts: Vec<CoreStart> =
        (0..usize::from(settings.cores())).map(|index| core(settings, cache.as_deref(), workers, index)).collect();
    let mut socket_files = Vec::new();
    if let (Some(service), Some(listeners)) = (&cache, opened.cache) {
        socket_files = listeners.files;
        for (index, listeners) in listeners.of_cores.into_iter().enumerate() {
            starts[index].parts.push(cache::start::part(service, index, listeners));
        }
    }
    if let (Some(settings), Some(opened)) = (&settings.files, opened.files) {
        for (part, core) in files::start::parts(settings, opened)?.into_iter().zip(&mut starts) {
            core.parts.push(part);
        }
    }
    if let (Some(settings), Some(listeners)) = (&settings.proxy, opened.proxy) {
        for (part, core) in proxy::start::parts(settings, listeners).into_iter().zip(&mut starts) {
            core.parts.push(part);
        }
    }
    Ok((cores::start(starts)?, socket_files))
}

/// One core, with nothing to do yet.
fn core(settings: &Settings, cache: Option<&CacheService>, workers: u32, index: usize) -> CoreStart {
    CoreStart {
        limits: Limits { file_workers: workers, ..Limits::default() },
        stall_report: match settings.process.verbosity {
            Verbosity::Transitions => StallReport::Name,
            _ => StallReport::Count,
        },
        counters: cache.and_then(|cache| cache.engines.get(index)).map_or_else(Arc::default, Arc::clone),
        parts: Vec::new(),
    }
}

/// All TCP addresses with their true ports.
fn addresses(opened: &Opened) -> Vec<SocketAddr> {
    let of = |listeners: &Listeners| listeners.addresses.clone();
    let cache = opened.cache.as_ref().map(of);
    let files = opened.files.as_ref().map(|files| of(&files.listeners));
    let proxy = opened.proxy.as_ref().map(of);
    cache.into_iter().chain(files).chain(proxy).flatten().collect()
}

/// A line for each place that is listened at.
fn places(settings: &Settings, opened: &Opened) -> Vec<String> {
    let threads = |cores| if cores == 1 { "1 thread".to_owned() } else { format!("{cores} threads") };
    let mut lines = Vec::new();
    if let (Some(cache), Some(listeners)) = (&settings.cache, &opened.cache) {
        let sockets = cache.listen.iter().filter_map(|listen| match listen {
            Listen::Unix { path, .. } => Some(path.display().to_string()),
            Listen::Tcp(_) => None,
        });
        let threads = threads(cache.cores);
        let places = listeners.addresses.iter().map(SocketAddr::to_string).chain(sockets);
        lines.extend(places.map(|place| format!("cache: listening on {place} (memcached protocol, {threads})")));
    }
    if let (Some(files), Some(opened)) = (&settings.files, &opened.files) {
        let (threads, root) = (threads(files.cores), files.root.display());
        let places = opened.listeners.addresses.iter();
        lines.extend(places.map(|place| format!("files: listening on {place} (HTTP, {root}, {threads})")));
    }
    if let (Some(proxy), Some(listeners)) = (&settings.proxy, &opened.proxy) {
        let backends: Vec<String> = proxy.backends.iter().map(SocketAddr::to_string).collect();
        let (threads, backends) = (threads(proxy.cores), backends.join(" "));
        let places = listeners.addresses.iter();
        lines.extend(places.map(|place| format!("proxy: listening on {place} (HTTP, to {backends}, {threads})")));
    }
    lines
}

/// Says that it serves, and where. By now nothing else can fail.
fn announce(settings: &Settings, addresses: &[SocketAddr], places: &[String]) -> Result<Settled, LifecycleError> {
    let settled = lifecycle::settle(&settings.process, addresses)?;
    places.iter().for_each(say::line);
    lifecycle::ready(&settings.process)?;
    Ok(settled)
}
