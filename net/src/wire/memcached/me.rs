//! `me`: meta debug. One line of facts about an item, for people.

use super::key::{KeyEncoding, MetaKey};
use super::refusal::Refusal;
use super::request::{Fault, Request};
use super::token::Tokens;
use super::{KEY_BYTES_MAX, number};

/// Answered by [`write_facts`] or [`MISS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaDebug<'a> {
    pub key: MetaKey<'a>,
}

/// What is told about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebugFacts {
    /// Seconds to live; `None` for ever.
    pub ttl_secs: Option<u32>,
    pub last_access_secs: u64,
    pub cas: u64,
    /// Fetched before, since it was stored.
    pub fetched: bool,
    /// The size class.
    pub class: u32,
    /// All of the item's bytes, its header and its key counted.
    pub item_bytes: u64,
    pub key_encoding: KeyEncoding,
}

/// The answer where there is no item.
pub const MISS: &[u8] = b"EN\r\n";

/// Only the first word after the key is looked at, and only for `b`; 1.6.45 has one answer for every bad key.
pub(super) fn parse<'a>(mut args: Tokens<'a>) -> Result<Request<'a>, Fault> {
    let key = args.next().filter(|key| key.len() <= KEY_BYTES_MAX).ok_or(Refusal::BadCommandLine)?;
    let key = match args.next() {
        Some(b"b") => MetaKey::base64(key).ok_or(Refusal::BadCommandLine)?,
        _ => MetaKey::plain(key),
    };
    Ok(Request::MetaDebug(MetaDebug { key }))
}

impl MetaDebug<'_> {
    /// Appends the request line.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"me ");
        out.extend_from_slice(self.key.text());
        if self.key.encoding() == KeyEncoding::Base64 {
            out.extend_from_slice(b" b");
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends `ME <key> exp=.. la=.. cas=.. fetch=.. cls=.. size=..`.
pub fn write_facts(out: &mut Vec<u8>, request: &MetaDebug, facts: &DebugFacts) {
    out.extend_from_slice(b"ME ");
    request.key.write_as(out, facts.key_encoding);
    out.extend_from_slice(b" exp=");
    match facts.ttl_secs {
        Some(secs) => number::write(out, secs),
        None => out.extend_from_slice(b"-1"),
    }
    out.extend_from_slice(b" la=");
    number::write(out, facts.last_access_secs);
    out.extend_from_slice(b" cas=");
    number::write(out, facts.cas);
    out.extend_from_slice(if facts.fetched { b" fetch=yes cls=" } else { b" fetch=no cls=" });
    number::write(out, facts.class);
    out.extend_from_slice(b" size=");
    number::write(out, facts.item_bytes);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, request};
    use super::*;

    fn debug(line: &str) -> MetaDebug<'_> {
        match request(line) {
            Request::MetaDebug(debug) => debug,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_plain_or_in_base64() {
        assert_eq!(debug("me k\r\n").key, MetaKey::plain(b"k"));
        assert_eq!(debug("me k whatever !\r\n").key, MetaKey::plain(b"k"));
        assert_eq!(debug("me Zm9v b\r\n").key.bytes(&mut [0; 250]), b"foo");
    }

    #[test]
    fn malformed_lines() {
        for line in ["me\r\n", "me \r\n", "me ! b\r\n"] {
            refused(line, Refusal::BadCommandLine);
        }
        refused(&format!("me {}\r\n", "k".repeat(251)), Refusal::BadCommandLine);
    }

    #[test]
    fn facts() {
        let facts = DebugFacts {
            ttl_secs: None,
            last_access_secs: 3,
            cas: u64::MAX,
            fetched: false,
            class: 1,
            item_bytes: 63,
            key_encoding: KeyEncoding::Plain,
        };
        let mut out = Vec::new();
        write_facts(&mut out, &debug("me k\r\n"), &facts);
        let fetched = DebugFacts { ttl_secs: Some(30), fetched: true, key_encoding: KeyEncoding::Base64, ..facts };
        write_facts(&mut out, &debug("me Zm9v b\r\n"), &fetched);
        let expected = "ME k exp=-1 la=3 cas=18446744073709551615 fetch=no cls=1 size=63\r\n\
            ME Zm9v exp=30 la=3 cas=18446744073709551615 fetch=yes cls=1 size=63\r\n";
        assert_eq!(str::from_utf8(&out).unwrap(), expected);
        assert_eq!(MISS, b"EN\r\n");
    }
}
