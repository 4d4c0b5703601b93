//! `user_data`: which slot a completion belongs to, and which life of that slot.
//!
//! ```text
//!  63      56 55              32 31               0
//! +----------+------------------+------------------+
//! | kind : 8 |    slot : 24     |  generation : 32 |
//! +----------+------------------+------------------+
//! ```

use std::fmt;
use std::num::NonZeroU64;

/// What kind of op a completion answers. Checked against the slot, so that a stray completion hits an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Accept = 1,
    Receive,
    ReceiveInto,
    Send,
    SendZeroCopy,
    Shutdown,
    Connect,
    Read,
    ReadRegistered,
    Write,
    Splice,
    AwaitRoom,
    Open,
    Reserve,
    Sync,
    Rename,
    Unlink,
    MakeFolder,
    Close,
    /// A cancellation owns no cargo and no slot; what it did shows in the completion of its target.
    Cancel,
}

const KINDS: [Kind; 20] = [
    Kind::Accept,
    Kind::Receive,
    Kind::ReceiveInto,
    Kind::Send,
    Kind::SendZeroCopy,
    Kind::Shutdown,
    Kind::Connect,
    Kind::Read,
    Kind::ReadRegistered,
    Kind::Write,
    Kind::Splice,
    Kind::AwaitRoom,
    Kind::Open,
    Kind::Reserve,
    Kind::Sync,
    Kind::Rename,
    Kind::Unlink,
    Kind::MakeFolder,
    Kind::Close,
    Kind::Cancel,
];

/// Slots that a token can name.
pub const SLOTS_MAX: usize = 1 << 24;

/// Kept packed, as the kernel sees it: taken apart and put together field by field, every copy of it would wait for the
/// writes before it. The kind is never 0, so an absent token costs nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(NonZeroU64);

impl Token {
    /// The token of every cancellation.
    pub const CANCEL: Token = Token::new(Kind::Cancel, 0, 0);

    /// `slot` is below [`SLOTS_MAX`].
    #[inline]
    pub const fn new(kind: Kind, slot: u32, generation: u32) -> Token {
        debug_assert!((slot as usize) < SLOTS_MAX);
        let packed = (kind as u64) << 56 | (slot as u64) << 32 | generation as u64;
        Token(NonZeroU64::new(packed).expect("no kind is 0"))
    }

    #[inline]
    pub fn encode(self) -> u64 {
        self.0.get()
    }

    /// `None` when the kind is none of ours.
    #[inline]
    pub fn decode(user_data: u64) -> Option<Token> {
        KINDS.get(((user_data >> 56) as usize).wrapping_sub(1))?;
        NonZeroU64::new(user_data).map(Token)
    }

    #[inline]
    pub fn kind(self) -> Kind {
        KINDS[(self.0.get() >> 56) as usize - 1]
    }

    #[inline]
    pub fn slot(self) -> u32 {
        (self.0.get() >> 32) as u32 & (SLOTS_MAX as u32 - 1)
    }

    #[inline]
    pub fn generation(self) -> u32 {
        self.0.get() as u32
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in slot {}, generation {}", self.kind(), self.slot(), self.generation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_round_trip() {
        for (index, &kind) in KINDS.iter().enumerate() {
            assert_eq!(kind as usize, index + 1);
            for (slot, generation) in [(0, 0), (1, u32::MAX), (SLOTS_MAX as u32 - 1, 7)] {
                let token = Token::new(kind, slot, generation);
                assert_eq!(Token::decode(token.encode()), Some(token));
                assert_eq!((token.kind(), token.slot(), token.generation()), (kind, slot, generation));
            }
        }
    }

    #[test]
    fn a_foreign_kind_is_not_decoded() {
        assert_eq!(Token::decode(0), None);
        assert_eq!(Token::decode((KINDS.len() as u64 + 1) << 56), None);
        assert_eq!(Token::decode(u64::MAX), None);
    }
}
