//! A head on its way through a proxy: written anew without what is meant for the neighbour alone (RFC 9110, 7.6.1), with what
//! a proxy has to add.
//!
//! Fields keep their order, their names and their values. Those that say where the message ends are written by us, from what
//! we understood, once each: whoever reads them behind us cannot understand another thing (request smuggling, RFC 9112,
//! 11.2). That is why a Connection field cannot have them removed either.

use super::answer::Content;
use super::answer_head::{self, AnswerFault, AnswerHead, Framing};
use super::connection::has_option;
use super::head::{Body, Expectation, Method, Parsed, Persistence, Request, Version, parse_with};
use super::number;
use super::refusal::Refusal;
use super::target::split;

/// From whom a request came, and what it is completed with.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// The address of the client, for X-Forwarded-For.
    pub client: &'a str,
    /// For a request of HTTP/1.0 without a Host, which HTTP/1.1 has to have (RFC 9112, 3.2).
    pub host: &'a str,
}

/// For whom an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub version: Version,
    /// What is wished: an answer that ends with its connection closes it all the same.
    pub persistence: Persistence,
    pub content: Content,
}

/// What came of looking for an answer to pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    pub head: AnswerHead,
    /// Of the connection to the recipient, as the head that was written tells it.
    pub persistence: Persistence,
    pub dated: Dated,
}

/// Whether an answer says when it was made. One that does not is told the time that it was received at, by who has a clock:
/// [`date`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dated {
    Yes,
    No,
}

