//! When a slow client does its next small thing: ten times a second at most, and all of a group evenly spread.

use std::num::NonZeroU64;

/// What a client does oftener is done in larger portions.
const STEPS_PER_SECOND_MAX: u64 = 10;
const NS_PER_SECOND: u128 = 1_000_000_000;

/// The moments of one client, at equal distances without end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    first_ns: u64,
    step_ns: u64,
    /// Bytes, or requests, of one step: at least 1.
    pub(super) portion: u64,
}

impl Steps {
    /// Of client `index` of `count`: each has a place of its own within the step, so that they never act in one turn.
    pub(super) fn new(per_second: NonZeroU64, begin_ns: u64, index: usize, count: usize) -> Steps {
        let portion = per_second.get().div_ceil(STEPS_PER_SECOND_MAX);
        let step_ns = u128::from(portion) * NS_PER_SECOND / u128::from(per_second.get());
        let phase_ns = step_ns * index as u128 / count.max(1) as u128;
        Steps { first_ns: begin_ns + phase_ns as u64, step_ns: step_ns as u64, portion }
    }

    /// As often as a client may do anything at all.
    pub(super) fn shortest(begin_ns: u64, index: usize, count: usize) -> Steps {
        Steps::new(NonZeroU64::MIN.saturating_add(STEPS_PER_SECOND_MAX - 1), begin_ns, index, count)
    }

    /// The first moment after `now_ns`. Those that were missed are not made up for: a bucket that holds one portion.
    pub(super) fn after(&self, now_ns: u64) -> u64 {
        match now_ns.checked_sub(self.first_ns) {
            None => self.first_ns,
            Some(since_ns) => {
                let passed_ns = since_ns / self.step_ns * self.step_ns;
                self.first_ns.saturating_add(passed_ns).saturating_add(self.step_ns)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(per_second: u64, index: usize, count: usize) -> Steps {
        Steps::new(NonZeroU64::new(per_second).unwrap(), 1000, index, count)
    }

    #[test]
    fn a_second_has_the_rate_and_no_more_than_ten_steps() {
        for rate in [1, 2, 3, 7, 9, 10, 11, 15, 99, 100, 1000, 1024, 65_537, 10_000_000_007] {
            let steps = steps(rate, 0, 1);
            let (mut now_ns, mut said, mut taken) = (999, 0, 0);
            while now_ns < 1000 + 100 * NS_PER_SECOND as u64 {
                now_ns = steps.after(now_ns);
                said += steps.portion;
                taken += 1;
            }
            let expected = 100 * rate;
            assert!((expected..=expected + 2 * steps.portion).contains(&said), "{said} of {expected} in 100 s");
            assert!(taken <= 1002, "{taken} steps in 100 s");
        }
    }

    #[test]
    fn clients_are_spread_over_the_step_evenly() {
        for rate in [1, 10, 1000] {
            let mut firsts: Vec<u64> = (0..2000).map(|index| steps(rate, index, 2000).after(0)).collect();
            firsts.sort_unstable();
            let step_ns = steps(rate, 0, 1).step_ns;
            assert!(firsts.windows(2).all(|pair| pair[1] - pair[0] == step_ns / 2000));
            assert!(firsts[1999] - firsts[0] < step_ns);
        }
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let steps = steps(10, 1, 2);
        let first_ns = steps.after(0);
        assert_eq!(first_ns, 1000 + 50_000_000);
        assert_eq!(steps.after(first_ns), first_ns + 100_000_000);
        assert_eq!(steps.after(u64::MAX), u64::MAX, "never");
        assert_eq!(steps.after(first_ns + 710_000_000), first_ns + 800_000_000, "in step, one portion only");
    }
}
