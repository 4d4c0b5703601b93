//! The head of a request: its line and the fields that a file server obeys, read in one pass, borrowed from the input.
//!
//! Where RFC 9112 lets a server choose, a doubt about where the body ends is refused (a proxy in front may have read it the
//! other way: request smuggling, 11.2), and everything else is tolerated.

use std::mem::MaybeUninit;

use super::conditional::Conditions;
use super::connection::has_option;
use super::number::decimal;
use super::refusal::Refusal;
use super::target::authority;

/// Of a head, empty lines before it and the one after it counted, in bytes.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Of a target, in bytes (RFC 9112, 3, wants 8000 at least).
pub const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Fields of a head.
pub const FIELDS_MAX: usize = 64;

/// What came of looking for a request.
#[expect(
    clippy::large_enum_variant,
    reason = "a request is read where it is used, and a box for each is an allocation"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// Its head is not all there. It takes at most [`HEAD_BYTES_MAX`].
    Incomplete,
    /// Its body, if it has one, comes after the bytes consumed.
    Complete { request: Request<'a>, consumed: usize },
}

/// A request without its body. A field that came empty is there and empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub method: Method<'a>,
    /// As it came; [`super::target::path`] reads it.
    pub target: &'a str,
    pub version: Version,
    pub persistence: Persistence,
    pub body: Body,
    pub expectation: Expectation,
    pub range: Option<&'a [u8]>,
    pub conditions: Conditions<'a>,
    pub content_md5: Option<&'a [u8]>,
    pub content_range: Option<&'a [u8]>,
    /// Of the target where it has one, of the Host field otherwise (RFC 9112, 3.2.2 and 3.3).
    pub host: Option<&'a [u8]>,
}

/// RFC 9110, 9; MKCOL is WebDAV's (RFC 4918, 9.3). Names have a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method<'a> {
    Get,
    Head,
    Put,
    Delete,
    Post,
    Options,
    Mkcol,
    Other(&'a str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    Http11,
}

/// Whether the connection goes on after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Persists,
    Closes,
}

/// How the length of the body is told: RFC 9112, 6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    None,
    /// So many bytes.
    Sized(u64),
    /// As long as [`super::chunked::Chunked`] says.
    Chunked,
}

/// What the client waits for before it sends its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    Nothing,
    /// 100 (Continue), or a final answer (RFC 9110, 10.1.1). There is a body, and it is not empty.
    Continue,
}

/// Reads the request at the front of `input`, without the empty lines that may come before it (RFC 9112, 2.2).
///
/// # Errors
/// Nothing can be said about what comes after it: the connection closes. The same refusal is given as soon as enough of
/// the input is there, however it was cut.
pub fn parse(input: &[u8]) -> Result<Parsed<'_>, Refusal> {
    parse_with(input, |_, _| Ok(()))
}

/// [`parse`], which shows a complete request with all of its fields to `then`.
pub(super) fn parse_with<'a>(
    input: &'a [u8],
    then: impl FnOnce(&httparse::Request<'_, 'a>, &Request<'a>) -> Result<(), Refusal>,
) -> Result<Parsed<'a>, Refusal> {
    let within = &input[..input.len().min(HEAD_BYTES_MAX)];
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut head = httparse::Request::new(&mut []);
    let outcome = head.parse_with_uninit_headers(within, &mut fields);
    if target_bytes(&head, within) > TARGET_BYTES_MAX {
        return Err(Refusal::TargetTooLong);
    }
    match outcome {
        Ok(httparse::Status::Complete(consumed)) => {
            let request = request(&head)?;
            then(&head, &request)?;
            Ok(Parsed::Complete { request, consumed })
        }
        Ok(httparse::Status::Partial) if within.len() < HEAD_BYTES_MAX => Ok(Parsed::Incomplete),
        Ok(httparse::Status::Partial) => Err(Refusal::HeadTooLarge),
        Err(httparse::Error::TooManyHeaders) => Err(Refusal::TooManyFields),
        Err(httparse::Error::Version) if says_a_version(within) => Err(Refusal::Version),
        Err(_) => Err(Refusal::Malformed),
    }
}

/// As much of the target as is there, whether it has ended or not.
fn target_bytes(head: &httparse::Request<'_, '_>, input: &[u8]) -> usize {
    match (head.method, head.path) {
        (_, Some(target)) => target.len(),
        (Some(method), None) if input.len() > TARGET_BYTES_MAX => {
            let start = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count() + method.len() + 1;
            input[start.min(input.len())..].iter().take_while(|&&byte| byte > b' ' && byte != 0x7f).count()
        }
        _ => 0,
    }
}

/// Whether the third word of a request line is a version of HTTP, though none of ours.
fn says_a_version(input: &[u8]) -> bool {
    input.splitn(3, |&byte| byte == b' ').nth(2).is_some_and(|word| word.starts_with(b"HTTP/"))
}

