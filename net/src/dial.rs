//! Sockets that connect.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use spindle_core::descriptor::tcp_socket;
use spindle_core::op::Address;
use spindle_core::{Core, Descriptor, Errno, Op};

/// A connected TCP socket that sends at once (TCP_NODELAY).
pub async fn dial(core: &Core, server: SocketAddr) -> Result<Descriptor, Errno> {
    connect(core, core.socket(server)?, server).await
}

/// One of the kernel that is not connected yet, for options that have to be set before.
pub fn undialled(server: SocketAddr) -> Result<OwnedFd, Errno> {
    tcp_socket(server)
}

/// Connects what [`undialled`] or [`Core::socket`] made. Dropped before it is over, it is cancelled, and the socket closes.
pub async fn connect(core: &Core, socket: impl Into<Descriptor>, server: SocketAddr) -> Result<Descriptor, Errno> {
    let socket = Rc::new(socket.into());
    core.launch(Op::Connect { socket: Rc::clone(&socket), address: Box::new(Address::from(server)) }).await.result?;
    // The op has let go of its share with its landing.
    Rc::try_unwrap(socket).map_err(|_| Errno::EBUSY)
}
