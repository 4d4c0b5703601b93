//! Everything between the ring and an engine: accepting, receiving, replying, closing. Engines differ only in who
//! keeps a connection's state, so the two share this file and their difference is the price of async.
//!
//! A turn: enter, hand each completion to `event`, then `flush`. Replies leave once a turn and connection.
//!
//! Two ways to send:
//! - *kept*: replies go to the connection's outbox, one MSG_WAITALL send flies, its completion frees the outbox;
//! - *inline*: replies go to the turn's arena, sent with MSG_DONTWAIT | MSG_WAITALL and IOSQE_CQE_SKIP_SUCCESS. The
//!   kernel copies them inside the enter or says at once how far it came, so success needs no completion and the arena
//!   is free when the enter returns. What a full socket refused moves to the outbox and is sent the kept way, as is
//!   what is too much for one send. The toy's replies are written as requests come, while the last turn's may still
//!   have to be resumed, so they lie in a connection's own memory and go inline from there.
#![allow(unsafe_code)]

use crate::arena::Arena;
use crate::buffers::{Buffers, Chunk, GROUP};
use crate::connection::{Connection, Receive, Sending, Socket};
use crate::mirror;
use crate::options::{Files, Options, Sends, Store};
use crate::ring::Ring;
use crate::session::Session;
use crate::toy::Toy;
use io_uring::{cqueue, opcode, squeue, types};
use nix::sys::signalfd::SignalFd;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

/// Slots for direct descriptors.
const DIRECT_FILES: u32 = 16 * 1024;

/// The high half of an operation's user data; the low half is the connection.
#[derive(Clone, Copy)]
enum Kind {
    Accept,
    Receive,
    Send,
    Close,
    Stop,
}

impl Kind {
    fn user_data(self, id: usize) -> u64 {
        ((self as u64) << 32) | id as u64
    }

    fn parse(user_data: u64) -> (Kind, usize) {
        let kinds = [Kind::Accept, Kind::Receive, Kind::Send, Kind::Close, Kind::Stop];
        (kinds[(user_data >> 32) as usize], user_data as u32 as usize)
    }
}

/// What a completion means to an engine.
pub enum Event {
    Accepted(usize, Session),
    Received(usize, Chunk),
    /// No more bytes will come.
    Ended(usize),
    Stop,
    Handled,
}

pub struct Wire {
    // Dropped in this order: the ring first, then the memory that its operations point to.
    ring: Ring,
    pub buffers: Buffers,
    arena: Arena,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    to_flush: Vec<usize>,
    /// Connections whose receive found no buffer; armed again at the turn's end, when chunks have come home.
    starved: Vec<usize>,
    listener: TcpListener,
    stopper: SignalFd,
    store: Store,
    /// Stays empty where nothing is kept.
    toy: Toy,
    files: Files,
    sends: Sends,
}

impl Wire {
    /// Starts accepting on `listener`; a readable `stop` becomes `Event::Stop`.
    ///
    /// # Errors
    /// Those of the ring's set-up.
    pub fn new(options: &Options, listener: TcpListener, stop: SignalFd) -> io::Result<Wire> {
        let ring = Ring::new(options.wait(), options.sqarray, options.iowait)?;
        if options.files == Files::Direct {
            ring.submitter().register_files_sparse(DIRECT_FILES)?;
        }
        let buffers = Buffers::register(ring.submitter(), options.buffers, options.buffer_bytes, options.consumption)?;
        let mut wire = Wire {
            ring,
            buffers,
            arena: Arena::new(),
            connections: Vec::new(),
            free: Vec::new(),
            to_flush: Vec::new(),
            starved: Vec::new(),
            listener,
            stopper: stop,
            store: options.store,
            toy: Toy::default(),
            files: options.files,
            sends: options.send,
        };
        wire.arm_accept()?;
        let poll = opcode::PollAdd::new(types::Fd(wire.stopper.as_raw_fd()), libc::POLLIN as u32).build();
        wire.push(poll, Kind::Stop, 0)?;
        Ok(wire)
    }

    /// One enter; see `Ring::turn`.
    pub fn turn(&mut self, completions: &mut Vec<cqueue::Entry>) -> io::Result<()> {
        self.ring.turn(completions)
    }