/// Adds a Date line, terminator included, to the head that `out` ends with: RFC 9110, 6.6.1.
pub fn date(date_line: &str, out: &mut Vec<u8>) {
    let end = out.len().saturating_sub(2);
    debug_assert_eq!(&out[end..], b"\r\n", "a head ends with an empty line");
    out.truncate(end);
    out.extend_from_slice(date_line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends the request at the front of `input` to `out` as HTTP/1.1 in origin-form, once its head is all there. Its body
/// follows as it comes: [`super::Passage::of_request`].
///
/// # Errors
/// As for [`super::parse`], and a target or a method that is not for us. Nothing is appended then.
pub fn request<'a>(input: &'a [u8], hop: &Hop<'_>, out: &mut Vec<u8>) -> Result<Parsed<'a>, Refusal> {
    parse_with(input, |head, request| {
        let nominated = Nominated::of(head.headers);
        // An Upgrade is an offer that may be ignored: RFC 9110, 7.8.
        if request.method == Method::Other("CONNECT") {
            return Err(Refusal::Tunnel);
        }
        let target = match request.target {
            "*" if request.method == Method::Options => "*",
            target => match split(target).ok_or(Refusal::Target)? {
                // What was asked of the whole server: RFC 9112, 3.2.4.
                (Some(_), "") if request.method == Method::Options => "*",
                (_, path) => path,
            },
        };
        write_request_line(head.method.unwrap_or_default(), target, out);
        write_request_fields(head.headers, request, &nominated, hop, out);
        Ok(())
    })
}

fn write_request_line(method: &str, target: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(method.as_bytes());
    // A path is never empty: RFC 9112, 3.2.1.
    out.extend_from_slice(if target.starts_with(['/', '*']) { b" " } else { b" /" });
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

fn write_request_fields(
    fields: &[httparse::Header<'_>],
    request: &Request<'_>,
    nominated: &Nominated<'_, '_>,
    hop: &Hop<'_>,
    out: &mut Vec<u8>,
) {
    field(out, "Host", request.host.unwrap_or(hop.host.as_bytes()));
    let mut forwarded_for = false;
    for &httparse::Header { name, value } in fields {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        match name.len() {
            4 if is("host") => {}
            6 if is("expect") => {}
            14 if is("content-length") => {}
            15 if is("x-forwarded-for") => forwarded_for = true,
            17 if is("transfer-encoding") => {}
            _ if is_hop_by_hop(name) || nominated.has(name.as_bytes()) => {}
            _ => field(out, name, value),
        }
    }
    match request.body {
        Body::None => {}
        Body::Sized(bytes) => length(out, bytes),
        Body::Chunked => field(out, "Transfer-Encoding", b"chunked"),
    }
    if request.expectation == Expectation::Continue {
        field(out, "Expect", b"100-continue");
    }
    out.extend_from_slice(b"X-Forwarded-For: ");
    if forwarded_for && !nominated.has(b"x-forwarded-for") {
        let values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("x-forwarded-for"));
        for before in values.filter(|field| !field.value.is_empty()) {
            out.extend_from_slice(before.value);
            out.extend_from_slice(b", ");
        }
    }
    out.extend_from_slice(hop.client.as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(via(request.version));
    out.extend_from_slice(b"\r\n");
}

/// Appends the head of the answer at the front of `input` to `out`, once it is all there, as the recipient has to read it. Its
/// body follows as it comes: [`super::Passage::of_answer`]. An interim answer is not for a recipient of HTTP/1.0 (RFC 9110,
/// 15.2): it is read, and nothing is appended.
///
/// # Errors
/// It is no head, or nobody can tell where its body ends. Nothing is appended then.
pub fn answer(input: &[u8], to: &Recipient, out: &mut Vec<u8>) -> Result<Option<Forwarded>, AnswerFault> {
    let mut persistence = to.persistence;
    let mut dated = Dated::No;
    let head = answer_head::parse_with(input, to.content, |response, head| {
        persistence = persistence_to(to, head.framing);
        if response.headers.iter().any(|field| field.name.eq_ignore_ascii_case("date")) {
            dated = Dated::Yes;
        }
        if head.framing != Framing::Interim || to.version == Version::Http11 {
            write_answer(response, head, to, persistence, out);
        }
    })?;
    Ok(head.map(|head| Forwarded { head, persistence, dated }))
}

/// A body whose end only the end of the connection can tell closes it: RFC 9112, 6.3.
fn persistence_to(to: &Recipient, framing: Framing) -> Persistence {
    match framing {
        Framing::UntilEnd => Persistence::Closes,
        Framing::Chunked if to.version == Version::Http10 => Persistence::Closes,
        _ => to.persistence,
    }
}

fn write_answer(
    response: &httparse::Response<'_, '_>,
    head: &AnswerHead,
    to: &Recipient,
    persistence: Persistence,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    number::write(out, u64::from(head.status));
    out.push(b' ');
    out.extend_from_slice(response.reason.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    let nominated = Nominated::of(response.headers);
    for &httparse::Header { name, value } in response.headers.iter() {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        match name.len() {
            14 if is("content-length") => {}
            17 if is("transfer-encoding") => {}
            _ if is_hop_by_hop(name) || nominated.has(name.as_bytes()) => {}
            _ => field(out, name, value),
        }
    }
    match head.framing {
        Framing::Interim | Framing::UntilEnd => {}
        Framing::Chunked if to.version == Version::Http10 => {}
        Framing::Chunked => field(out, "Transfer-Encoding", b"chunked"),
        Framing::Sized(bytes) => length(out, bytes),
        // RFC 9110, 8.6: a 204 has none, and the others may say what would have followed.
        Framing::None if head.status == 204 => {}
        Framing::None => head.length.into_iter().for_each(|bytes| length(out, bytes)),
    }
    out.extend_from_slice(via(head.version));
    // What a version does anyhow need not be said: RFC 9112, 9.3.
    out.extend_from_slice(match (to.version, persistence) {
        _ if head.framing == Framing::Interim => b"\r\n",
        (Version::Http11, Persistence::Closes) => b"Connection: close\r\n\r\n",
        (Version::Http10, Persistence::Persists) => b"Connection: keep-alive\r\n\r\n",
        _ => b"\r\n",
    });
}

/// What we received it in, and who we are (RFC 9110, 7.6.3). Another line of a list is its next element.
fn via(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"Via: 1.0 spindle\r\n",
        Version::Http11 => b"Via: 1.1 spindle\r\n",
    }
}

/// The fields that are for the neighbour, whether its Connection field says so or not: RFC 9110, 7.6.1 and 10.1.4, and
/// Proxy-Connection, which is in no RFC but in their warnings (RFC 9112, C.2.2).
fn is_hop_by_hop(name: &str) -> bool {
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
    match name.len() {
        2 => is("te"),
        7 => is("upgrade"),
        10 => is("connection") || is("keep-alive"),
        16 => is("proxy-connection"),
        _ => false,
    }
}

/// What the Connection fields of a head name.
struct Nominated<'h, 'a> {
    fields: &'h [httparse::Header<'a>],
    /// Most say close or keep-alive, or are not there: no field is of that name.
    any: bool,
}

impl<'h, 'a> Nominated<'h, 'a> {
    fn of(fields: &'h [httparse::Header<'a>]) -> Nominated<'h, 'a> {
        let of_persistence =
            |value: &[u8]| value.eq_ignore_ascii_case(b"close") || value.eq_ignore_ascii_case(b"keep-alive");
        let any = fields.iter().any(|field| is_connection(field.name) && !of_persistence(field.value));
        Nominated { fields, any }
    }

    fn has(&self, name: &[u8]) -> bool {
        let connections = || self.fields.iter().filter(|field| is_connection(field.name));
        self.any && connections().any(|field| has_option(field.value, name))
    }
}

fn is_connection(name: &str) -> bool {
    name.len() == 10 && name.eq_ignore_ascii_case("connection")
}

#[inline]
fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn length(out: &mut Vec<u8>, bytes: u64) {
    out.extend_from_slice(b"Content-Length: ");
    number::write(out, bytes);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
