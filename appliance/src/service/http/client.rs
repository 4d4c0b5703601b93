//! One client of a service: its connection, what it said and was not read yet, and our patience with it.
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use spindle_core::{Core, Descriptor, Parcel};
use spindle_net::connection::{Connection, End, Posted};
use spindle_net::input::Input;

use super::clients::Clients;
use super::ended::Ended;
use crate::service::patience::Patience;

/// What a client may still send after our last word, and how long we wait for it: closing before it has been read would
/// reset the connection, and the word would be lost.
const LINGER_BYTES_MAX: usize = 1 << 30;
const LINGER_NS: u64 = 2_000_000_000;

pub struct Client {
    pub connection: Connection,
    pub input: Input,
    pub patience: Patience,
    clients: Arc<Clients>,
}

impl Client {
    pub fn new(core: &Core, clients: &Arc<Clients>, socket: Descriptor) -> Client {
        Client {
            connection: Connection::new(core, socket),
            input: Input::default(),
            patience: Patience::new(core, clients.idle_ns),
            clients: Arc::clone(clients),
        }
    }

    /// When it will have said or taken nothing for too long, if it does so from now on.
    pub fn deadline_ns(&self) -> u64 {
        self.connection.core().now_ns().saturating_add(self.clients.idle_ns)
    }

    /// Waits for more of a request, or its beginning: for a client that says nothing for too long, and for the end of the
    /// service, which does not wait for requests that have not begun.
    ///
    /// # Errors
    /// It says nothing, has no more to say, or the service stops.
    pub async fn receive_request(&mut self) -> Result<(), Ended> {
        self.input.rest();
        let idle = self.input.bytes().is_empty();
        poll_fn(|context| {
            if let Poll::Ready(received) = self.connection.poll_receive(&mut self.input, context) {
                return Poll::Ready(received.map_err(Ended::from));
            }
            if idle && self.clients.is_stopping() {
                return Poll::Ready(Err(Ended::Stopping));
            }
            if self.patience.is_over(context) { Poll::Ready(Err(Ended::Idle)) } else { Poll::Pending }
        })
        .await?;
        if idle {
            self.patience.renew();
        }
        Ok(())
    }

    /// Waits for more of a body.
    ///
    /// # Errors
    /// [`End::Silent`] if the client says nothing for too long, or the connection's end.
    pub async fn receive_body(&mut self) -> Result<(), End> {
        let deadline_ns = self.deadline_ns();
        self.connection.receive_until(&mut self.input, Some(deadline_ns)).await
    }

    /// Waits for something else than the client, and holds none of the core's receive buffers meanwhile: they are few.
    pub async fn while_waiting<T>(&mut self, awaited: impl Future<Output = T>) -> T {
        self.connection.while_waiting(&mut self.input, awaited).await
    }

    /// Stops receiving, so that no receive buffer is held while something else takes its time.
    ///
    /// # Errors
    /// The connection's end.
    pub async fn pause(&mut self) -> Result<(), End> {
        self.connection.pause(&mut self.input).await
    }

    /// Hands a parcel over, if the client takes the one before it in time.
    ///
    /// # Errors
    /// It does not, or it is gone.
    pub async fn send(&mut self, parcel: Parcel) -> Result<(), Ended> {
        if self.connection.post(parcel)? == Posted::Late {
            let (core, deadline_ns) = (self.connection.core().clone(), self.deadline_ns());
            // Rare, and apart, so that a conversation stays small.
            let caught_up = Box::pin(core.until(deadline_ns, self.connection.catch_up(&mut self.input)));
            caught_up.await.unwrap_or(Err(End::Silent))?;
        }
        Ok(())
    }

    /// Waits until the client has taken everything, if it does so in time.
    ///
    /// # Errors
    /// As for [`Client::send`].
    pub async fn flush(&mut self) -> Result<(), Ended> {
        let (core, deadline_ns) = (self.connection.core().clone(), self.deadline_ns());
        let flushed = Box::pin(core.until(deadline_ns, self.connection.flush(&mut self.input)));
        Ok(flushed.await.unwrap_or(Err(End::Silent))?)
    }

    /// Says what is still to be said.
    pub async fn part(&mut self, ended: Ended) {
        match ended {
            Ended::Connection(End::Broken(_) | End::Refused) | Ended::Idle => {}
            Ended::Asked | Ended::Refused(_) | Ended::Unwanted => self.linger().await,
            // Whoever has no more to say may still be listening. What was said before an answer that cannot be finished is
            // still on its way.
            Ended::Connection(End::Finished | End::Silent) | Ended::Stopping | Ended::Unfinished => {
                let _ = self.flush().await;
            }
        }
    }

    /// Says that nothing more will be said, once everything is, and reads on for a while.
    async fn linger(&mut self) {
        if self.flush().await.is_err() {
            return;
        }
        let core = self.connection.core().clone();
        core.until(core.now_ns() + LINGER_NS, self.connection.linger(&mut self.input, LINGER_BYTES_MAX)).await;
    }
}
