//! How long objects and keys are: distributions as their inverse functions, so that the size of an object follows from
//! its hash and nobody has to remember it.
//!
//! ```text
//! spelling      as people write them: 100, 100-4000, lognormal:32k:1.5, etc, csv:FILE
//! listed        sizes and weights from a file
//! etc           the sizes of Facebook's ETC cache
//! normal        the normal distribution's inverse
//! ```

mod etc;
mod listed;
mod normal;
mod spelling;

use spindle_core::simulator::Random;

pub use listed::Listed;
pub use spelling::{SizesError, parse_bytes};

/// A distribution of sizes, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Sizes {
    /// All alike.
    Fixed(u64),
    /// Evenly from `low` to `high`, both included; `low` is not above `high`.
    Range { low: u64, high: u64 },
    /// Many small ones, a few large ones: the logarithm is normal with the deviation `sigma`, and half are below `median`.
    /// Those above `max` are `max` long.
    LogNormal { median: u64, sigma: f64, max: Option<u64> },
    /// Values of Facebook's ETC cache, 0 to 1,000,000.
    Etc,
    /// Keys of Facebook's ETC cache, 1 to 250.
    EtcKeys,
    /// From a file.
    Listed(Listed),
}

impl Sizes {
    /// The size that the fraction `even` of all objects stays below, 0 to 1 (1 excluded; [`even`] makes one of a hash).
    /// Ascending in `even`.
    pub fn at(&self, even: f64) -> u64 {
        match self {
            Sizes::Fixed(size) => *size,
            Sizes::Range { low, high } => {
                let above = (even * ((high - low) as f64 + 1.0)) as u64;
                low.saturating_add(above).min(*high)
            }
            Sizes::LogNormal { median, sigma, max } => {
                let size = *median as f64 * (sigma * normal::quantile(even)).exp();
                (size.round() as u64).min(max.unwrap_or(u64::MAX))
            }
            Sizes::Etc => etc::value_at(even),
            Sizes::EtcKeys => etc::key_at(even),
            Sizes::Listed(listed) => listed.at(even),
        }
    }

    /// Of the object `key` of a load of `seed`: every answer is checked against it. 1 at least, since an empty object could
    /// not be told from a lost one.
    pub fn length_of(&self, key: u64, seed: u64) -> u64 {
        self.at(even(Random::new(seed ^ key).draw())).max(1)
    }

    /// The mean size, by formula; of a log-normal distribution by numeric integration, to one part in 100,000.
    pub fn mean(&self) -> f64 {
        match self {
            Sizes::Fixed(size) => *size as f64,
            Sizes::Range { low, high } => (*low as f64 + *high as f64) / 2.0,
            Sizes::LogNormal { median, sigma, max } => {
                let max = max.unwrap_or(u64::MAX) as f64;
                normal::mean(*sigma, |deviations| (*median as f64 * (sigma * deviations).exp()).min(max))
            }
            Sizes::Etc => etc::value_mean(),
            Sizes::EtcKeys => etc::key_mean(),
            Sizes::Listed(listed) => listed.mean(),
        }
    }
}

/// A number from 0 to 1 (1 excluded) of a hash or a random number: its upper 53 bits, as many as an f64 has.
pub fn even(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Sizes> {
        vec![
            Sizes::Fixed(100),
            Sizes::Range { low: 100, high: 4000 },
            Sizes::Range { low: 0, high: u64::MAX },
            Sizes::LogNormal { median: 32 << 10, sigma: 1.5, max: None },
            Sizes::LogNormal { median: 32 << 10, sigma: 1.5, max: Some(1 << 20) },
            Sizes::LogNormal { median: 32 << 10, sigma: 0.0, max: None },
            Sizes::Etc,
            Sizes::EtcKeys,
            Sizes::Listed(Listed::parse("x".into(), "10,1\n2000,2\n300").unwrap()),
        ]
    }

    #[test]
    fn sizes_ascend() {
        for sizes in all() {
            let drawn = (0..=10_000).map(|i| sizes.at(f64::from(i) / 10_000.0 * (1.0 - f64::EPSILON)));
            assert!(drawn.is_sorted(), "{sizes}");
        }
    }

    /// Against the middle of each of a million equal parts, which leaves out a little of a long tail.
    #[test]
    fn the_mean_is_what_is_drawn() {
        for sizes in all() {
            let parts = 1_000_000;
            let sum: f64 = (0..parts).map(|i| sizes.at((f64::from(i) + 0.5) / f64::from(parts)) as f64).sum();
            let drawn = sum / f64::from(parts);
            assert!((drawn / sizes.mean() - 1.0).abs() < 1e-3, "{sizes}: {drawn} drawn, {} expected", sizes.mean());
        }
    }

    #[test]
    fn the_ends_are_reached_and_not_passed() {
        let last = 1.0 - f64::EPSILON / 2.0;
        let range = Sizes::Range { low: 10, high: 12 };
        assert_eq!([0.0, 0.34, 0.67, last].map(|even| range.at(even)), [10, 11, 12, 12]);
        let whole = Sizes::Range { low: 0, high: u64::MAX };
        assert_eq!((whole.at(0.0), whole.at(0.5)), (0, 1 << 63));
        let capped = Sizes::LogNormal { median: 1000, sigma: 2.0, max: Some(5000) };
        assert_eq!((capped.at(0.5), capped.at(last)), (1000, 5000));
        // No size is larger than the type, and none is lost to it.
        assert_eq!(Sizes::LogNormal { median: u64::MAX, sigma: 10.0, max: None }.at(last), u64::MAX);
    }

    #[test]
    fn log_normal_quantiles() {
        let sizes = Sizes::LogNormal { median: 1_000_000, sigma: 1.5, max: None };
        // exp(1.5 * 1.2815515655) and its reciprocal.
        assert!((sizes.at(0.9) as f64 / 6_836_842.0 - 1.0).abs() < 1e-4, "{}", sizes.at(0.9));
        assert!((sizes.at(0.1) as f64 * sizes.at(0.9) as f64 / 1e12 - 1.0).abs() < 1e-4);
        // exp(1.5^2 / 2): the formula for the mean.
        assert!((sizes.mean() / (1e6 * 1.125f64.exp()) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn even_fills_its_range() {
        assert_eq!(even(0), 0.0);
        assert_eq!(even(1 << 63), 0.5);
        assert!(even(u64::MAX) < 1.0);
        let mut random = Random::new(1);
        let mean = (0..100_000).map(|_| even(random.draw())).sum::<f64>() / 1e5;
        // 3 deviations: 12^-1/2 / 100000^1/2 each.
        assert!((mean - 0.5).abs() < 3.0 * 9.13e-4, "{mean}");
    }
}
