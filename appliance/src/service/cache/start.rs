//! Starting and stopping: one core a thread, ticks, and the orderly stop.
#![forbid(unsafe_code)]

use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;

use nix::sys::socket::{SockaddrStorage, getpeername};
use spindle_core::gate::Gate;
use spindle_core::mailbox::{Receiver, Sender, mailbox};
use spindle_core::probe::Unsupported;
use spindle_core::stall::StallReport;
use spindle_core::thread::{self, CorePlan};
use spindle_core::{Core, Descriptor, Errno, Limits, Op};
use spindle_net::listener::{Accepted, SocketFile, accept};
use spindle_net::wire::memcached::Refusal;
use spindle_slab::SettingsError;

use super::clock::CacheClock;
use super::conversation::Conversation;
use super::listeners::{self, ListenError, Listeners};
use super::shared::CacheService;
use crate::lifecycle::signals::Stop;
use crate::settings::decided::{CacheSettings, Verbosity, WhenFull};

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
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("no mailbox for a core: {0}")]
    Mailbox(Errno),
}

/// The running cache.
pub struct RunningCache {
    pub service: Arc<CacheService>,
    cores: Vec<(JoinHandle<()>, Sender<Stop>)>,
    /// They go last.
    _files: Vec<SocketFile>,
}

/// Opens the listeners. Clients may connect from now on, and wait.
pub fn open(settings: &CacheSettings) -> Result<Listeners, StartError> {
    spindle_core::probe::probe()?;
    Ok(listeners::open(settings)?)
}

/// Starts the cores.
pub fn start(settings: &CacheSettings, opened: Listeners) -> Result<RunningCache, StartError> {
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let clock = CacheClock::starting_at(
        spindle_core::clock::monotonic_ns(),
        unix.map_or(0, |elapsed| elapsed.as_secs() as i64),
    );
    let service = CacheService::new(settings, clock)?;
    let cpus = thread::cpus_available();
    let mut cores = Vec::new();
    for (index, listeners) in opened.of_cores.into_iter().enumerate() {
        let (sender, stops) = mailbox(4).map_err(StartError::Mailbox)?;
        let plan = CorePlan {
            name: format!("cache-{index}"),
            // One for each CPU that we may run on. With fewer we would choose those that another instance has chosen, with
            // more some would share one: the scheduler knows better.
            cpu: cpus.get(index).copied().filter(|_| usize::from(settings.cores) == cpus.len()),
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
    Ok(RunningCache { service, cores, _files: opened.files })
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
    }
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
        tracing::info!(from = peer(&socket), "refused: the connection limit is reached");
        return refuse(core, socket);
    }
    if service.connections.full() && service.settings.when_full == WhenFull::Wait {
        service.connections.stops.fetch_add(1, Relaxed);
    }
    let client = socket.number();
    tracing::info!(client, from = peer(&socket), "connected");
    let mut conversation = Conversation::new(core, service, index, socket);
    core.spawn("conversation", async move {
        // Rare, and apart, so that an idle conversation stays small.
        if !admitted && !Box::pin(wait_for_place(conversation.core(), conversation.service())).await {
            return;
        }
        let ended = match conversation.talk().await {
            Ok(ended) | Err(ended) => ended,
        };
        // Apart for the same reason.
        Box::pin(conversation.part(ended)).await;
        conversation.service().connections.leave();
        tracing::info!(client, why = ?ended, "disconnected");
        drop(pass);
    });
}

/// Who connected; asked of the kernel only when somebody wants to know.
fn peer(socket: &Descriptor) -> String {
    match socket {
        Descriptor::Kernel(fd) => match getpeername::<SockaddrStorage>(fd.as_raw_fd()) {
            Ok(address) if address.as_unix_addr().is_some() => "a UNIX socket".to_owned(),
            Ok(address) => address.to_string(),
            Err(errno) => errno.to_string(),
        },
        Descriptor::Simulated(_) => "the simulator".to_owned(),
    }
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
