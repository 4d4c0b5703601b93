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

    #[inline]
    fn bit(self) -> u64 {
        letter_bit(self as u8)
    }
}

/// A set of letters is a word: `A` is bit 0, `z` is bit 57.
#[inline]
fn letter_bit(letter: u8) -> u64 {
    1 << (letter.wrapping_sub(b'A') & 63)
}

/// The flags of one line, their values read. Times are as received, like every expiry time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaFlags<'a> {
    tokens: Tokens<'a>,
    present: u64,
    /// `T`
    pub ttl: Option<i32>,
    /// `N`
    pub vivify: Option<i32>,
    /// `R`
    pub recache: Option<i32>,
    /// `F`; 0 where there is none.
    pub client_flags: u32,
    /// `C`
    pub compare_cas: Option<u64>,
    /// `E`
    pub new_cas: Option<u64>,
    /// `D`
    pub delta: Option<u64>,
    /// `J`
    pub initial: Option<u64>,
    /// `M`: the first byte of its value, a space where it has none.
    pub mode: Option<u8>,
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
        match read(b"k", Tokens::of(text), 2) {
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
    let outcome =
        if key.len() > KEY_BYTES_MAX { Err(Refusal::BadCommandLine) } else { read_tokens(key, tokens, tokens_before) };
    // Only a line that fails can hold a token without a letter or a digit in front, so only that one is looked through.
    outcome.map_err(|refusal| {
        let is_flag = |token: &[u8]| matches!(token[0], b'A'..=b'z' | b'0'..=b'9');
        if { tokens }.all(is_flag) { FlagFault::Flags(refusal) } else { FlagFault::Line }
    })
}

/// As memcached reads them: a letter that is unknown, or there twice, ends the reading; a value that cannot be read does
/// not, and the last such value names the refusal.
#[inline]
fn read_tokens<'a>(
    text: &'a [u8],
    tokens: Tokens<'a>,
    tokens_before: usize,
) -> Result<(MetaKey<'a>, MetaFlags<'a>), Refusal> {
    let mut key = MetaKey::plain(text);
    let mut flags = MetaFlags::none(tokens);
    let mut refusal = None;
    if { tokens }.nth(TOKENS_MAX - tokens_before).is_some() {
        return Err(Refusal::TooManyFlags);
    }
    for token in tokens {
        let letter = token[0];
        let flag = match Flag::from_letter(letter) {
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
        } else if let Err(bad) = flags.read_value(flag, &token[1..]) {
            refusal = Some(bad.or(refusal).unwrap_or(Refusal::BadCommandLine));
        }
    }
    refusal.map_or(Ok((key, flags)), Err)
}

impl<'a> MetaFlags<'a> {
    fn none(tokens: Tokens<'a>) -> Self {
        MetaFlags {
            tokens,
            present: 0,
            ttl: None,
            vivify: None,
            recache: None,
            client_flags: 0,
            compare_cas: None,
            new_cas: None,
            delta: None,
            initial: None,
            mode: None,
        }
    }

    /// Reads a flag's value. The error is the refusal that it asks for; bad client flags ask for none of their own.
    #[inline]
    fn read_value(&mut self, flag: Flag, value: &[u8]) -> Result<(), Option<Refusal>> {
        match flag {
            Flag::Ttl => self.ttl = Some(number::exptime(value).ok_or(Refusal::BadToken)?),
            Flag::Vivify => self.vivify = Some(number::exptime(value).ok_or(Refusal::BadToken)?),
            Flag::Recache => self.recache = Some(number::exptime(value).ok_or(Refusal::BadToken)?),
            Flag::CompareCas => self.compare_cas = Some(number::u64_lenient(value).ok_or(Refusal::BadToken)?),
            Flag::NewCas => self.new_cas = Some(number::u64_lenient(value).ok_or(Refusal::BadToken)?),
            Flag::Delta => self.delta = Some(number::u64_lenient(value).ok_or(Refusal::InvalidDeltaFlag)?),
            Flag::Initial => self.initial = Some(number::u64_lenient(value).ok_or(Refusal::InvalidInitial)?),
            Flag::ClientFlags => self.client_flags = number::client_flags(value).ok_or(None)?,
            Flag::Mode => self.mode = Some(value.first().copied().unwrap_or(b' ')),
            _ => {}
        }
        Ok(())
    }
}
