//! asked -> decided, of the proxy.
#![forbid(unsafe_code)]

use std::net::SocketAddr;

use super::asked::ProxyAsked;
use super::decided::{Listen, ProxySettings};
use super::error::{Number, SettingsError};
use super::listen;
use super::validator::{CORES_MAX, INT_MAX, cores_available, number, places};

const PORT: u16 = 8080;
/// HTTP's.
const BACKEND_PORT: u16 = 80;
const CONNECTIONS_MAX: i64 = 1024;
const BACKLOG: i64 = 1024;
const IDLE_TIMEOUT_SECONDS: i64 = 75;
const BACKEND_CONNECTIONS_MAX: i64 = 1024;
const BACKEND_TIMEOUT_SECONDS: i64 = 60;

/// Decides; the first thing that cannot be had is the error.
pub fn decide(asked: ProxyAsked) -> Result<ProxySettings, SettingsError> {
    decide_all(asked).map_err(|error| SettingsError::Proxy(Box::new(error)))
}

fn decide_all(asked: ProxyAsked) -> Result<ProxySettings, SettingsError> {
    let listen = match &asked.listen {
        None => vec![Listen::Tcp(listen::loopback(PORT))],
        Some(names) => places(names, PORT)?,
    };
    let cores = number(asked.cores, i64::from(cores_available()), Number::Cores, CORES_MAX)?;
    let (idle, backend) = (asked.idle_timeout_seconds, asked.backend_timeout_seconds);
    let backend_connections = asked.backend_connections_max;
    Ok(ProxySettings {
        listen,
        backends: backends(asked.backends.unwrap_or_default())?,
        connections_max: number(asked.connections_max, CONNECTIONS_MAX, Number::ConnectionsMax, INT_MAX)?,
        cores: u16::try_from(cores).expect("bounded by CORES_MAX"),
        backlog: number(asked.backlog, BACKLOG, Number::Backlog, INT_MAX)?,
        idle_timeout_seconds: number(idle, IDLE_TIMEOUT_SECONDS, Number::IdleTimeoutSeconds, INT_MAX)?,
        backend_connections_max: number(
            backend_connections,
            BACKEND_CONNECTIONS_MAX,
            Number::BackendConnectionsMax,
            INT_MAX,
        )?,
        backend_timeout_seconds: number(backend, BACKEND_TIMEOUT_SECONDS, Number::BackendTimeoutSeconds, INT_MAX)?,
    })
}

/// Every address of every name: a name with several is several backends.
fn backends(names: Vec<String>) -> Result<Vec<SocketAddr>, SettingsError> {
    let mut backends: Vec<SocketAddr> = Vec::new();
    for name in names {
        let named = |error| SettingsError::Backend { name: name.clone(), error };
        let place = listen::parse(&name, BACKEND_PORT).map_err(named)?;
        if place.host.is_none_or(str::is_empty) || place.port == 0 {
            return Err(SettingsError::BackendName(name));
        }
        for address in listen::resolve(&place).map_err(named)? {
            if !backends.contains(&address) {
                backends.push(address);
            }
        }
    }
    if backends.is_empty() { Err(SettingsError::NoBackends) } else { Ok(backends) }
}
