//! A bijection of the keys to themselves, from a seed: where a rank is found.

use spindle_core::simulator::Random;

/// A Feistel network over the fewest bits that hold all keys, walked until it lands on a key (J. Black and P. Rogaway,
/// "Ciphers with Arbitrary Finite Domains", CT-RSA 2002): fewer than two walks in the mean. It hides nothing: it only
/// spreads.
#[derive(Clone, Debug)]
pub(super) struct Scramble {
    keys: u64,
    /// Of the upper and of the lower half, which change places every round.
    halves: [u32; 2],
    rounds: [u64; 4],
}

impl Scramble {
    /// `keys` is at least 1.
    pub(super) fn new(keys: u64, seed: u64) -> Scramble {
        let bits = (u64::BITS - (keys - 1).leading_zeros()).max(2);
        let mut random = Random::new(seed);
        Scramble { keys, halves: [bits / 2, bits - bits / 2], rounds: [(); 4].map(|()| random.draw()) }
    }

    /// `rank` is below the number of keys; so is the key.
    pub(super) fn key(&self, rank: u64) -> u64 {
        let mut key = self.walk(rank);
        // A bijection leads from a key back to a key, sooner or later.
        while key >= self.keys {
            key = self.walk(key);
        }
        key
    }

    fn walk(&self, number: u64) -> u64 {
        let [mut upper_bits, mut lower_bits] = self.halves;
        let (mut upper, mut lower) = (number >> lower_bits, number & mask(lower_bits));
        for round in self.rounds {
            (upper, lower) = (lower, (upper ^ mix(lower ^ round)) & mask(upper_bits));
            (upper_bits, lower_bits) = (lower_bits, upper_bits);
        }
        upper << lower_bits | lower
    }
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// The upper bits of a product depend on all bits of its factors; twice, since one product spaces neighbours too evenly.
fn mix(half: u64) -> u64 {
    let once = half.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (once ^ (once >> 32)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_one_rank() {
        for keys in (1..70).chain([255, 256, 257, 1000, 65_537, 300_000]) {
            for seed in 0..3 {
                let scramble = Scramble::new(keys, seed);
                let mut seen = vec![false; keys as usize];
                for rank in 0..keys {
                    assert!(!std::mem::replace(&mut seen[scramble.key(rank) as usize], true), "{rank} of {keys}");
                }
            }
        }
    }

    #[test]
    fn large_numbers_of_keys_are_in_reach() {
        for keys in [1_000_000_000, (1 << 53) - 1, 1 << 52] {
            let scramble = Scramble::new(keys, 1);
            assert!((0..10_000).all(|rank| scramble.key(rank) < keys));
        }
    }

    /// The first thousand ranks fall evenly into a hundred equal parts of the keys, for most seeds.
    #[test]
    fn first_ranks_are_spread() {
        let keys = 1_000_000;
        let chi_square = |seed| {
            let scramble = Scramble::new(keys, seed);
            let mut parts = [0u32; 100];
            (0..1000).for_each(|rank| parts[(scramble.key(rank) / (keys / 100)) as usize] += 1);
            parts.iter().map(|&count| (f64::from(count) - 10.0).powi(2) / 10.0).sum::<f64>()
        };
        let mean = (0..100).map(chi_square).sum::<f64>() / 100.0;
        // 99 degrees of freedom; their mean over 100 seeds deviates by the root of 198, over 10.
        assert!((mean - 99.0).abs() < 4.0 * 1.41, "{mean}");
    }
}
