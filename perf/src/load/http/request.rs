//! The bytes of a request.

use std::fmt::Arguments;
use std::io::Write;

use super::mix::Method;
use super::objects::Names;
use super::url::Url;
use super::validators::Tag;
use crate::describe::{Object, fill};
use crate::load::work::Written;

/// Which part of an object is asked for, and when.
#[derive(Clone, Copy, Debug)]
pub(super) enum Only<'a> {
    All,
    /// In bytes; `length` is at least 1.
    Range {
        offset: u64,
        length: u64,
    },
    /// Unless this is still its validator.
    Changed(&'a Tag),
}

/// What all requests have in common.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    /// As typed: where a POST goes.
    path: String,
    names: Names,
    /// What follows the path in every request.
    after_path: String,
}

impl Requests {
    pub(super) fn new(url: &Url, names: Names) -> Requests {
        let after_path = format!(" HTTP/1.1\r\nHost: {}\r\nUser-Agent: spindle-load\r\n", url.authority);
        Requests { path: url.path.clone(), names, after_path }
    }

    /// Writes a request that has no body.
    pub(super) fn write_bare(&self, out: &mut Vec<u8>, method: Method, key: u64, only: Only<'_>) {
        self.begin(out, method, key);
        match only {
            Only::All => {}
            Only::Range { offset, length } => {
                say(out, format_args!("Range: bytes={offset}-{}\r\n", offset + length - 1))
            }
            Only::Changed(tag) => {
                let (name, value): (&[u8], _) = match tag {
                    Tag::Entity(value) => (b"If-None-Match: ", value),
                    Tag::Time(value) => (b"If-Modified-Since: ", value),
                };
                [name, value, b"\r\n"].into_iter().for_each(|part| out.extend_from_slice(part));
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Writes an upload from the byte `from` of its body on, about `room` bytes. The head comes before the first.
    pub(super) fn write_upload(
        &self,
        out: &mut Vec<u8>,
        method: Method,
        object: &Object,
        from: u64,
        room: usize,
    ) -> Written {
        let begin = out.len();
        if from == 0 {
            self.begin(out, method, object.key);
            say(out, format_args!("Content-Length: {}\r\n\r\n", object.length));
        }
        let at = out.len();
        // At least one byte, so that no later call begins anew.
        let length = (object.length - from).min(room.saturating_sub(at - begin).max(1) as u64);
        out.resize(at + length as usize, 0);
        fill(object, from, &mut out[at..]);
        match from + length {
            next if next < object.length => Written::Part { next },
            _ => Written::Whole,
        }
    }

    /// Where an object lies.
    pub(super) fn path_of(&self, key: u64) -> String {
        let mut path = self.path.trim_end_matches('/').as_bytes().to_vec();
        self.names.write(&mut path, key);
        String::from_utf8_lossy(&path).into_owned()
    }

    fn begin(&self, out: &mut Vec<u8>, method: Method, key: u64) {
        say(out, format_args!("{} {}", method.token(), self.path.trim_end_matches('/')));
        match method {
            Method::Post => out.extend_from_slice(&self.path.as_bytes()[self.path.trim_end_matches('/').len()..]),
            _ => self.names.write(out, key),
        }
        out.extend_from_slice(self.after_path.as_bytes());
    }
}

pub(super) fn say(out: &mut Vec<u8>, words: Arguments<'_>) {
    out.write_fmt(words).expect("a vector takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::{Known, Part, check};

    const OBJECT: Object = Object { key: 12, version: 3, length: 1000, seed: 1 };

    fn requests(url: &str) -> Requests {
        Requests::new(&url.parse().unwrap(), Names::Keys)
    }

    fn bare(method: Method, only: Only<'_>) -> String {
        let mut out = Vec::new();
        requests("http://box:81/a/").write_bare(&mut out, method, 12, only);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_request_says_what_it_wants() {
        let rest = "HTTP/1.1\r\nHost: box:81\r\nUser-Agent: spindle-load\r\n";
        assert_eq!(bare(Method::Get, Only::All), format!("GET /a/k00000000012 {rest}\r\n"));
        assert_eq!(bare(Method::Head, Only::All), format!("HEAD /a/k00000000012 {rest}\r\n"));
        assert_eq!(bare(Method::Delete, Only::All), format!("DELETE /a/k00000000012 {rest}\r\n"));
        let range = bare(Method::Get, Only::Range { offset: 10, length: 5 });
        assert!(range.ends_with("\r\nRange: bytes=10-14\r\n\r\n"), "{range}");
        let changed = bare(Method::Get, Only::Changed(&Tag::Entity(b"\"x\""[..].into())));
        assert!(changed.ends_with("\r\nIf-None-Match: \"x\"\r\n\r\n"), "{changed}");
        let changed = bare(Method::Get, Only::Changed(&Tag::Time(b"Mon"[..].into())));
        assert!(changed.ends_with("\r\nIf-Modified-Since: Mon\r\n\r\n"), "{changed}");
    }

    #[test]
    fn a_post_goes_to_the_url_as_typed() {
        for (url, path) in [("http://box", "/"), ("http://box/a", "/a"), ("http://box/a/", "/a/")] {
            let mut out = Vec::new();
            requests(url).write_upload(&mut out, Method::Post, &OBJECT, 0, usize::MAX);
            assert!(out.starts_with(format!("POST {path} HTTP/1.1\r\n").as_bytes()), "{url}");
        }
    }

    #[test]
    fn an_upload_is_the_same_bytes_in_any_pieces() {
        let written = |room| {
            let (mut out, mut from) = (Vec::new(), 0);
            while let Written::Part { next } =
                requests("http://box").write_upload(&mut out, Method::Put, &OBJECT, from, room)
            {
                assert!(next > from && next <= from + room.max(1) as u64);
                from = next;
            }
            out
        };
        let whole = written(usize::MAX);
        let head =
            b"PUT /k00000000012 HTTP/1.1\r\nHost: box\r\nUser-Agent: spindle-load\r\nContent-Length: 1000\r\n\r\n";
        let body = whole.strip_prefix(head).unwrap();
        assert_eq!(check(&OBJECT, Part::Whole, body, Known { oldest: 3, newest: 3 }), Ok(3));
        for room in [0, 1, 7, 64, 100, 999, 1000] {
            assert!(written(room) == whole, "in pieces of {room}");
        }
    }
}
