//! One client's flow: a request, its answer, the next, until somebody ends it.
#![forbid(unsafe_code)]

use std::os::fd::AsRawFd;
use std::rc::Rc;

use nix::sys::socket::{SockaddrStorage, getpeername};
use spindle_core::{Descriptor, Parcel};
use spindle_net::connection::Reception;
use spindle_net::wire::http::{Hop, Parsed, Persistence, Status, forward};

use super::answering;
use super::backends::{Backend, Past, Reuse, Unreachable};
use super::exchange::{Exchange, Failed};
use super::outline::{Outline, Repeat, Rest};
use super::shared::ProxyCore;
use crate::service::http::client::Client;
use crate::service::http::clients;
use crate::service::http::ended::Ended;
use crate::service::patience::Patience;

/// One client.
pub struct Conversation {
    pub(super) shared: Rc<ProxyCore>,
    pub(super) client: Client,
    /// With the backend of the moment.
    pub(super) backend_patience: Patience,
    address: String,
}

impl clients::Conversation for Conversation {
    const SERVICE: &'static str = "proxy";

    fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    async fn talk(&mut self) -> Result<Ended, Ended> {
        loop {
            let mut head = self.shared.core.parcel();
            let hop = Hop { client: &self.address, host: &self.shared.service.host };
            let outline = match forward::request(self.client.input.bytes(), &hop, &mut head.bytes) {
                Ok(Parsed::Incomplete) => {
                    drop(head);
                    self.client.receive_request().await?;
                    continue;
                }
                Ok(Parsed::Complete { request, consumed }) => Outline::of(&request, consumed),
                Err(refusal) => {
                    answering::refused(&self.shared, refusal, &mut head);
                    self.client.send(head).await?;
                    return Ok(Ended::Refused(refusal));
                }
            };
            self.client.input.consume(outline.head_bytes);
            let persistence = self.serve(&outline, head).await?;
            self.client.patience.renew();
            if persistence == Persistence::Closes {
                return Ok(Ended::Asked);
            }
        }
    }
}

impl Conversation {
    pub fn new(shared: &Rc<ProxyCore>, client: Client) -> Conversation {
        Conversation {
            backend_patience: Patience::new(&shared.core, shared.service.backend_ns()),
            address: address_of(client.connection.socket()),
            client,
            shared: Rc::clone(shared),
        }
    }

    /// Passes one request on, and its answer back.
    async fn serve(&mut self, outline: &Outline, head: Parcel) -> Result<Persistence, Ended> {
        let shared = Rc::clone(&self.shared);
        let turn = shared.backends.turn();
        let backend = match shared.backends.at_hand(turn) {
            Some(backend) => backend,
            None => match self.reach(turn, Reuse::Welcome).await {
                Ok(backend) => backend,
                Err(unreachable) => return self.fail(outline, unreachable.status(), outline.rest()).await,
            },
        };
        if backend.past == Past::Fresh || outline.repeat == Repeat::Forbidden {
            let finished = Exchange::new(self, backend, outline).run(head).await;
            return self.finish(outline, finished).await;
        }
        // It may have been closed while nobody looked, so the head is kept until somebody has answered.
        let mut kept = shared.core.parcel();
        kept.bytes.extend_from_slice(&head.bytes);
        match Exchange::new(self, backend, outline).run(head).await {
            Err(Failed::Stale) => Box::pin(self.serve_afresh(turn, outline, kept)).await,
            finished => self.finish(outline, finished).await,
        }
    }

    async fn serve_afresh(&mut self, turn: usize, outline: &Outline, head: Parcel) -> Result<Persistence, Ended> {
        let finished = match self.reach(turn, Reuse::Never).await {
            Ok(backend) => Exchange::new(self, backend, outline).run(head).await,
            Err(unreachable) => Err(Failed::Backend(unreachable.status(), outline.rest())),
        };
        self.finish(outline, finished).await
    }

    async fn reach(&mut self, turn: usize, reuse: Reuse) -> Result<Backend, Unreachable> {
        // Connecting takes its time, and receive buffers are few.
        let shared = Rc::clone(&self.shared);
        let reaching = Box::pin(shared.backends.reach(turn, reuse));
        self.client.while_waiting(reaching).await
    }

    /// Has the connection end in good order after an answer that ends with it, once the client has all of that.
    ///
    /// # Errors
    /// It does not take it in time, or could not be sent all of it. The connection is broken off then.
    pub(super) async fn end_in_order(&mut self) -> Result<(), Ended> {
        self.client.flush().await?;
        self.client.connection.mend();
        Ok(())
    }

    async fn finish(&mut self, outline: &Outline, finished: Result<Persistence, Failed>) -> Result<Persistence, Ended> {
        // Between requests a client holds nothing.
        self.client.connection.set_reception(Reception::Chunks);
        match finished {
            Ok(persistence) => Ok(persistence),
            Err(Failed::Client(ended)) => Err(ended),
            Err(Failed::Refused(refusal)) => {
                let mut parcel = self.shared.core.parcel();
                answering::refused(&self.shared, refusal, &mut parcel);
                self.client.send(parcel).await?;
                Err(Ended::Refused(refusal))
            }
            Err(Failed::Backend(status, rest)) => self.fail(outline, status, rest).await,
            Err(Failed::Stale) => self.fail(outline, Status::BadGateway, outline.rest()).await,
        }
    }

    /// Answers in the place of a backend. What is left of a body would be taken for a request.
    async fn fail(&mut self, outline: &Outline, status: Status, rest: Rest) -> Result<Persistence, Ended> {
        let persistence = if rest == Rest::Nothing { outline.persistence } else { Persistence::Closes };
        let mut parcel = self.shared.core.parcel();
        answering::short(&self.shared, outline, status, persistence, &mut parcel);
        self.client.send(parcel).await?;
        if rest == Rest::Nothing { Ok(persistence) } else { Err(Ended::Unwanted) }
    }
}

/// As X-Forwarded-For has it. One who has left already is nobody (RFC 7239, 6.2).
fn address_of(socket: &Descriptor) -> String {
    let peer = socket.kernel().and_then(|fd| getpeername::<SockaddrStorage>(fd.as_raw_fd()).ok());
    let v4 = peer.as_ref().and_then(|peer| Some(peer.as_sockaddr_in()?.ip().to_string()));
    let v6 = || peer.as_ref().and_then(|peer| Some(peer.as_sockaddr_in6()?.ip().to_string()));
    v4.or_else(v6).unwrap_or_else(|| "unknown".to_owned())
}
