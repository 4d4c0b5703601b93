//! What a get is answered when all is well: looked for before the answer is parsed.
//!
//! Nearly every answer is of one form, and what it should say is known. To compare it with that costs half of what it takes
//! to find out what any answer says; whatever is otherwise is parsed, and judged, as every other answer is.

use super::key::{Digits, Keys, Padding, digits_of};

/// `VALUE <prefix>`; what follows is the number of a key.
#[derive(Clone, Debug)]
pub(super) struct Hits {
    head: Vec<u8>,
    /// Of the key, where it has one: between the number and the flags.
    padding: Option<Padding>,
}

/// What follows the value.
const END: &[u8] = b"\r\nEND\r\n";

impl Hits {
    pub(super) fn new(keys: &Keys) -> Hits {
        Hits { head: [b"VALUE ", &*keys.prefix].concat(), padding: keys.padding.clone() }
    }

    /// The value, and the length of the answer, of a hit of this key with flags 0 and as many bytes as it should have. None of
    /// anything else, which may be right all the same.
    #[inline]
    pub(super) fn find<'a>(&self, input: &'a [u8], key: u64, length: u64) -> Option<(&'a [u8], usize)> {
        let rest = input.strip_prefix(&*self.head)?;
        let (digits, rest) = rest.split_first_chunk::<{ size_of::<Digits>() }>()?;
        let rest = match &self.padding {
            None => rest,
            Some(padding) => rest.strip_prefix(padding.of(key))?,
        };
        let rest = rest.strip_prefix(b" 0 ").filter(|_| *digits == digits_of(key))?;
        let line_end = rest.iter().take(10).position(|&byte| byte == b'\r')?;
        if line_end == 0 || (line_end > 1 && rest[0] == b'0') {
            return None;
        }
        let told = rest[..line_end]
            .iter()
            .try_fold(0u64, |number, &digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')));
        let rest = rest[line_end + 1..].strip_prefix(b"\n").filter(|_| told == Some(length))?;
        let (data, rest) = rest.split_at_checked(length as usize)?;
        let rest = rest.strip_prefix(END)?;
        Some((data, input.len() - rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizes::Sizes;

    fn hits_of(prefix: &str, sizes: Option<&Sizes>) -> Hits {
        Hits::new(&Keys::new(prefix.into(), sizes, 1))
    }

    #[test]
    fn a_hit_is_found_and_nothing_else() {
        let hits = hits_of("k", None);
        let answer = b"VALUE k00000000042 0 5\r\nhello\r\nEND\r\nVALUE";
        assert_eq!(hits.find(answer, 42, 5), Some((&b"hello"[..], answer.len() - 5)));
        for at in 0..answer.len() - 5 {
            let mut other = answer.to_vec();
            assert_eq!(hits.find(&other[..at], 42, 5), None, "cut at {at}");
            other[at] ^= 1;
            let is_in_value = (24..29).contains(&at);
            assert_eq!(hits.find(&other, 42, 5).is_some(), is_in_value, "flipped at {at}");
        }
        for (key, length) in [(43, 5), (42, 4), (42, 6), (10_000_000_042, 5)] {
            assert_eq!(hits.find(answer, key, length), None);
        }
        for other in ["END\r\n", "VALUE k00000000042 0 \r\n\r\nEND\r\n", "VALUE k00000000042 0 5 7\r\nhello\r\nEND\r\n"]
        {
            assert_eq!(hits.find(other.as_bytes(), 42, 5), None, "{other}");
        }
    }

    #[test]
    fn an_empty_value_is_one() {
        let answer = b"VALUE ab00000000001 0 0\r\n\r\nEND\r\n";
        assert_eq!(hits_of("ab", None).find(answer, 1, 0), Some((&b""[..], answer.len())));
        for other in ["", "00"] {
            let answer = format!("VALUE ab00000000001 0 {other}\r\n\r\nEND\r\n");
            assert_eq!(hits_of("ab", None).find(answer.as_bytes(), 1, 0), None, "{other:?} is no length");
        }
    }

    #[test]
    fn a_longer_key_is_whole() {
        let hits = hits_of("k", Some(&Sizes::Fixed(15)));
        let answer = |key: &str| format!("VALUE {key} 0 1\r\nv\r\nEND\r\n");
        assert_eq!(hits.find(answer("k00000000042---").as_bytes(), 42, 1).map(|(data, _)| data), Some(&b"v"[..]));
        for other in ["k00000000042", "k00000000042--", "k00000000042----", "k00000000043---"] {
            assert_eq!(hits.find(answer(other).as_bytes(), 42, 1), None, "{other}");
        }
    }
}
