//! What the cache does on each core: it accepts, and ticks.
#![forbid(unsafe_code)]

use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use nix::sys::socket::{SockaddrStorage, getpeername};
use spindle_core::gate::Gate;
use spindle_core::{Core, Descriptor, Op};
use spindle_net::listener::{Accepted, accept};
use spindle_net::wire::memcached::Refusal;
use spindle_slab::SettingsError;

use super::clock::CacheClock;
use super::conversation::Conversation;
use super::shared::CacheService;
use crate::service::connections::wait_for_place;
use crate::service::cores::Part;
use crate::service::listeners::{self, ListenError, Listeners};
use crate::settings::decided::{CacheSettings, WhenFull};

/// The cache's background work: this many chunks are looked at, this often, by each core.
const TICK_NS: u64 = 100_000_000;
const TICK_CHUNKS_MAX: usize = 1024;

/// Opens the listeners. Clients may connect from now on, and wait.
///
/// # Errors
/// Nothing can be listened on.
pub fn open(settings: &CacheSettings) -> Result<Listeners, ListenError> {
    listeners::open(&settings.listen, settings.backlog, settings.cores)
}

/// Makes the cache.
///
/// # Errors
/// There is no memory of that size.
pub fn make(settings: &CacheSettings) -> Result<Arc<CacheService>, SettingsError> {
    let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let clock = CacheClock::starting_at(
        spindle_core::clock::monotonic_ns(),
        unix.map_or(0, |elapsed| elapsed.as_secs() as i64),
    );
    CacheService::new(settings, clock)
}

/// What the cache does on the core of that number.
pub fn part(service: &Arc<CacheService>, index: usize, listeners: Vec<OwnedFd>) -> Part {
    let serving = Arc::clone(service);
    let begin = Box::new(move |core: &Core, gate: &Gate| {
        for listener in listeners {
            accept_on(core, &serving, index, gate, Rc::new(listener.into()));
        }
        let ticking = core.clone();
        core.spawn("tick", async move {
            loop {
                ticking.sleep_until(ticking.now_ns() + TICK_NS).await;
                serving.cache.tick(serving.clock.seconds(ticking.now_ns()), TICK_CHUNKS_MAX);
            }
        });
    });
    Part { begin, stopping: Arc::clone(&service.stopping) }
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
        if !admitted {
            let service = conversation.service();
            let place = wait_for_place(conversation.core(), &service.connections, &service.stopping);
            if !Box::pin(place).await {
                return;
            }
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
    let Some(fd) = socket.kernel() else { return "the simulator".to_owned() };
    match getpeername::<SockaddrStorage>(fd.as_raw_fd()) {
        Ok(address) if address.as_unix_addr().is_some() => "a UNIX socket".to_owned(),
        Ok(address) => address.to_string(),
        Err(errno) => errno.to_string(),
    }
}

/// Tells a client over the limit, in memcached's words, and closes.
fn refuse(core: &Core, socket: Descriptor) {
    let mut parcel = core.parcel();
    parcel.bytes.extend_from_slice(Refusal::TooManyConnections.line());
    let telling = core.launch(Op::Send { socket: Rc::new(socket), parcel });
    core.spawn("refusal", async move { drop(telling.await) });
}
