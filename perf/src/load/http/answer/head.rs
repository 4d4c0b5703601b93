//! What the head of an answer says.

use spindle_net::wire::http::connection::has_option;
use spindle_net::wire::http::range::ContentRange;
use spindle_net::wire::http::{number, range};

use super::{FIELDS_MAX, Malformed, Then, To};

/// The fields that a load looks at; all of them point into the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    pub status: u16,
    /// Content-Length; that of a HEAD's answer and of a 304 counts bytes that do not follow.
    pub length: Option<u64>,
    pub content_range: Option<ContentRange>,
    pub etag: Option<&'a [u8]>,
    pub last_modified: Option<&'a [u8]>,
    pub date: Option<&'a [u8]>,
    pub server: Option<&'a [u8]>,
}

/// How the length of a body is told: RFC 9112, 6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// 1xx: another answer follows.
    Interim,
    Nothing,
    Sized(u64),
    Chunked,
    UntilEnd,
}

pub(super) struct ParsedHead<'a> {
    pub(super) head: Head<'a>,
    pub(super) framing: Framing,
    pub(super) then: Then,
    pub(super) bytes: usize,
}

/// The head at the front of `input`, if all of it is there.
pub(super) fn parse(input: &[u8], to: To) -> Result<Option<ParsedHead<'_>>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    let bytes = match response.parse(input).map_err(Malformed::Head)? {
        httparse::Status::Complete(bytes) => bytes,
        httparse::Status::Partial => return Ok(None),
    };
    let is_old = response.version != Some(1);
    let status = response.code.unwrap_or(0);
    let mut head = Head { status, ..Head::default() };
    let mut is_chunked = false;
    let (mut is_kept, mut is_closed) = (!is_old, false);
    for field in response.headers.iter() {
        let (name, value) = (field.name, field.value);
        if name.eq_ignore_ascii_case("content-length") {
            let length = number::decimal(value).ok_or(Malformed::Length)?;
            if head.length.replace(length).is_some_and(|before| before != length) {
                return Err(Malformed::Length);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            // Twice chunked is no coding either, and HTTP/1.0 has none.
            if is_old || is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::Coding);
            }
            is_chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            is_kept |= has_option(value, b"keep-alive");
            is_closed |= has_option(value, b"close");
        } else if name.eq_ignore_ascii_case("etag") {
            head.etag = Some(value);
        } else if name.eq_ignore_ascii_case("last-modified") {
            head.last_modified = Some(value);
        } else if name.eq_ignore_ascii_case("date") {
            head.date = Some(value);
        } else if name.eq_ignore_ascii_case("server") {
            head.server = Some(value);
        } else if name.eq_ignore_ascii_case("content-range") {
            head.content_range = range::content_range(value);
        }
    }
    let framing = match (to, status) {
        (_, 101) => return Err(Malformed::Upgrade),
        (_, 100..=199) => Framing::Interim,
        _ if is_chunked && head.length.is_some() => return Err(Malformed::TwoLengths),
        (To::Head, _) | (_, 204 | 304) => Framing::Nothing,
        _ if is_chunked => Framing::Chunked,
        _ => head.length.map_or(Framing::UntilEnd, Framing::Sized),
    };
    // A close goes before all else that is said: RFC 9112, 9.3.
    let is_last = is_closed || !is_kept || framing == Framing::UntilEnd;
    let then = if is_last { Then::Close } else { Then::Keep };
    Ok(Some(ParsedHead { head, framing, then, bytes }))
}
