//! `mg`: meta get. Fetches a value, or facts about an item, or both.

use super::flags::{self, Flag, FlagFault, MetaFlags};
use super::key::{KeyEncoding, MetaKey};
use super::number;
use super::refusal::Refusal;
use super::request::{Fault, Request};
use super::token::Tokens;

/// Answered by [`write_hit`] (and the value and `\r\n`, where [`MetaGet::wants_value`]) or [`write_miss`].
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

#[inline]
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

    /// Whether the value of an item with this cas id is to be sent: asked for, and not at hand already, as a client says
    /// that compares with the id it has.
    #[inline]
    pub fn wants_value(&self, cas: u64) -> bool {
        self.flags.has(Flag::ReturnValue) && self.flags.number(Flag::CompareCas) != Some(cas)
    }
}

/// Appends the line for an item that is there.
pub fn write_hit(out: &mut Vec<u8>, request: &MetaGet, item: &MetaItem) {
    if request.wants_value(item.cas) {
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

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, request};
    use super::*;

    const ITEM: MetaItem = MetaItem {
        value_bytes: 5,
        client_flags: 7,
        cas: u64::MAX,
        ttl: Ttl { before_secs: Some(30), after_secs: Some(60), created: false },
        last_access_secs: 3,
        fetched: true,
        key_encoding: KeyEncoding::Plain,
        marks: Marks { token_sent: false, stale: false, won: false },
    };

    fn get(line: &str) -> MetaGet<'_> {
        match request(line) {
            Request::MetaGet(get) => get,
            other => panic!("{other:?}"),
        }
    }

    fn hit(line: &str, item: &MetaItem) -> String {
        let mut out = Vec::new();
        write_hit(&mut out, &get(line), item);
        String::from_utf8(out).unwrap()
    }

    fn miss(line: &str) -> String {
        let mut out = Vec::new();
        write_miss(&mut out, &get(line));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_key_and_flags() {
        let plain = get("mg key v\r\n");
        assert_eq!(plain.key, MetaKey::plain(b"key"));
        assert!(plain.flags.has(Flag::ReturnValue));
        assert_eq!(get("mg  key   v \n"), plain);
        assert_eq!(get("mg Zm9v b\r\n").key.bytes(&mut [0; 250]), b"foo");
    }

    #[test]
    fn malformed_lines() {
        for line in ["mg\r\n", "mg \r\n"] {
            refused(line, Refusal::BadCommandLine);
        }
        refused(&format!("mg {}\r\n", "k".repeat(251)), Refusal::BadCommandLine);
        refused("mg k v v\r\n", Refusal::DuplicateFlag);
        refused("mg k S5\r\n", Refusal::InvalidFlag);
        refused("mg k Tsoon\r\n", Refusal::BadToken);
        refused("mg k! b\r\n", Refusal::BadKeyEncoding);
    }

    #[test]
    fn hits_answer_in_request_order() {
        assert_eq!(hit("mg k\r\n", &ITEM), "HD\r\n");
        assert_eq!(hit("mg k v\r\n", &ITEM), "VA 5\r\n");
        assert_eq!(
            hit("mg k s t c f l h Oabc k v\r\n", &ITEM),
            "VA 5 s5 t30 c18446744073709551615 f7 l3 h1 Oabc kk\r\n"
        );
        assert_eq!(hit("mg k k O h\r\n", &MetaItem { fetched: false, ..ITEM }), "HD kk O h0\r\n");
        assert_eq!(hit("mg k q u P1 L2 E3 C4 I x\r\n", &ITEM), "HD\r\n");
    }

    #[test]
    fn a_value_that_the_client_has_is_not_sent() {
        let item = MetaItem { cas: 9, ..ITEM };
        assert_eq!(hit("mg k C9 v c\r\n", &item), "HD c9\r\n");
        assert_eq!(hit("mg k C8 v c\r\n", &item), "VA 5 c9\r\n");
        assert!(!get("mg k C9 v\r\n").wants_value(9) && !get("mg k C8\r\n").wants_value(9));
    }

    #[test]
    fn a_time_to_live_is_shown_as_it_is_at_its_place() {
        assert_eq!(hit("mg k t T60\r\n", &ITEM), "HD t30\r\n");
        assert_eq!(hit("mg k T60 t\r\n", &ITEM), "HD t60\r\n");
        assert_eq!(hit("mg k N60 t\r\n", &ITEM), "HD t30\r\n");
        let created = Ttl { before_secs: None, after_secs: Some(60), created: true };
        assert_eq!(hit("mg k N60 t\r\n", &MetaItem { ttl: created, ..ITEM }), "HD t60\r\n");
        assert_eq!(hit("mg k t N60\r\n", &MetaItem { ttl: created, ..ITEM }), "HD t-1\r\n");
    }

    #[test]
    fn marks_come_last() {
        let all = MetaItem { marks: Marks { token_sent: true, stale: true, won: true }, ..ITEM };
        assert_eq!(hit("mg k s\r\n", &all), "HD s5 Z X W\r\n");
        let won = MetaItem { marks: Marks { won: true, ..Marks::default() }, ..ITEM };
        assert_eq!(hit("mg k\r\n", &won), "HD W\r\n");
    }

    #[test]
    fn keys_are_shown_as_their_item_was_stored() {
        let binary = MetaItem { key_encoding: KeyEncoding::Base64, ..ITEM };
        assert_eq!(hit("mg Zm9v b k s\r\n", &binary), "HD kZm9v b s5\r\n");
        assert_eq!(hit("mg Zm9v b k\r\n", &ITEM), "HD kfoo\r\n");
        assert_eq!(hit("mg foo k\r\n", &binary), "HD kZm9v b\r\n");
    }

    #[test]
    fn misses() {
        assert_eq!(miss("mg k v\r\n"), "EN\r\n");
        assert_eq!(miss("mg k v k s Oabc\r\n"), "EN kk Oabc\r\n");
        assert_eq!(miss("mg Zm9v b k\r\n"), "EN kZm9v b\r\n");
        assert_eq!(miss("mg k v q k\r\n"), "");
    }
}
