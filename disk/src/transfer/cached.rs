//! Sending from the page cache: sendfile(2) on a socket that does not block.

use std::ops::Range;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use nix::sys::sendfile::sendfile64;
use nix::sys::socket::{MsgFlags, send};
use spindle_core::{Core, Descriptor, Errno, Op};

/// Why it was not all sent. Nothing more can be said on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The peer made no room for as long as it may.
    Silent,
    /// The peer or the network broke the connection.
    Broken(Errno),
    /// The file became shorter.
    Shrunk,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Done,
    /// The socket took some, and takes no more now: [`room`] comes before the next step.
    Moved,
    /// It took nothing.
    Stuck,
}

/// A head, and after it a range of a file, in as few segments as they fill.
pub struct CachedSend {
    head_sent: usize,
    left: Range<u64>,
}

impl CachedSend {
    pub fn new(range: Range<u64>) -> CachedSend {
        CachedSend { head_sent: 0, left: range }
    }

    /// Sends as much as the socket takes at once. `head` is the same at every step, and everything that was to be sent
    /// before has been.
    ///
    /// # Errors
    /// The connection's, or [`Unsent::Shrunk`].
    pub fn step(&mut self, socket: &Descriptor, head: &[u8], file: &Descriptor) -> Result<Progress, Unsent> {
        let (Some(to), Some(from)) = (socket.kernel(), file.kernel()) else {
            return Err(Unsent::Broken(Errno::EOPNOTSUPP));
        };
        let before = (self.head_sent, self.left.start);
        while self.head_sent < head.len() {
            // More follows: the head shares a segment with the first bytes of the file.
            let flags = MsgFlags::from_bits_retain(libc::MSG_MORE) | MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send(to.as_raw_fd(), &head[self.head_sent..], flags) {
                Ok(count) => self.head_sent += count,
                Err(Errno::EAGAIN) => return Ok(self.since(before)),
                Err(errno) => return Err(Unsent::Broken(errno)),
            }
        }
        while !self.left.is_empty() {
            let mut at = self.left.start as i64;
            let count = (self.left.end - self.left.start) as usize;
            match sendfile64(to, from, Some(&mut at), count) {
                Ok(0) => return Err(Unsent::Shrunk),
                Ok(_) => self.left.start = at as u64,
                Err(Errno::EAGAIN) => return Ok(self.since(before)),
                Err(errno) => return Err(Unsent::Broken(errno)),
            }
        }
        Ok(Progress::Done)
    }

    /// What of the file is not sent; `None` while the head is not.
    pub fn left(&self, head: &[u8]) -> Option<&Range<u64>> {
        (self.head_sent == head.len()).then_some(&self.left)
    }

    fn since(&self, before: (usize, u64)) -> Progress {
        if before == (self.head_sent, self.left.start) { Progress::Stuck } else { Progress::Moved }
    }
}

/// Between two looks at the socket of a peer that has finished its stream.
const LOOK_NS: u64 = 10_000_000;

/// Waits until the peer may have made room, and for no longer than until the deadline.
///
/// # Errors
/// It has not, or the connection is broken.
pub async fn room(core: &Core, socket: &Rc<Descriptor>, deadline_ns: u64) -> Result<(), Unsent> {
    let waiting = core.launch(Op::AwaitRoom { socket: Rc::clone(socket) });
    let landing = core.until(deadline_ns, waiting).await.ok_or(Unsent::Silent)?;
    let events = landing.result.map_err(Unsent::Broken)?;
    if events & libc::POLLOUT as u32 != 0 {
        return Ok(());
    }
    // The kernel wakes every poll of a half-closed socket (POLLRDHUP), and would again at once: only time tells.
    if core.now_ns() >= deadline_ns {
        return Err(Unsent::Silent);
    }
    core.sleep_until(deadline_ns.min(core.now_ns() + LOOK_NS)).await;
    Ok(())
}
