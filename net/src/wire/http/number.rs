//! The numbers of HTTP: digits, and nothing else.

/// A decimal number; `None` where it is none, or beyond 64 bits. A sign is part of a number to Rust, and not to HTTP.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, &byte| sum.checked_mul(10)?.checked_add(digit(byte)?))
}

/// The same for a position in a file, where all that is beyond 64 bits is one: beyond the end.
pub(super) fn decimal_capped(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, &byte| Some(sum.saturating_mul(10).saturating_add(digit(byte)?)))
}

fn digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}

/// Appends a number in decimal.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_nothing_else() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"007"), Some(7));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), None);
        for wrong in ["", "-1", "+1", " 1", "1 ", "1,1", "0x10", "1e3", "\u{661}"] {
            assert_eq!(decimal(wrong.as_bytes()), None, "{wrong}");
            assert_eq!(decimal_capped(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_position_beyond_64_bits_is_the_last_one() {
        for beyond in ["18446744073709551615", "18446744073709551616", "99999999999999999999999999"] {
            assert_eq!(decimal_capped(beyond.as_bytes()), Some(u64::MAX), "{beyond}");
        }
        assert_eq!(decimal_capped(b"18446744073709551614"), Some(u64::MAX - 1));
    }
}
