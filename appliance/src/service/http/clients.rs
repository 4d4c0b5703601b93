//! The clients of one service.
#![forbid(unsafe_code)]

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use spindle_core::gate::Gate;
use spindle_core::{Core, Descriptor};
use spindle_net::listener::{Accepted, accept};

use super::client::Client;
use super::ended::Ended;
use crate::service::connections::{Connections, wait_for_place};

/// What a service holds its clients to; shared by its cores.
#[derive(Debug)]
pub struct Clients {
    /// At the limit newcomers wait in the listener's queue, as mogstored's do.
    pub connections: Connections,
    /// How long each may say or take nothing.
    pub idle_ns: u64,
    /// Set once; conversations end when they would wait for their client.
    pub stopping: Arc<AtomicBool>,
}

impl Clients {
    pub fn new(connections_max: u32, idle_timeout_seconds: u32) -> Arc<Clients> {
        Arc::new(Clients {
            connections: Connections::new(connections_max),
            idle_ns: u64::from(idle_timeout_seconds) * 1_000_000_000,
            stopping: Arc::default(),
        })
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }
}

/// What a service says to one client.
pub trait Conversation: 'static {
    /// The service, as the report of a stall has it.
    const SERVICE: &'static str;

    /// With whom.
    fn client(&mut self) -> &mut Client;

    /// Talks until the end, and says why it came.
    fn talk(&mut self) -> impl Future<Output = Result<Ended, Ended>>;
}

/// Accepts on one listener, for ever, and begins a conversation with each who comes. Who is inside is waited for at `gate`.
pub fn welcome<C: Conversation>(
    core: &Core,
    gate: &Gate,
    listener: Rc<Descriptor>,
    clients: &Arc<Clients>,
    begin: impl Fn(Client) -> C + Clone + 'static,
) {
    let (accepting, gate, clients) = (core.clone(), gate.clone(), Arc::clone(clients));
    core.spawn("accept", async move {
        let connections = &clients.connections;
        let accepted = |accepted| match accepted {
            Accepted::Connection(socket) => admit(&accepting, &gate, &clients, socket, begin.clone()),
            Accepted::Stopped(_) => connections.stop_accepting(),
            Accepted::Resumed => connections.resume_accepting(),
        };
        let errno = accept(&accepting, listener, || !connections.full(), accepted).await;
        tracing::error!(%errno, "a listener ended");
    });
}

fn admit<C: Conversation>(
    core: &Core,
    gate: &Gate,
    clients: &Arc<Clients>,
    socket: Descriptor,
    begin: impl FnOnce(Client) -> C + 'static,
) {
    let Some(pass) = gate.enter() else { return };
    let number = socket.number();
    let admitted = clients.connections.admit();
    let (waiting, clients) = (core.clone(), Arc::clone(clients));
    core.spawn(C::SERVICE, async move {
        // Rare, and apart, so that an idle conversation stays small.
        if !admitted && !Box::pin(wait_for_place(&waiting, &clients.connections, &clients.stopping)).await {
            return;
        }
        let mut conversation = begin(Client::new(&waiting, &clients, socket));
        let ended = match conversation.talk().await {
            Ok(ended) | Err(ended) => ended,
        };
        // Apart for the same reason.
        Box::pin(conversation.client().part(ended)).await;
        clients.connections.leave();
        tracing::info!(client = number, why = ?ended, "disconnected");
        drop(pass);
    });
}
