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
    let names_a_port = typed.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if typed.contains("://") || !names_a_port {
        return Err(refusal("it is written HOST:PORT, as in 127.0.0.1:11211".into()));
    }
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
