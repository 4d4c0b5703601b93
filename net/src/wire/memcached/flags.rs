//! The flags of a meta line: one letter each, some with a value, in an order that the answer repeats.
//!
//! All meta commands know the same letters and ignore the ones that mean nothing to them, as memcached's one
//! _meta_flag_preparse has it.

use super::KEY_BYTES_MAX;
use super::key::{KeyEncoding, MetaKey};
use super::number;
use super::refusal::Refusal;
use super::request::Fault;
use super::token::Tokens;

/// The most tokens of a meta line, the command and the key counted.
const TOKENS_MAX: usize = 20;

/// The longest opaque token, its `O` counted, in bytes.
const OPAQUE_BYTES_MAX: usize = 32;

/// A key that is sound as it is and as base64, for flags whose key is not known yet.
const ANY_KEY: &[u8] = b"AAAA";

/// One letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Flag {
    /// The key is in base64.
    Base64Key = b'b',
    ReturnCas = b'c',
    ReturnClientFlags = b'f',
    /// Whether the item was fetched before.
    ReturnHit = b'h',
    ReturnKey = b'k',
    /// Seconds since the last access.
    ReturnLastAccess = b'l',
    /// Repeated in the answer as it is.
    Opaque = b'O',
    /// No answer where nothing went wrong.
    Quiet = b'q',
    ReturnSize = b's',
    ReturnTtl = b't',
    /// The access does not count as one.
    NoBump = b'u',
    ReturnValue = b'v',
    /// `md`: keep the item, drop its value.
    RemoveValue = b'x',
    /// Only where the item's cas id is this one.
    CompareCas = b'C',
    /// The cas id of the item written.
    NewCas = b'E',
    Delta = b'D',
    ClientFlags = b'F',
    /// Mark as stale.
    Invalidate = b'I',
    Initial = b'J',
    Mode = b'M',
    /// Create the item where it is missing.
    Vivify = b'N',
    /// Below this time to live the client is asked to refresh the item.
    Recache = b'R',
    Ttl = b'T',
    /// Between a client and a proxy; ignored.
    Path = b'P',
    /// Between a client and a proxy; ignored.
    Local = b'L',
}

impl Flag {
    #[inline]
    fn from_letter(letter: u8) -> Option<Flag> {
        Some(match letter {
            b'b' => Flag::Base64Key,
            b'c' => Flag::ReturnCas,
            b'f' => Flag::ReturnClientFlags,
            b'h' => Flag::ReturnHit,
            b'k' => Flag::ReturnKey,
            b'l' => Flag::ReturnLastAccess,
            b'O' => Flag::Opaque,
            b'q' => Flag::Quiet,
            b's' => Flag::ReturnSize,
            b't' => Flag::ReturnTtl,
            b'u' => Flag::NoBump,
            b'v' => Flag::ReturnValue,
            b'x' => Flag::RemoveValue,
            b'C' => Flag::CompareCas,
            b'E' => Flag::NewCas,
            b'D' => Flag::Delta,
            b'F' => Flag::ClientFlags,
            b'I' => Flag::Invalidate,
            b'J' => Flag::Initial,
            b'M' => Flag::Mode,
            b'N' => Flag::Vivify,
            b'R' => Flag::Recache,
            b'T' => Flag::Ttl,
            b'P' => Flag::Path,
            b'L' => Flag::Local,
            _ => return None,
        })
    }

    /// A set of flags is a word: `A` is bit 0, `z` is bit 57.
    #[inline]
    fn bit(self) -> u64 {
        1 << (self as u8 - b'A')
    }
}

/// The flags of one line. Their values were looked at when the line was read, and are read when they are asked for: few
/// lines have any, and every request would carry the room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaFlags<'a> {
    tokens: Tokens<'a>,
    present: u64,
}

/// What is wrong with a meta line's key or flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlagFault {
    /// A token cannot be a flag at all: the whole line counts as malformed, and a data length in it as unread.
    Line,
    Flags(Refusal),
}

impl FlagFault {
    /// The refusal of a command without a data block.
    pub(super) fn into_fault(self) -> Fault {
        match self {
            FlagFault::Line => Refusal::BadCommandLine.into(),
            FlagFault::Flags(refusal) => refusal.into(),
        }
    }
}

