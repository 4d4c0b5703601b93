//! Facebook's ETC cache, the most general of the five that B. Atikoglu, Y. Xu, E. Frachtenberg, S. Jiang and M. Paleczny
//! describe in "Workload Analysis of a Large-Scale Key-Value Store", SIGMETRICS 2012, section 5 and its table of small
//! values; the constants as mutilate has them (github.com/leverich/mutilate, Generator.cc, `fb_key` and `fb_value`).

/// The share of values of 0, 1, 2, ... bytes; together 0.44155.
const SMALL: [f64; 15] = [
    0.00536, 0.00047, 0.17820, 0.09239, 0.00018, 0.02740, 0.00065, 0.00606, 0.00023, 0.00837, 0.00837, 0.08989,
    0.00092, 0.00326, 0.01980,
];
/// The others: generalized Pareto from 15 bytes on.
const VALUE: Tail = Tail { from: 15.0, scale: 214.476, shape: 0.348238 };
/// One value in four billion would be longer. A server that takes a mebibyte for a whole item takes these.
const VALUE_MAX: u64 = 1_000_000;
/// Generalized extreme value.
const KEY: Tail = Tail { from: 30.7984, scale: 8.20449, shape: 0.078688 };
/// As long as memcached's may be.
const KEY_MAX: u64 = 250;

struct Tail {
    from: f64,
    scale: f64,
    shape: f64,
}

impl Tail {
    /// Where both families agree: `from` for 1, far out for a small `part`.
    fn at(&self, part: f64) -> f64 {
        self.from + self.scale * (part.powf(-self.shape) - 1.0) / self.shape
    }

    /// Its inverse; endless before the distribution begins.
    fn part(&self, size: f64) -> f64 {
        let stretched = 1.0 + self.shape * (size - self.from) / self.scale;
        stretched.max(0.0).powf(-1.0 / self.shape)
    }
}

pub(super) fn value_at(even: f64) -> u64 {
    let mut left = even;
    for (size, share) in SMALL.iter().enumerate() {
        if left < *share {
            return size as u64;
        }
        left -= share;
    }
    // Rounding may bring the part below 0. Cut to whole bytes, as mutilate does.
    (VALUE.at((1.0 - left / large()).max(0.0)) as u64).min(VALUE_MAX)
}

/// The largest size takes less than a thousandth of a byte off it, which is left out.
pub(super) fn value_mean() -> f64 {
    let small: f64 = SMALL.iter().enumerate().map(|(size, share)| size as f64 * share).sum();
    // The mean of the family less what is cut to whole bytes (Euler and Maclaurin: half a byte, and a little less).
    let cut = VALUE.from + VALUE.scale / (1.0 - VALUE.shape) - 0.5 + 1.0 / (12.0 * VALUE.scale);
    small + large() * cut
}

/// The share of values of 15 bytes or more.
fn large() -> f64 {
    1.0 - SMALL.iter().sum::<f64>()
}

pub(super) fn key_at(even: f64) -> u64 {
    (KEY.at(-even.ln()).round() as u64).clamp(1, KEY_MAX)
}

/// The sum over all lengths of the share that is as long or longer.
pub(super) fn key_mean() -> f64 {
    let as_long = |length: u64| 1.0 - (-KEY.part(length as f64 - 0.5)).exp();
    1.0 + (2..=KEY_MAX).map(as_long).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: f64 = 1.0 - f64::EPSILON / 2.0;

    #[test]
    fn small_values_come_in_their_shares() {
        let parts = 1_000_000u32;
        let mut drawn = [0u32; SMALL.len()];
        for i in 0..parts {
            if let Some(count) = drawn.get_mut(value_at((f64::from(i) + 0.5) / f64::from(parts)) as usize) {
                *count += 1;
            }
        }
        for (size, share) in SMALL.iter().enumerate() {
            let expected = share * f64::from(parts);
            assert!((f64::from(drawn[size]) - expected).abs() <= 1.0, "{size} bytes: {} drawn", drawn[size]);
        }
        assert!((large() - 0.55845).abs() < 1e-12);
    }

    #[test]
    fn large_values_follow_the_tail() {
        // Half of those of 15 bytes or more: 15 + 214.476 * (2^0.348238 - 1) / 0.348238 = 183.16...
        assert_eq!(value_at(0.44155 + 0.55845 / 2.0), 183);
        assert_eq!(value_at(0.441551), 15);
        assert_eq!(value_at(LAST), VALUE_MAX);
        let beyond = VALUE.part(VALUE_MAX as f64) * large();
        assert!((1e-10..1e-9).contains(&beyond), "{beyond}");
    }

    #[test]
    fn keys_are_short_and_legal() {
        assert_eq!((key_at(0.0), key_at(LAST)), (1, 250));
        // The median: 30.7984 + 8.20449 * (ln 2^-0.078688 - 1) / 0.078688 = 33.85...
        assert_eq!(key_at(0.5), 34);
        assert!((35.0..37.0).contains(&key_mean()), "{}", key_mean());
    }
}
