//! What one of several generators has of a load: keys that no other one asks for, and its portion of the requests.
//!
//! Of `of` generators the one with the number `part` has the keys that leave `part` when they are divided by `of`. So what
//! is known of a key is known in one place, without a lock, and all together ask for what a single one would have asked for.

/// The keys of one generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Below `of`.
    pub part: u64,
    /// At least 1.
    pub of: u64,
}

impl Share {
    /// Of a single generator.
    pub const WHOLE: Share = Share { part: 0, of: 1 };

    /// How many of the keys 0 to one below `keys` are its own.
    pub fn count_of(self, keys: u64) -> u64 {
        keys.saturating_sub(self.part).div_ceil(self.of)
    }

    /// Where one of its keys stands among them.
    #[inline]
    pub fn index_of(self, key: u64) -> usize {
        // A division is not free, and most loads have a single generator.
        (if self.of == 1 { key } else { key / self.of }) as usize
    }

    /// The key that stands there.
    #[inline]
    pub fn key_at(self, index: u64) -> u64 {
        index * self.of + self.part
    }

    /// A seed of its own, from one that all have; of the first, or a single one, that very seed.
    pub fn seed(self, of_all: u64) -> u64 {
        of_all ^ self.part.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Of all requests those at the places from `begin` to `end`, 0 to 1, `end` excluded: the portions of all generators of a
/// load follow each other without gaps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Portion {
    pub begin: f64,
    pub end: f64,
}

impl Portion {
    pub const WHOLE: Portion = Portion { begin: 0.0, end: 1.0 };

    pub fn size(self) -> f64 {
        self.end - self.begin
    }

    /// Portions in proportion to weights, of which one at least is above 0.
    pub fn in_proportion(weights: &[f64]) -> Vec<Portion> {
        let total: f64 = weights.iter().sum();
        let (mut sum, mut begin) = (0.0, 0.0);
        let mut portions: Vec<Portion> = weights
            .iter()
            .map(|weight| {
                sum += weight / total;
                Portion { begin: std::mem::replace(&mut begin, sum), end: sum }
            })
            .collect();
        // Sums of fractions are not always 1.
        if let Some(last) = portions.last_mut() {
            last.end = 1.0;
        }
        portions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_owner_and_one_place() {
        for of in 1..8 {
            for keys in 0..50 {
                let mut owned = vec![0; keys as usize];
                for share in (0..of).map(|part| Share { part, of }) {
                    for index in 0..share.count_of(keys) {
                        let key = share.key_at(index);
                        assert_eq!(share.index_of(key), index as usize);
                        owned[key as usize] += 1;
                    }
                    assert!(share.key_at(share.count_of(keys)) >= keys);
                }
                assert!(owned.iter().all(|&owners| owners == 1), "{keys} keys of {of}: {owned:?}");
            }
        }
    }

    #[test]
    fn portions_follow_each_other() {
        let portions = Portion::in_proportion(&[1.0, 3.0, 0.0, 0.1]);
        assert_eq!((portions[0].begin, portions[3].end), (0.0, 1.0));
        assert!(portions.windows(2).all(|pair| pair[0].end == pair[1].begin));
        assert!((portions[1].size() / portions[0].size() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_single_generator_has_the_seed_of_the_load() {
        assert_eq!(Share::WHOLE.seed(7), 7);
        assert_ne!(Share { part: 1, of: 2 }.seed(7), Share { part: 2, of: 3 }.seed(7));
    }
}
