//! One request and its answer, over one connection to a backend.
#![forbid(unsafe_code)]

use std::rc::Rc;

use spindle_core::Parcel;
use spindle_net::connection::{Connection, End, Reception};
use spindle_net::input::Input;
use spindle_net::wire::http::chunked::ChunkFault;
use spindle_net::wire::http::forward::Forwarded;
use spindle_net::wire::http::{Passage, Persistence, Refusal, Status};

use super::backends::{Backend, Past};
use super::conversation::Conversation;
use super::outline::{Outline, Rest};
use super::shared::ProxyCore;
use crate::service::http::ended::Ended;

/// What one send passes on of a body, and what a side that waits may have said beyond it, in bytes. A little more fits: what
/// was received is not cut.
pub(super) const PARCEL_BYTES_MAX: usize = 64 * 1024;

/// A parcel of more than this is going to be a full one.
const PARCEL_BYTES_SMALL: usize = 16 * 1024;

/// Gives a parcel the memory of a full one at once, where it needs more than that of a small one: grown by and by, it would
/// have twice as much.
fn make_room(parcel: &mut Parcel, bytes: usize) {
    let needed = parcel.bytes.len() + bytes;
    if needed > parcel.bytes.capacity() && needed > PARCEL_BYTES_SMALL {
        parcel.bytes.reserve_exact(needed.max(PARCEL_BYTES_MAX + PARCEL_BYTES_SMALL) - parcel.bytes.len());
    }
}

/// Moves what the input has of a body into the parcel.
///
/// # Errors
/// It is no body in chunks.
pub(super) fn pass(passage: &mut Passage, input: &mut Input, parcel: &mut Parcel) -> Result<(), ChunkFault> {
    let bytes = input.bytes().len();
    // A piece that was received for itself becomes the parcel as it is.
    let is_whole = bytes >= PARCEL_BYTES_SMALL && parcel.is_empty() && passage.has_more_than(bytes - 1);
    if is_whole && input.swap_owned(&mut parcel.bytes) {
        passage.pass_unseen(bytes);
        return Ok(());
    }
    make_room(parcel, bytes);
    let taken = passage.pass(input.bytes(), &mut parcel.bytes)?;
    input.consume(taken);
    Ok(())
}

/// Has a connection receive in pieces from now on. What had arrived in the core's receive buffers is taken over.
pub(super) async fn receive_in_pieces(connection: &mut Connection, input: &mut Input) -> Result<(), End> {
    connection.set_reception(Reception::Pieces);
    connection.pause(input).await
}

/// Why there was no answer, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The client went, or has to: there is nothing more to be said to it.
    Client(Ended),
    /// The client's body was none.
    Refused(Refusal),
    /// The backend's fault; the client has not been told anything yet.
    Backend(Status, Rest),
    /// A connection that was kept ended before it said a word: it may have been closed before it was asked.
    Stale,
}

impl From<Ended> for Failed {
    fn from(ended: Ended) -> Failed {
        Failed::Client(ended)
    }
}

/// What the client has of the final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Part,
}

pub struct Exchange<'a> {
    pub(super) conversation: &'a mut Conversation,
    pub(super) shared: Rc<ProxyCore>,
    pub(super) backend: Backend,
    pub(super) outline: &'a Outline,
    /// The body of the request.
    pub(super) upload: Passage,
    /// Whether the end of it was handed over, too: read from the client is not sent to the backend.
    pub(super) handed_over: bool,
    /// The head of the final answer, as it goes to the client, once it is there.
    pub(super) answered: Option<(Forwarded, Parcel)>,
    /// Whether the backend has said anything.
    pub(super) heard: bool,
    pub(super) told: Told,
}

impl<'a> Exchange<'a> {
    pub fn new(conversation: &'a mut Conversation, backend: Backend, outline: &'a Outline) -> Exchange<'a> {
        Exchange {
            shared: Rc::clone(&conversation.shared),
            conversation,
            backend,
            upload: Passage::of_request(outline.body),
            handed_over: false,
            outline,
            answered: None,
            heard: false,
            told: Told::Nothing,
        }
    }

    /// Passes the request on, which begins with `head`, and its answer back. Both connections go on where they may.
    ///
    /// # Errors
    /// The answer is not there, or not all of it; the backend's connection is closed.
    pub async fn run(mut self, head: Parcel) -> Result<Persistence, Failed> {
        self.conversation.backend_patience.renew();
        self.send(head).await?;
        let answer = self.relay().await?;
        let tells_its_end = self.tells_its_end(&answer);
        let Exchange { conversation, mut backend, upload, handed_over, .. } = self;
        let reusable = answer.head.persistence == Persistence::Persists
            && backend.ended.is_none()
            && backend.input.bytes().is_empty()
            && handed_over
            && backend.connection.has_sent_all();
        if reusable {
            conversation.shared.backends.keep(backend);
        } else {
            drop(backend);
        }
        // By now nobody waits for the backend's place.
        if !tells_its_end {
            conversation.end_in_order().await?;
        }
        if !upload.is_over() {
            return Err(Ended::Unwanted.into());
        }
        Ok(answer.persistence)
    }

    /// The backend has failed: what is told of it depends on what was told before.
    pub(super) fn failed(&self, status: Status) -> Failed {
        match self.told {
            Told::Part => Failed::Client(Ended::Unfinished),
            Told::Nothing => {
                let rest = if self.upload.is_over() { Rest::Nothing } else { Rest::Body };
                Failed::Backend(status, rest)
            }
        }
    }

    /// The backend's connection ended in the middle of an answer, or before it.
    pub(super) fn ended(&self, end: End) -> Failed {
        if end != End::Refused && self.backend.past == Past::Kept && !self.heard {
            return Failed::Stale;
        }
        self.failed(if end == End::Refused { Status::ServiceUnavailable } else { Status::BadGateway })
    }
}
