//! The end of a value: two bytes that must be `\r\n`.
//!
//! A block whose terminator is wrong is consumed all the same, terminator's length included, and refused; whatever the
//! client sent beyond it is read as the next line. So a value longer than announced costs its sender two errors, and one
//! that is shorter eats the beginning of what follows: exactly memcached's behaviour (complete_nread_ascii).

use super::refusal::Refusal;

/// What stands behind every value.
pub const TERMINATOR: [u8; 2] = *b"\r\n";

/// Bytes of a whole block: the value and its terminator.
pub fn bytes(data_bytes: u32) -> u64 {
    u64::from(data_bytes) + TERMINATOR.len() as u64
}

/// Looks at the two bytes that stand where the terminator should.
pub fn check(end: [u8; 2]) -> Result<(), Refusal> {
    if end == TERMINATOR { Ok(()) } else { Err(Refusal::BadDataChunk) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_full_terminator_will_do() {
        assert_eq!(check(*b"\r\n"), Ok(()));
        for end in [*b"\n\r", *b"xy", *b"\n\n", *b"\r\r", *b"x\n"] {
            assert_eq!(check(end), Err(Refusal::BadDataChunk));
        }
    }

    #[test]
    fn a_block_is_two_bytes_longer_than_its_value() {
        assert_eq!(bytes(0), 2);
        assert_eq!(bytes(u32::MAX), 4294967297);
    }
}
