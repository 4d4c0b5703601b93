//! The one file that talks to io_uring: ops become submission queue entries, completion queue entries become completions.
#![allow(unsafe_code)]

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::rc::Rc;

use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, opcode, types};
use nix::sys::socket::SockaddrLike;

use crate::buffers::parcel::Parcel;
use crate::buffers::provided::{Consumer, GROUP, Provided};
use crate::buffers::registered::Registered;
use crate::clock::monotonic_ns;
use crate::descriptor::{Descriptor, tcp_socket};
use crate::kernel::{Completion, Kernel, Wait};
use crate::op::{Address, Blocking, Cancel, Existing, FOLDER_MODE, Offset, Op, Synced};
use crate::token::Token;
use crate::{Errno, Limits};

/// Segments of one sendmsg(2); a longer parcel is sent in several.
const SEGMENTS_MAX: usize = 256;
const REGISTER_RING_FDS: libc::c_uint = 20;
const UNREGISTER_RING_FDS: libc::c_uint = 21;
const ENTER_GETEVENTS: libc::c_uint = 1 << 0;
const ENTER_EXT_ARG: libc::c_uint = 1 << 3;
const ENTER_REGISTERED_RING: libc::c_uint = 1 << 4;

/// The message header and segment list of a sendmsg(2), kept in the parcel that it describes.
pub(crate) struct Scratch {
    header: libc::msghdr,
    segments: Vec<libc::iovec>,
}

/// `struct io_uring_getevents_arg`: the timeout of an enter.
#[repr(C)]
struct GeteventsArg {
    sigmask: u64,
    sigmask_bytes: u32,
    min_wait_usec: u32,
    timespec: u64,
}

/// `struct io_uring_rsrc_update`: registering the ring's own descriptor.
#[repr(C)]
struct RegisterRingFd {
    offset: u32,
    reserved: u32,
    fd: u64,
}

/// Fields in the order of dropping: the io_uring before the memory that it knows.
pub struct Ring {
    ring: IoUring,
    /// What to pass to io_uring_enter(2): the registered index where there is one.
    enter_fd: i32,
    enter_flags: libc::c_uint,
    provided: Rc<Provided>,
    registered: Option<Rc<Registered>>,
}

impl Ring {
    /// Builds the ring of the calling thread, which alone may use it (SINGLE_ISSUER).
    pub fn new(limits: &Limits) -> std::io::Result<Ring> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(limits.completions)
            .build(limits.submissions)?;
        let provided = Provided::new(limits.receive_buffers, limits.receive_buffer_bytes, Consumer::Kernel)?;
        let (address, entries) = provided.ring_for_kernel();
        // SAFETY: the ring of buffers is page-aligned, has that many entries, and lives as long as `provided`, which this
        // Ring drops after the io_uring itself, or leaks together with it.
        unsafe { ring.submitter().register_buf_ring_with_flags(address, entries, GROUP, 0)? };
        let registered = match limits.registered_buffers {
            0 => None,
            buffers => Some(register(&ring, Registered::new(buffers, limits.registered_buffer_bytes)?)?),
        };
        if limits.file_workers > 0 {
            // The second number, of workers that wait for sockets, stays as it is.
            ring.submitter().register_iowq_max_workers(&mut [limits.file_workers, 0])?;
        }
        let (enter_fd, enter_flags) = match register_ring_fd(ring.as_raw_fd()) {
            Some(index) => (index, ENTER_REGISTERED_RING),
            None => (ring.as_raw_fd(), 0),
        };
        Ok(Ring { ring, enter_fd, enter_flags, provided, registered })
    }

    /// Keeps the kernel's workers of this ring on these CPUs: they heed no affinity but what they are told. Best effort, as
    /// pinning is.
    pub fn confine_workers(&self, cpus: &[usize]) {
        // SAFETY: a set of zeros is a valid empty set.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        for &cpu in cpus.iter().filter(|cpu| **cpu < libc::CPU_SETSIZE as usize) {
            // SAFETY: the number is within the set.
            unsafe { libc::CPU_SET(cpu, &mut set) };
        }
        if let Err(error) = self.ring.submitter().register_iowq_aff(&set) {
            tracing::warn!(%error, "the kernel's workers could not be confined");
        }
    }

    fn push(&mut self, entry: &Entry) {
        loop {
            // SAFETY: whatever the entry points to outlives the op: the contract of `submit`, or nothing (cancel).
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                return;
            }
            // Full: hand over what is queued, and go on.
            let queued = self.ring.submission().len() as u32;
            match self.system_enter(queued, 0, 0, None) {
                Ok(()) | Err(Errno::EINTR | Errno::EAGAIN | Errno::EBUSY) => {}
                Err(errno) => panic!("the kernel refused what was queued: {errno}"),
            }
        }
    }

    fn system_enter(
        &self,
        submit: u32,
        want: u32,
        flags: libc::c_uint,
        arg: Option<&GeteventsArg>,
    ) -> Result<(), Errno> {
        let (arg, bytes) =
            arg.map_or((std::ptr::null(), 0), |arg| (std::ptr::from_ref(arg), size_of::<GeteventsArg>()));
        // SAFETY: the ring is alive, the argument (if any) is a getevents_arg that outlives the call.
        let result = unsafe {
            let flags = flags | self.enter_flags;
            libc::syscall(libc::SYS_io_uring_enter, self.enter_fd, submit, want, flags, arg, bytes)
        };
        Errno::result(result).map(drop)
    }
}