    /// Takes note of a completion and says what is left for the engine to do.
    pub fn event(&mut self, completion: &cqueue::Entry) -> io::Result<Event> {
        let (kind, id) = Kind::parse(completion.user_data());
        match kind {
            Kind::Accept => self.accepted(completion),
            Kind::Receive => self.received(id, completion),
            Kind::Send => {
                self.sent(id, completion.result());
                Ok(Event::Handled)
            }
            Kind::Close => Ok(Event::Handled),
            Kind::Stop => Ok(Event::Stop),
        }
    }

    /// Gives `chunk` back; the requests that it completes are answered at the end of the turn.
    pub fn answer(&mut self, id: usize, session: &mut Session, chunk: Chunk) {
        if let Some(connection) = self.connections[id].as_mut() {
            let bytes = self.buffers.bytes(&chunk);
            match session {
                Session::Canned(lines) => {
                    let (work, requests) = lines.count(bytes);
                    connection.work = work;
                    connection.owed += requests;
                }
                Session::Toy(partial) => self.toy.answer(partial, bytes, &mut connection.written),
                Session::Mirror(partial) => mirror::answer(partial, bytes, &mut connection.written),
            }
        }
        self.buffers.give_back(chunk);
        self.list(id);
    }

    /// Sends what is owed, closes what is over, feeds what starved.
    pub fn flush(&mut self) -> io::Result<()> {
        self.arena.reset();
        let mut to_flush = std::mem::take(&mut self.to_flush);
        for id in to_flush.drain(..) {
            self.flush_one(id)?;
        }
        self.to_flush = to_flush;
        let mut starved = std::mem::take(&mut self.starved);
        for id in starved.drain(..) {
            self.arm_receive(id)?;
        }
        self.starved = starved;
        Ok(())
    }

    /// Nothing is accepted, received or sent any more.
    ///
    /// # Errors
    /// See `Ring::cancel_all`.
    pub fn stop(&mut self) -> io::Result<()> {
        self.ring.cancel_all()
    }

    fn accepted(&mut self, completion: &cqueue::Entry) -> io::Result<Event> {
        if !cqueue::more(completion.flags()) {
            self.arm_accept()?;
        }
        let Ok(file) = u32::try_from(completion.result()) else { return Ok(Event::Handled) };
        let connection = Connection::new(match self.files {
            Files::Plain => Socket::Plain(types::Fd(file as i32)),
            Files::Direct => Socket::Direct(types::Fixed(file)),
        });
        let id = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        self.connections[id] = Some(connection);
        self.arm_receive(id)?;
        Ok(Event::Accepted(id, Session::new(self.store)))
    }

    fn received(&mut self, id: usize, completion: &cqueue::Entry) -> io::Result<Event> {
        let chunk = self.buffers.take(completion);
        if cqueue::more(completion.flags()) {
            return Ok(chunk.map_or(Event::Handled, |chunk| Event::Received(id, chunk)));
        }
        match completion.result() {
            bytes if bytes > 0 => self.arm_receive(id)?,
            error if error == -libc::ENOBUFS => self.starved.push(id),
            _ => {
                if let Some(chunk) = chunk {
                    self.buffers.give_back(chunk);
                }
                return Ok(Event::Ended(id));
            }
        }
        Ok(chunk.map_or(Event::Handled, |chunk| Event::Received(id, chunk)))
    }

    fn sent(&mut self, id: usize, result: i32) {
        let Some(connection) = self.connections[id].as_mut() else { return };
        let done = usize::try_from(result).unwrap_or(0);
        match std::mem::replace(&mut connection.sending, Sending::Idle) {
            Sending::Inline { start, len } if done > 0 || result == -libc::EAGAIN => {
                connection.outbox.clear();
                connection.outbox.extend_from_slice(self.arena.bytes(start + done, len - done));
            }
            Sending::InlineOutbox if done > 0 || result == -libc::EAGAIN => drop(connection.outbox.drain(..done)),
            Sending::Flying { len } if done == len => connection.outbox.clear(),
            _ => {
                // The peer is gone: nothing more is owed, and the receive ends by itself.
                connection.outbox.clear();
                connection.written.clear();
                connection.owed = 0;
            }
        }
        self.list(id);
    }

    /// The engine has no more use for the connection: it closes when what it is owed has left.
    pub fn end(&mut self, id: usize) {
        let Some(connection) = self.connections[id].as_mut() else { return };
        connection.receive = Receive::Ended;
        self.list(id);
    }

