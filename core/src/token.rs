//! `user_data`: which slot a completion belongs to, and which life of that slot.
//!
//! ```text
//!  63      56 55              32 31               0
//! +----------+------------------+------------------+
//! | kind : 8 |    slot : 24     |  generation : 32 |
//! +----------+------------------+------------------+
//! ```

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
    /// A cancellation owns no cargo and no slot; what it did shows in the completion of its target.
    Cancel,
}

const KINDS: [Kind; 12] = [
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
    Kind::Cancel,
];

/// Slots that a token can name.
pub const SLOTS_MAX: usize = 1 << 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    /// Below [`SLOTS_MAX`].
    pub slot: u32,
    pub generation: u32,
}

impl Token {
    /// The token of every cancellation.
    pub const CANCEL: Token = Token { kind: Kind::Cancel, slot: 0, generation: 0 };

    #[inline]
    pub fn encode(self) -> u64 {
        debug_assert!((self.slot as usize) < SLOTS_MAX);
        (self.kind as u64) << 56 | u64::from(self.slot) << 32 | u64::from(self.generation)
    }

    /// `None` when the kind is none of ours.
    #[inline]
    pub fn decode(user_data: u64) -> Option<Token> {
        let kind = *KINDS.get(((user_data >> 56) as usize).wrapping_sub(1))?;
        Some(Token { kind, slot: (user_data >> 32) as u32 & (SLOTS_MAX as u32 - 1), generation: user_data as u32 })
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
                let token = Token { kind, slot, generation };
                assert_eq!(Token::decode(token.encode()), Some(token));
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
