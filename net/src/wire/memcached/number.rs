//! The numbers in a line, in and out.
//!
//! memcached reads numbers in two ways, and clients can see the difference: with C's `strtol` family, which reads a wide
//! number and then keeps its low bits, and with a strict reader that is bounded in length and range.

/// The longest word that the strict 32-bit reader looks at, in bytes.
const STRICT_32_BYTES_MAX: usize = 11;

/// An unsigned number: `safe_strtoull`. Digits, a `+` before them allowed; `None` beyond u64.
pub(super) fn u64_lenient(token: &[u8]) -> Option<u64> {
    let digits = token.strip_prefix(b"+").unwrap_or(token);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, &byte| sum.checked_mul(10)?.checked_add(u64::from(digit(byte)?)))
}

/// Client flags: `safe_strtoul`, which reads 64 bits and keeps the low 32.
pub(super) fn client_flags(token: &[u8]) -> Option<u32> {
    u64_lenient(token).map(|wide| wide as u32)
}

/// An expiry time: `safe_strtol`, which reads a signed 64-bit number and keeps the low 32 bits. So 4294967295 is -1,
/// already expired, and not an error.
pub(super) fn exptime(token: &[u8]) -> Option<i32> {
    let wide = match token.strip_prefix(b"-") {
        Some(digits) if digits.first().is_some_and(u8::is_ascii_digit) => {
            0i64.checked_sub_unsigned(u64_lenient(digits)?)
        }
        Some(_) => None,
        None => i64::try_from(u64_lenient(token)?).ok(),
    }?;
    Some(wide as i32)
}

/// An expiry time, read strictly: `mcmc_tokto32`. For `gat`, `gats` and `flush_all`.
pub(super) fn exptime_strict(token: &[u8]) -> Option<i32> {
    if token.len() > STRICT_32_BYTES_MAX {
        return None;
    }
    let (digits, sign) = match token.strip_prefix(b"-") {
        Some(digits) => (digits, -1),
        None => (token, 1),
    };
    i32::try_from(sign * i64::from(u32_strict(digits)?)).ok()
}

/// An unsigned 32-bit number, read strictly: `mcmc_toktou32`.
pub(super) fn u32_strict(token: &[u8]) -> Option<u32> {
    if token.is_empty() || token.len() > STRICT_32_BYTES_MAX {
        return None;
    }
    token.iter().try_fold(0u32, |sum, &byte| sum.checked_mul(10)?.checked_add(u32::from(digit(byte)?)))
}

/// The length of a data block, in bytes, at most [`super::DATA_BYTES_MAX`].
pub(super) fn data_bytes(token: &[u8]) -> Option<u32> {
    u32_strict(token).filter(|&bytes| bytes <= super::DATA_BYTES_MAX)
}

fn digit(byte: u8) -> Option<u8> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(digit)
}

/// Appends a number in decimal.
#[inline]
pub(super) fn write(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_numbers_to_their_last_value() {
        assert_eq!(u64_lenient(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(u64_lenient(b"18446744073709551616"), None);
        assert_eq!(u64_lenient(b"+7"), Some(7));
        for bad in ["", "+", "-1", "1x", "x", "0x10", "1 "] {
            assert_eq!(u64_lenient(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn client_flags_keep_their_low_32_bits() {
        assert_eq!(client_flags(b"4294967295"), Some(u32::MAX));
        assert_eq!(client_flags(b"4294967296"), Some(0));
        assert_eq!(client_flags(b"-1"), None);
    }

    #[test]
    fn expiry_times_keep_their_low_32_bits() {
        assert_eq!(exptime(b"2147483647"), Some(i32::MAX));
        assert_eq!(exptime(b"-2147483648"), Some(i32::MIN));
        assert_eq!(exptime(b"4294967295"), Some(-1));
        assert_eq!(exptime(b"-9223372036854775808"), Some(0));
        assert_eq!(exptime(b"9223372036854775808"), None);
        assert_eq!(exptime(b"-9223372036854775809"), None);
        for bad in ["", "-", "--1", "-+1", "1.5", "never"] {
            assert_eq!(exptime(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn strict_numbers_are_bounded_in_range_and_length() {
        assert_eq!(exptime_strict(b"2147483647"), Some(i32::MAX));
        assert_eq!(exptime_strict(b"-2147483648"), Some(i32::MIN));
        assert_eq!(exptime_strict(b"2147483648"), None);
        assert_eq!(exptime_strict(b"-2147483649"), None);
        assert_eq!(exptime_strict(b"-"), None);
        assert_eq!(u32_strict(b"4294967295"), Some(u32::MAX));
        assert_eq!(u32_strict(b"4294967296"), None);
        assert_eq!(u32_strict(b"00000000005"), Some(5));
        assert_eq!(u32_strict(b"000000000005"), None);
        assert_eq!(u32_strict(b"+5"), None);
    }

    #[test]
    fn data_lengths_leave_room_for_the_terminator() {
        assert_eq!(data_bytes(b"0"), Some(0));
        assert_eq!(data_bytes(b"2147483645"), Some(2147483645));
        assert_eq!(data_bytes(b"2147483646"), None);
        assert_eq!(data_bytes(b"-1"), None);
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        let mut out = Vec::new();
        write(&mut out, u64::MAX);
        write(&mut out, -1i32);
        assert_eq!(out, b"18446744073709551615-1");
    }
}
