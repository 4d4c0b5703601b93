//! Which key is asked for next.
//!
//! ```text
//! scramble      ranks spread over the keys, so that popular keys are no neighbours
//! che           the hit ratio that a cache of a given size is expected to have
//! ```

use std::fmt;
use std::str::FromStr;

use spindle_core::simulator::Random;

use crate::share::Share;
use crate::zipf::Zipf;
use scramble::Scramble;

mod che;
mod scramble;

pub use che::hit_ratio;

/// What YCSB takes for its skewed loads (B. F. Cooper and others, "Benchmarking Cloud Serving Systems with YCSB", SoCC
/// 2010).
const LATEST_EXPONENT: f64 = 0.99;

/// How often each key is asked for. Exponents are above 0 and finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// In proportion to 1 / rank^s, the ranks spread over the keys.
    Zipf(f64),
    /// One after the other, and from the beginning again.
    Sequential,
    /// The newest most of all, those before it in proportion to 1 / age^s.
    Latest(f64),
}

/// Chooses among a share of the keys 0 to one below their number.
#[derive(Clone, Debug)]
pub struct Chooser {
    share: Share,
    /// Those of the share. Within, keys are counted by where they stand in it.
    keys: u64,
    random: Random,
    order: Order,
}

#[derive(Clone, Debug)]
enum Order {
    Uniform,
    Zipf { ranks: Zipf, scramble: Scramble },
    Sequential { next: u64 },
    Latest { ages: Zipf, newest: u64 },
}

impl Chooser {
    /// Among all keys. The same arguments give the same keys. `keys` is at least 1 and below 2^53. Constant memory.
    pub fn new(popularity: Popularity, keys: u64, seed: u64) -> Chooser {
        Chooser::of_share(popularity, keys, Share::WHOLE, seed)
    }

    /// Among those of a share, of which there is one at least. Several that draw each as often as
    /// [`Popularity::weight_of`] says draw together as one among all keys does.
    pub fn of_share(popularity: Popularity, keys: u64, share: Share, seed: u64) -> Chooser {
        assert!((1..1 << 53).contains(&keys), "no choice among {keys} keys");
        let (keys, mut random) = (share.count_of(keys), Random::new(seed));
        assert!(keys > 0, "no keys of {share:?}");
        let order = match popularity {
            Popularity::Uniform => Order::Uniform,
            Popularity::Zipf(exponent) => {
                let ranks = Zipf::shifted(keys as usize, exponent, shift_of_ranks(share));
                Order::Zipf { ranks, scramble: Scramble::new(keys, random.draw()) }
            }
            Popularity::Sequential => Order::Sequential { next: 0 },
            Popularity::Latest(exponent) => {
                let ages = Zipf::shifted(keys as usize, exponent, shift_of_ages(share));
                Order::Latest { ages, newest: keys - 1 }
            }
        };
        Chooser { share, keys, random, order }
    }

    /// The next key to be asked for.
    pub fn draw(&mut self) -> u64 {
        let index = self.draw_index();
        self.share.key_at(index)
    }

    fn draw_index(&mut self) -> u64 {
        match &mut self.order {
            // The upper half of the product: even to one part in 2^64 / keys (D. Lemire 2019).
            Order::Uniform => ((u128::from(self.random.draw()) * u128::from(self.keys)) >> 64) as u64,
            Order::Zipf { ranks, scramble } => scramble.key(ranks.draw(&mut self.random) as u64),
            Order::Sequential { next } => {
                let key = *next;
                *next = after(key, self.keys);
                key
            }
            Order::Latest { ages, newest } => {
                let age = ages.draw(&mut self.random) as u64;
                if age <= *newest { *newest - age } else { *newest + self.keys - age }
            }
        }
    }

    /// The next key to be written: with `Latest` the one after the newest, which is the oldest; else as any other.
    pub fn draw_for_write(&mut self) -> u64 {
        match self.order {
            Order::Latest { newest, .. } => self.share.key_at(after(newest, self.keys)),
            _ => self.draw(),
        }
    }

    /// A key was written: with `Latest` it is the newest, unless it lies behind the newest by less than half of all keys
    /// (then it is an old one, or its write was overtaken). Otherwise this changes nothing.
    pub fn note_written(&mut self, key: u64) {
        if let Order::Latest { newest, .. } = &mut self.order {
            let key = self.share.index_of(key) as u64;
            let ahead = if key >= *newest { key - *newest } else { key + self.keys - *newest };
            if ahead <= self.keys / 2 {
                *newest = key;
            }
        }
    }
}

impl Popularity {
    /// How often the keys of a share are asked for, in proportion to those of the others.
    pub fn weight_of(self, share: Share, keys: u64) -> f64 {
        let own = share.count_of(keys);
        match self {
            Popularity::Zipf(exponent) => Zipf::shifted(own as usize, exponent, shift_of_ranks(share)).total(),
            Popularity::Uniform | Popularity::Sequential | Popularity::Latest(_) => own as f64,
        }
    }
}

