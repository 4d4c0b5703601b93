//! What the servers of a load say they are: to memcached's `version`, in the Server field of HTTP (RFC 9110, 10.2.4).
//!
//! It is a word for the result and no more. A server that does not say it, or not soon, has none, and is loaded all the same.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use spindle_net::wire::memcached::reply_parse::{ParsedReply, Reply, parse_reply};

use crate::load::http::Url;
use crate::load::http::answer::{Answer, HEAD_BYTES_MAX, Step, To};
use crate::load::{ClassPlan, Plan, WorkPlan};

/// For all servers together, from connecting to the end of the answer.
const WITHIN: Duration = Duration::from_secs(1);
/// Of one server. What is longer is cut.
const VERSION_CHARS_MAX: usize = 200;

/// Asks the servers of a plan, and notes it in the plan's environment: each version once, parted by commas.
pub fn note(plan: &mut Plan) {
    plan.environment.server_version = of(&plan.classes, WITHIN);
}

fn of(classes: &[ClassPlan], within: Duration) -> Option<String> {
    let questions = each_once(classes.iter().map(Question::of));
    let versions = each_once(ask_all(&questions, Instant::now() + within).into_iter().flatten());
    if versions.is_empty() { None } else { Some(versions.join(", ")) }
}

fn each_once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

/// All at once: however many are silent, they take no longer than one.
fn ask_all(questions: &[Question<'_>], deadline: Instant) -> Vec<Option<String>> {
    thread::scope(|scope| {
        let ask = |question| thread::Builder::new().spawn_scoped(scope, move || Question::ask(question, deadline).ok());
        let asked: Vec<_> = questions.iter().map(ask).collect();
        asked.into_iter().map(|asking| asking.ok()?.join().ok()??).collect()
    })
}

/// Whom to ask, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Question<'a> {
    server: SocketAddr,
    of: Kind<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind<'a> {
    Cache,
    Http(&'a Url),
}

/// How far an answer goes.
#[derive(Debug, PartialEq)]
enum Heard {
    More,
    /// And what it says.
    All(Option<String>),
}

impl Question<'_> {
    fn of(class: &ClassPlan) -> Question<'_> {
        let of = match &class.work {
            WorkPlan::Cache(_) => Kind::Cache,
            WorkPlan::Http(http) => Kind::Http(&http.url),
        };
        Question { server: class.server, of }
    }

    fn ask(&self, deadline: Instant) -> io::Result<Option<String>> {
        let left = || match deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::Error::from(ErrorKind::TimedOut)),
            left => Ok(left),
        };
        let mut stream = TcpStream::connect_timeout(&self.server, left()?)?;
        stream.set_write_timeout(Some(left()?))?;
        stream.write_all(self.of.request().as_bytes())?;
        let (mut input, mut piece) = (Vec::new(), [0; 4096]);
        while input.len() < HEAD_BYTES_MAX {
            stream.set_read_timeout(Some(left()?))?;
            let count = stream.read(&mut piece)?;
            if count == 0 {
                break;
            }
            input.extend_from_slice(&piece[..count]);
            if let Heard::All(version) = self.of.hear(&input) {
                return Ok(version);
            }
        }
        Ok(None)
    }
}

impl Kind<'_> {
    fn request(&self) -> String {
        match self {
            Kind::Cache => "version\r\n".into(),
            Kind::Http(Url { path, authority, .. }) => format!(
                "HEAD {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: spindle-load\r\nConnection: close\r\n\r\n"
            ),
        }
    }

    /// Looks at all that has come.
    fn hear(&self, input: &[u8]) -> Heard {
        match self {
            Kind::Cache => match parse_reply(input) {
                ParsedReply::Incomplete { .. } => Heard::More,
                ParsedReply::Reply { reply: Reply::Version(version), .. } => Heard::All(readable(version)),
                ParsedReply::Reply { .. } | ParsedReply::Malformed => Heard::All(None),
            },
            Kind::Http(_) => match Answer::new(To::Head).step(input) {
                Ok(Step::More { .. }) => Heard::More,
                // Whatever its status is.
                Ok(Step::Head { head, .. }) => Heard::All(head.server.and_then(readable)),
                Ok(Step::Body { .. } | Step::End { .. }) | Err(_) => Heard::All(None),
            },
        }
    }
}

