//! `mg`: meta get. Fetches a value, or facts about an item, or both.

use super::flags::{self, Flag, FlagFault, MetaFlags};
use super::key::{KeyEncoding, MetaKey};
use super::number;
use super::refusal::Refusal;
use super::request::{Fault, Request};
use super::token::Tokens;

/// Answered by [`write_hit`] (and the value and `\r\n`, where [`Flag::ReturnValue`] asks for it) or [`write_miss`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaGet<'a> {
    pub key: MetaKey<'a>,
    pub flags: MetaFlags<'a>,
}

/// The facts of an item, as they were before this access but for the time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaItem {
    pub value_bytes: u32,
    pub client_flags: u32,
    pub cas: u64,
    pub ttl: Ttl,
    pub last_access_secs: u32,
    /// Fetched before, since it was stored.
    pub fetched: bool,
    pub key_encoding: KeyEncoding,
    pub marks: Marks,
}

/// An item's time to live in seconds, `None` for ever. Flags act in request order, so what [`Flag::ReturnTtl`] shows
/// depends on where it stands: before the flag that sets a time, or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// As found; for an item that this command created, `None`.
    pub before_secs: Option<u32>,
    /// As left.
    pub after_secs: Option<u32>,
    /// This command created the item, so that [`Flag::Vivify`] set a time.
    pub created: bool,
}

/// What the answer tells about who is to refresh an item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// `Z`: another client was asked already.
    pub token_sent: bool,
    /// `X`: the value is stale.
    pub stale: bool,
    /// `W`: this client is asked.
    pub won: bool,
}

impl Ttl {
    /// The time to live after `flag` acted, where it is one that sets it.
    pub(super) fn seen_after(&self, flag: Flag) -> Option<Option<u32>> {
        let sets = flag == Flag::Ttl || flag == Flag::Vivify && self.created;
        sets.then_some(self.after_secs)
    }
}

pub(super) fn parse<'a>(mut args: Tokens<'a>) -> Result<Request<'a>, Fault> {
    let key = args.next().ok_or(Refusal::BadCommandLine)?;
    let (key, flags) = flags::read(key, args, 2).map_err(FlagFault::into_fault)?;
    flags.check_opaque()?;
    Ok(Request::MetaGet(MetaGet { key, flags }))
}

impl MetaGet<'_> {
    /// Appends the request line.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"mg ");
        out.extend_from_slice(self.key.text());
        self.flags.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the line for an item that is there.
pub fn write_hit(out: &mut Vec<u8>, request: &MetaGet, item: &MetaItem) {
    if request.flags.has(Flag::ReturnValue) {
        out.extend_from_slice(b"VA ");
        number::write(out, item.value_bytes);
    } else {
        out.extend_from_slice(b"HD");
    }
    let mut ttl_secs = item.ttl.before_secs;
    for (flag, value) in request.flags.iter() {
        ttl_secs = item.ttl.seen_after(flag).unwrap_or(ttl_secs);
        match flag {
            Flag::ReturnSize => write_fact(out, b" s", item.value_bytes),
            Flag::ReturnTtl => write_ttl(out, ttl_secs),
            Flag::ReturnCas => write_fact(out, b" c", item.cas),
            Flag::ReturnClientFlags => write_fact(out, b" f", item.client_flags),
            Flag::ReturnLastAccess => write_fact(out, b" l", item.last_access_secs),
            Flag::ReturnHit => out.extend_from_slice(if item.fetched { b" h1" } else { b" h0" }),
            _ => MetaFlags::write_reflected(out, flag, value, &request.key, item.key_encoding),
        }
    }
    for (mark, text) in [(item.marks.token_sent, b" Z"), (item.marks.stale, b" X"), (item.marks.won, b" W")] {
        if mark {
            out.extend_from_slice(text);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the line for an item that is not there: nothing, where [`Flag::Quiet`] is set.
pub fn write_miss(out: &mut Vec<u8>, request: &MetaGet) {
    if request.flags.has(Flag::Quiet) {
        return;
    }
    out.extend_from_slice(b"EN");
    for (flag, value) in request.flags.iter() {
        MetaFlags::write_reflected(out, flag, value, &request.key, request.key.encoding());
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a return flag and its number.
pub(super) fn write_fact(out: &mut Vec<u8>, flag: &[u8; 2], number: impl itoa::Integer) {
    out.extend_from_slice(flag);
    number::write(out, number);
}

/// Appends the time to live; for ever is -1.
pub(super) fn write_ttl(out: &mut Vec<u8>, ttl_secs: Option<u32>) {
    match ttl_secs {
        Some(secs) => write_fact(out, b" t", secs),
        None => out.extend_from_slice(b" t-1"),
    }
}
