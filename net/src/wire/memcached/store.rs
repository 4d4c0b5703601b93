//! `set`, `add`, `replace`, `append`, `prepend`, `cas`: a line, and then a value of the length that it names.

use super::refusal::Refusal;
use super::request::{Answer, Fault, Request};
use super::token::{self, Tokens};
use super::{KEY_BYTES_MAX, data_block, number, scan};

/// A store. Its value follows the line: `data_bytes` bytes and a terminator, which [`data_block::check`] looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Store<'a> {
    pub verb: StoreVerb,
    /// 1 to [`KEY_BYTES_MAX`] bytes.
    pub key: &'a [u8],
    pub flags: u32,
    /// As received: 0 never, to 30 days relative, more absolute, negative at once.
    pub exptime: i32,
    /// At most [`super::DATA_BYTES_MAX`].
    pub data_bytes: u32,
    pub answer: Answer,
}

/// On what condition a value is stored, and where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreVerb {
    Set,
    /// Only where there is no item.
    Add,
    /// Only where there is an item.
    Replace,
    /// After an item's value; its flags and expiry time stay.
    Append,
    /// Before an item's value; its flags and expiry time stay.
    Prepend,
    /// Only where the item's cas id is this one.
    Cas(u64),
}

/// How a store ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreReply {
    Stored,
    /// The verb's condition does not hold.
    NotStored,
    /// `cas`: another id.
    Exists,
    /// `cas`: no item.
    NotFound,
}

impl StoreReply {
    pub const fn line(self) -> &'static [u8] {
        match self {
            StoreReply::Stored => b"STORED\r\n",
            StoreReply::NotStored => b"NOT_STORED\r\n",
            StoreReply::Exists => b"EXISTS\r\n",
            StoreReply::NotFound => b"NOT_FOUND\r\n",
        }
    }
}

/// A `set` in its plainest form, `set <key> <flags> <exptime> <bytes>` with single spaces and short unsigned numbers, in
/// one pass over it; `None` when it is anything else, or is not all here.
#[inline]
pub(super) fn parse_plain_set(input: &[u8]) -> Option<(Store<'_>, usize)> {
    let text = input.strip_prefix(b"set ")?;
    let (key, numbers) = text.split_at(scan::find_space_or_below(text)?);
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return None;
    }
    let (flags, rest) = plain_number(numbers)?;
    let (exptime, rest) = plain_number(rest)?;
    let (data_bytes, rest) = plain_number(rest)?;
    let rest = rest.strip_prefix(b"\r\n")?;
    let store = Store { verb: StoreVerb::Set, key, flags, exptime: exptime as i32, data_bytes, answer: Answer::Wanted };
    Some((store, input.len() - rest.len()))
}

/// A space and one to nine digits: a number that fits in every type, with nothing to check.
#[inline]
fn plain_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.strip_prefix(b" ")?;
    let mut number = 0;
    for (at, byte) in digits.iter().enumerate().take(10) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (at > 0).then_some((number, &digits[at..]));
        }
        if at == 9 {
            return None;
        }
        number = number * 10 + u32::from(digit);
    }
    None
}

#[inline]
pub(super) fn parse<'a>(verb: &[u8], mut args: Tokens<'a>, line: &[u8]) -> Result<Request<'a>, Fault> {
    let mut next = || args.next().ok_or(Refusal::BadCommandLine);
    let (key, flags, exptime) = (next()?, next()?, next()?);
    let data_bytes = number::data_bytes(next()?).ok_or(Refusal::BadCommandLine)?;

    // From here on the length of the value is known: a refusal swallows it, and `noreply` silences the refusal.
    let answer = token::answer_wanted(line);
    let swallow_bytes = data_block::bytes(data_bytes);
    let fault = Fault { refusal: Refusal::BadCommandLine, answer, swallow_bytes };
    if key.len() > KEY_BYTES_MAX {
        return Err(fault);
    }
    let flags = number::client_flags(flags).ok_or(fault)?;
    let exptime = number::exptime(exptime).ok_or(fault)?;
    let verb = match verb {
        b"add" => StoreVerb::Add,
        b"replace" => StoreVerb::Replace,
        b"append" => StoreVerb::Append,
        b"prepend" => StoreVerb::Prepend,
        b"cas" => StoreVerb::Cas(args.next().and_then(number::u64_lenient).ok_or(fault)?),
        _ => StoreVerb::Set,
    };
    Ok(Request::Store(Store { verb, key, flags, exptime, data_bytes, answer }))
}

