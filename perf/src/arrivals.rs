//! When requests are due: intended times fixed beforehand, that no answer can move.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use spindle_core::simulator::Random;

use crate::share::Portion;
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
pub struct Schedule {
    law: Law,
    due_ns: u64,
}

#[derive(Clone, Debug)]
enum Law {
    Constant(Steps, Places),
    Poisson(Sum),
}

/// Which requests of a schedule are of a portion. The i-th one of all stands at the fraction of i times the golden ratio:
/// any row of them is spread as evenly as can be (V. T. Sos 1958), so each portion is evenly spaced, too, as far as that
/// goes, and all portions together are the whole.
#[derive(Clone, Debug)]
struct Places {
    /// Of the next request, in parts of 2^64.
    place: u64,
    begin: u64,
    /// Included.
    last: u64,
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
        Schedule::of_portion(arrivals, per_second, Portion::WHOLE, seed)
    }

    /// A portion of the times of a load of `per_second` requests. Those of constant arrivals together are the times of the
    /// whole; those of Poisson arrivals, each with a seed of its own, are some of that rate.
    pub fn of_portion(arrivals: Arrivals, per_second: f64, portion: Portion, seed: u64) -> Schedule {
        assert!(PER_SECOND.contains(&per_second), "no schedule for {per_second} requests a second");
        let law = match arrivals {
            Arrivals::Constant => Law::Constant(Steps::new(per_second), Places::new(portion)),
            Arrivals::Poisson => {
                let gap_mean_ns = 1e9 / (per_second * portion.size());
                Law::Poisson(Sum { due_ns: 0, over_ns: 0.0, gap_mean_ns, random: Random::new(seed) })
            }
        };
        let mut schedule = Schedule { law, due_ns: 0 };
        schedule.next_ns();
        schedule
    }

    /// When the next request is to be sent, in nanoseconds from the start of the load; never less than the one before.
    /// Constant arrivals begin at 0, Poisson arrivals with a gap.
    #[inline]
    pub fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// Takes the next request off the schedule: when it is due.
    pub fn next_ns(&mut self) -> u64 {
        let next_ns = match &mut self.law {
            Law::Constant(steps, places) => loop {
                let due_ns = steps.next_ns();
                if places.next_is_own() || due_ns == u64::MAX {
                    break due_ns;
                }
            },
            Law::Poisson(sum) => sum.next_ns(),
        };
        std::mem::replace(&mut self.due_ns, next_ns)
    }
}

impl Places {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    fn new(portion: Portion) -> Places {
        let parts = |fraction: f64| (fraction * 2f64.powi(64)) as u64;
        // The cast ends at the highest place.
        let last = if portion.end < 1.0 { parts(portion.end).saturating_sub(1) } else { u64::MAX };
        Places { place: 0, begin: parts(portion.begin), last }
    }

    #[inline]
    fn next_is_own(&mut self) -> bool {
        let place = self.place;
        self.place = place.wrapping_add(Places::STEP);
        (self.begin..=self.last).contains(&place)
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
        let Law::Poisson(sum) = &mut schedule.law else { unreachable!() };
        sum.due_ns = 1 << 62;
        schedule.next_ns();
        let begin = schedule.next_ns();
        let mut last = begin;
        (0..1_000_000).for_each(|_| last = schedule.next_ns());
        assert!(((last - begin) as f64 / 1e6 - 1.0).abs() < 3e-3, "{}", last - begin);
    }

    #[test]
    fn portions_of_constant_arrivals_are_the_whole_and_evenly_spaced() {
        let (count, portions) = (30_000, Portion::in_proportion(&[5.0, 3.0, 2.0]));
        let mut all = Vec::new();
        for portion in portions {
            let mut schedule = Schedule::of_portion(Arrivals::Constant, 1000.0, portion, 0);
            let own: Vec<u64> =
                std::iter::from_fn(|| Some(schedule.next_ns())).take_while(|due_ns| *due_ns < 30_000_000_000).collect();
            assert!((own.len() as f64 / count as f64 - portion.size()).abs() < 1e-3, "{} of {portion:?}", own.len());
            let gap_max_ns = own.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!(gap_max_ns as f64 <= 3e6 / portion.size(), "{gap_max_ns} ns between two of {portion:?}");
            all.extend(own);
        }
        all.sort_unstable();
        assert_eq!(all, times(Arrivals::Constant, 1000.0, 0, count));
    }

    #[test]
    fn portions_of_poisson_arrivals_have_their_rates() {
        for portion in Portion::in_proportion(&[1.0, 3.0]) {
            let mut schedule = Schedule::of_portion(Arrivals::Poisson, 1e6, portion, 4);
            let last_ns = (0..400_000).map(|_| schedule.next_ns()).last().unwrap() as f64;
            assert!((last_ns * portion.size() / 4e8 - 1.0).abs() < 5e-3, "{last_ns} of {portion:?}");
        }
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
