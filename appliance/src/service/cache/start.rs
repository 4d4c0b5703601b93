//! Starting and stopping: listeners, one core a thread, ticks, and the orderly stop.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;

use spindle_core::gate::Gate;
use spindle_core::mailbox::{Receiver, Sender, mailbox};
use spindle_core::probe::Unsupported;
use spindle_core::stall::StallReport;
use spindle_core::thread::{self, CorePlan};
use spindle_core::{Core, Descriptor, Errno, Limits, Op};
use spindle_net::listener::{Accepted, accept, listen_tcp, listen_unix};
use spindle_net::wire::memcached::Refusal;
use spindle_slab::SettingsError;

use super::clock::CacheClock;
use super::conversation::{Conversation, Ended};
use super::shared::CacheService;
use crate::lifecycle::signals::Stop;
use crate::settings::decided::{CacheSettings, Listen, Verbosity, WhenFull};

/// The cache's background work: this many chunks are looked at, this often, by each core.
const TICK_NS: u64 = 100_000_000;
const TICK_CHUNKS_MAX: usize = 1024;

/// How long conversations may take to end once they are asked to.
const STOP_NOW_NS: u64 = 1_000_000_000;
const STOP_GRACEFUL_NS: u64 = 10_000_000_000;

/// Between two looks for a place under the connection limit, as often as memcached looks.
const PLACE_PAUSE_NS: u64 = 10_000_000;

/// Why the cache could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    #[error("the cache cannot be made: {0}")]
    Cache(#[from] SettingsError),
    #[error("failed to listen on TCP {address}: {errno}")]
    Tcp { address: SocketAddr, errno: Errno },
    #[error("failed to listen on UNIX socket {path}: {error}")]
    Unix { path: String, error: std::io::Error },
    #[error("no mailbox for a core: {0}")]
    Mailbox(Errno),
}

/// The running cache.
pub struct RunningCache {
    pub service: Arc<CacheService>,
    cores: Vec<(JoinHandle<()>, Sender<Stop>)>,
}

/// What needed privileges is open; nothing is served yet.
pub struct OpenedCache {
    /// TCP addresses with their true ports.
    pub listening: Vec<SocketAddr>,
    /// Of each core.
    listeners: Vec<Vec<OwnedFd>>,
}

/// Opens the listeners. Clients may connect from now on, and wait.
pub fn open(settings: &CacheSettings) -> Result<OpenedCache, StartError> {
    spindle_core::probe::probe()?;
    let (listening, listeners) = listen(settings)?;
    Ok(OpenedCache { listening, listeners })
}

/// Starts the cores.
pub fn start(settings: &CacheSettings, opened: OpenedCache) -> Result<RunningCache, StartError> {
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let clock = CacheClock::starting_at(
        spindle_core::clock::monotonic_ns(),
        unix.map_or(0, |elapsed| elapsed.as_secs() as i64),
    );
    let service = CacheService::new(settings, clock)?;
    let cpus = thread::cpus_available();
    let mut cores = Vec::new();
    for (index, listeners) in opened.listeners.into_iter().enumerate() {
        let (sender, stops) = mailbox(4).map_err(StartError::Mailbox)?;
        let plan = CorePlan {
            name: format!("cache-{index}"),
            // More cores than CPUs: the scheduler spreads them better than we would.
            cpu: cpus.get(index).copied().filter(|_| usize::from(settings.cores) <= cpus.len()),
            limits: Limits::default(),
            stall_report: match settings.verbosity {
                Verbosity::Transitions => StallReport::Name,
                _ => StallReport::Count,
            },
            counters: Arc::clone(&service.engines[index]),
        };
        let service = Arc::clone(&service);
        let main = move |core| serve_core(core, service, index, listeners, stops);
        cores.push((thread::start(plan, main)?, sender));
    }
    Ok(RunningCache { service, cores })
}

