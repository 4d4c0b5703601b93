//! What slow clients say.

use std::io::Write;
use std::ops::Range;

use super::behaviour::{DownloadTarget, UploadTarget};
use crate::describe::{Object, fill};

/// Everything before the body.
pub(super) fn write_upload_head(out: &mut Vec<u8>, to: &UploadTarget, object: &Object) {
    let Object { key, length, .. } = object;
    match to {
        UploadTarget::Http { host, path_prefix } => write!(
            out,
            "PUT {path_prefix}{key} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        ),
        UploadTarget::Memcached { key_prefix } => write!(out, "set {key_prefix}{key} 0 0 {length}\r\n"),
    }
    .expect("a vector takes every byte");
}

/// How long a body is on the wire: a data block of memcached has a line end of its own.
pub(super) fn upload_body_bytes(to: &UploadTarget, object: &Object) -> u64 {
    match to {
        UploadTarget::Http { .. } => object.length,
        UploadTarget::Memcached { .. } => object.length.saturating_add(2),
    }
}

/// A part of the body.
pub(super) fn write_upload_body(out: &mut Vec<u8>, object: &Object, part: Range<u64>) {
    let length = (part.end - part.start) as usize;
    let described = object.length.saturating_sub(part.start).min(length as u64) as usize;
    let at = out.len();
    out.resize(at + described, 0);
    fill(object, part.start, &mut out[at..]);
    let line_end = (part.start..part.end).skip(described);
    out.extend(line_end.map(|offset| b"\r\n"[(offset - object.length) as usize]));
}

/// Whether more is asked for on the same connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Close,
    AskAgain,
}

pub(super) fn write_download(out: &mut Vec<u8>, of: &DownloadTarget, then: Then) {
    let connection = if then == Then::Close { "Connection: close\r\n" } else { "" };
    match of {
        DownloadTarget::Http { host, path } => {
            write!(out, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{connection}\r\n")
        }
        DownloadTarget::Memcached { key } => write!(out, "get {key}\r\n"),
    }
    .expect("a vector takes every byte");
}

/// A request without end, of which any part can be written.
pub(super) struct Endless {
    begin: String,
    /// Over and over.
    more: String,
}

impl Endless {
    pub(super) fn new(of: &DownloadTarget) -> Endless {
        match of {
            DownloadTarget::Http { host, path } => {
                Endless { begin: format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n"), more: "X-a: b\r\n".into() }
            }
            DownloadTarget::Memcached { key } => Endless { begin: "get".into(), more: format!(" {key}") },
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, part: Range<u64>) {
        let (begin, more) = (self.begin.as_bytes(), self.more.as_bytes());
        out.extend(part.map(|at| match at.checked_sub(begin.len() as u64) {
            None => begin[at as usize],
            Some(beyond) => more[(beyond % more.len() as u64) as usize],
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http() -> DownloadTarget {
        DownloadTarget::Http { host: "h".into(), path: "/p".into() }
    }

    #[test]
    fn a_body_is_the_same_in_whatever_parts_it_is_written() {
        let object = Object { key: 5, version: 2, length: 200, seed: 7 };
        let to = UploadTarget::Memcached { key_prefix: "k".into() };
        let total = upload_body_bytes(&to, &object);
        let mut whole = Vec::new();
        write_upload_body(&mut whole, &object, 0..total);
        assert_eq!(whole.len() as u64, total);
        assert!(whole.ends_with(b"\r\n"));
        assert_eq!(Object::read(&whole), Some(object));
        for step in [1, 3, 64, 199, 200, 201] {
            let mut parts = Vec::new();
            (0..total).step_by(step).for_each(|at| {
                write_upload_body(&mut parts, &object, at..total.min(at + step as u64));
            });
            assert!(parts == whole, "in parts of {step}");
        }
    }

    #[test]
    fn heads_are_as_the_protocols_want_them() {
        let object = Object { key: 5, version: 1, length: 9, seed: 7 };
        let said = |to: &UploadTarget| {
            let mut out = Vec::new();
            write_upload_head(&mut out, to, &object);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(said(&UploadTarget::Memcached { key_prefix: "up".into() }), "set up5 0 0 9\r\n");
        assert_eq!(
            said(&UploadTarget::Http { host: "h:80".into(), path_prefix: "/slow/".into() }),
            "PUT /slow/5 HTTP/1.1\r\nHost: h:80\r\nContent-Length: 9\r\nConnection: close\r\n\r\n"
        );
        let mut out = Vec::new();
        write_download(&mut out, &http(), Then::AskAgain);
        assert_eq!(out, b"GET /p HTTP/1.1\r\nHost: h\r\n\r\n");
    }

    #[test]
    fn an_endless_request_has_no_end_and_can_be_written_from_anywhere() {
        let endless = Endless::new(&http());
        let (mut whole, mut bytewise) = (Vec::new(), Vec::new());
        endless.write(&mut whole, 0..1000);
        (0..1000).for_each(|at| endless.write(&mut bytewise, at..at + 1));
        assert!(whole == bytewise);
        assert!(whole.starts_with(b"GET /p HTTP/1.1\r\nHost: h\r\nX-a: b\r\nX-a: b\r\n"));
        assert!(!whole.windows(4).any(|window| window == b"\r\n\r\n"));
    }
}