impl<'a> MetaFlags<'a> {
    /// Reads the flags in `text`, which are parted by spaces, for a request that is to be written.
    pub fn of(text: &'a [u8]) -> Result<Self, Refusal> {
        match read(ANY_KEY, Tokens::of(text), 2) {
            Ok((_, flags)) => Ok(flags),
            Err(FlagFault::Line) => Err(Refusal::BadCommandLine),
            Err(FlagFault::Flags(refusal)) => Err(refusal),
        }
    }

    /// Whether the line has this flag.
    #[inline]
    pub fn has(&self, flag: Flag) -> bool {
        self.present & flag.bit() != 0
    }

    /// The time in [`Flag::Ttl`], [`Flag::Vivify`] or [`Flag::Recache`], as received like every expiry time.
    pub fn exptime(&self, flag: Flag) -> Option<i32> {
        number::exptime(self.value(flag)?)
    }

    /// The number in [`Flag::CompareCas`], [`Flag::NewCas`], [`Flag::Delta`] or [`Flag::Initial`].
    pub fn number(&self, flag: Flag) -> Option<u64> {
        number::u64_lenient(self.value(flag)?)
    }

    /// The number in [`Flag::ClientFlags`], or 0.
    pub fn client_flags(&self) -> u32 {
        self.value(Flag::ClientFlags).and_then(number::client_flags).unwrap_or(0)
    }

    /// The letter in [`Flag::Mode`]: only the first one counts, and none is a space.
    pub(super) fn mode(&self) -> Option<u8> {
        Some(self.value(Flag::Mode)?.first().copied().unwrap_or(b' '))
    }

    fn value(&self, wanted: Flag) -> Option<&'a [u8]> {
        if !self.has(wanted) {
            return None;
        }
        self.iter().find_map(|(flag, value)| (flag == wanted).then_some(value))
    }

    /// The flags and their values, in request order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (Flag, &'a [u8])> {
        self.tokens.filter_map(|token| Some((Flag::from_letter(*token.first()?)?, &token[1..])))
    }

    /// Appends the flags as they came.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for token in self.tokens {
            out.push(b' ');
            out.extend_from_slice(token);
        }
    }

    /// Appends what every answer repeats: the opaque token, or the key, where `flag` is one of them.
    pub(super) fn write_reflected(out: &mut Vec<u8>, flag: Flag, value: &[u8], key: &MetaKey, encoding: KeyEncoding) {
        match flag {
            Flag::Opaque => {
                out.extend_from_slice(b" O");
                out.extend_from_slice(value);
            }
            Flag::ReturnKey => {
                out.extend_from_slice(b" k");
                key.write_as(out, encoding);
                if encoding == KeyEncoding::Base64 {
                    out.extend_from_slice(b" b");
                }
            }
            _ => {}
        }
    }

    /// Refuses an opaque token beyond its bound. Apart from [`read`], because memcached looks at it only after a command's
    /// own checks.
    pub(super) fn check_opaque(&self) -> Result<(), Refusal> {
        let too_long = |token: &[u8]| token[0] == b'O' && token.len() > OPAQUE_BYTES_MAX;
        if self.has(Flag::Opaque) && { self.tokens }.any(too_long) { Err(Refusal::OpaqueTooLong) } else { Ok(()) }
    }
}

/// Reads a meta line's key and flags; `tokens_before` is the number of tokens before the flags.
#[inline]
pub(super) fn read<'a>(
    key: &'a [u8],
    tokens: Tokens<'a>,
    tokens_before: usize,
) -> Result<(MetaKey<'a>, MetaFlags<'a>), FlagFault> {
    let outcome = if key.len() > KEY_BYTES_MAX { Err(Refusal::BadCommandLine) } else { read_tokens(key, tokens) };
    match outcome {
        Ok((_, flags)) if flags.present.count_ones() as usize + tokens_before > TOKENS_MAX => {
            Err(FlagFault::Flags(Refusal::TooManyFlags))
        }
        Ok(read) => Ok(read),
        Err(refusal) => Err(name_fault(refusal, key, tokens, tokens_before)),
    }
}