impl Kernel for Ring {
    #[inline]
    unsafe fn submit(&mut self, token: Token, op: &mut Op) {
        let entry = entry(op).user_data(token.encode());
        self.push(&entry);
    }

    fn cancel(&mut self, target: Cancel) {
        let builder = match target {
            Cancel::Token(token) => types::CancelBuilder::user_data(token.encode()),
            Cancel::All => types::CancelBuilder::any(),
        };
        let entry = opcode::AsyncCancel2::new(builder).build().user_data(Token::CANCEL.encode());
        self.push(&entry.flags(Flags::SKIP_SUCCESS));
    }

    #[inline]
    fn enter(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> Result<(), Errno> {
        let submit = self.ring.submission().len() as u32;
        let entered = match wait {
            Wait::No => self.system_enter(submit, 0, ENTER_GETEVENTS, None),
            Wait::Forever => self.system_enter(submit, 1, ENTER_GETEVENTS, None),
            Wait::UntilNs(deadline_ns) => {
                let left_ns = deadline_ns.saturating_sub(self.now_ns());
                let timespec =
                    types::Timespec::new().sec(left_ns / 1_000_000_000).nsec((left_ns % 1_000_000_000) as u32);
                let arg = GeteventsArg {
                    sigmask: 0,
                    sigmask_bytes: 0,
                    min_wait_usec: 0,
                    timespec: std::ptr::from_ref(&timespec) as u64,
                };
                self.system_enter(submit, 1, ENTER_GETEVENTS | ENTER_EXT_ARG, Some(&arg))
            }
        };
        match entered {
            // Nothing in time, a signal, or completions that must be taken first: an empty turn, not an error.
            Ok(()) | Err(Errno::ETIME | Errno::EINTR | Errno::EAGAIN | Errno::EBUSY) => {}
            Err(errno) => return Err(errno),
        }
        completions.extend(self.ring.completion().map(|entry| Completion {
            user_data: entry.user_data(),
            result: entry.result(),
            flags: entry.flags(),
        }));
        Ok(())
    }

    fn adopt(&mut self, result: i32) -> Descriptor {
        // SAFETY: the kernel just gave us this descriptor as the result of an accept, and it is adopted once.
        Descriptor::Kernel(unsafe { OwnedFd::from_raw_fd(result) })
    }

    fn socket(&mut self, server: SocketAddr) -> Result<Descriptor, Errno> {
        tcp_socket(server).map(Descriptor::from)
    }

    fn provided(&self) -> Rc<Provided> {
        Rc::clone(&self.provided)
    }

    fn registered(&self) -> Option<Rc<Registered>> {
        self.registered.clone()
    }

    fn now_ns(&self) -> u64 {
        monotonic_ns()
    }
}

fn fd(descriptor: &Descriptor) -> types::Fd {
    types::Fd(descriptor.number())
}

/// The entry of an op; it points into the op's cargo.
#[inline]
fn entry(op: &mut Op) -> Entry {
    match op {
        Op::Receive { socket } => opcode::RecvMulti::new(fd(socket), GROUP).build(),
        Op::Send { socket, parcel } => send(fd(socket), parcel),
        Op::Accept { listener } => {
            // Not for the ring, which never waits, but for sendfile(2).
            opcode::AcceptMulti::new(fd(listener)).flags(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK).build()
        }
        Op::ReceiveInto { socket, into, filled, .. } => {
            // Without MSG_WAITALL: io_uring polls for one op 128 times, and then has a worker wait in recvmsg(2), for every
            // peer that trickles (APOLL_MAX_RETRY in the kernel's io_uring/poll.c). `slots` asks for the rest.
            let piece = &mut into.piece()[*filled..];
            opcode::Recv::new(fd(socket), piece.as_mut_ptr(), length(piece)).build()
        }
        Op::SendZeroCopy { socket, parcel } => {
            let scratch = scratch(parcel);
            opcode::SendMsgZc::new(fd(socket), scratch).flags((libc::MSG_NOSIGNAL | libc::MSG_WAITALL) as u32).build()
        }
        Op::Shutdown { socket, how } => {
            let how = match how {
                std::net::Shutdown::Read => libc::SHUT_RD,
                std::net::Shutdown::Write => libc::SHUT_WR,
                std::net::Shutdown::Both => libc::SHUT_RDWR,
            };
            opcode::Shutdown::new(fd(socket), how).build()
        }
        Op::Connect { socket, address } => {
            let (pointer, length) = match &**address {
                Address::Ip(address) => (address.as_ptr(), address.len()),
                Address::Unix(address) => (SockaddrLike::as_ptr(address), address.len()),
            };
            opcode::Connect::new(fd(socket), pointer, length).build()
        }
        Op::Read { file, buffer, offset } => {
            opcode::Read::new(fd(file), buffer.as_mut_ptr(), length(buffer)).offset(offset.raw()).build()
        }
        Op::ReadRegistered { file, buffer, offset } => {
            opcode::ReadFixed::new(fd(file), buffer.address(), buffer.capacity(), buffer.index())
                .offset(offset.raw())
                .build()
        }
        Op::Write { file, buffer, offset, blocking } => {
            let flags = match blocking {
                Blocking::Allowed => 0,
                Blocking::Refused => libc::RWF_NOWAIT,
            };
            opcode::Write::new(fd(file), buffer.as_ptr(), length(buffer)).offset(offset.raw()).rw_flags(flags).build()
        }
        Op::Splice { from, from_offset, to, to_offset, length_bytes } => {
            let (from_raw, to_raw) = (from_offset.raw() as i64, to_offset.raw() as i64);
            opcode::Splice::new(fd(from), from_raw, fd(to), to_raw, *length_bytes).build()
        }
        Op::AwaitRoom { socket } => opcode::PollAdd::new(fd(socket), libc::POLLOUT as u32).build(),
        _ => naming_entry(op),
    }
}

/// The entries of ops on names and whole files.
fn naming_entry(op: &mut Op) -> Entry {
    match op {
        Op::Open { folder, path, how } => {
            opcode::OpenAt2::new(fd(folder), path.as_ptr(), std::ptr::from_ref(&**how).cast()).build()
        }
        Op::Reserve { file, range } => opcode::Fallocate::new(fd(file), range.end - range.start)
            .offset(range.start)
            .mode(libc::FALLOC_FL_KEEP_SIZE)
            .build(),
        Op::Sync { file, what } => {
            let flags = match what {
                Synced::Data => types::FsyncFlags::DATASYNC,
                Synced::All => types::FsyncFlags::empty(),
            };
            opcode::Fsync::new(fd(file)).flags(flags).build()
        }
        Op::Rename { from_folder, from, to_folder, to, existing } => {
            let flags = match existing {
                Existing::Replaced => 0,
                Existing::Kept => libc::RENAME_NOREPLACE,
            };
            opcode::RenameAt::new(fd(from_folder), from.as_ptr(), fd(to_folder), to.as_ptr()).flags(flags).build()
        }
        Op::Close { file } => {
            // Inline the core's own thread would do the work, on its way back from the system call.
            let number = file.as_ref().map_or(-1, AsRawFd::as_raw_fd);
            opcode::Close::new(types::Fd(number)).build().flags(Flags::ASYNC)
        }
        Op::Unlink { folder, name } => opcode::UnlinkAt::new(fd(folder), name.as_ptr()).build(),
        Op::MakeFolder { folder, name } => opcode::MkDirAt::new(fd(folder), name.as_ptr()).mode(FOLDER_MODE).build(),
        _ => unreachable!("{:?} has an entry of its own", op.kind()),
    }
}

/// What one op may ask for; of more the kernel does a part.
#[inline]
fn length(bytes: &[u8]) -> u32 {
    bytes.len().min(i32::MAX as usize) as u32
}

impl Offset {
    /// As the kernel reads it: -1 is the descriptor's own position.
    fn raw(self) -> u64 {
        match self {
            Offset::At(offset) => offset,
            Offset::Current => u64::MAX,
        }
    }
}

#[inline]
fn send(socket: types::Fd, parcel: &mut Parcel) -> Entry {
    // MSG_WAITALL: the kernel goes on after a short send by itself, without a round trip through us.
    const FLAGS: i32 = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
    match parcel.plain() {
        Some(bytes) => opcode::Send::new(socket, bytes.as_ptr(), length(bytes)).flags(FLAGS).build(),
        None => opcode::SendMsg::new(socket, scratch(parcel)).flags(FLAGS as u32).build(),
    }
}

/// Describes the unsent segments of a parcel, in memory that the parcel owns.
fn scratch(parcel: &mut Parcel) -> *const libc::msghdr {
    let scratch = parcel.describe(|parcel, kept| {
        let mut scratch = kept.unwrap_or_else(|| {
            // SAFETY: a msghdr of zeros is a valid empty message.
            Box::new(Scratch { header: unsafe { std::mem::zeroed() }, segments: Vec::new() })
        });
        scratch.segments.clear();
        scratch.segments.extend(
            parcel
                .segments()
                .take(SEGMENTS_MAX)
                .map(|segment| libc::iovec { iov_base: segment.as_ptr().cast_mut().cast(), iov_len: segment.len() }),
        );
        scratch.header.msg_iov = scratch.segments.as_mut_ptr();
        scratch.header.msg_iovlen = scratch.segments.len();
        scratch
    });
    std::ptr::from_ref(&scratch.header)
}

fn register(ring: &IoUring, registered: Rc<Registered>) -> std::io::Result<Rc<Registered>> {
    let iovecs: Vec<libc::iovec> = registered
        .for_kernel()
        .map(|(address, length)| libc::iovec { iov_base: address.cast(), iov_len: length })
        .collect();
    // SAFETY: the memory lives as long as the pool, which the Ring drops after the io_uring, or leaks with it.
    unsafe { ring.submitter().register_buffers(&iovecs)? };
    Ok(registered)
}

/// The thread keeps a registered ring, and all that it holds, until it is told otherwise: closing is not enough.
impl Drop for Ring {
    fn drop(&mut self) {
        if self.enter_flags & ENTER_REGISTERED_RING != 0 {
            let mut place = RegisterRingFd { offset: self.enter_fd as u32, reserved: 0, fd: 0 };
            system_register(self.ring.as_raw_fd(), UNREGISTER_RING_FDS, &mut place);
        }
    }
}

/// Spares each enter the look-up of the ring's descriptor. `None` where the kernel cannot.
fn register_ring_fd(fd: i32) -> Option<i32> {
    let mut place = RegisterRingFd { offset: u32::MAX, reserved: 0, fd: fd as u64 };
    (system_register(fd, REGISTER_RING_FDS, &mut place) == 1).then_some(place.offset as i32)
}

fn system_register(fd: i32, what: libc::c_uint, place: &mut RegisterRingFd) -> libc::c_long {
    // SAFETY: the argument is one io_uring_rsrc_update that outlives the call.
    unsafe { libc::syscall(libc::SYS_io_uring_register, fd, what, std::ptr::from_mut(place), 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_that_is_gone_gives_its_place_in_the_thread_back() {
        for number in 0..40 {
            let ring = Ring::new(&Limits::default()).unwrap();
            assert!(ring.enter_flags == ENTER_REGISTERED_RING, "ring {number} found no place");
        }
    }
}
