//! Whom a load is for.
#![forbid(unsafe_code)]

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::refusal::{Argument, Refusal};

/// How long each of a server's addresses is tried.
const CONNECTING: Duration = Duration::from_secs(3);

/// The first address of `HOST:PORT` that lets itself be connected to.
///
/// # Errors
/// No such host, or nobody listens there: with every address tried, the last one's reason.
pub(super) fn reach(typed: &str) -> Result<SocketAddr, Refusal> {
    let refusal = |why: String| Refusal::new(Argument::Server, typed, why);
    let addresses = typed.to_socket_addrs().map_err(|error| refusal(format!("no such server: {error}")))?;
    let mut refused = refusal("has no address".into());
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECTING) {
            Ok(_) => return Ok(address),
            Err(error) => refused = refusal(format!("cannot connect: {error}")),
        }
    }
    Err(refused)
}
