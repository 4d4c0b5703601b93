//! The listeners, opened while root may still be needed; and what the service does on each core.
#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use nix::sys::socket::{SockaddrStorage, getpeername};
use spindle_core::gate::Gate;
use spindle_core::{Core, Descriptor};
use spindle_net::listener::{Accepted, accept};

use super::conversation::Conversation;
use super::shared::{ProxyCore, ProxyService};
use crate::service::connections::wait_for_place;
use crate::service::cores::Part;
use crate::service::listeners::{self, ListenError, Listeners};
use crate::settings::decided::ProxySettings;

/// Opens the listeners. Clients may connect from now on, and wait. Backends are not asked whether they are there.
///
/// # Errors
/// Nothing can be listened on.
pub fn open(settings: &ProxySettings) -> Result<Listeners, ListenError> {
    listeners::open(&settings.listen, settings.backlog, settings.cores)
}

/// The service's part for each of its cores.
pub fn parts(settings: &ProxySettings, opened: Listeners) -> Vec<Part> {
    let service = ProxyService::new(settings);
    opened.of_cores.into_iter().map(|listeners| part(&service, listeners)).collect()
}

fn part(service: &Arc<ProxyService>, listeners: Vec<OwnedFd>) -> Part {
    let serving = Arc::clone(service);
    let begin = Box::new(move |core: &Core, gate: &Gate| {
        let shared = ProxyCore::new(core, &serving);
        for listener in listeners {
            accept_on(&shared, gate, Rc::new(listener.into()));
        }
        core.spawn("backends", async move { shared.backends.sweep().await });
    });
    Part { begin, stopping: Arc::clone(&service.stopping) }
}

/// Accepts on one listener, for ever.
fn accept_on(shared: &Rc<ProxyCore>, gate: &Gate, listener: Rc<Descriptor>) {
    let (shared, gate) = (Rc::clone(shared), gate.clone());
    let core = shared.core.clone();
    core.clone().spawn("accept", async move {
        let connections = &shared.service.connections;
        let accepted = |accepted| match accepted {
            Accepted::Connection(socket) => welcome(&shared, &gate, socket),
            Accepted::Stopped(_) => connections.stop_accepting(),
            Accepted::Resumed => connections.resume_accepting(),
        };
        // At the limit newcomers wait in the listener's queue, as those of the server of files do.
        let errno = accept(&core, listener, || !connections.full(), accepted).await;
        tracing::error!(%errno, "a listener ended");
    });
}

fn welcome(shared: &Rc<ProxyCore>, gate: &Gate, socket: Descriptor) {
    let Some(pass) = gate.enter() else { return };
    let client = socket.number();
    let admitted = shared.service.connections.admit();
    let shared = Rc::clone(shared);
    let core = shared.core.clone();
    core.spawn("proxy", async move {
        let service = Arc::clone(&shared.service);
        if !admitted && !Box::pin(wait_for_place(&shared.core, &service.connections, &service.stopping)).await {
            return;
        }
        let address = address_of(&socket);
        let mut conversation = Conversation::new(&shared, socket, address);
        let ended = match conversation.talk().await {
            Ok(ended) | Err(ended) => ended,
        };
        Box::pin(conversation.part(ended)).await;
        service.connections.leave();
        tracing::info!(client, why = ?ended, "disconnected");
        drop(pass);
    });
}

/// As X-Forwarded-For has it. One who has left already is nobody (RFC 7239, 6.2).
fn address_of(socket: &Descriptor) -> String {
    let peer = getpeername::<SockaddrStorage>(socket.number()).ok();
    let v4 = peer.as_ref().and_then(|peer| Some(peer.as_sockaddr_in()?.ip().to_string()));
    let v6 = || peer.as_ref().and_then(|peer| Some(peer.as_sockaddr_in6()?.ip().to_string()));
    v4.or_else(v6).unwrap_or_else(|| "unknown".to_owned())
}
