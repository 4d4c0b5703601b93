//! `get`, `gets`, `gat`, `gats`: fetch any number of keys, with or without their cas ids, touching them or not.

use super::KEY_BYTES_MAX;
use super::number;
use super::refusal::Refusal;
use super::request::{Fault, Request};
use super::scan;
use super::token::Tokens;

/// A fetch. Answered by one [`write_value_head`], the value and `\r\n` for each key that is there, in request order, and
/// then [`END`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Get<'a> {
    /// At least one key; each no longer than [`KEY_BYTES_MAX`], also the last, before the first is yielded: memcached
    /// answers a line with one bad key by nothing but the refusal.
    pub keys: Keys<'a>,
    pub cas: CasColumn,
    /// The new expiry time of every key that is there, as received: `gat` and `gats` only.
    pub exptime: Option<i32>,
}

/// Whether the answer shows each item's cas id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CasColumn {
    Hidden,
    Shown,
}

/// The keys of a fetch, in order. Equal when the keys are.
#[derive(Debug, Clone, Copy, Eq)]
pub struct Keys<'a> {
    /// The next key, found already: most fetches have one key, and need not be searched for a second. Empty at the end.
    next: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Keys<'a> {
    /// One key.
    pub fn one(key: &'a [u8]) -> Self {
        Keys { next: key, rest: b"" }
    }

    /// The keys in `text`, parted by spaces.
    pub fn of(text: &'a [u8]) -> Self {
        let mut keys = Keys { next: b"", rest: text };
        keys.advance();
        keys
    }

    fn advance(&mut self) {
        let mut tokens = Tokens::of(self.rest);
        self.next = tokens.next().unwrap_or_default();
        self.rest = tokens.rest();
    }
}

impl<'a> Iterator for Keys<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let key = self.next;
        if key.is_empty() {
            return None;
        }
        if self.rest.is_empty() {
            self.next = b"";
        } else {
            self.advance();
        }
        Some(key)
    }
}

impl PartialEq for Keys<'_> {
    fn eq(&self, other: &Self) -> bool {
        Iterator::eq(*self, *other)
    }
}

/// The commonest line of all, `get <key>`, in one pass over it; `None` when it is anything more, or odd, or not all here.
#[inline]
pub(super) fn parse_one_key(input: &[u8]) -> Option<(Get<'_>, usize)> {
    let text = input.strip_prefix(b"get ")?;
    let (key, end) = text.split_at(scan::find_space_or_below(text)?);
    let rest = end.strip_prefix(b"\r\n")?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return None;
    }
    let get = Get { keys: Keys::one(key), cas: CasColumn::Hidden, exptime: None };
    Some((get, input.len() - rest.len()))
}

#[inline]
pub(super) fn parse<'a>(verb: &[u8], mut args: Tokens<'a>) -> Result<Request<'a>, Fault> {
    let cas = if verb.ends_with(b"s") { CasColumn::Shown } else { CasColumn::Hidden };
    let exptime_token = if verb.starts_with(b"ga") { Some(args.next().ok_or(Refusal::BadCommandLine)?) } else { None };
    let keys = Keys::of(args.rest());
    if { keys }.next().is_none() {
        return Err(Refusal::BadCommandLine.into());
    }
    let exptime = match exptime_token {
        Some(token) => Some(number::exptime_strict(token).ok_or(Refusal::InvalidExptime)?),
        None => None,
    };
    if { keys }.any(|key| key.len() > KEY_BYTES_MAX) {
        return Err(Refusal::BadCommandLine.into());
    }
    Ok(Request::Get(Get { keys, cas, exptime }))
}

