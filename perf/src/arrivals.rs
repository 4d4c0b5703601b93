//! When requests are due: intended times fixed beforehand, that no answer can move.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use spindle_core::simulator::Random;

use crate::sizes::even;

/// Rates a schedule can be made for: from one request in eleven days to one a nanosecond.
pub const PER_SECOND: RangeInclusive<f64> = 1e-6..=1e9;

/// The law of the gaps between requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// All gaps alike.
    Constant,
    /// Exponential gaps, as of many clients that know nothing of each other.
    Poisson,
}

/// Intended send times, without end.
#[derive(Clone, Debug)]
pub struct Schedule(Law);

#[derive(Clone, Debug)]
enum Law {
    Constant(Steps),
    Poisson(Sum),
}

/// i * 1e9 / rate, rounded, for i = 0, 1, 2, ...: exact and without a division, as a line is drawn with whole pixels
/// (Bresenham 1965). A rate is `parts` / 2^k, so the gap is the fraction 1e9 * 2^k / `parts`.
#[derive(Clone, Debug)]
struct Steps {
    due_ns: u64,
    /// What is due beyond `due_ns`, in parts of a nanosecond; less than `parts`.
    over: u64,
    gap_ns: u64,
    gap_over: u64,
    parts: u64,
}

/// The sum of exponential gaps. Whole nanoseconds are kept apart, so that late times are as fine as early ones.
#[derive(Clone, Debug)]
struct Sum {
    due_ns: u64,
    /// What is due beyond `due_ns`, 0 to 1.
    over_ns: f64,
    gap_mean_ns: f64,
    random: Random,
}

impl Schedule {
    /// The same arguments give the same times; constant arrivals need no seed. `per_second` is within [`PER_SECOND`].
    pub fn new(arrivals: Arrivals, per_second: f64, seed: u64) -> Schedule {
        assert!(PER_SECOND.contains(&per_second), "no schedule for {per_second} requests a second");
        Schedule(match arrivals {
            Arrivals::Constant => Law::Constant(Steps::new(per_second)),
            Arrivals::Poisson => {
                Law::Poisson(Sum { due_ns: 0, over_ns: 0.0, gap_mean_ns: 1e9 / per_second, random: Random::new(seed) })
            }
        })
    }

    /// When the next request is to be sent, in nanoseconds from the start of the load; never less than the one before.
    /// Constant arrivals begin at 0, Poisson arrivals with a gap.
    pub fn next_ns(&mut self) -> u64 {
        match &mut self.0 {
            Law::Constant(steps) => steps.next_ns(),
            Law::Poisson(sum) => sum.next_ns(),
        }
    }
}

impl Steps {
    fn new(per_second: f64) -> Steps {
        // The rate is a normal number below 2^30: 53 bits of `parts`, and k is at least 23 and at most 72.
        let bits = per_second.to_bits();
        let parts = (bits & ((1 << 52) - 1)) | (1 << 52);
        let k = 1023 + 52 - (bits >> 52);
        let gap = 1_000_000_000u128 << k;
        Steps {
            due_ns: 0,
            // Half a nanosecond rounds.
            over: parts / 2,
            gap_ns: (gap / u128::from(parts)) as u64,
            gap_over: (gap % u128::from(parts)) as u64,
            parts,
        }
    }

    fn next_ns(&mut self) -> u64 {
        let due_ns = self.due_ns;
        let over = self.over + self.gap_over;
        let carry = u64::from(over >= self.parts);
        self.over = over - carry * self.parts;
        self.due_ns = due_ns.saturating_add(self.gap_ns + carry);
        due_ns
    }
}

impl Sum {
    fn next_ns(&mut self) -> u64 {
        let gap_ns = -(1.0 - even(self.random.draw())).ln() * self.gap_mean_ns;
        let over_ns = self.over_ns + gap_ns;
        let whole_ns = over_ns as u64;
        self.due_ns = self.due_ns.saturating_add(whole_ns);
        self.over_ns = over_ns - whole_ns as f64;
        self.due_ns
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no arrivals are called \"{0}\": they are constant or poisson")]
pub struct UnknownArrivals(String);

impl FromStr for Arrivals {
    type Err = UnknownArrivals;

