//! A connection for which the kernels, its own and the server's, hold hardly anything that was not read: whoever sends much
//! over it has to wait. (The sender's buffer is sized by the segments; loopback's of 64 KiB would hide megabytes.)

use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, setsockopt, socket, sockopt};

pub(crate) fn narrow(server: SocketAddr) -> TcpStream {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    setsockopt(&socket, sockopt::RcvBuf, &4096).unwrap();
    setsockopt(&socket, sockopt::SndBuf, &4096).unwrap();
    setsockopt(&socket, sockopt::TcpMaxSeg, &536).unwrap();
    connect(OwnedFd::as_raw_fd(&socket), &SockaddrStorage::from(server)).unwrap();
    socket.into()
}