fn request<'a>(head: &httparse::Request<'_, 'a>) -> Result<Request<'a>, Refusal> {
    let mut fields = Fields::default();
    for field in head.headers.iter() {
        fields.take(field.name, field.value)?;
    }
    let version = if head.version == Some(0) { Version::Http10 } else { Version::Http11 };
    let target = head.path.unwrap_or_default();
    let body = fields.body(version)?;
    Ok(Request {
        method: Method::of(head.method.unwrap_or_default()),
        target,
        version,
        persistence: fields.persistence(version),
        body,
        expectation: fields.expectation(version, body)?,
        range: fields.range,
        conditions: fields.conditions,
        content_md5: fields.content_md5,
        content_range: fields.content_range,
        host: fields.host(version, target)?,
    })
}

impl<'a> Method<'a> {
    fn of(name: &'a str) -> Method<'a> {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "POST" => Method::Post,
            "OPTIONS" => Method::Options,
            "MKCOL" => Method::Mkcol,
            _ => Method::Other(name),
        }
    }
}

/// What the fields have said so far; what it means together is decided at their end.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    coding: Option<&'a [u8]>,
    closes: bool,
    is_kept_alive: bool,
    expect: Option<&'a [u8]>,
    range: Option<&'a [u8]>,
    conditions: Conditions<'a>,
    content_md5: Option<&'a [u8]>,
    content_range: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, name: &str, value: &'a [u8]) -> Result<(), Refusal> {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        let repeated = Refusal::RepeatedField;
        // Most fields of most requests are none of these, and most of those are known by their length.
        match name.len() {
            4 if is("host") => once(&mut self.host, value, Refusal::Host),
            5 if is("range") => once(&mut self.range, value, repeated),
            6 if is("expect") => once(&mut self.expect, value, repeated),
            8 if is("if-match") => once(&mut self.conditions.if_match, value, repeated),
            8 if is("if-range") => once(&mut self.conditions.if_range, value, repeated),
            10 if is("connection") => {
                self.closes |= has_option(value, b"close");
                self.is_kept_alive |= has_option(value, b"keep-alive");
                Ok(())
            }
            11 if is("content-md5") => once(&mut self.content_md5, value, repeated),
            13 if is("content-range") => once(&mut self.content_range, value, repeated),
            13 if is("if-none-match") => once(&mut self.conditions.if_none_match, value, repeated),
            14 if is("content-length") => {
                let length = decimal(value).ok_or(Refusal::ContentLength)?;
                match self.length.replace(length) {
                    Some(before) if before != length => Err(Refusal::ContentLength),
                    _ => Ok(()),
                }
            }
            17 if is("transfer-encoding") => once(&mut self.coding, value, Refusal::AmbiguousLength),
            17 if is("if-modified-since") => once(&mut self.conditions.if_modified_since, value, repeated),
            19 if is("if-unmodified-since") => once(&mut self.conditions.if_unmodified_since, value, repeated),
            _ => Ok(()),
        }
    }

    fn body(&self, version: Version) -> Result<Body, Refusal> {
        match (self.coding, self.length) {
            (None, None) => Ok(Body::None),
            (None, Some(length)) => Ok(Body::Sized(length)),
            (Some(_), Some(_)) => Err(Refusal::AmbiguousLength),
            (Some(_), None) if version == Version::Http10 => Err(Refusal::AmbiguousLength),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
            (Some(_), None) => Err(Refusal::TransferCoding),
        }
    }

    /// A close goes before all else that is said: RFC 9112, 9.3.
    fn persistence(&self, version: Version) -> Persistence {
        if !self.closes && (version == Version::Http11 || self.is_kept_alive) {
            Persistence::Persists
        } else {
            Persistence::Closes
        }
    }

    /// HTTP/1.0 has no expectations (RFC 9110, 10.1.1), and nobody waits to send nothing.
    fn expectation(&self, version: Version, body: Body) -> Result<Expectation, Refusal> {
        match self.expect {
            None => Ok(Expectation::Nothing),
            Some(_) if version == Version::Http10 => Ok(Expectation::Nothing),
            Some(expect) if !expect.eq_ignore_ascii_case(b"100-continue") => Err(Refusal::Expectation),
            Some(_) if matches!(body, Body::None | Body::Sized(0)) => Ok(Expectation::Nothing),
            Some(_) => Ok(Expectation::Continue),
        }
    }

    fn host(&self, version: Version, target: &'a str) -> Result<Option<&'a [u8]>, Refusal> {
        if self.host.is_none() && version == Version::Http11 {
            return Err(Refusal::Host);
        }
        let host = authority(target).map(str::as_bytes).or(self.host);
        let is_host = |host: &[u8]| host.iter().all(|&byte| may_be_in_host(byte));
        if self.host.into_iter().chain(host).all(is_host) { Ok(host) } else { Err(Refusal::Host) }
    }
}

/// Takes the value of a field that may be there once. A list that is split over several fields of conditions is refused,
/// too: half of it would let a write happen that the other half forbids.
fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], refusal: Refusal) -> Result<(), Refusal> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(refusal),
    }
}

/// The bytes of `uri-host [ ":" port ]`: RFC 3986, 3.2.2.
fn may_be_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&byte)
}

#[cfg(test)]
mod tests;
