//! An open file or socket. Ops in flight share it, so it closes when the last of them has landed and the flow has let
//! go of it: a number is never reused under an op.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};

use crate::Errno;
use crate::simulator::SimulatedDescriptor;

#[derive(Debug)]
pub enum Descriptor {
    Kernel(OwnedFd),
    /// One that a thread beside the core may hold, too: see [`Descriptor::into_shared`].
    Shared(Arc<OwnedFd>),
    Simulated(SimulatedDescriptor),
}

/// How a socket closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Close {
    /// The peer has all that was sent, and then the end of the stream.
    #[default]
    Orderly,
    /// The peer sees a broken connection, and not the end of a stream. What was sent and has not arrived is lost.
    Abrupt,
}

impl Descriptor {
    /// The number that the kernel face knows it by.
    #[inline]
    pub fn number(&self) -> RawFd {
        match self {
            Descriptor::Kernel(fd) => fd.as_raw_fd(),
            Descriptor::Shared(fd) => fd.as_raw_fd(),
            Descriptor::Simulated(descriptor) => descriptor.number(),
        }
    }

    /// The kernel's own, which the simulator has none of.
    #[inline]
    pub fn kernel(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Descriptor::Kernel(fd) => Some(fd.as_fd()),
            Descriptor::Shared(fd) => Some(fd.as_fd()),
            Descriptor::Simulated(_) => None,
        }
    }

    /// The same, as one that a thread beside the core may hold, too. It then closes when the last of both lets go.
    pub fn into_shared(self) -> Descriptor {
        match self {
            Descriptor::Kernel(fd) => Descriptor::Shared(Arc::new(fd)),
            other => other,
        }
    }

    /// What the peer of a socket sees once this closes, whoever closes it. (SO_LINGER of no time, socket(7).)
    pub fn set_close(&self, close: Close) {
        if let Descriptor::Simulated(descriptor) = self {
            descriptor.set_close(close);
        } else if let Some(fd) = self.kernel() {
            let linger = libc::linger { l_onoff: i32::from(close == Close::Abrupt), l_linger: 0 };
            // A socket that takes no options has no peer to be told.
            let _ = setsockopt(&fd, sockopt::Linger, &linger);
        }
    }
}

/// A TCP socket of the kernel that is not connected yet, and sends at once (TCP_NODELAY).
///
/// # Errors
/// The kernel's, of socket(2) and setsockopt(2).
pub fn tcp_socket(server: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if server.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
    Ok(socket)
}

impl<T: Into<OwnedFd>> From<T> for Descriptor {
    fn from(fd: T) -> Self {
        Descriptor::Kernel(fd.into())
    }
}