impl Store<'_> {
    /// Appends the request line. The value and `\r\n` come after it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let verb: &[u8] = match self.verb {
            StoreVerb::Set => b"set ",
            StoreVerb::Add => b"add ",
            StoreVerb::Replace => b"replace ",
            StoreVerb::Append => b"append ",
            StoreVerb::Prepend => b"prepend ",
            StoreVerb::Cas(_) => b"cas ",
        };
        out.extend_from_slice(verb);
        out.extend_from_slice(self.key);
        out.push(b' ');
        number::write(out, self.flags);
        out.push(b' ');
        number::write(out, self.exptime);
        out.push(b' ');
        number::write(out, self.data_bytes);
        if let StoreVerb::Cas(cas) = self.verb {
            out.push(b' ');
            number::write(out, cas);
        }
        token::write_end(out, self.answer);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, refused_with, request};
    use super::*;

    fn store(line: &str) -> Store<'_> {
        match request(line) {
            Request::Store(store) => store,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_field_of_a_set() {
        let expected =
            Store { verb: StoreVerb::Set, key: b"key", flags: 7, exptime: 60, data_bytes: 5, answer: Answer::Wanted };
        assert_eq!(store("set key 7 60 5\r\n"), expected);
        assert_eq!(store("set key 7 60 5\n"), expected);
        assert_eq!(store("set   key  7 60 5  \r\n"), expected);
        assert_eq!(store("set key 7 60 5 anything\r\n"), expected);
        assert_eq!(store("set key 7 60 5 noreply\r\n"), Store { answer: Answer::Suppressed, ..expected });
        assert_eq!(store("set key 7 60 5 noreply x\r\n"), expected);
    }

    #[test]
    fn the_verbs() {
        for (word, verb) in [
            ("set", StoreVerb::Set),
            ("add", StoreVerb::Add),
            ("replace", StoreVerb::Replace),
            ("append", StoreVerb::Append),
            ("prepend", StoreVerb::Prepend),
        ] {
            assert_eq!(store(&format!("{word} k 0 0 1\r\n")).verb, verb);
        }
        assert_eq!(store("cas k 0 0 1 18446744073709551615\r\n").verb, StoreVerb::Cas(u64::MAX));
        assert_eq!(store("cas k 0 0 1 9 noreply\r\n").answer, Answer::Suppressed);
    }

    #[test]
    fn the_ends_of_every_range() {
        let wide = store("set k 4294967295 -2147483648 2147483645\r\n");
        assert_eq!((wide.flags, wide.exptime, wide.data_bytes), (u32::MAX, i32::MIN, 2147483645));
        assert_eq!(store("set k 0 999999999 999999999\r\n").exptime, 999_999_999);
        assert_eq!(store("set k 0 2147483647 0\r\n").exptime, i32::MAX);
        assert_eq!(store("set k 0 4294967295 1\r\n").exptime, -1);
        assert_eq!(store("set k 4294967296 0 1\r\n").flags, 0);
    }

    #[test]
    fn a_length_that_is_not_one_swallows_nothing_and_always_answers() {
        for length in
            ["-1", "x", "5x", "2147483646", "2147483647", "4294967296", "99999999999999999999", "000000000005"]
        {
            refused(&format!("set k 0 0 {length}\r\n"), Refusal::BadCommandLine);
            refused(&format!("set k 0 0 {length} noreply\r\n"), Refusal::BadCommandLine);
        }
        for line in ["set\r\n", "set k\r\n", "set k 0 0\r\n", "add k 0 noreply\r\n", "cas k 0 0\r\n"] {
            refused(line, Refusal::BadCommandLine);
        }
    }

    #[test]
    fn other_faults_swallow_the_value_and_obey_noreply() {
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        for (line, swallow_bytes) in [
            ("set k x 0 5".to_string(), 7),
            ("set k -1 0 5".to_string(), 7),
            ("set k 0 x 0".to_string(), 2),
            ("set k 0 9223372036854775808 5".to_string(), 7),
            (format!("set {long} 0 0 2147483645"), 2147483647),
            ("cas k 0 0 5".to_string(), 7),
            ("cas k 0 0 5 x".to_string(), 7),
            ("cas k 0 0 5 -1".to_string(), 7),
            ("cas k 0 0 5 18446744073709551616".to_string(), 7),
        ] {
            refused_with(&format!("{line}\r\n"), Refusal::BadCommandLine, Answer::Wanted, swallow_bytes);
            refused_with(&format!("{line} noreply\r\n"), Refusal::BadCommandLine, Answer::Suppressed, swallow_bytes);
        }
    }

    #[test]
    fn a_key_never_reaches_into_the_next_line() {
        refused("set k\nget b 0 0 5\r\n", Refusal::BadCommandLine);
    }

    #[test]
    fn replies() {
        assert_eq!(StoreReply::Stored.line(), b"STORED\r\n");
        assert_eq!(StoreReply::NotStored.line(), b"NOT_STORED\r\n");
        assert_eq!(StoreReply::Exists.line(), b"EXISTS\r\n");
        assert_eq!(StoreReply::NotFound.line(), b"NOT_FOUND\r\n");
    }
}
