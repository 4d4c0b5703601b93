//! Everything that is asked of the kernel, as data. An op owns its cargo: the memory and the descriptors that the kernel
//! may touch until the op's last completion.

use std::ffi::CString;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
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
    /// Fills `into`'s current piece from `filled` on; lands when as much is there as `fill` wants, or short at the end of the
    /// stream.
    ReceiveInto {
        socket: Rc<Descriptor>,
        into: Box<dyn LendMut>,
        filled: usize,
        fill: Fill,
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
    /// Where the file system can only do it while it waits, on one of the kernel's workers, which keep no disks apart: see
    /// [`Writer`](crate::writer::Writer).
    Write {
        file: Rc<Descriptor>,
        buffer: Vec<u8>,
        offset: Offset,
        blocking: Blocking,
    },
    /// Moves up to `length_bytes` between a pipe and something else, without copying.
    Splice {
        from: Rc<Descriptor>,
        from_offset: Offset,
        to: Rc<Descriptor>,
        to_offset: Offset,
        length_bytes: u32,
    },
    /// Lands once the socket takes more bytes, with POLLOUT among its events; or is broken, or its peer has finished.
    AwaitRoom {
        socket: Rc<Descriptor>,
    },
    /// Opens what `path` names beneath `folder`, and nothing else: no `..` and no link leads out (RESOLVE_BENEATH). Lands
    /// with a descriptor.
    Open {
        folder: Rc<Descriptor>,
        path: CString,
        how: Box<OpenHow>,
    },
    /// Gives the file room for these bytes; its length stays as it is.
    Reserve {
        file: Rc<Descriptor>,
        range: Range<u64>,
    },
    /// Lands when what was written before is on the disk.
    Sync {
        file: Rc<Descriptor>,
        what: Synced,
    },
    /// Names, not paths: what is beneath a folder is opened first.
    Rename {
        from_folder: Rc<Descriptor>,
        from: CString,
        to_folder: Rc<Descriptor>,
        to: CString,
        existing: Existing,
    },
    Unlink {
        folder: Rc<Descriptor>,
        name: CString,
    },
    /// Closes on one of the kernel's workers: the last close of a file without a name gives its blocks back, and waits for
    /// the disk.
    Close {
        file: Option<OwnedFd>,
    },
    MakeFolder {
        folder: Rc<Descriptor>,
        name: CString,
    },
}

/// Whether an op may wait for its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    Allowed,
    /// It fails with `EAGAIN` instead (RWF_NOWAIT), with `EOPNOTSUPP` where the file cannot tell.
    Refused,
}

/// What becomes of a file that has the new name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Replaced,
    /// The rename fails with `EEXIST`; with `EINVAL` where the file system cannot tell.
    Kept,
}

/// How much of a piece a receive waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// All of it.
    Whole,
    /// What has arrived: at least a byte.
    Arrived,
}

/// What an open is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    /// A new file, which must not be there.
    Create,
    /// An existing file, to write in its middle.
    Write,
    /// A folder: to open, rename and unlink beneath it, and to sync it.
    Folder,
}

/// `struct open_how` of openat2(2), as the kernel lays it out.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

impl From<Access> for OpenHow {
    fn from(access: Access) -> OpenHow {
        let (flags, mode) = match access {
            // A fifo must not be waited for: it is told from a file once it is open.
            Access::Read => (libc::O_RDONLY | libc::O_NONBLOCK, 0),
            Access::Create => (libc::O_RDWR | libc::O_CREAT | libc::O_EXCL, FILE_MODE),
            Access::Write => (libc::O_RDWR | libc::O_NONBLOCK, 0),
            Access::Folder => (libc::O_RDONLY | libc::O_DIRECTORY, 0),
        };
        let resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS;
        OpenHow { flags: (flags | libc::O_CLOEXEC | libc::O_NOCTTY) as u64, mode, resolve }
    }
}

impl OpenHow {
    /// What it was made from.
    pub(crate) fn access(&self) -> Access {
        let all = [Access::Read, Access::Create, Access::Write, Access::Folder];
        all.into_iter().find(|access| OpenHow::from(*access) == *self).expect("it is made from an access alone")
    }
}

/// What everybody may do with files and folders that we make, before the umask.
const FILE_MODE: u64 = 0o666;
pub(crate) const FOLDER_MODE: u32 = 0o777;

/// What of a file is to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// fdatasync(2): what it takes to read the data again.
    Data,
    /// fsync(2). Of a folder: the names in it.
    All,
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

impl Address {
    /// None for one that is not of IP.
    pub(crate) fn ip(&self) -> Option<SocketAddr> {
        let Address::Ip(address) = self else { return None };
        let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
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
    pub fn open(folder: &Rc<Descriptor>, path: CString, access: Access) -> Op {
        Op::Open { folder: Rc::clone(folder), path, how: Box::new(access.into()) }
    }

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
            Op::AwaitRoom { .. } => Kind::AwaitRoom,
            Op::Open { .. } => Kind::Open,
            Op::Reserve { .. } => Kind::Reserve,
            Op::Sync { .. } => Kind::Sync,
            Op::Rename { .. } => Kind::Rename,
            Op::Unlink { .. } => Kind::Unlink,
            Op::MakeFolder { .. } => Kind::MakeFolder,
            Op::Close { .. } => Kind::Close,
        }
    }
}
