//! What a server knows of one connection.
#![forbid(unsafe_code)]

use crate::arena::Arena;
use crate::lines::Work;
use crate::options::Sends;
use io_uring::types::{Fd, Fixed};

/// Replies of one send, bytes; all that the toy has written may fly at once.
const SEND_BYTES_MAX: usize = 64 * 1024;

/// How the kernel names the connection's socket.
#[derive(Clone, Copy, Debug)]
pub enum Socket {
    Plain(Fd),
    /// A slot of the ring's own table, which costs no reference count per operation.
    Direct(Fixed),
}

/// Whether multishot receive can still deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receive {
    Armed,
    Ended,
}

/// The one send that a connection may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    Idle,
    /// Done inside the enter that submitted it, unless a completion says otherwise. The bytes lie in the arena.
    Inline {
        start: usize,
        len: usize,
    },
    /// The same, of the outbox, whose bytes stay there until the next flush.
    InlineOutbox,
    /// The kernel holds the first `len` bytes of the outbox until the completion.
    Flying {
        len: usize,
    },
}

#[derive(Debug)]
pub struct Connection {
    pub socket: Socket,
    pub receive: Receive,
    pub sending: Sending,
    pub work: Work,
    /// Requests not yet answered, of a canned session. A count costs no memory, so it needs no bound.
    pub owed: u64,
    /// Replies that are not yet in the outbox, of a toy session. A reader that does not read lets them grow.
    pub written: Vec<u8>,
    /// True exactly when the connection is in the turn's list of those to flush.
    pub listed: bool,
    /// Bytes of a send; never resized while one flies.
    pub outbox: Vec<u8>,
}

impl Connection {
    pub fn new(socket: Socket) -> Connection {
        Connection {
            socket,
            receive: Receive::Armed,
            sending: Sending::Idle,
            work: Work::Get,
            owed: 0,
            written: Vec::new(),
            listed: false,
            outbox: Vec::new(),
        }
    }

    /// Fills the outbox, which is empty, with what the toy has written.
    pub fn take_written(&mut self, sends: Sends) -> Sending {
        std::mem::swap(&mut self.outbox, &mut self.written);
        let len = self.outbox.len();
        if self.may_go_inline(sends) && len <= SEND_BYTES_MAX { Sending::InlineOutbox } else { Sending::Flying { len } }
    }

    /// Fills the arena, or else the outbox, which is empty, with canned replies.
    pub fn take_owed(&mut self, sends: Sends, arena: &mut Arena) -> Sending {
        let fits = SEND_BYTES_MAX / self.work.reply_bytes();
        let replies = self.owed.min(fits as u64);
        let len = replies as usize * self.work.reply_bytes();
        let is_all = replies == self.owed;
        self.owed -= replies;
        if self.may_go_inline(sends)
            && is_all
            && let Some((start, room)) = arena.reserve(len)
        {
            self.work.write_replies(room);
            return Sending::Inline { start, len };
        }
        self.outbox.resize(len, 0);
        self.work.write_replies(&mut self.outbox);
        Sending::Flying { len }
    }

    /// An inline send has no completion to send a second part or to close, so what waits for one does not go inline.
    fn may_go_inline(&self, sends: Sends) -> bool {
        sends == Sends::Inline && self.receive == Receive::Armed
    }
}