impl Get<'_> {
    /// Appends the request line.
    pub fn write(&self, out: &mut Vec<u8>) {
        let verb: &[u8] = match (self.exptime, self.cas) {
            (None, CasColumn::Hidden) => b"get",
            (None, CasColumn::Shown) => b"gets",
            (Some(_), CasColumn::Hidden) => b"gat",
            (Some(_), CasColumn::Shown) => b"gats",
        };
        out.extend_from_slice(verb);
        if let Some(exptime) = self.exptime {
            out.push(b' ');
            number::write(out, exptime);
        }
        for key in self.keys {
            out.push(b' ');
            out.extend_from_slice(key);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the line before a value: `VALUE <key> <flags> <bytes>[ <cas>]`. The value and `\r\n` come after it.
#[inline]
pub fn write_value_head(out: &mut Vec<u8>, key: &[u8], flags: u32, value_bytes: u32, cas: Option<u64>) {
    out.extend_from_slice(b"VALUE ");
    out.extend_from_slice(key);
    out.push(b' ');
    number::write(out, flags);
    out.push(b' ');
    number::write(out, value_bytes);
    if let Some(cas) = cas {
        out.push(b' ');
        number::write(out, cas);
    }
    out.extend_from_slice(b"\r\n");
}

/// The line after the last value.
pub const END: &[u8] = b"END\r\n";

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, request};
    use super::*;

    fn get(line: &str) -> Get<'_> {
        match request(line) {
            Request::Get(get) => get,
            other => panic!("{other:?}"),
        }
    }

    fn keys<'a>(get: &Get<'a>) -> Vec<&'a str> {
        get.keys.map(|key| str::from_utf8(key).unwrap()).collect()
    }

    #[test]
    fn the_four_verbs() {
        let plain = get("get k\r\n");
        assert_eq!((keys(&plain), plain.cas, plain.exptime), (vec!["k"], CasColumn::Hidden, None));
        assert_eq!(get("gets k\r\n").cas, CasColumn::Shown);
        let touching = get("gat -1 k\r\n");
        assert_eq!((keys(&touching), touching.cas, touching.exptime), (vec!["k"], CasColumn::Hidden, Some(-1)));
        let touching = get("gats 2147483647 k l\r\n");
        assert_eq!(
            (keys(&touching), touching.cas, touching.exptime),
            (vec!["k", "l"], CasColumn::Shown, Some(i32::MAX))
        );
    }

    #[test]
    fn keys_come_in_order_between_any_number_of_spaces() {
        assert_eq!(keys(&get("get a  b c \r\n")), ["a", "b", "c"]);
        assert_eq!(keys(&get("get  a\n")), ["a"]);
        assert_eq!(keys(&get("get a\r\n")), keys(&get("get a\n")));
        let many: Vec<String> = (0..1000).map(|n| format!("key{n}")).collect();
        assert_eq!(keys(&get(&format!("gets {}\r\n", many.join(" ")))), many);
    }

    #[test]
    fn odd_bytes_are_part_of_a_key() {
        assert_eq!(keys(&get("get a\tb\u{1}\r\r\n")), ["a\tb\u{1}\r"]);
        assert_eq!(keys(&get("get noreply\r\n")), ["noreply"]);
    }

    #[test]
    fn one_long_key_spoils_the_line() {
        let longest = "k".repeat(KEY_BYTES_MAX);
        assert_eq!(keys(&get(&format!("get {longest}\r\n"))), [longest.as_str()]);
        for line in ["get {}\r\n", "get a {} b\r\n", "gats 0 a {}\r\n", "gets {} a\r\n"] {
            refused(&line.replace("{}", &format!("{longest}k")), Refusal::BadCommandLine);
        }
    }

    #[test]
    fn lines_without_a_key() {
        for line in
            ["get\r\n", "get \r\n", "gets\r\n", "gets   \r\n", "gat\r\n", "gat 1\r\n", "gats 1 \r\n", "gat x\r\n"]
        {
            refused(line, Refusal::BadCommandLine);
        }
    }

    #[test]
    fn expiry_times_are_strict() {
        for exptime in ["x", "1x", "2147483648", "-2147483649", "000000000001", "1.5", "+1"] {
            refused(&format!("gat {exptime} k\r\n"), Refusal::InvalidExptime);
        }
    }

    #[test]
    fn value_heads() {
        let mut out = Vec::new();
        write_value_head(&mut out, b"k", 0, 0, None);
        write_value_head(&mut out, b"key", u32::MAX, 1_048_576, Some(u64::MAX));
        assert_eq!(out, b"VALUE k 0 0\r\nVALUE key 4294967295 1048576 18446744073709551615\r\n");
    }
}
