//! One connection, and the peer at its far end. The server is the side under test, also where it is the one that connected.

use std::collections::VecDeque;

use super::random::Random;
use crate::descriptor::Close;

/// What a peer did in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Moved,
    /// Waits for the server.
    Idle,
    /// Has what it wanted; its end stays as it is.
    Done,
}

/// A client of the server, or a backend that the server connected to, as a state machine that the world steps whenever the
/// server would wait.
pub trait Peer {
    fn step(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Step;
}

/// A peer's end of its connection.
pub struct Wire<'a> {
    pub(super) stream: &'a mut Stream,
    pub now_ns: u64,
}

impl Wire<'_> {
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.to_server.extend(bytes);
    }

    /// Takes what has arrived, `limit` bytes at most.
    pub fn receive(&mut self, limit: usize) -> Vec<u8> {
        let count = limit.min(self.stream.to_peer.len());
        self.stream.to_peer.drain(..count).collect()
    }

    /// Bytes that the peer's side takes in before the server's sends have to wait.
    pub fn set_window(&mut self, bytes: usize) {
        self.stream.window = bytes;
    }

    /// Half-close: the server reads the end of the stream after what was sent.
    pub fn finish(&mut self) {
        self.stream.finished = true;
    }

    /// Reset: what was sent and not read is gone.
    pub fn reset(&mut self) {
        self.stream.reset();
    }

    /// close(2): whatever the server sends from now on is answered with a reset; and so is what it had sent before, where
    /// that was not read.
    pub fn close(&mut self) {
        if self.stream.to_peer.is_empty() {
            self.stream.finished = true;
            self.stream.closed = true;
        } else {
            self.stream.reset();
        }
    }

    /// The server has closed its end, or shut down its sending side.
    pub fn server_closed(&self) -> bool {
        !self.stream.open || self.stream.server_finished
    }

    /// It did so with a reset: what was on its way may be lost, and its end is not the end of what was to be said.
    pub fn server_aborted(&self) -> bool {
        self.stream.server_aborted
    }

    /// Bytes that the server has not read.
    pub fn unread_by_server(&self) -> usize {
        self.stream.to_server.len()
    }
}

#[derive(Default)]
pub(super) struct Stream {
    pub(super) to_server: VecDeque<u8>,
    pub(super) to_peer: VecDeque<u8>,
    pub(super) window: usize,
    pub(super) finished: bool,
    pub(super) reset: bool,
    /// The peer has closed its end: nobody is there to read.
    pub(super) closed: bool,
    /// The server's descriptor is not closed.
    pub(super) open: bool,
    pub(super) server_finished: bool,
    pub(super) server_aborted: bool,
    pub(super) closing: Close,
    pub(super) origin: Origin,
}

/// Who connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    #[default]
    Peer,
    Server,
}

impl Stream {
    pub(super) fn new(origin: Origin) -> Stream {
        Stream { window: 64 * 1024, open: true, origin, ..Stream::default() }
    }

    pub(super) fn reset(&mut self) {
        self.reset = true;
        self.to_server.clear();
    }

    /// The server's end closes. A socket that is closed with something left to read resets its connection (RFC 9293,
    /// 3.6.1).
    pub(super) fn close_server(&mut self, random: &mut Random) {
        self.open = false;
        if !self.reset && (self.closing == Close::Abrupt || !self.to_server.is_empty()) {
            self.server_aborted = true;
            self.to_peer.truncate(random.below(self.to_peer.len() + 1));
        }
    }
}