    fn list(&mut self, id: usize) {
        let Some(connection) = self.connections[id].as_mut() else { return };
        if !connection.listed {
            connection.listed = true;
            self.to_flush.push(id);
        }
    }

    fn flush_one(&mut self, id: usize) -> io::Result<()> {
        let Some(connection) = self.connections[id].as_mut() else { return Ok(()) };
        connection.listed = false;
        match connection.sending {
            Sending::Flying { .. } => return Ok(()),
            // No completion came, so all of it left.
            Sending::InlineOutbox => connection.outbox.clear(),
            Sending::Idle | Sending::Inline { .. } => {}
        }
        connection.sending = Sending::Idle;
        if connection.outbox.is_empty() && connection.written.is_empty() && connection.owed == 0 {
            return if connection.receive == Receive::Ended { self.close(id) } else { Ok(()) };
        }
        connection.sending = if !connection.outbox.is_empty() {
            Sending::Flying { len: connection.outbox.len() }
        } else if !connection.written.is_empty() {
            connection.take_written(self.sends)
        } else {
            connection.take_owed(self.sends, &mut self.arena)
        };
        self.send(id)
    }

    fn close(&mut self, id: usize) -> io::Result<()> {
        let Some(connection) = self.connections[id].take() else { return Ok(()) };
        self.free.push(id);
        let close = match connection.socket {
            Socket::Plain(fd) => opcode::Close::new(fd).build(),
            Socket::Direct(slot) => opcode::Close::new(slot).build(),
        };
        self.push(close, Kind::Close, id)
    }

    fn arm_accept(&mut self) -> io::Result<()> {
        let direct = self.files == Files::Direct;
        let fd = types::Fd(self.listener.as_raw_fd());
        let accept = opcode::AcceptMulti::new(fd).allocate_file_index(direct).flags(self.accept_flags()).build();
        self.push(accept, Kind::Accept, 0)
    }

    fn accept_flags(&self) -> i32 {
        // A direct descriptor never enters the process's table, so close-on-exec has no meaning for it (EINVAL).
        if self.files == Files::Direct { 0 } else { libc::SOCK_CLOEXEC }
    }

    fn arm_receive(&mut self, id: usize) -> io::Result<()> {
        let Some(connection) = &self.connections[id] else { return Ok(()) };
        let receive = match connection.socket {
            Socket::Plain(fd) => opcode::RecvMulti::new(fd, GROUP).build(),
            Socket::Direct(slot) => opcode::RecvMulti::new(slot, GROUP).build(),
        };
        self.push(receive, Kind::Receive, id)
    }

    /// Sends what the connection's `sending` names.
    fn send(&mut self, id: usize) -> io::Result<()> {
        let Some(connection) = &self.connections[id] else { return Ok(()) };
        let (bytes, message_flags, entry_flags) = match connection.sending {
            Sending::Idle => return Ok(()),
            Sending::Inline { start, len } => {
                (self.arena.bytes(start, len), libc::MSG_DONTWAIT, squeue::Flags::SKIP_SUCCESS)
            }
            Sending::InlineOutbox => (&connection.outbox[..], libc::MSG_DONTWAIT, squeue::Flags::SKIP_SUCCESS),
            Sending::Flying { len } => (&connection.outbox[..len], 0, squeue::Flags::empty()),
        };
        let message_flags = message_flags | libc::MSG_WAITALL | libc::MSG_NOSIGNAL;
        let (start, len) = (bytes.as_ptr(), bytes.len() as u32);
        let send = match connection.socket {
            Socket::Plain(fd) => opcode::Send::new(fd, start, len).flags(message_flags).build(),
            Socket::Direct(slot) => opcode::Send::new(slot, start, len).flags(message_flags).build(),
        };
        self.push(send.flags(entry_flags), Kind::Send, id)
    }

    fn push(&mut self, op: squeue::Entry, kind: Kind, id: usize) -> io::Result<()> {
        // SAFETY: the only operations with pointers are sends. An inline one is over when the next enter returns, and
        // neither the arena nor an outbox changes before (`flush` alone, after the enter, resets, swaps and closes); a
        // flying one points into an outbox that neither changes nor goes (`close` waits for `Sending::Flying` to end)
        // before its completion. All of them outlive the ring by the order of the fields.
        unsafe { self.ring.push(&op.user_data(kind.user_data(id))) }
    }
}
