//! A request of memcached's protocols, and what its answer says.

use std::io::Write;

use spindle_net::wire::memcached::reply_parse::{MetaCode, ParsedReply, Reply, parse_reply};

use super::Protocol;
use crate::describe::{Object, fill};

/// Length of every key, in bytes.
pub(crate) const KEY_BYTES: usize = 12;

pub(crate) fn write_key(out: &mut Vec<u8>, key: u64) {
    write!(out, "k{key:0width$}", width = KEY_BYTES - 1).expect("a vector takes every byte");
}

pub(crate) fn write_get(out: &mut Vec<u8>, protocol: Protocol, key: u64) {
    match protocol {
        Protocol::Classic => {
            out.extend_from_slice(b"get ");
            write_key(out, key);
            out.extend_from_slice(b"\r\n");
        }
        Protocol::Meta => {
            out.extend_from_slice(b"mg ");
            write_key(out, key);
            out.extend_from_slice(b" v\r\n");
        }
    }
}

pub(crate) fn write_set(out: &mut Vec<u8>, protocol: Protocol, object: &Object) {
    match protocol {
        Protocol::Classic => {
            out.extend_from_slice(b"set ");
            write_key(out, object.key);
            write!(out, " 0 0 {}\r\n", object.length).expect("a vector takes every byte");
        }
        Protocol::Meta => {
            out.extend_from_slice(b"ms ");
            write_key(out, object.key);
            write!(out, " {}\r\n", object.length).expect("a vector takes every byte");
        }
    }
    let at = out.len();
    out.resize(at + object.length as usize, 0);
    fill(object, 0, &mut out[at..]);
    out.extend_from_slice(b"\r\n");
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// `key` where the protocol repeats it.
    Value {
        key: Option<&'a [u8]>,
        data: &'a [u8],
    },
    Nothing,
    Stored,
    NotStored,
    Refused,
}

/// What came of looking at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard<'a> {
    Answer {
        said: Said<'a>,
        consumed: usize,
    },
    /// There are to be at least so many bytes.
    Incomplete {
        bytes_min: usize,
    },
    Malformed,
}

/// The answer to one request, a get or a set, at the front of `input`.
pub(crate) fn hear(input: &[u8], is_get: bool) -> Heard<'_> {
    let (reply, consumed) = match parse_reply(input) {
        ParsedReply::Incomplete { bytes_min } => return Heard::Incomplete { bytes_min },
        ParsedReply::Malformed => return Heard::Malformed,
        ParsedReply::Reply { reply, consumed } => (reply, consumed),
    };
    let said = match (reply, is_get) {
        (Reply::Error(_) | Reply::ClientError(_) | Reply::ServerError(_), _) => Said::Refused,
        (Reply::Value(value), true) => {
            let rest = &input[consumed..];
            return match parse_reply(rest) {
                ParsedReply::Reply { reply: Reply::End, consumed: end } => Heard::Answer {
                    said: Said::Value { key: Some(value.key), data: value.data },
                    consumed: consumed + end,
                },
                ParsedReply::Incomplete { bytes_min } => Heard::Incomplete { bytes_min: consumed + bytes_min },
                _ => Heard::Malformed,
            };
        }
        (Reply::MetaValue { data, .. }, true) => Said::Value { key: None, data },
        (Reply::End, true) | (Reply::Meta { code: MetaCode::En, .. }, true) => Said::Nothing,
        (Reply::Stored, false) | (Reply::Meta { code: MetaCode::Hd, .. }, false) => Said::Stored,
        (Reply::NotStored, false) | (Reply::Meta { code: MetaCode::Ns, .. }, false) => Said::NotStored,
        _ => return Heard::Malformed,
    };
    Heard::Answer { said, consumed }
}
