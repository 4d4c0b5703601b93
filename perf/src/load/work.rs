//! The face between the load, which says when, and a protocol, which says what.

use super::Operation;
use crate::describe::Fault;

/// The requests of one class: which is next, its bytes, and what its answer says. Sans-IO, one implementation a protocol.
pub(super) trait Work: 'static {
    /// What has to be remembered of a request until its answer is there.
    type Asked: 'static;

    /// What it means when a server closes a connection that waits for nothing.
    const HANG_UP: HangUp;

    /// What it may ask for: what the mix names, and what follows from answers. Each once, one at least; always the same.
    fn operations(&self) -> Vec<Operation>;

    /// One of them.
    fn operation(asked: &Self::Asked) -> Operation;

    /// What a request would have been that was never drawn: changes nothing, and is as often of a kind as the mix has it.
    fn draw_operation(&mut self) -> Operation;

    /// Chooses the next request. Whatever it changes is on its way from now on, acknowledged or not.
    fn draw(&mut self, now_ns: u64) -> Self::Asked;

    /// The next of the requests that follow from answers heard, due at once.
    fn follow_up(&mut self, _now_ns: u64) -> Option<Self::Asked> {
        None
    }

    /// Writes a request, or what comes next of it: from `from` on, in bytes of the request's own count that begins with 0. No
    /// more than about `room` bytes, but something.
    fn write(&self, asked: &Self::Asked, from: u64, room: usize, out: &mut Vec<u8>) -> Written;

    /// Reads on in the answer. `input` begins where the last call's `consumed` ended.
    fn hear(&mut self, asked: &mut Self::Asked, input: &[u8], now_ns: u64) -> Heard;

    /// Whether a request may be asked again that the server may have heard.
    fn again(_asked: &Self::Asked) -> Again {
        Again::Once
    }

    /// The server finished its stream, which ends some answers.
    fn finished(&mut self, _asked: &mut Self::Asked, _now_ns: u64) -> Option<Verdict> {
        None
    }
}

/// What a server's hanging up means where nothing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HangUp {
    /// The server's end, or that of its patience: an error.
    Trouble,
    /// What servers of the protocol do as they like.
    Usual,
}

/// Whether asking twice comes to the same as asking once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    Once,
}

/// How far a request was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Whole,
    Part { next: u64 },
}

/// What came of reading on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// After `consumed`, nothing is to be said before there are `bytes_min` bytes.
    More {
        consumed: usize,
        bytes_min: usize,
    },
    Answer {
        consumed: usize,
        verdict: Verdict,
        then: Then,
    },
    /// No answer. The conversation has lost its place.
    Malformed,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong(Fault),
    /// An error reply.
    Refused,
}

/// What comes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Keep,
    /// The server said that it is the last one.
    Close,
}
