//! The listening socket.
#![forbid(unsafe_code)]

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket, sockopt,
};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Listens on `address`. Accepted connections inherit TCP_NODELAY from the listener, so that none needs a call for it.
///
/// # Errors
/// Those of socket(2), bind(2) and listen(2).
pub fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let listener = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    setsockopt(&listener, sockopt::TcpNoDelay, &true)?;
    bind(listener.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&listener, Backlog::new(BACKLOG)?)?;
    Ok(TcpListener::from(listener))
}