/// The ranks of a share are every `of`-th, from `part` + 1 on.
fn shift_of_ranks(share: Share) -> f64 {
    (share.part + 1) as f64 / share.of as f64 - 1.0
}

/// The newest key of a share is as likely to be the newest of all as to have any age up to `of`.
fn shift_of_ages(share: Share) -> f64 {
    (share.of + 1) as f64 / 2.0 / share.of as f64 - 1.0
}

fn after(key: u64, keys: u64) -> u64 {
    if key + 1 < keys { key + 1 } else { 0 }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PopularityError {
    #[error("no popularity is called \"{0}\": it is uniform, zipf:S (as in zipf:0.99), sequential or latest[:S]")]
    Unknown(String),
    #[error("\"{0}\" is not an exponent: it is a number above 0, as in zipf:0.99")]
    Exponent(String),
}

impl FromStr for Popularity {
    type Err = PopularityError;

    /// `uniform`, `zipf:S`, `sequential`, `latest` (of exponent 0.99) or `latest:S`.
    fn from_str(text: &str) -> Result<Popularity, PopularityError> {
        match text.split_once(':') {
            None if text == "uniform" => Ok(Popularity::Uniform),
            None if text == "sequential" => Ok(Popularity::Sequential),
            None if text == "latest" => Ok(Popularity::Latest(LATEST_EXPONENT)),
            Some(("zipf", exponent)) => parse_exponent(exponent).map(Popularity::Zipf),
            Some(("latest", exponent)) => parse_exponent(exponent).map(Popularity::Latest),
            _ => Err(PopularityError::Unknown(text.to_owned())),
        }
    }
}

fn parse_exponent(text: &str) -> Result<f64, PopularityError> {
    match text.parse::<f64>() {
        Ok(exponent) if exponent > 0.0 && exponent.is_finite() => Ok(exponent),
        _ => Err(PopularityError::Exponent(text.to_owned())),
    }
}

impl fmt::Display for Popularity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Popularity::Uniform => formatter.write_str("uniform"),
            Popularity::Zipf(exponent) => write!(formatter, "zipf:{exponent}"),
            Popularity::Sequential => formatter.write_str("sequential"),
            Popularity::Latest(exponent) => write!(formatter, "latest:{exponent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Popularity; 5] = [
        Popularity::Uniform,
        Popularity::Zipf(0.99),
        Popularity::Zipf(1.0),
        Popularity::Sequential,
        Popularity::Latest(0.9),
    ];

    fn counts(chooser: &mut Chooser, keys: u64, draws: usize) -> Vec<u32> {
        let mut counts = vec![0; keys as usize];
        (0..draws).for_each(|_| counts[chooser.draw() as usize] += 1);
        counts
    }

    #[test]
    fn a_seed_gives_the_same_keys() {
        for popularity in ALL {
            let of = |seed| {
                let mut chooser = Chooser::new(popularity, 1_000_000_000, seed);
                (0..1000).map(|_| chooser.draw()).collect::<Vec<u64>>()
            };
            assert_eq!(of(1), of(1));
            assert!(popularity == Popularity::Sequential || of(1) != of(2), "{popularity}");
            assert!(of(1).iter().all(|&key| key < 1_000_000_000));
        }
    }

    #[test]
    fn few_keys_are_enough() {
        for popularity in ALL {
            for keys in 1..20 {
                let counts = counts(&mut Chooser::new(popularity, keys, 3), keys, 10_000);
                assert!(counts.iter().all(|&count| count > 0), "{popularity}: {counts:?}");
            }
        }
    }

    /// Three that draw each as often as it should are one: chi-square against the law of all ranks.
    #[test]
    fn shares_together_draw_as_one() {
        let (keys, draws) = (1000u64, 1_000_000.0);
        for exponent in [0.5, 0.99, 1.0, 1.3] {
            let shares = [0, 1, 2].map(|part| Share { part, of: 3 });
            let weights = shares.map(|share| Popularity::Zipf(exponent).weight_of(share, keys));
            let total: f64 = weights.iter().sum();
            let mut counted = vec![0u32; keys as usize];
            for (share, weight) in shares.into_iter().zip(weights) {
                let mut chooser = Chooser::of_share(Popularity::Zipf(exponent), keys, share, 5);
                let Order::Zipf { ranks, .. } = chooser.order.clone() else { unreachable!("it is Zipf's") };
                for _ in 0..(draws * weight / total).round() as usize {
                    counted[share.key_at(ranks.draw(&mut chooser.random) as u64) as usize] += 1;
                }
                assert!((0..1000).all(|_| chooser.draw() % share.of == share.part));
            }
            let weight = |rank: usize| (rank as f64 + 1.0).powf(-exponent);
            let whole: f64 = (0..keys as usize).map(weight).sum();
            let squares = counted.iter().enumerate().map(|(rank, &found)| {
                let expected = draws * weight(rank) / whole;
                (f64::from(found) - expected).powi(2) / expected
            });
            // 999 degrees of freedom: a deviation is the root of 1998.
            let chi_square: f64 = squares.sum();
            assert!((chi_square - 999.0).abs() < 4.0 * 1998f64.sqrt(), "s = {exponent}: {chi_square}");
        }
    }

    #[test]
    fn shares_of_laws_without_ranks_weigh_what_they_have() {
        for popularity in [Popularity::Uniform, Popularity::Sequential, Popularity::Latest(0.9)] {
            assert_eq!([0, 1, 2].map(|part| popularity.weight_of(Share { part, of: 3 }, 10)), [4.0, 3.0, 3.0]);
        }
    }

    #[test]
    fn shares_have_their_own_sequences_and_their_own_newest() {
        let share = Share { part: 1, of: 2 };
        let mut sequential = Chooser::of_share(Popularity::Sequential, 5, share, 1);
        assert_eq!([(); 3].map(|()| sequential.draw()), [1, 3, 1]);
        let mut latest = Chooser::of_share(Popularity::Latest(0.99), 10, share, 1);
        assert_eq!(latest.draw_for_write(), 1, "the newest is 9");
        latest.note_written(1);
        assert_eq!(latest.draw_for_write(), 3);
        assert!((0..100).all(|_| latest.draw() % 2 == 1));
    }

    #[test]
    fn uniform_keys_are_alike() {
        let (keys, mean) = (1000, 1000.0);
        let counts = counts(&mut Chooser::new(Popularity::Uniform, keys, 1), keys, 1_000_000);
        let chi_square: f64 = counts.iter().map(|&count| (f64::from(count) - mean).powi(2) / mean).sum();
        // 999 degrees of freedom: a deviation is the root of 1998.
        assert!((chi_square - 999.0).abs() < 4.0 * 1998f64.sqrt(), "{chi_square}");
    }

    #[test]
    fn zipf_keys_are_the_ranks_spread() {
        let keys = 10_000;
        let mut counts = counts(&mut Chooser::new(Popularity::Zipf(0.99), keys, 9), keys, 1_000_000);
        let mut ranked: Vec<usize> = (0..counts.len()).collect();
        ranked.sort_by_key(|&key| std::cmp::Reverse(counts[key]));
        let near = ranked[..20].windows(2).filter(|pair| pair[0].abs_diff(pair[1]) < 100).count();
        assert!(near <= 3, "{:?}", &ranked[..20]);
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let whole: f64 = (1..=keys).map(|rank| (rank as f64).powf(-0.99)).sum();
        for rank in 1..=10usize {
            let expected = 1e6 * (rank as f64).powf(-0.99) / whole;
            let found = f64::from(counts[rank - 1]);
            assert!((found - expected).abs() < 5.0 * expected.sqrt(), "rank {rank}: {found}, {expected} expected");
        }
    }

    #[test]
    fn sequential_keys_come_round() {
        let mut chooser = Chooser::new(Popularity::Sequential, 3, 1);
        assert_eq!([(); 7].map(|()| chooser.draw()), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn the_newest_is_the_most_popular() {
        let keys = 1000;
        let mut chooser = Chooser::new(Popularity::Latest(0.99), keys, 1);
        let most = |chooser: &mut Chooser| {
            let counts = counts(chooser, keys, 100_000);
            (0..keys).max_by_key(|&key| counts[key as usize]).unwrap()
        };
        assert_eq!(most(&mut chooser), 999);
        assert_eq!(chooser.draw_for_write(), 0);
        chooser.note_written(0);
        assert_eq!((chooser.draw_for_write(), most(&mut chooser)), (1, 0));
        chooser.note_written(2);
        // Overtaken, and an old key.
        chooser.note_written(1);
        chooser.note_written(900);
        assert_eq!((chooser.draw_for_write(), most(&mut chooser)), (3, 2));
    }

    #[test]
    fn names_are_read_back() {
        for popularity in ALL {
            assert_eq!(popularity.to_string().parse(), Ok(popularity));
        }
        assert_eq!("latest".parse(), Ok(Popularity::Latest(0.99)));
        for text in ["", "zipf", "uniform:1", "Uniform", "pareto:1"] {
            assert_eq!(text.parse::<Popularity>(), Err(PopularityError::Unknown(text.to_owned())));
        }
        for exponent in ["", "0", "-1", "NaN", "inf", "steep"] {
            let error = format!("zipf:{exponent}").parse::<Popularity>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("\"{exponent}\" is not an exponent: it is a number above 0, as in zipf:0.99")
            );
        }
    }
}
