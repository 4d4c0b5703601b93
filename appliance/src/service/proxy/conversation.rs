//! One client's flow: a request, its answer, the next, until somebody ends it.
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use spindle_core::{Descriptor, Parcel};
use spindle_net::connection::{Connection, End, Reception};
use spindle_net::input::Input;
use spindle_net::wire::http::{Hop, Parsed, Persistence, Refusal, Status, forward};

use super::answering;
use super::backends::{Backend, Past, Reuse, Unreachable};
use super::exchange::{Exchange, Failed};
use super::outline::{Outline, Repeat, Rest};
use super::shared::ProxyCore;
use crate::service::in_time;
use crate::service::patience::Patience;

/// How a conversation ended, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Connection(End),
    /// The client, its protocol or the backend's answer wanted it so.
    Asked,
    Refused(Refusal),
    /// What the client goes on to send is not wanted.
    Unwanted,
    Idle,
    /// An answer could not be passed on to its end.
    Unfinished,
    Stopping,
}

impl From<End> for Ended {
    fn from(end: End) -> Ended {
        if end == End::Silent { Ended::Idle } else { Ended::Connection(end) }
    }
}

/// One client.
pub struct Conversation {
    pub(super) shared: Rc<ProxyCore>,
    pub(super) connection: Connection,
    pub(super) input: Input,
    pub(super) patience: Patience,
    /// With the backend of the moment.
    pub(super) backend_patience: Patience,
    address: String,
}

impl Conversation {
    pub fn new(shared: &Rc<ProxyCore>, socket: Descriptor, address: String) -> Conversation {
        Conversation {
            connection: Connection::new(&shared.core, socket),
            input: Input::default(),
            patience: Patience::new(&shared.core, shared.service.idle_ns()),
            backend_patience: Patience::new(&shared.core, shared.service.backend_ns()),
            address,
            shared: Rc::clone(shared),
        }
    }

    /// Says what is still to be said.
    pub async fn part(&mut self, ended: Ended) {
        match ended {
            Ended::Connection(End::Broken(_) | End::Refused) | Ended::Idle | Ended::Unfinished => {}
            Ended::Asked | Ended::Refused(_) | Ended::Unwanted => {
                let idle_ns = self.shared.service.idle_ns();
                in_time::linger(&mut self.connection, &mut self.input, idle_ns).await;
            }
            // Whoever has no more to say may still be listening.
            Ended::Connection(End::Finished | End::Silent) | Ended::Stopping => {
                let idle_ns = self.shared.service.idle_ns();
                let _ = in_time::flush(&mut self.connection, &mut self.input, idle_ns).await;
            }
        }
    }

    /// Talks until the end, and says why it came.
    pub async fn talk(&mut self) -> Result<Ended, Ended> {
        loop {
            let mut head = self.shared.core.parcel();
            let hop = Hop { client: &self.address, host: &self.shared.service.host };
            let outline = match forward::request(self.input.bytes(), &hop, &mut head.bytes) {
                Ok(Parsed::Incomplete) => {
                    drop(head);
                    self.receive().await?;
                    continue;
                }
                Ok(Parsed::Complete { request, consumed }) => Outline::of(&request, consumed),
                Err(refusal) => {
                    answering::refused(&self.shared, refusal, &mut head);
                    self.send(head).await?;
                    return Ok(Ended::Refused(refusal));
                }
            };
            self.input.consume(outline.head_bytes);
            let persistence = self.serve(&outline, head).await?;
            self.patience.renew();
            if persistence == Persistence::Closes {
                return Ok(Ended::Asked);
            }
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
        self.connection.while_waiting(&mut self.input, reaching).await
    }

    /// Hands a parcel over, if the client takes the one before it in time.
    async fn send(&mut self, parcel: Parcel) -> Result<(), Ended> {
        let idle_ns = self.shared.service.idle_ns();
        Ok(in_time::send(&mut self.connection, &mut self.input, parcel, idle_ns).await?)
    }

    async fn finish(&mut self, outline: &Outline, finished: Result<Persistence, Failed>) -> Result<Persistence, Ended> {
        // Between requests a client holds nothing.
        self.connection.set_reception(Reception::Chunks);
        match finished {
            Ok(persistence) => Ok(persistence),
            Err(Failed::Client(ended)) => Err(ended),
            Err(Failed::Refused(refusal)) => {
                let mut parcel = self.shared.core.parcel();
                answering::refused(&self.shared, refusal, &mut parcel);
                self.send(parcel).await?;
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
        self.send(parcel).await?;
        if rest == Rest::Nothing { Ok(persistence) } else { Err(Ended::Unwanted) }
    }

    /// Waits for more of a request, or its beginning: for a client that says nothing for too long, and for the end of the
    /// service, which does not wait for requests that have not begun.
    async fn receive(&mut self) -> Result<(), Ended> {
        self.input.rest();
        let idle = self.input.bytes().is_empty();
        poll_fn(|context| {
            if let Poll::Ready(received) = self.connection.poll_receive(&mut self.input, context) {
                return Poll::Ready(received.map_err(Ended::from));
            }
            if idle && self.shared.service.is_stopping() {
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
}
