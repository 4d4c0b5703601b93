//! Where a word or a line ends, eight bytes at a look.
//!
//! Lines are short: a key, a few digits. A vector search costs more to enter than it saves there, and a byte at a time is
//! a branch a byte, so the first bytes are looked at in words, and only a long text is left to `memchr`.

use memchr::memchr;

const WORD_BYTES: usize = 8;

/// From this length on a vector search is worth its entry (measured with benches/memcached_wire.rs).
const SHORT_BYTES_MAX: usize = 64;

const ONES: u64 = u64::from_ne_bytes([0x01; WORD_BYTES]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; WORD_BYTES]);

/// The first line end in `text`, which may be long.
#[inline]
pub(super) fn find_line_end(text: &[u8]) -> Option<usize> {
    match text.split_at_checked(SHORT_BYTES_MAX) {
        None => find(text, b'\n'),
        Some((short, long)) => find(short, b'\n').or_else(|| Some(short.len() + memchr(b'\n', long)?)),
    }
}

/// The first space in `text`.
#[inline]
pub(super) fn find_space(text: &[u8]) -> Option<usize> {
    find(text, b' ')
}

/// The first byte in `text` that is a space or below: a space, a line end, a control byte.
#[inline]
pub(super) fn find_space_or_below(text: &[u8]) -> Option<usize> {
    find_in_words(text, |byte| byte <= b' ', |word| below(word, u64::from(b' ') + 1))
}

#[inline]
fn find(text: &[u8], needle: u8) -> Option<usize> {
    let needles = ONES * u64::from(needle);
    find_in_words(text, |byte| byte == needle, |word| below(word ^ needles, 1))
}

/// A word whose lowest high bit marks the lowest byte below `bound`, at most 128. Bits above that one mean nothing: the
/// subtraction borrows.
#[inline]
fn below(word: u64, bound: u64) -> u64 {
    word.wrapping_sub(ONES * bound) & !word & HIGHS
}

/// The first byte that `is_mark`; `marks` says the same of a word, by [`below`].
#[inline]
fn find_in_words(text: &[u8], is_mark: impl Fn(u8) -> bool, marks: impl Fn(u64) -> u64) -> Option<usize> {
    let Some(last) = text.last_chunk::<WORD_BYTES>() else { return text.iter().position(|&byte| is_mark(byte)) };
    let last_at = text.len() - WORD_BYTES;
    let mut at = 0;
    while let Some(word) = text[at..].first_chunk::<WORD_BYTES>() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += WORD_BYTES;
    }
    // The last word overlaps the one before it; what both see holds no mark.
    let marks = marks(u64::from_le_bytes(*last));
    (marks != 0).then(|| last_at + marks.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_length_and_place() {
        for length in 0..150 {
            let mut text = vec![b'x'; length];
            assert_eq!(find_line_end(&text), None);
            assert_eq!(find_space_or_below(&text), None);
            for at in 0..length {
                text[at] = b'\n';
                assert_eq!(find_line_end(&text), Some(at));
                assert_eq!(find_space_or_below(&text), Some(at));
                text[at] = b'x';
            }
        }
    }

    proptest! {
        #[test]
        fn the_same_as_a_byte_at_a_time(text in proptest::collection::vec(any::<u8>(), 0..200), needle: u8) {
            prop_assert_eq!(find(&text, needle), text.iter().position(|&byte| byte == needle));
            prop_assert_eq!(find_space_or_below(&text), text.iter().position(|&byte| byte <= b' '));
        }
    }
}
