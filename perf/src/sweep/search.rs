//! The knee by doubling and bisection.

use std::fmt;

use super::limit::Limit;
use super::step::{Step, fault};
use super::{Asked, readable};
use crate::report::summary::Summary;

/// Where the knee is looked for, in requests a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// Above 0.
    pub from: f64,
    /// Not below `from`.
    pub to: f64,
    /// How near the load that holds is to come to the one that fails, as a share of it; above 0.
    pub within: f64,
}

/// What was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// In the order of the trials; each to its end.
    pub probes: Vec<Step>,
    /// Why the search broke off.
    pub broken: Option<String>,
}

/// Doubles the load from `from` until one fails (or `to` holds), then halves the ratio between the highest that held and the
/// lowest that failed. Each load is run `repeats` times, fewer where the failure of the median is settled before.
pub fn search<E: fmt::Display>(
    bracket: &Bracket,
    limit: &Limit,
    repeats: u32,
    measure: impl FnMut(&Asked) -> Result<Summary, E>,
) -> Search {
    let mut trials = Trials { limit, repeats, measure, probes: Vec::new() };
    let broken = trials.search(bracket).err().map(|error| error.to_string());
    Search { probes: trials.probes, broken }
}

struct Trials<'a, M> {
    limit: &'a Limit,
    repeats: u32,
    measure: M,
    probes: Vec<Step>,
}

impl<E, M: FnMut(&Asked) -> Result<Summary, E>> Trials<'_, M> {
    fn search(&mut self, bracket: &Bracket) -> Result<(), E> {
        let mut holds = readable(bracket.from);
        if !self.holds(holds)? {
            return Ok(());
        }
        let mut fails = loop {
            let next = readable((holds * 2.0).min(bracket.to));
            if next <= holds {
                return Ok(());
            }
            if !self.holds(next)? {
                break next;
            }
            holds = next;
        };
        while fails > holds * (1.0 + bracket.within) {
            let between = readable((holds * fails).sqrt());
            // Whole numbers may have no other between them.
            if between <= holds || between >= fails {
                break;
            }
            if self.holds(between)? { holds = between } else { fails = between }
        }
        Ok(())
    }

    fn holds(&mut self, per_second: f64) -> Result<bool, E> {
        let mut step = Step { offered_per_second: per_second, runs: Vec::new() };
        let mut failed = 0;
        for repeat in 0..self.repeats {
            // The median of an even number is the worse one: half of them are enough.
            if failed >= self.repeats - self.repeats / 2 {
                break;
            }
            let run = (self.measure)(&Asked { target: 0, per_second, repeat })?;
            failed += u32::from(fault(&run, self.limit).is_some());
            step.runs.push(run);
        }
        let holds = step.fault(self.limit).is_none();
        self.probes.push(step);
        Ok(holds)
    }
}

#[cfg(test)]
mod tests {
    use spindle_core::simulator::Random;

    use super::*;
    use crate::sizes::even;
    use crate::sweep::knee::Knee;
    use crate::sweep::limit::Rank;
    use crate::sweep::table::tests::run;

    const LIMIT: Limit = Limit { percentile: Rank::P99Nine, ns: 2_000_000 };
    const BRACKET: Bracket = Bracket { from: 1000.0, to: 1e6, within: 0.02 };

    /// Searches in a server whose p99.9 at a load is what `of` says, in multiples of the limit.
    fn found(bracket: &Bracket, repeats: u32, mut of: impl FnMut(f64) -> f64) -> (Search, Knee) {
        let search = search(bracket, &LIMIT, repeats, |asked| {
            let ns = (of(asked.per_second) * LIMIT.ns as f64) as u64;
            Ok::<_, String>(run(asked.per_second, ns))
        });
        let knee = Knee::of(&search.probes, &LIMIT);
        (search, knee)
    }

    #[test]
    fn a_knee_is_found_within_two_in_a_hundred() {
        for truth in [1001.0, 1500.0, 33_333.0, 64_000.0, 777_777.0, 999_999.0] {
            let (search, knee) = found(&BRACKET, 3, |load| load / truth);
            let at = knee.per_second().unwrap();
            assert!(at <= truth && at > truth * 0.975, "{at} for {truth}");
            assert!(search.probes.len() <= 17, "{} probes for {truth}", search.probes.len());
        }
    }

    #[test]
    fn a_noisy_server_is_judged_by_the_median() {
        let mut random = Random::new(11);
        let mut near = 0;
        for _ in 0..200 {
            // Seven in a hundred runs are disturbed, whatever the load.
            let (_, knee) = found(&BRACKET, 3, |load| {
                if even(random.draw()) < 0.07 { 5.0 } else { load / 50_000.0 * (0.99 + 0.02 * even(random.draw())) }
            });
            near += u32::from(knee.per_second().is_some_and(|at| (48_000.0..51_000.0).contains(&at)));
        }
        // With one run a probe, it would be near in less than half of the searches.
        assert!(near > 150, "{near} of 200");
    }

    #[test]
    fn a_bracket_that_never_fails_or_never_holds_gives_no_number() {
        let (search, knee) = found(&BRACKET, 3, |_| 0.5);
        assert_eq!(knee, Knee::NeverFails { holds_per_second: 1e6 });
        assert_eq!(search.probes.len(), 11, "doubling, and the end itself");
        let (search, knee) = found(&BRACKET, 3, |_| 1.5);
        assert!(matches!(knee, Knee::NeverHolds { fails_per_second: 1000.0, .. }), "{knee:?}");
        assert_eq!((search.probes.len(), search.probes[0].runs.len()), (1, 2), "two failures of three settle it");
        let (search, knee) = found(&Bracket { from: 5.0, to: 5.0, within: 0.02 }, 1, |_| 0.5);
        assert_eq!((search.probes.len(), knee), (1, Knee::NeverFails { holds_per_second: 5.0 }));
    }

    #[test]
    fn a_server_that_is_better_under_more_load_is_told_truly() {
        // Bad between 10,000 and 20,000: doubling passes 16,000 and meets it.
        let bad = |load: f64| if (10_000.0..20_000.0).contains(&load) || load > 90_000.0 { 2.0 } else { 0.1 };
        let (search, knee) = found(&BRACKET, 3, bad);
        let Knee::Between { holds_per_second, fails_per_second, .. } = knee else { panic!("{knee:?}") };
        assert!(holds_per_second < 10_000.0 && (10_000.0..10_200.0).contains(&fails_per_second), "{knee:?}");
        assert!(search.probes.len() < 20);
        for probe in &search.probes {
            assert_eq!(probe.fault(&LIMIT).is_some(), bad(probe.offered_per_second) > 1.0);
        }
    }

    #[test]
    fn tiny_brackets_end() {
        let (search, knee) = found(&Bracket { from: 100.0, to: 110.0, within: 1e-9 }, 1, |load| load / 104.5);
        assert_eq!(knee.per_second(), Some(104.0));
        assert!(search.probes.len() < 10);
    }

    #[test]
    fn a_server_that_dies_leaves_what_was_tried() {
        let mut runs = 0;
        let search = search(&BRACKET, &LIMIT, 3, |asked| {
            runs += 1;
            if runs > 5 { Err("connection refused") } else { Ok(run(asked.per_second, 1)) }
        });
        assert_eq!(search.broken.as_deref(), Some("connection refused"));
        assert_eq!(search.probes.iter().map(|probe| probe.runs.len()).collect::<Vec<_>>(), [3]);
    }
}
