//! What sockets do: connecting, sending, receiving.

use std::net::SocketAddr;

use super::kernel::{Pending, shortened};
use super::random::Random;
use super::wire::{Origin, Peer, Step, Stream, Wire};
use super::world::{Faults, Object, State};
use crate::Errno;
use crate::buffers::provided::Provided;
use crate::kernel::Completion;
use crate::token::Token;

/// Answers to one who connects with a peer, or refuses.
pub type Welcome = dyn FnMut(&mut Random) -> Option<Box<dyn Peer>>;

/// What listens at an address.
pub(super) struct Host {
    pub(super) welcome: Box<Welcome>,
    pub(super) reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Reached,
    /// Nothing comes back.
    CutOff,
}

impl State {
    /// Connects a socket; `None` while nothing comes back.
    pub(super) fn connect(&mut self, socket: i32, server: SocketAddr) -> Option<Result<(), Errno>> {
        match self.objects.get(&socket) {
            Some(Object::Unconnected) => {}
            Some(Object::Stream(_)) => return Some(Err(Errno::EISCONN)),
            _ => return Some(Err(Errno::ENOTSOCK)),
        }
        let Some(host) = self.hosts.get_mut(&server) else { return Some(Err(Errno::ECONNREFUSED)) };
        if host.reach == Reach::CutOff {
            return None;
        }
        let Some(mut peer) = (host.welcome)(&mut self.random) else { return Some(Err(Errno::ECONNREFUSED)) };
        let mut stream = Stream::new(Origin::Server);
        // So that it is the peer who says how much it takes in, from the first byte on.
        let step = peer.step(&mut Wire { stream: &mut stream, now_ns: self.now_ns }, &mut self.random);
        self.objects.insert(socket, Object::Stream(stream));
        if step != Step::Done {
            self.peers.push((socket, peer));
        }
        self.dialled_open += 1;
        Some(Ok(()))
    }
}

/// Panics for one that is none, or is not connected: no flow has a use for that.
pub(super) fn stream(object: Option<&mut Object>) -> &mut Stream {
    match object {
        Some(Object::Stream(stream)) => stream,
        _ => panic!("a socket op on something that is no connected socket"),
    }
}

pub(super) fn attempt_connect(
    token: Token,
    pending: Pending,
    state: &mut State,
    completions: &mut Vec<Completion>,
) -> Option<Pending> {
    let Pending::Connect { socket, server } = pending else { return None };
    let connected = match server {
        Some(server) => state.connect(socket, server),
        None => Some(Err(Errno::EAFNOSUPPORT)),
    };
    match connected {
        None => Some(pending),
        Some(result) => {
            completions.push(Completion::new(token, result.map_or_else(|errno| -(errno as i32), |()| 0)));
            None
        }
    }
}

pub(super) fn attempt_send(
    token: Token,
    pending: Pending,
    state: &mut State,
    completions: &mut Vec<Completion>,
) -> Option<Pending> {
    let (Pending::Send { socket, length } | Pending::SendZeroCopy { socket, length }) = pending else { return None };
    let stream = stream(state.objects.get_mut(&socket));
    if stream.reset || stream.server_finished {
        completions.push(Completion::new(token, -(Errno::EPIPE as i32)));
        return None;
    }
    let room = stream.window.saturating_sub(stream.to_peer.len());
    if room == 0 && length > 0 {
        return Some(pending);
    }
    if stream.closed && length > 0 {
        // It is sent, and what comes back is a reset.
        stream.reset();
    }
    if matches!(pending, Pending::SendZeroCopy { .. }) {
        // A whole send, as MSG_WAITALL makes it; the bytes are read when the notification says so.
        completions.push(Completion::new(token, length as i32).with_more());
        let due_ns = state.now_ns + state.random.below(200_000) as u64;
        return Some(Pending::Notification { length, due_ns });
    }
    completions.push(Completion::new(token, shortened(length.min(room), &mut state.random, state.faults) as i32));
    None
}

/// One step of a multishot receive; `None` when there is nothing yet.
pub(super) fn receive(
    token: Token,
    stream: &mut Stream,
    random: &mut Random,
    faults: Faults,
    provided: &Provided,
) -> Option<Completion> {
    let failed = |errno: Errno| Some(Completion::new(token, -(errno as i32)));
    if stream.reset {
        return failed(Errno::ECONNRESET);
    }
    if stream.to_server.is_empty() {
        return stream.finished.then(|| Completion::new(token, 0));
    }
    let count = shortened(stream.to_server.len().min(provided.buffer_bytes()), random, faults);
    if random.chance(faults.no_buffers) {
        return failed(Errno::ENOBUFS);
    }
    stream.to_server.make_contiguous();
    let Some(buffer) = provided.fill(&stream.to_server.as_slices().0[..count]) else { return failed(Errno::ENOBUFS) };
    stream.to_server.drain(..count);
    let completion = Completion::new(token, count as i32).with_buffer(buffer);
    Some(if random.chance(faults.ends_early) { completion } else { completion.with_more() })
}