/// As one line of text, if there is any.
fn readable(said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said.trim_ascii());
    let line: String = text.chars().filter(|char| !char.is_control()).take(VERSION_CHARS_MAX).collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use super::*;

    /// Far more than any of them needs who answer.
    const LONG: Duration = Duration::from_secs(60);
    /// For those who do not.
    const SHORT: Duration = Duration::from_millis(50);

    /// Says each of `pieces` to each of its clients after their first line, and then what `end` says.
    fn server(pieces: &'static [&'static str], end: fn(&mut TcpStream)) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut heard = String::new();
                BufReader::new(stream.try_clone().unwrap()).read_line(&mut heard).unwrap();
                assert!(["version\r\n", "HEAD /a/ HTTP/1.1\r\n"].contains(&heard.as_str()), "{heard}");
                // Whoever has heard enough may be gone.
                let _ = pieces.iter().try_for_each(|piece| stream.write_all(piece.as_bytes()));
                end(&mut stream);
            }
        });
        address
    }

    /// Until the client has had enough.
    fn silence(stream: &mut TcpStream) {
        let _ = io::copy(stream, &mut io::sink());
    }

    fn trickle(stream: &mut TcpStream) {
        while stream.write_all(b"x").is_ok() {}
    }

    fn hang_up(_: &mut TcpStream) {}

    fn asked(server: SocketAddr, of: Kind<'_>, within: Duration) -> Option<String> {
        ask_all(&[Question { server, of }], Instant::now() + within).pop().unwrap()
    }

    #[test]
    fn both_protocols_tell_it_however_it_is_cut() {
        let cache = server(&["VERS", "ION 1.6.45\r", "\n"], silence);
        assert_eq!(asked(cache, Kind::Cache, LONG).as_deref(), Some("1.6.45"));
        let url: Url = "http://box/a/".parse().unwrap();
        for pieces in [
            &["HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 9\r\n\r\n"][..],
            &["HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 40", "4 Not Found\r\nserver:   nginx/1.22.1 \r\n", "\r\n"],
        ] {
            let said = asked(server(pieces, silence), Kind::Http(&url), LONG);
            assert_eq!(said.as_deref(), Some("nginx/1.22.1"), "{pieces:?}");
        }
    }

    #[test]
    fn who_does_not_tell_it_or_not_soon_is_unknown() {
        let url: Url = "http://box/a/".parse().unwrap();
        for of in [Kind::Cache, Kind::Http(&url)] {
            assert_eq!(asked(server(&[], silence), of, SHORT), None);
            assert_eq!(asked(server(&["HTTP/1.1 200 OK\r\nX: "], trickle), of, SHORT), None);
            for pieces in [&["HTTP/1.1 200 OK\r\n\r\n"][..], &["ERROR\r\n"], &["VERSION"], &["\0\0\r\n"], &[]] {
                assert_eq!(asked(server(pieces, hang_up), of, LONG), None, "{pieces:?}");
            }
            assert_eq!(asked(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), of, LONG), None);
        }
    }

    #[test]
    fn a_version_is_a_line_of_bounded_length() {
        assert_eq!(readable(b" nginx\x1b[31m\xff ").as_deref(), Some("nginx[31m\u{fffd}"));
        assert_eq!(readable(&[b'1'; 1000]).unwrap().len(), VERSION_CHARS_MAX);
        assert_eq!((readable(b""), readable(b" \x07 ")), (None, None));
        assert_eq!(each_once([1, 2, 1].into_iter()), [1, 2]);
    }
}
