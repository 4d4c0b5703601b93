//! An answer of memcached's classic protocol: one line, or one value. The first line tells all, also how long a value is that
//! follows it.

use spindle_net::wire::memcached::reply_parse::{ParsedReply, Reply, parse_reply};

use super::{Expected, Verdict};

/// A longer first line is malformed.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What comes after the one value of a `get`.
const AFTER_VALUE: &[u8] = b"END\r\n";

pub(in crate::slow) struct MemcachedAnswer {
    expected: Expected,
    place: Place,
}

/// How far the answer has come.
enum Place {
    /// In the first line, of which this is here.
    Line(Vec<u8>),
    /// So many bytes are missing.
    Value { missing: u64 },
}

/// What a first line says.
enum Line {
    Incomplete,
    Verdict(Verdict),
    /// A value, which makes the answer so long, line and all.
    Long(u64),
}

impl MemcachedAnswer {
    pub(super) fn new(expected: Expected) -> MemcachedAnswer {
        MemcachedAnswer { expected, place: Place::Line(Vec::new()) }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<Verdict> {
        match &mut self.place {
            Place::Line(line) => {
                line.extend_from_slice(bytes);
                let is_whole = memchr::memchr(b'\n', bytes).is_some() || line.len() > LINE_BYTES_MAX;
                if is_whole { self.look() } else { None }
            }
            Place::Value { missing } => {
                *missing = missing.saturating_sub(bytes.len() as u64);
                (*missing == 0).then_some(Verdict::AsExpected)
            }
        }
    }

    fn look(&mut self) -> Option<Verdict> {
        let Place::Line(line) = &self.place else { return None };
        let here = line.len() as u64;
        match said(line, self.expected) {
            Line::Incomplete if here > LINE_BYTES_MAX as u64 => Some(Verdict::Malformed),
            Line::Incomplete => None,
            Line::Verdict(verdict) => Some(verdict),
            Line::Long(length) if length <= here => Some(Verdict::AsExpected),
            Line::Long(length) => {
                self.place = Place::Value { missing: length - here };
                None
            }
        }
    }
}

fn said(bytes: &[u8], expected: Expected) -> Line {
    let value = |length: usize| match expected {
        Expected::Value => Line::Long((length + AFTER_VALUE.len()) as u64),
        _ => Line::Verdict(Verdict::Malformed),
    };
    match (parse_reply(bytes), expected) {
        (ParsedReply::Incomplete { bytes_min }, _) if memchr::memchr(b'\n', bytes).is_some() => value(bytes_min),
        (ParsedReply::Incomplete { .. }, _) => Line::Incomplete,
        (ParsedReply::Reply { reply: Reply::Value(_), consumed }, _) => value(consumed),
        (ParsedReply::Reply { reply: Reply::Stored, .. }, Expected::Stored) => Line::Verdict(Verdict::AsExpected),
        (ParsedReply::Reply { reply: Reply::NotStored, .. }, Expected::Stored) => Line::Verdict(Verdict::Refused),
        (ParsedReply::Reply { reply: Reply::End, .. }, Expected::Value) => Line::Verdict(Verdict::Refused),
        (ParsedReply::Reply { reply: Reply::Error(_) | Reply::ClientError(_) | Reply::ServerError(_), .. }, _) => {
            Line::Verdict(Verdict::Refused)
        }
        _ => Line::Verdict(Verdict::Malformed),
    }
}
