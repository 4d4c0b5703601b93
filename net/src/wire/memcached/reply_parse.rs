//! The client's side: bytes -> one reply. For load generators, benchmarks and tests, which ask what they can read.

use super::data_block::TERMINATOR;
use super::token::Tokens;
use super::{number, scan};

/// The longest reply line, in bytes: a key in base64 with every return flag fits many times over.
const LINE_BYTES_MAX: usize = 8192;

/// One reply, a whole one: its value is here too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// `VALUE`: one item of a fetch.
    Value(Value<'a>),
    /// `END`: after the last item or the last counter.
    End,
    Stored,
    NotStored,
    Exists,
    NotFound,
    Deleted,
    Touched,
    Ok,
    Reset,
    /// The outcome of `incr` and `decr`.
    Number(u64),
    Version(&'a [u8]),
    Stat {
        name: &'a [u8],
        value: &'a [u8],
    },
    /// A meta reply without a value, and its return flags.
    Meta {
        code: MetaCode,
        flags: Tokens<'a>,
    },
    /// `VA`: a meta reply with a value, and its return flags.
    MetaValue {
        data: &'a [u8],
        flags: Tokens<'a>,
    },
    /// `ME`: the key, and the facts as text.
    MetaDebug(&'a [u8]),
    /// `ERROR`, with what is said beyond it.
    Error(&'a [u8]),
    ClientError(&'a [u8]),
    ServerError(&'a [u8]),
}

/// One item of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    pub key: &'a [u8],
    pub flags: u32,
    pub cas: Option<u64>,
    pub data: &'a [u8],
}

/// The code of a meta reply without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaCode {
    /// Done.
    Hd,
    /// Not stored.
    Ns,
    /// Exists: the cas id is another.
    Ex,
    /// Not found.
    Nf,
    /// Not found, by `mg` and `me`.
    En,
    /// The answer to `mn`.
    Mn,
}

/// What came of looking at the front of the bytes received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsedReply<'a> {
    /// The reply is not all here; it has at least `bytes_min` bytes.
    Incomplete { bytes_min: usize },
    /// A reply of `consumed` bytes.
    Reply { reply: Reply<'a>, consumed: usize },
    /// No reply that this protocol knows: the conversation has lost its place.
    Malformed,
}

/// Reads the reply at the front of `input`.
#[inline]
pub fn parse_reply(input: &[u8]) -> ParsedReply<'_> {
    let Some(end) = scan::find_line_end(input) else {
        return if input.len() > LINE_BYTES_MAX {
            ParsedReply::Malformed
        } else {
            ParsedReply::Incomplete { bytes_min: input.len() + 1 }
        };
    };
    let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
    let at = end + 1;
    let head = match line {
        [b'V', b'A', b' ', rest @ ..] => meta_value_head(rest),
        [b'V', b'A', b'L', b'U', b'E', b' ', rest @ ..] => value_head(rest),
        _ => None,
    };
    if let Some(head) = head {
        return with_data(input, at, head);
    }
    match parse_line(line) {
        Some(reply) => ParsedReply::Reply { reply, consumed: at },
        None => ParsedReply::Malformed,
    }
}

/// A reply whose value is still to come, and how long that is.
struct Head<'a> {
    reply: Reply<'a>,
    data_bytes: u32,
}

/// `<key> <flags> <bytes>[ <cas>]`
#[inline]
fn value_head(text: &[u8]) -> Option<Head<'_>> {
    let mut tokens = Tokens::of(text);
    let key = tokens.next()?;
    let flags = number::u32_strict(tokens.next()?)?;
    let data_bytes = number::data_bytes(tokens.next()?)?;
    let cas = match tokens.next() {
        Some(cas) => Some(number::u64_lenient(cas)?),
        None => None,
    };
    Some(Head { reply: Reply::Value(Value { key, flags, cas, data: b"" }), data_bytes })
}

/// `<bytes> <flags>*`
#[inline]
fn meta_value_head(text: &[u8]) -> Option<Head<'_>> {
    let mut flags = Tokens::of(text);
    let data_bytes = number::data_bytes(flags.next()?)?;
    Some(Head { reply: Reply::MetaValue { data: b"", flags }, data_bytes })
}

/// Adds the value, which begins at `at`.
#[inline]
fn with_data<'a>(input: &'a [u8], at: usize, head: Head<'a>) -> ParsedReply<'a> {
    let data_end = at + head.data_bytes as usize;
    let consumed = data_end + TERMINATOR.len();
    let Some(block) = input.get(at..consumed) else {
        return ParsedReply::Incomplete { bytes_min: consumed };
    };
    let Some(here) = block.strip_suffix(&TERMINATOR) else { return ParsedReply::Malformed };
    let reply = match head.reply {
        Reply::Value(value) => Reply::Value(Value { data: here, ..value }),
        Reply::MetaValue { flags, .. } => Reply::MetaValue { data: here, flags },
        other => other,
    };
    ParsedReply::Reply { reply, consumed }
}