    fn from_str(text: &str) -> Result<Arrivals, UnknownArrivals> {
        match text {
            "constant" => Ok(Arrivals::Constant),
            "poisson" => Ok(Arrivals::Poisson),
            _ => Err(UnknownArrivals(text.to_owned())),
        }
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Arrivals::Constant => "constant",
            Arrivals::Poisson => "poisson",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(arrivals: Arrivals, per_second: f64, seed: u64, count: usize) -> Vec<u64> {
        let mut schedule = Schedule::new(arrivals, per_second, seed);
        (0..count).map(|_| schedule.next_ns()).collect()
    }

    #[test]
    fn constant_arrivals_are_exact() {
        assert_eq!(times(Arrivals::Constant, 1000.0, 0, 3), [0, 1_000_000, 2_000_000]);
        assert_eq!(times(Arrivals::Constant, 3.0, 0, 4), [0, 333_333_333, 666_666_667, 1_000_000_000]);
        assert_eq!(times(Arrivals::Constant, 1e9, 0, 3), [0, 1, 2]);
        assert_eq!(times(Arrivals::Constant, 0.5, 0, 3), [0, 2_000_000_000, 4_000_000_000]);
        // 1e-6 is no binary fraction; its nearest f64 is a little below.
        assert_eq!(times(Arrivals::Constant, 1e-6, 0, 2)[1], 1_000_000_000_000_000);
    }

    /// Every time of some awkward rates against the quotient of whole numbers.
    #[test]
    fn constant_arrivals_round_each_time() {
        for per_second in [7u64, 999_983, 4_999_999, 5_000_000, 333_333_333] {
            let mut schedule = Schedule::new(Arrivals::Constant, per_second as f64, 0);
            for i in 0..100_000u128 {
                let (dividend, divisor) = (i * 1_000_000_000, u128::from(per_second));
                assert_eq!(
                    u128::from(schedule.next_ns()),
                    (dividend + divisor / 2) / divisor,
                    "{i}-th of {per_second}"
                );
            }
        }
    }

    /// Three hours at 4,999,999 a second, by skipping: the state after n steps is known.
    #[test]
    fn constant_arrivals_do_not_drift() {
        let per_second = 4_999_999;
        let steps = per_second * 3 * 3600;
        let mut line = Steps::new(per_second as f64);
        let over = u128::from(line.over) + u128::from(line.gap_over) * u128::from(steps);
        line.due_ns = steps * line.gap_ns + (over / u128::from(line.parts)) as u64;
        line.over = (over % u128::from(line.parts)) as u64;
        assert_eq!(line.next_ns(), 3 * 3600 * 1_000_000_000);
    }

    #[test]
    fn poisson_arrivals_keep_the_rate() {
        // The sum of n exponential gaps has n^-1/2 of itself as its deviation.
        for (per_second, seed) in [(1000.0, 1), (5e6, 2), (0.25, 3)] {
            let count = 1_000_000;
            let last = times(Arrivals::Poisson, per_second, seed, count)[count - 1] as f64;
            let expected = count as f64 * 1e9 / per_second;
            assert!((last / expected - 1.0).abs() < 3e-3, "{per_second}: {last} instead of {expected}");
        }
    }

    /// Kolmogorov and Smirnov: the greatest distance from the exponential distribution, at one in a thousand.
    #[test]
    fn poisson_gaps_are_exponential() {
        let (count, per_second) = (100_000, 1000.0);
        let due = times(Arrivals::Poisson, per_second, 7, count + 1);
        let mut gaps: Vec<u64> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        let distance = |(index, &gap): (usize, &u64)| {
            let expected = 1.0 - (-(gap as f64) * per_second / 1e9).exp();
            (expected - index as f64 / count as f64).abs()
        };
        let greatest = gaps.iter().enumerate().map(distance).fold(0.0, f64::max);
        assert!(greatest * (count as f64).sqrt() < 1.95, "{greatest}");
    }

    #[test]
    fn late_times_are_as_fine_as_early_ones() {
        let mut schedule = Schedule::new(Arrivals::Poisson, 1e9, 1);
        let Law::Poisson(sum) = &mut schedule.0 else { unreachable!() };
        sum.due_ns = 1 << 62;
        let begin = schedule.next_ns();
        let mut last = begin;
        (0..1_000_000).for_each(|_| last = schedule.next_ns());
        assert!(((last - begin) as f64 / 1e6 - 1.0).abs() < 3e-3, "{}", last - begin);
    }

    #[test]
    fn a_seed_gives_the_same_times() {
        let of = |seed| times(Arrivals::Poisson, 1e4, seed, 1000);
        assert_eq!(of(5), of(5));
        assert_ne!(of(5), of(6));
        assert!(of(5).is_sorted());
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            assert!(times(arrivals, 1e-6, 1, 100_000).is_sorted());
        }
    }

    #[test]
    fn names_are_read_back() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            assert_eq!(arrivals.to_string().parse(), Ok(arrivals));
        }
        let error = "burst".parse::<Arrivals>().unwrap_err();
        assert_eq!(error.to_string(), "no arrivals are called \"burst\": they are constant or poisson");
    }
}
