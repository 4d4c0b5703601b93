//! The face of the kernel: what `ring` does with io_uring, and `simulator` with a seed.

use std::net::SocketAddr;
use std::rc::Rc;

use crate::Errno;
use crate::buffers::provided::Provided;
use crate::buffers::registered::Registered;
use crate::descriptor::Descriptor;
use crate::op::{Cancel, Op};
use crate::token::Token;

/// How long a turn may wait for completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: there is other work.
    No,
    /// Until one completion, or this time of [`Kernel::now_ns`].
    UntilNs(u64),
    /// Until one completion.
    Forever,
}

/// What the kernel answers: a completion queue entry, as io_uring lays it out.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    pub user_data: u64,
    /// A count, or a negated errno.
    pub result: i32,
    /// `IORING_CQE_F_*`.
    pub flags: u32,
}

const FLAG_BUFFER: u32 = 1 << 0;
const FLAG_MORE: u32 = 1 << 1;
const FLAG_NOTIFICATION: u32 = 1 << 3;
const BUFFER_SHIFT: u32 = 16;

impl Completion {
    pub fn new(token: Token, result: i32) -> Self {
        Completion { user_data: token.encode(), result, flags: 0 }
    }

    #[must_use]
    pub fn with_more(mut self) -> Self {
        self.flags |= FLAG_MORE;
        self
    }

    #[must_use]
    pub fn with_buffer(mut self, id: u16) -> Self {
        self.flags |= FLAG_BUFFER | u32::from(id) << BUFFER_SHIFT;
        self
    }

    #[must_use]
    pub fn with_notification(mut self) -> Self {
        self.flags |= FLAG_NOTIFICATION;
        self
    }

    /// Another completion of the same op follows: its cargo is still lent.
    #[inline]
    pub fn more(&self) -> bool {
        self.flags & FLAG_MORE != 0
    }

    /// The kernel has let go of the memory of a zero-copy send.
    #[inline]
    pub fn notification(&self) -> bool {
        self.flags & FLAG_NOTIFICATION != 0
    }

    /// The provided buffer that was filled.
    #[inline]
    pub fn buffer(&self) -> Option<u16> {
        (self.flags & FLAG_BUFFER != 0).then_some((self.flags >> BUFFER_SHIFT) as u16)
    }
}

pub trait Kernel {
    /// Queues one op; the kernel sees it at the next [`Kernel::enter`] at the latest.
    ///
    /// # Safety
    /// `op` stays where it is, and what it owns stays alive and unread (unwritten, when it is being sent), until the
    /// completion of `token` that has neither `more` nor a notification outstanding. Only `slots` calls this.
    #[allow(unsafe_code)] // An obligation is declared here; it is met in `slots`.
    unsafe fn submit(&mut self, token: Token, op: &mut Op);

    /// Queues a cancellation; it has no completion that anybody sees.
    fn cancel(&mut self, target: Cancel);

    /// The one system call of a turn: hands over what was queued, waits, and appends what has completed.
    fn enter(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> Result<(), Errno>;

    /// The descriptor that an accept or an open answered with. Called once per such completion.
    fn adopt(&mut self, result: i32) -> Descriptor;

    /// A TCP socket to connect to `server` with; it sends at once (TCP_NODELAY).
    ///
    /// # Errors
    /// The kernel's, of socket(2) and setsockopt(2).
    fn socket(&mut self, server: SocketAddr) -> Result<Descriptor, Errno>;

    /// The buffers that receives land in.
    fn provided(&self) -> Rc<Provided>;

    /// The buffers that files are read into, when the limits ask for some.
    fn registered(&self) -> Option<Rc<Registered>> {
        None
    }

    /// Monotonic nanoseconds since some fixed point.
    fn now_ns(&self) -> u64;

    /// Called with each completion and its op before they land: a kernel that cannot reach our memory moves the bytes
    /// here. io_uring already has.
    #[inline]
    fn fulfil(&mut self, _done: &Completion, _op: &mut Op) {}
}
