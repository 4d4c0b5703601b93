//! The notation of `-l`, memcached's: `host`, `host:port`, `[v6]:port`, a bare `v6`, `*`; before it, the prefixes
//! `proto[...]:` and `tag[...]:` in this order. Without a port, the general one counts.
#![forbid(unsafe_code)]

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// Why a place to listen at cannot be understood or found; the first four in memcached's words.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("Invalid IPV6 address: \"{0}\"")]
    Ipv6(String),
    #[error("Invalid port number: \"{0}\"")]
    Port(String),
    #[error("Invalid protocol spec: \"{0}\"")]
    Protocol(String),
    #[error("Invalid tag in socket config: \"{0}\"")]
    Tag(String),
    #[error("'{0}' option is valid only when SSL is enabled, and TLS is not built: leave the prefix out")]
    Tls(&'static str),
    #[error("\"{0}\": only the protocols ascii and auto are built")]
    ProtocolNotBuilt(String),
    #[error("failed to listen on one of interface(s) {name}: {error}")]
    Lookup { name: String, error: io::Error },
}

/// Where to listen, by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// `None` is every address.
    pub host: Option<&'a str>,
    pub port: u16,
}

/// Reads one element of a list; `port_default` is for those that have none of their own.
pub fn parse(text: &str, port_default: u16) -> Result<Place<'_>, ListenError> {
    let rest = without_prefixes(text)?;
    let (host, port) = if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or_else(|| ListenError::Ipv6(rest.to_owned()))?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(ListenError::Ipv6(host.to_owned()));
        }
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(ListenError::Ipv6(rest.to_owned())),
        }
    } else {
        match rest.split_once(':') {
            // More than one colon: an address of version 6 without brackets, which can have no port.
            Some((_, after)) if after.contains(':') => (rest, None),
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        }
    };
    let port =
        port.map_or(Ok(port_default), |port| port_number(port).ok_or_else(|| ListenError::Port(port.to_owned())))?;
    Ok(Place { host: Some(host).filter(|host| *host != "*"), port })
}

/// Every address that the place has now; never an empty list.
pub fn resolve(place: &Place<'_>) -> Result<Vec<SocketAddr>, ListenError> {
    let Some(host) = place.host else {
        return Ok(everywhere(place.port));
    };
    let lookup = |error| ListenError::Lookup { name: format!("{host}:{}", place.port), error };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in (host, place.port).to_socket_addrs().map_err(lookup)? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(lookup(io::ErrorKind::NotFound.into())) } else { Ok(addresses) }
}

/// All interfaces, both families.
pub fn everywhere(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]
}

/// This machine only, both families.
pub fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

fn port_number(text: &str) -> Option<u16> {
    if text == "-1" { Some(0) } else { text.parse().ok() }
}

fn without_prefixes(text: &str) -> Result<&str, ListenError> {
    for prefix in ["notls", "btls", "mtls"] {
        if text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(':')) {
            return Err(ListenError::Tls(prefix));
        }
    }
    let mut rest = text;
    if let Some(after) = rest.strip_prefix("proto[") {
        let (protocol, after) = after.split_once("]:").ok_or_else(|| ListenError::Protocol(text.to_owned()))?;
        match protocol {
            "ascii" | "auto" => rest = after,
            "binary" | "proxy" => return Err(ListenError::ProtocolNotBuilt(text.to_owned())),
            _ => return Err(ListenError::Protocol(text.to_owned())),
        }
    }
    if let Some(after) = rest.strip_prefix("tag[") {
        let tagged = after.split_once("]:").filter(|(tag, _)| (1..=8).contains(&tag.len()));
        rest = tagged.ok_or_else(|| ListenError::Tag(text.to_owned()))?.1;
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::{Place, parse, resolve};

    #[test]
    fn every_notation_is_read() {
        for (text, host, port) in [
            ("127.0.0.1", Some("127.0.0.1"), 11211),
            ("127.0.0.1:1", Some("127.0.0.1"), 1),
            ("127.0.0.1:-1", Some("127.0.0.1"), 0),
            ("[::1]:2", Some("::1"), 2),
            ("[::1]", Some("::1"), 11211),
            ("::1", Some("::1"), 11211),
            ("*", None, 11211),
            ("*:3", None, 3),
            ("cache.example:65535", Some("cache.example"), 65535),
            ("proto[ascii]:tag[mine]:[::1]:4", Some("::1"), 4),
            ("tag[mine]:localhost", Some("localhost"), 11211),
        ] {
            assert_eq!(parse(text, 11211).unwrap(), Place { host, port }, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("[::1", "Invalid IPV6 address: \"[::1\""),
            ("[::1]x", "Invalid IPV6 address: \"[::1]x\""),
            ("[nonsense]:1", "Invalid IPV6 address: \"nonsense\""),
            ("foo:bar", "Invalid port number: \"bar\""),
            ("foo:65536", "Invalid port number: \"65536\""),
            ("foo:-2", "Invalid port number: \"-2\""),
            ("proto[foo]:a", "Invalid protocol spec: \"proto[foo]:a\""),
            ("tag[123456789]:a", "Invalid tag in socket config: \"tag[123456789]:a\""),
        ] {
            assert_eq!(parse(text, 1).unwrap_err().to_string(), message);
        }
        assert!(parse("notls:127.0.0.1", 1).unwrap_err().to_string().starts_with("'notls' option is valid only when"));
        assert!(parse("proto[binary]:a", 1).unwrap_err().to_string().contains("only the protocols ascii and auto"));
    }

    #[test]
    fn numbers_resolve_to_themselves_and_stars_to_both_families() {
        assert_eq!(resolve(&parse("::1", 7).unwrap()).unwrap(), ["[::1]:7".parse().unwrap()]);
        assert_eq!(
            resolve(&parse("*:7", 1).unwrap()).unwrap(),
            ["0.0.0.0:7".parse().unwrap(), "[::]:7".parse().unwrap()]
        );
        assert!(resolve(&parse("", 7).unwrap()).is_err());
    }
}
