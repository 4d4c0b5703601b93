//! A key: the prefix of its class, its number, and where its length is drawn, dashes.
//!
//! No two keys are alike, however long: whoever takes the dashes from a key's end has its prefix and eleven digits.

use crate::sizes::Sizes;

/// As long as memcached takes them (protocol.txt, "Keys").
pub const KEY_BYTES_MAX: usize = 250;

/// A key's number in a key.
pub(super) type Digits = [u8; 11];

/// Keys of one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) prefix: Vec<u8>,
    /// None where a key is its prefix and its number: nothing more is asked of those who have no use for it.
    pub(super) padding: Option<Padding>,
}

/// What follows the number, so that a key is as long as the law says of its number, or as long as it has to be.
#[derive(Clone, Debug)]
pub(super) struct Padding {
    sizes: Sizes,
    seed: u64,
    /// Prefix and number.
    bytes_min: usize,
}

impl Keys {
    pub(super) fn new(prefix: String, sizes: Option<&Sizes>, seed: u64) -> Keys {
        let bytes_min = prefix.len() + size_of::<Digits>();
        // Not the seed of the values: a long key has no long value for that.
        let padding = sizes.map(|sizes| Padding { sizes: sizes.clone(), seed: !seed.rotate_left(32), bytes_min });
        Keys { prefix: prefix.into_bytes(), padding }
    }

    #[inline]
    pub(super) fn write(&self, out: &mut Vec<u8>, number: u64) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(&digits_of(number));
        if let Some(padding) = &self.padding {
            out.extend_from_slice(padding.of(number));
        }
    }

    /// Whether that is the key of the number: quicker than to read it.
    pub(super) fn is(&self, echoed: &[u8], number: u64) -> bool {
        let Some((digits, rest)) = self.split(echoed) else { return false };
        *digits == digits_of(number) && rest == self.padding.as_ref().map_or(&b""[..], |padding| padding.of(number))
    }

    /// Which key that is; none of somebody else's.
    pub(super) fn number_of(&self, echoed: &[u8]) -> Option<u64> {
        let (digits, _) = self.split(echoed)?;
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        self.is(echoed, number).then_some(number)
    }

    fn split<'a>(&self, echoed: &'a [u8]) -> Option<(&'a Digits, &'a [u8])> {
        echoed.strip_prefix(&*self.prefix)?.split_first_chunk()
    }
}

impl Padding {
    pub(super) fn of(&self, number: u64) -> &'static [u8] {
        static DASHES: [u8; KEY_BYTES_MAX] = [b'-'; KEY_BYTES_MAX];
        let length = self.sizes.length_of(number, self.seed).min(KEY_BYTES_MAX as u64) as usize;
        &DASHES[..length.saturating_sub(self.bytes_min)]
    }
}

/// Below 10^11, as every number of a key is. Without a loop and without memory, because a generator writes and compares
/// nothing more often: all digits of a word at once, by splitting it into halves with multiplications that divide.
#[inline]
pub(super) fn digits_of(number: u64) -> Digits {
    const LOWER: u64 = 100_000_000;
    let mut digits = Digits::default();
    digits[..3].copy_from_slice(&eight_digits(number / LOWER % 1000)[5..]);
    digits[3..].copy_from_slice(&eight_digits(number % LOWER));
    digits
}

