//! Where a load goes, as it was typed: `http://HOST[:PORT][/PATH]`.

use std::fmt;
use std::str::FromStr;

/// Its parts, ready to be sent. What cannot go into a request as it is, is refused and not mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The host and, if it was typed, the port: the value of the Host field (RFC 9112, 3.2).
    pub authority: String,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
    /// A slash, and maybe more.
    pub path: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("it begins with http://")]
    Scheme,
    #[error("TLS is not spoken: it begins with http://")]
    Tls,
    #[error("{0:?} is no host")]
    Host(String),
    #[error("{0:?} is no port")]
    Port(String),
    #[error("a user, a password, a query or a fragment is not sent")]
    Extra,
    #[error("a path is of visible ASCII characters: write others as %XX")]
    Path,
}

impl Url {
    /// `HOST:PORT`, to connect to.
    pub fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Url, UrlError> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => return Err(UrlError::Tls),
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains(['?', '#', '@']) {
            return Err(UrlError::Extra);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlError::Path);
        }
        let (host, port) = match authority.strip_prefix('[').map(|inside| inside.split_once(']')) {
            Some(Some((host, port))) => (host, port),
            Some(None) => return Err(UrlError::Host(authority.into())),
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let is_of_a_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%~".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_of_a_host) {
            return Err(UrlError::Host(host.into()));
        }
        let port = match port.strip_prefix(':') {
            Some(digits) => digits.parse().ok().filter(|&port| port > 0).ok_or(UrlError::Port(digits.into()))?,
            None if port.is_empty() => 80,
            None => return Err(UrlError::Host(authority.into())),
        };
        Ok(Url { authority: authority.into(), host: host.into(), port, path: path.into() })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, u16, String) {
        let url: Url = text.parse().unwrap();
        assert_eq!(url.to_string().trim_end_matches('/'), text.trim_end_matches('/'));
        (url.host, url.port, url.path)
    }

    #[test]
    fn a_url_has_a_host_a_port_and_a_path() {
        assert_eq!(parts("http://box"), ("box".into(), 80, "/".into()));
        assert_eq!(parts("http://box:7500/"), ("box".into(), 7500, "/".into()));
        assert_eq!(parts("http://10.0.0.1:80/dev1/a%20b/"), ("10.0.0.1".into(), 80, "/dev1/a%20b/".into()));
        assert_eq!(parts("http://[::1]:8080/x"), ("::1".into(), 8080, "/x".into()));
        let server = |text: &str| text.parse::<Url>().unwrap().server();
        assert_eq!([server("http://[::1]/x"), server("http://box/")], ["[::1]:80", "box:80"]);
    }

    #[test]
    fn what_cannot_be_sent_as_it_is_is_refused() {
        let refusal = |text: &str| text.parse::<Url>().unwrap_err();
        assert_eq!(refusal("box:80"), UrlError::Scheme);
        assert_eq!(refusal("https://box"), UrlError::Tls);
        assert_eq!(refusal("http:///x"), UrlError::Host(String::new()));
        assert_eq!(refusal("http://a b/"), UrlError::Host("a b".into()));
        assert_eq!(refusal("http://[::1/"), UrlError::Host("[::1".into()));
        assert_eq!(refusal("http://[::1]80"), UrlError::Host("[::1]80".into()));
        for port in ["", "0", "65536", "x"] {
            assert_eq!(refusal(&format!("http://box:{port}/")), UrlError::Port(port.into()));
        }
        for extra in ["http://me@box/", "http://box/?a", "http://box/#a"] {
            assert_eq!(refusal(extra), UrlError::Extra);
        }
        for path in ["http://box/a b", "http://box/\u{e9}", "http://box/\r\nX: y"] {
            assert_eq!(refusal(path), UrlError::Path);
        }
    }
}
