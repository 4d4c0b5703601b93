//! Sending from the page cache: sendfile(2) on a socket that does not block.

use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;

use nix::sys::sendfile::sendfile64;
use nix::sys::socket::{MsgFlags, send as send_bytes};
use spindle_core::{Core, Descriptor, Errno, Op};

/// Why it was not all sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The peer took nothing for as long as it may.
    Silent,
    /// The peer or the network broke the connection.
    Broken(Errno),
    /// The file became shorter.
    Shrunk,
}

/// Sends `head`, and after it `range` of the file, in as few segments as they fill. Everything that was to be sent before
/// must have been. A peer that makes no room for `patience_ns` is given up.
///
/// # Errors
/// Not all of it was sent: nothing more can be said on this connection.
pub async fn send(
    core: &Core,
    socket: &Rc<Descriptor>,
    head: &[u8],
    file: &Descriptor,
    range: Range<u64>,
    patience_ns: u64,
) -> Result<(), Unsent> {
    let (Descriptor::Kernel(to), Descriptor::Kernel(from)) = (&**socket, file) else {
        return Err(Unsent::Broken(Errno::EOPNOTSUPP));
    };
    let mut head = head;
    while !head.is_empty() {
        // More follows: the head shares a segment with the first bytes of the file.
        let flags = MsgFlags::from_bits_retain(libc::MSG_MORE) | MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match send_bytes(to.as_raw_fd(), head, flags) {
            Ok(count) => head = &head[count..],
            Err(Errno::EAGAIN) => room(core, socket, patience_ns).await?,
            Err(errno) => return Err(Unsent::Broken(errno)),
        }
    }
    let mut at = range.start as i64;
    while (at as u64) < range.end {
        let count = (range.end - at as u64) as usize;
        match sendfile64(to.as_fd(), from.as_fd(), Some(&mut at), count) {
            Ok(0) => return Err(Unsent::Shrunk),
            Ok(_) => {}
            Err(Errno::EAGAIN) => room(core, socket, patience_ns).await?,
            Err(errno) => return Err(Unsent::Broken(errno)),
        }
    }
    Ok(())
}

/// Waits until the peer has made room.
async fn room(core: &Core, socket: &Rc<Descriptor>, patience_ns: u64) -> Result<(), Unsent> {
    let waiting = core.launch(Op::AwaitRoom { socket: Rc::clone(socket) });
    match core.until(core.now_ns().saturating_add(patience_ns), waiting).await {
        None => Err(Unsent::Silent),
        Some(landing) => landing.result.map(drop).map_err(Unsent::Broken),
    }
}