/// Of a number below 10^8.
#[inline]
fn eight_digits(number: u64) -> [u8; 8] {
    let by_4 = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((by_4 * 10_486) >> 20) & 0x7f_0000_007f;
    let by_2 = hundreds | ((by_4 - hundreds * 100) << 16);
    let tens = ((by_2 * 103) >> 10) & 0x000f_000f_000f_000f;
    let by_1 = tens | ((by_2 - tens * 10) << 8);
    (by_1 + 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use spindle_core::simulator::Random;

    use super::*;

    fn key(keys: &Keys, number: u64) -> Vec<u8> {
        let mut out = Vec::new();
        keys.write(&mut out, number);
        out
    }

    #[test]
    fn digits_are_those_of_the_number() {
        let powers = (0..11).map(|power| 10u64.pow(power)).flat_map(|power| [power - 1, power, power + 1, power * 7]);
        let mut random = Random::new(1);
        let drawn = (0..100_000).map(|_| random.draw() % 10u64.pow(11));
        for number in powers.chain(drawn).chain([99_999_999_999]) {
            assert_eq!(digits_of(number), *format!("{:011}", number % 10u64.pow(11)).as_bytes(), "{number}");
        }
    }

    #[test]
    fn keys_are_told_apart() {
        let keys = Keys::new("k".into(), None, 1);
        assert_eq!(key(&keys, 123), b"k00000000123");
        let echoed = key(&keys, 123);
        assert!(keys.is(&echoed, 123) && !keys.is(&echoed, 124) && !keys.is(&echoed[1..], 123));
        assert_eq!(keys.number_of(&echoed), Some(123));
        for foreign in ["somebody's", "k1", "kn00000000123", "k0000000012x", "k00000000123-", "k+0000000123", ""] {
            assert_eq!(keys.number_of(foreign.as_bytes()), None, "{foreign}");
        }
    }

    #[test]
    fn lengths_follow_the_law() {
        const KEYS: u64 = 100_000;
        let keys = Keys::new("etc:".into(), Some(&Sizes::EtcKeys), 7);
        let lengths: Vec<u64> = (0..KEYS).map(|number| key(&keys, number).len() as u64).collect();
        // What the law says of each part of all; no key is shorter than prefix and number.
        let law = |part: u64| Sizes::EtcKeys.at((part as f64 / KEYS as f64).min(1.0 - f64::EPSILON / 2.0)).max(15);
        let mut sorted = lengths.clone();
        sorted.sort_unstable();
        for (part, length) in sorted.iter().enumerate() {
            // An hundredth to either side: 6 deviations of a sample in its middle.
            let (low, high) = ((part as u64).saturating_sub(KEYS / 100), (part as u64 + KEYS / 100).min(KEYS));
            assert!((law(low)..=law(high)).contains(length), "{length} bytes at {part} of {KEYS}");
        }
        assert!(lengths.contains(&15) && sorted[KEYS as usize - 1] <= 250);
        let (short, long) = (Sizes::Fixed(3), Sizes::Fixed(1000));
        assert_eq!(key(&Keys::new("k".into(), Some(&short), 7), 5), b"k00000000005");
        assert_eq!(key(&Keys::new("k".into(), Some(&long), 7), 5).len(), KEY_BYTES_MAX);
    }

    /// How long a key is has nothing to do with how long its value is.
    #[test]
    fn another_seed_draws_other_lengths() {
        let lengths = |seed| {
            let keys = Keys::new("k".into(), Some(&Sizes::Range { low: 12, high: 250 }), seed);
            (0..1000).map(|number| key(&keys, number).len() as u64).collect::<Vec<_>>()
        };
        assert_eq!(lengths(1), lengths(1));
        let values: Vec<u64> = (0..1000).map(|key| Sizes::Range { low: 12, high: 250 }.length_of(key, 1)).collect();
        for others in [lengths(2), values] {
            let alike = lengths(1).iter().zip(&others).filter(|(one, other)| one == other).count();
            assert!(alike < 30, "{alike} of 1000 alike, 4 expected");
        }
    }

    proptest! {
        #[test]
        fn no_two_keys_are_alike_and_each_is_read_back(
            prefixes in proptest::collection::hash_set("[a-z0-9:-]{1,200}", 2),
            numbers in proptest::collection::hash_set(0..100_000_000_000u64, 1..20),
            seed: u64,
        ) {
            let mut seen = HashSet::new();
            for prefix in &prefixes {
                let keys = Keys::new(prefix.clone(), Some(&Sizes::Range { low: 1, high: 300 }), seed);
                for number in &numbers {
                    let key = key(&keys, *number);
                    prop_assert!(key.len() <= KEY_BYTES_MAX);
                    prop_assert_eq!(keys.number_of(&key), Some(*number));
                    let longer = [&key[..], b"-"].concat();
                    prop_assert_eq!(keys.number_of(&longer), None);
                    prop_assert!(seen.insert(key));
                }
            }
        }
    }
}
