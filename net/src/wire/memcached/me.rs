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