impl RunningCache {
    /// Stops every core, and waits for it.
    pub fn stop(self, stop: Stop) {
        self.service.stopping.store(true, Relaxed);
        for (_, sender) in &self.cores {
            // Full means that it was asked before.
            let _ = sender.send(stop);
        }
        for (thread, _) in self.cores {
            if thread.join().is_err() {
                tracing::error!("a core's thread died");
            }
        }
        for listen in &self.service.settings.listen {
            if let Listen::Unix { path, .. } = listen {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// The listeners of each core. TCP listeners are one a core; a unix socket is one for all.
fn listen(settings: &CacheSettings) -> Result<(Vec<SocketAddr>, Vec<Vec<OwnedFd>>), StartError> {
    let backlog = settings.backlog.min(i32::MAX as u32) as i32;
    let mut listening = Vec::new();
    let mut listeners: Vec<Vec<OwnedFd>> = (0..settings.cores).map(|_| Vec::new()).collect();
    for listen in &settings.listen {
        match listen {
            Listen::Tcp(addresses) => {
                let mut refused = None;
                let before = listening.len();
                for &address in addresses {
                    match listen_on_all(address, backlog, &mut listeners) {
                        Ok(bound) => listening.push(bound),
                        Err(errno) => refused = Some(StartError::Tcp { address, errno }),
                    }
                }
                // One family of a name may be missing on this host; all may not.
                if listening.len() == before {
                    return Err(refused.unwrap_or(StartError::Mailbox(Errno::EADDRNOTAVAIL)));
                }
            }
            Listen::Unix { path, mode } => {
                let failed = |error| StartError::Unix { path: path.display().to_string(), error };
                let first = listen_unix(path, *mode, backlog).map_err(failed)?;
                for core in &mut listeners[1..] {
                    core.push(first.try_clone().map_err(failed)?);
                }
                listeners[0].push(first);
            }
        }
    }
    Ok((listening, listeners))
}

fn listen_on_all(address: SocketAddr, backlog: i32, listeners: &mut [Vec<OwnedFd>]) -> Result<SocketAddr, Errno> {
    let mut bound = address;
    // SO_REUSEPORT shares an address between our own cores, and would share it with a stranger's process too: a listener
    // without it finds out whether somebody else is there.
    drop(std::net::TcpListener::bind(address).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?);
    for core in listeners {
        let listener = listen_tcp(bound, backlog)?;
        if bound.port() == 0 {
            let local = std::net::TcpListener::from(listener.try_clone().map_err(|_| Errno::EMFILE)?).local_addr();
            bound = local.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
        }
        core.push(listener);
    }
    Ok(bound)
}

/// The main flow of one core.
async fn serve_core(
    core: Core,
    service: Arc<CacheService>,
    index: usize,
    listeners: Vec<OwnedFd>,
    mut stops: Receiver<Stop>,
) {
    let gate = Gate::new(&core);
    for listener in listeners {
        accept_on(&core, &service, index, &gate, Rc::new(listener.into()));
    }
    let (ticking, cache_service) = (core.clone(), Arc::clone(&service));
    core.spawn("tick", async move {
        loop {
            ticking.sleep_until(ticking.now_ns() + TICK_NS).await;
            cache_service.cache.tick(cache_service.clock.seconds(ticking.now_ns()), TICK_CHUNKS_MAX);
        }
    });
    let stop = stops.receive(&core).await.unwrap_or(Stop::Now);
    service.stopping.store(true, Relaxed);
    gate.close();
    core.wake_all();
    let patience_ns = match stop {
        Stop::Now => STOP_NOW_NS,
        Stop::Graceful => STOP_GRACEFUL_NS,
    };
    let deadline_ns = core.now_ns() + patience_ns;
    if core.until(deadline_ns, gate.emptied()).await.is_none() {
        tracing::warn!(core = index, conversations = gate.inside(), "conversations were cut off");
    }
}

/// Accepts on one listener, for ever. Also how a simulated service is started.
pub fn accept_on(core: &Core, service: &Arc<CacheService>, index: usize, gate: &Gate, listener: Rc<Descriptor>) {
    let (core_handle, service, gate) = (core.clone(), Arc::clone(service), gate.clone());
    core.spawn("accept", async move {
        let core = core_handle;
        let may_wait = service.settings.when_full == WhenFull::Wait;
        let room = || !may_wait || !service.connections.full();
        let accepted = |accepted| match accepted {
            Accepted::Connection(socket) => welcome(&core, &service, index, &gate, socket),
            Accepted::Stopped(_) => service.connections.stop_accepting(),
            Accepted::Resumed => service.connections.resume_accepting(),
        };
        let errno = accept(&core, listener, room, accepted).await;
        tracing::error!(%errno, "a listener ended");
    });
}

/// Starts a conversation, or refuses the connection.
fn welcome(core: &Core, service: &Arc<CacheService>, index: usize, gate: &Gate, socket: Descriptor) {
    let Some(pass) = gate.enter() else { return };
    let admitted = service.connections.admit();
    if !admitted && service.settings.when_full == WhenFull::Refuse {
        service.connections.rejected.fetch_add(1, Relaxed);
        tracing::info!("a client was refused: the connection limit is reached");
        return refuse(core, socket);
    }
    if service.connections.full() && service.settings.when_full == WhenFull::Wait {
        service.connections.stops.fetch_add(1, Relaxed);
    }
    let mut conversation = Conversation::new(core, service, index, socket);
    core.spawn("conversation", async move {
        // Rare, and apart, so that an idle conversation stays small.
        if !admitted && !Box::pin(wait_for_place(conversation.core(), conversation.service())).await {
            return;
        }
        let ended = conversation.run().await;
        conversation.service().connections.leave();
        match ended {
            Ended::Bound(reason) => tracing::info!(?reason, "a client was closed at a bound"),
            Ended::Idle => tracing::info!("an idle client was closed"),
            Ended::Connection(_) | Ended::Quit | Ended::Stopping => tracing::trace!(?ended, "a conversation ended"),
        }
        drop(pass);
    });
}

/// Waits until there is room under the connection limit; false when the service stops first. Few wait here: accepting
/// stops at the limit, but a burst is accepted at once, and by several cores.
async fn wait_for_place(core: &Core, service: &CacheService) -> bool {
    while !service.connections.admit() {
        if service.is_stopping() {
            return false;
        }
        core.sleep_until(core.now_ns() + PLACE_PAUSE_NS).await;
    }
    true
}

/// Tells a client over the limit, in memcached's words, and closes.
fn refuse(core: &Core, socket: Descriptor) {
    let mut parcel = core.parcel();
    parcel.bytes.extend_from_slice(Refusal::TooManyConnections.line());
    let telling = core.launch(Op::Send { socket: Rc::new(socket), parcel });
    core.spawn("refusal", async move { drop(telling.await) });
}