/// What memcached, which counts tokens and looks at their first bytes before it reads them, says about a line in which
/// the reading came upon `refusal`.
#[cold]
fn name_fault(refusal: Refusal, key: &[u8], mut tokens: Tokens<'_>, tokens_before: usize) -> FlagFault {
    let is_flag = |token: &[u8]| matches!(token[0], b'A'..=b'z' | b'0'..=b'9');
    if !{ tokens }.all(is_flag) {
        FlagFault::Line
    } else if key.len() <= KEY_BYTES_MAX && tokens.nth(TOKENS_MAX - tokens_before).is_some() {
        FlagFault::Flags(Refusal::TooManyFlags)
    } else {
        FlagFault::Flags(refusal)
    }
}

/// As memcached reads them: a letter that is unknown, or there twice, ends the reading; a value that cannot be read does
/// not, and the last such value names the refusal.
#[inline]
fn read_tokens<'a>(text: &'a [u8], tokens: Tokens<'a>) -> Result<(MetaKey<'a>, MetaFlags<'a>), Refusal> {
    let mut key = MetaKey::plain(text);
    let mut flags = MetaFlags { tokens, present: 0 };
    let mut refusal = None;
    for token in tokens {
        let flag = match Flag::from_letter(token[0]) {
            Some(flag) if flags.has(flag) => return Err(Refusal::DuplicateFlag),
            Some(flag) => flag,
            None => return Err(Refusal::InvalidFlag),
        };
        flags.present |= flag.bit();
        if flag == Flag::Base64Key {
            match MetaKey::base64(text) {
                Some(decoded) => key = decoded,
                None => refusal = Some(Refusal::BadKeyEncoding),
            }
        } else if let Err(asked) = check_value(flag, &token[1..]) {
            refusal = Some(asked.or(refusal).unwrap_or(Refusal::BadCommandLine));
        }
    }
    refusal.map_or(Ok((key, flags)), Err)
}

