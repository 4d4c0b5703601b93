//! Sockets that connect.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};
use spindle_core::op::Address;
use spindle_core::{Core, Descriptor, Errno, Op};

/// A connected TCP socket that sends at once (TCP_NODELAY).
pub async fn dial(core: &Core, server: SocketAddr) -> Result<Descriptor, Errno> {
    connect(core, undialled(server)?, server).await
}

/// One that is not connected yet, for options that have to be set before.
pub fn undialled(server: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if server.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
    Ok(socket)
}

/// Connects what [`undialled`] made. Dropped before it is over, it is cancelled, and the socket closes.
pub async fn connect(core: &Core, socket: OwnedFd, server: SocketAddr) -> Result<Descriptor, Errno> {
    let socket = Rc::new(Descriptor::from(socket));
    core.launch(Op::Connect { socket: Rc::clone(&socket), address: Box::new(Address::from(server)) }).await.result?;
    // The op has let go of its share with its landing.
    Rc::try_unwrap(socket).map_err(|_| Errno::EBUSY)
}
