//! What a server knows of one connection.
#![forbid(unsafe_code)]

use crate::lines::Work;
use io_uring::types::{Fd, Fixed};

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
    /// Requests not yet answered. A count costs no memory, so it needs no bound.
    pub owed: u64,
    /// True exactly when the connection is in the turn's list of those to flush.
    pub listed: bool,
    /// Bytes of a send that flies; never resized while one does.
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
            listed: false,
            outbox: Vec::new(),
        }
    }
}