/// Looks at a flag's value. The error is the refusal that it asks for; bad client flags ask for none of their own.
#[inline]
fn check_value(flag: Flag, value: &[u8]) -> Result<(), Option<Refusal>> {
    let (sound, refusal) = match flag {
        Flag::Ttl | Flag::Vivify | Flag::Recache => (number::exptime(value).is_some(), Some(Refusal::BadToken)),
        Flag::CompareCas | Flag::NewCas => (number::u64_lenient(value).is_some(), Some(Refusal::BadToken)),
        Flag::Delta => (number::u64_lenient(value).is_some(), Some(Refusal::InvalidDeltaFlag)),
        Flag::Initial => (number::u64_lenient(value).is_some(), Some(Refusal::InvalidInitial)),
        Flag::ClientFlags => (number::client_flags(value).is_some(), None),
        _ => return Ok(()),
    };
    if sound { Ok(()) } else { Err(refusal) }
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::super::testing::{refused, request};
    use super::*;

    fn flags(text: &str) -> MetaFlags<'_> {
        MetaFlags::of(text.as_bytes()).unwrap()
    }

    fn refusal(text: &str) -> Refusal {
        MetaFlags::of(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn flags_come_in_request_order_with_their_values() {
        let flags = flags("v Oabc t T-1 k");
        let expected: [(Flag, &[u8]); 5] = [
            (Flag::ReturnValue, b""),
            (Flag::Opaque, b"abc"),
            (Flag::ReturnTtl, b""),
            (Flag::Ttl, b"-1"),
            (Flag::ReturnKey, b""),
        ];
        assert_eq!(flags.iter().collect::<Vec<_>>(), expected);
        assert!(flags.has(Flag::Opaque) && !flags.has(Flag::Quiet));
    }

    #[test]
    fn every_letter_is_its_flag() {
        let known = "b c f h k l O q s t u v x C1 E1 D1".split(' ').chain("F1 I J1 M N1 R1 T1 P L".split(' '));
        for token in known {
            let letter = token.as_bytes()[0];
            let (flag, _) = flags(token).iter().next().unwrap();
            assert_eq!(flag as u8, letter);
        }
        for letter in (b'A'..=b'z').chain(b'0'..=b'9') {
            let token = [letter, b'1'];
            let known = b"bcfhklOqstuvxCEDFIJMNRTPL".contains(&letter);
            assert_eq!(MetaFlags::of(&token).err(), (!known).then_some(Refusal::InvalidFlag), "{}", letter as char);
        }
    }

    #[test]
    fn values() {
        let flags = flags("T30 N-1 R4294967295 C18446744073709551615 E1 D2 J3 F4294967295 M+x");
        assert_eq!(flags.exptime(Flag::Ttl), Some(30));
        assert_eq!(flags.exptime(Flag::Vivify), Some(-1));
        assert_eq!(flags.exptime(Flag::Recache), Some(-1));
        assert_eq!(flags.number(Flag::CompareCas), Some(u64::MAX));
        assert_eq!(flags.number(Flag::NewCas), Some(1));
        assert_eq!(flags.number(Flag::Delta), Some(2));
        assert_eq!(flags.number(Flag::Initial), Some(3));
        assert_eq!(flags.client_flags(), u32::MAX);
        assert_eq!(flags.mode(), Some(b'+'));
    }

    #[test]
    fn values_that_are_not_there() {
        let flags = flags("v");
        assert_eq!((flags.exptime(Flag::Ttl), flags.number(Flag::Delta)), (None, None));
        assert_eq!((flags.client_flags(), flags.mode()), (0, None));
    }

    #[test]
    fn faults_name_themselves() {
        for token in ["T", "Tx", "N", "R1x", "C", "C-1", "Cx", "E", "E18446744073709551616", "T9223372036854775808"] {
            assert_eq!(refusal(token), Refusal::BadToken, "{token}");
        }
        assert_eq!(refusal("D"), Refusal::InvalidDeltaFlag);
        assert_eq!(refusal("J-1"), Refusal::InvalidInitial);
        assert_eq!(refusal("Fx"), Refusal::BadCommandLine);
        assert_eq!(refusal("v v"), Refusal::DuplicateFlag);
        assert_eq!(refusal("T1 T2"), Refusal::DuplicateFlag);
        assert_eq!(refusal("S1"), Refusal::InvalidFlag);
    }

    #[test]
    fn the_last_fault_or_the_first_fatal_one_is_named() {
        assert_eq!(refusal("Tx Dx"), Refusal::InvalidDeltaFlag);
        assert_eq!(refusal("Dx Tx"), Refusal::BadToken);
        assert_eq!(refusal("Tx Fx"), Refusal::BadToken);
        assert_eq!(refusal("Tx Z v v"), Refusal::InvalidFlag);
        assert_eq!(refusal("Tx v v Z"), Refusal::DuplicateFlag);
        refused("mg Zm9 b Tx\r\n", Refusal::BadToken);
        refused("mg Zm9 Tx b\r\n", Refusal::BadKeyEncoding);
    }

    #[test]
    fn a_token_that_is_no_flag_at_all_spoils_the_line() {
        for line in ["mg k !\r\n", "mg k v v ~\r\n", "md k \u{1}\r\n", "ma k {\r\n", "mg k \u{e9}\r\n"] {
            refused(line, Refusal::BadCommandLine);
        }
    }

    #[test]
    fn twenty_tokens_fit() {
        let eighteen = "b c f h k l Oa q s t u v x I M N1 R1 T1";
        assert!(matches!(request(&format!("mg AAAA {eighteen}\r\n")), Request::MetaGet(_)));
        refused(&format!("mg AAAA {eighteen} P\r\n"), Refusal::TooManyFlags);
        refused(&format!("mg AAAA {eighteen} v\r\n"), Refusal::TooManyFlags);
        refused(&format!("mg AAAA {}\r\n", "v ".repeat(19)), Refusal::TooManyFlags);
        refused(&format!("mg AAAA {}\r\n", "v ".repeat(18)), Refusal::DuplicateFlag);
        refused(&format!("mg {} {}\r\n", "k".repeat(251), "v ".repeat(19)), Refusal::BadCommandLine);
    }

    #[test]
    fn opaque_tokens_have_32_bytes() {
        let longest = format!("O{}", "x".repeat(31));
        for command in ["mg k", "md k", "ma k"] {
            request(format!("{command} {longest}\r\n").leak());
            refused(&format!("{command} {longest}x\r\n"), Refusal::OpaqueTooLong);
        }
    }
}
