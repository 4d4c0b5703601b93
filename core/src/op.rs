//! Everything that is asked of the kernel, as data. An op owns its cargo: the memory and the descriptors that the kernel
//! may touch until the op's last completion.

use std::net::SocketAddr;
use std::rc::Rc;

use crate::buffers::lend::LendMut;
use crate::buffers::parcel::Parcel;
use crate::buffers::registered::RegisteredLease;
use crate::descriptor::Descriptor;
use crate::token::Kind;

pub enum Op {
    /// Multishot: one landing per connection.
    Accept {
        listener: Rc<Descriptor>,
    },
    /// Multishot, into provided buffers: one landing per chunk; a chunk of no bytes is the end of the stream.
    Receive {
        socket: Rc<Descriptor>,
    },
    /// Fills `into`'s current piece from `filled` on; lands when the piece is full, or short at the end of the stream.
    ReceiveInto {
        socket: Rc<Descriptor>,
        into: Box<dyn LendMut>,
        filled: usize,
    },
    /// Sends the whole parcel; short sends are continued by the core. The parcel goes home when it lands.
    Send {
        socket: Rc<Descriptor>,
        parcel: Parcel,
    },
    /// Lands twice: with the count, and once more (unseen by the flow) when the kernel has let go of the memory.
    SendZeroCopy {
        socket: Rc<Descriptor>,
        parcel: Parcel,
    },
    Shutdown {
        socket: Rc<Descriptor>,
        how: std::net::Shutdown,
    },
    Connect {
        socket: Rc<Descriptor>,
        address: Box<Address>,
    },
    /// Reads at `offset` into the spare length of `buffer`: `buffer.len()` bytes at most.
    Read {
        file: Rc<Descriptor>,
        buffer: Vec<u8>,
        offset: Offset,
    },
    ReadRegistered {
        file: Rc<Descriptor>,
        buffer: RegisteredLease,
        offset: Offset,
    },
    Write {
        file: Rc<Descriptor>,
        buffer: Vec<u8>,
        offset: Offset,
    },
    /// Moves up to `length_bytes` between a pipe and something else, without copying.
    Splice {
        from: Rc<Descriptor>,
        from_offset: Offset,
        to: Rc<Descriptor>,
        to_offset: Offset,
        length_bytes: u32,
    },
}

/// Where in a file an op begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    At(u64),
    /// The descriptor's own position; the only one that pipes, sockets and eventfds have.
    Current,
}

/// A peer's address in the form that connect(2) reads.
#[derive(Clone, Debug)]
pub enum Address {
    Ip(nix::sys::socket::SockaddrStorage),
    Unix(nix::sys::socket::UnixAddr),
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address::Ip(nix::sys::socket::SockaddrStorage::from(address))
    }
}

/// What is to be cancelled. Cancelling is an op, not a release: the target still has its own last completion.
#[derive(Clone, Copy, Debug)]
pub enum Cancel {
    Token(crate::token::Token),
    /// Everything in the ring: only when it dies.
    All,
}

impl Op {
    #[inline]
    pub fn kind(&self) -> Kind {
        match self {
            Op::Accept { .. } => Kind::Accept,
            Op::Receive { .. } => Kind::Receive,
            Op::ReceiveInto { .. } => Kind::ReceiveInto,
            Op::Send { .. } => Kind::Send,
            Op::SendZeroCopy { .. } => Kind::SendZeroCopy,
            Op::Shutdown { .. } => Kind::Shutdown,
            Op::Connect { .. } => Kind::Connect,
            Op::Read { .. } => Kind::Read,
            Op::ReadRegistered { .. } => Kind::ReadRegistered,
            Op::Write { .. } => Kind::Write,
            Op::Splice { .. } => Kind::Splice,
        }
    }
}
