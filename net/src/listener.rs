//! Sockets that accept.

use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, UnixAddr, bind, listen, setsockopt, socket, sockopt,
};
use spindle_core::flight::Arrived;
use spindle_core::{Core, Descriptor, Errno, Op};

/// Listens on a TCP address. Every core has a listener of its own: the kernel spreads connections between them
/// (SO_REUSEPORT). Connections inherit TCP_NODELAY.
pub fn listen_tcp(address: SocketAddr, backlog: i32) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let listener = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    setsockopt(&listener, sockopt::ReusePort, &true)?;
    setsockopt(&listener, sockopt::TcpNoDelay, &true)?;
    if address.is_ipv6() {
        setsockopt(&listener, sockopt::Ipv6V6Only, &true)?;
    }
    bind(listener.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&listener, Backlog::new(backlog.clamp(1, Backlog::MAXCONN.into()))?)?;
    Ok(listener)
}

/// Listens on a unix socket, and removes another of the same name first. `mode` is the permission bits of its file.
///
/// # Errors
/// What bears the name is no socket; or the kernel's.
pub fn listen_unix(path: &Path, mode: u32, backlog: i32) -> io::Result<(OwnedFd, SocketFile)> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(ErrorKind::AlreadyExists, "it exists and is not a socket")),
        Err(_) => {}
    }
    let listener = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(listener.as_raw_fd(), &UnixAddr::new(path)?)?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    listen(&listener, Backlog::new(backlog.clamp(1, Backlog::MAXCONN.into()))?)?;
    let made = std::fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), id: (made.dev(), made.ino()), _bound: listener.try_clone()? };
    Ok((listener, file))
}

/// The file of a unix socket that is listened on. Dropping this removes it, unless another process has put its own in its
/// place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    id: (u64, u64),
    /// While a socket is bound to it, no other file gets the same inode.
    _bound: OwnedFd,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.id) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// How long to wait when the process or the machine is out of descriptors, or the network in trouble.
const EXHAUSTED_PAUSE_NS: u64 = 10_000_000;

/// The same complaint is not made more often.
const WARNING_PAUSE_NS: u64 = 10_000_000_000;

/// What comes of accepting.
pub enum Accepted {
    Connection(Descriptor),
    /// Nothing more for now: no descriptors, no memory, or a trouble of the network that accept(2) says to try again after.
    Stopped(Errno),
    /// The trouble is over.
    Resumed,
}

/// Accepts for ever, handing everything over that comes of it; while there is no `room`, connections wait in the
/// listener's queue. Ends only with an error that no waiting mends.
pub async fn accept(
    core: &Core,
    listener: Rc<Descriptor>,
    room: impl Fn() -> bool,
    mut hand_over: impl FnMut(Accepted),
) -> Errno {
    let mut stopped = false;
    let mut silent_until_ns = 0;
    loop {
        while !room() {
            core.sleep_until(core.now_ns() + EXHAUSTED_PAUSE_NS).await;
        }
        let mut accepting = core.launch(Op::Accept { listener: Rc::clone(&listener) });
        if stopped {
            // A refusal would be here by then, whether or not anybody wants to connect.
            core.next_turn().await;
            if !accepting.has_landed() {
                stopped = false;
                hand_over(Accepted::Resumed);
            }
        }
        loop {
            let landing = (&mut accepting).await;
            match landing.result {
                Ok(_) => {
                    if std::mem::take(&mut stopped) {
                        hand_over(Accepted::Resumed);
                    }
                    if let Arrived::Descriptor(socket) = landing.arrived {
                        hand_over(Accepted::Connection(socket));
                    }
                    if !room() {
                        accepting.cancel();
                    }
                }
                Err(Errno::ECANCELED) => {}
                // No listener any more.
                Err(errno @ (Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK | Errno::EOPNOTSUPP)) => return errno,
                // The peer was gone before it was accepted.
                Err(Errno::ECONNABORTED | Errno::EINTR | Errno::EPROTO) => {}
                Err(errno) => {
                    if !std::mem::replace(&mut stopped, true) {
                        hand_over(Accepted::Stopped(errno));
                    }
                    if core.now_ns() >= silent_until_ns {
                        tracing::warn!(%errno, "cannot accept");
                        silent_until_ns = core.now_ns() + WARNING_PAUSE_NS;
                    }
                    core.sleep_until(core.now_ns() + EXHAUSTED_PAUSE_NS).await;
                }
            }
            if !landing.more {
                break;
            }
        }
    }
}