/// A reply that is one line.
#[inline]
fn parse_line(line: &[u8]) -> Option<Reply<'_>> {
    if line.first()?.is_ascii_digit() {
        // A decremented number may keep the width that it had.
        return number::u64_lenient(line.trim_ascii_end()).map(Reply::Number);
    }
    let word = &line[..scan::find_space(line).unwrap_or(line.len())];
    let rest = &line[word.len()..];
    let text = rest.strip_prefix(b" ").unwrap_or(rest);
    let meta = |code| Reply::Meta { code, flags: Tokens::of(text) };
    Some(match word {
        b"HD" => meta(MetaCode::Hd),
        b"EN" => meta(MetaCode::En),
        b"NF" => meta(MetaCode::Nf),
        b"NS" => meta(MetaCode::Ns),
        b"EX" => meta(MetaCode::Ex),
        b"MN" => meta(MetaCode::Mn),
        b"ME" => Reply::MetaDebug(text),
        b"STORED" => Reply::Stored,
        b"END" => Reply::End,
        b"NOT_STORED" => Reply::NotStored,
        b"EXISTS" => Reply::Exists,
        b"NOT_FOUND" => Reply::NotFound,
        b"DELETED" => Reply::Deleted,
        b"TOUCHED" => Reply::Touched,
        b"OK" => Reply::Ok,
        b"RESET" => Reply::Reset,
        b"VERSION" => Reply::Version(text),
        b"STAT" => {
            let name = &text[..scan::find_space(text).unwrap_or(text.len())];
            let value = &text[name.len()..];
            Reply::Stat { name, value: value.strip_prefix(b" ").unwrap_or(value) }
        }
        b"ERROR" => Reply::Error(text),
        b"CLIENT_ERROR" => Reply::ClientError(text),
        // memcached writes the colon in one reply, about shutdown.
        b"SERVER_ERROR" | b"SERVER_ERROR:" => Reply::ServerError(text),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(input: &[u8]) -> Reply<'_> {
        match parse_reply(input) {
            ParsedReply::Reply { reply, consumed } => {
                assert_eq!(consumed, input.len());
                reply
            }
            other => panic!("{:?}: {other:?}", String::from_utf8_lossy(input)),
        }
    }

    #[test]
    fn one_word_replies() {
        for (text, expected) in [
            ("END", Reply::End),
            ("STORED", Reply::Stored),
            ("NOT_STORED", Reply::NotStored),
            ("EXISTS", Reply::Exists),
            ("NOT_FOUND", Reply::NotFound),
            ("DELETED", Reply::Deleted),
            ("TOUCHED", Reply::Touched),
            ("OK", Reply::Ok),
            ("RESET", Reply::Reset),
            ("ERROR", Reply::Error(b"")),
            ("18446744073709551615", Reply::Number(u64::MAX)),
            ("5 ", Reply::Number(5)),
        ] {
            assert_eq!(reply(format!("{text}\r\n").as_bytes()), expected);
        }
    }

    #[test]
    fn lines_with_text() {
        assert_eq!(reply(b"VERSION 1.6.45\r\n"), Reply::Version(b"1.6.45"));
        assert_eq!(reply(b"STAT a b c\r\n"), Reply::Stat { name: b"a", value: b"b c" });
        assert_eq!(reply(b"ERROR Too many open connections\r\n"), Reply::Error(b"Too many open connections"));
        assert_eq!(reply(b"CLIENT_ERROR bad data chunk\r\n"), Reply::ClientError(b"bad data chunk"));
        assert_eq!(reply(b"SERVER_ERROR: shutdown not enabled\r\n"), Reply::ServerError(b"shutdown not enabled"));
        assert_eq!(reply(b"ME k exp=-1\r\n"), Reply::MetaDebug(b"k exp=-1"));
    }

    #[test]
    fn values() {
        let value = Value { key: b"k", flags: 7, cas: None, data: b"a\r\nb" };
        assert_eq!(reply(b"VALUE k 7 4\r\na\r\nb\r\n"), Reply::Value(value));
        assert_eq!(reply(b"VALUE k 7 4 9\r\na\r\nb\r\n"), Reply::Value(Value { cas: Some(9), ..value }));
        assert_eq!(reply(b"VALUE k 7 0\r\n\r\n"), Reply::Value(Value { data: b"", ..value }));
    }

    #[test]
    fn meta_replies() {
        for (text, expected) in [
            ("HD", MetaCode::Hd),
            ("NS", MetaCode::Ns),
            ("EX", MetaCode::Ex),
            ("NF", MetaCode::Nf),
            ("EN", MetaCode::En),
            ("MN", MetaCode::Mn),
        ] {
            let line = format!("{text} Oabc kfoo\r\n");
            let Reply::Meta { code, flags } = reply(line.as_bytes()) else { panic!("{text}") };
            assert_eq!((code, flags.collect::<Vec<_>>()), (expected, vec![&b"Oabc"[..], b"kfoo"]));
        }
        let Reply::MetaValue { data, flags } = reply(b"VA 2 c1 W\r\nhi\r\n") else { panic!() };
        assert_eq!((data, flags.collect::<Vec<_>>()), (&b"hi"[..], vec![&b"c1"[..], b"W"]));
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(parse_reply(b""), ParsedReply::Incomplete { bytes_min: 1 });
        assert_eq!(parse_reply(b"STORED\r"), ParsedReply::Incomplete { bytes_min: 8 });
        assert_eq!(parse_reply(b"VALUE k 0 3\r\nab"), ParsedReply::Incomplete { bytes_min: 18 });
        assert_eq!(parse_reply(b"VA 3\r\nabc\r"), ParsedReply::Incomplete { bytes_min: 11 });
    }

    #[test]
    fn what_is_no_reply() {
        for input in [
            "\r\n",
            "hello\r\n",
            "VALUE\r\n",
            "VALUE k\r\n",
            "VALUE k 0 -1\r\n",
            "VALUE k 0 1 x\r\n",
            "VA\r\n",
            "VA x\r\n",
            "VALUE k 0 1\r\nabc",
            "12x\r\n",
            "stored\r\n",
        ] {
            assert_eq!(parse_reply(input.as_bytes()), ParsedReply::Malformed, "{input:?}");
        }
        assert_eq!(parse_reply(&vec![b'a'; LINE_BYTES_MAX + 1]), ParsedReply::Malformed);
    }
}
