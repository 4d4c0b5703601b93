//! The loads that are offered, in which order, and when a server's ladder ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::step::Step;
use super::{Asked, readable};
use crate::report::summary::Summary;

/// A ladder of one server ends after so many steps in a row that are not valid: there is nothing above them.
pub const INVALID_STEPS_MAX: usize = 2;
/// More are a mistake.
pub const STEPS_MAX: usize = 1000;

/// How far the steps are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spacing {
    /// Each so many times the one before; above 1.
    Factor(f64),
    /// So many in all, at least 2.
    Steps(usize),
}

/// The offered loads: `from`, and on in equal ratios up to `to`, which is always the last. `from` and `to` are above 0, and
/// `to` is not below `from`; at most [`STEPS_MAX`].
pub fn loads(from: f64, to: f64, spacing: Spacing) -> Vec<f64> {
    let factor = match spacing {
        Spacing::Factor(factor) => factor,
        Spacing::Steps(steps) => (to / from).powf(1.0 / (steps.max(2) - 1) as f64),
    };
    // What lies within a hundredth of the end is the end.
    let below = (0..STEPS_MAX as i32 - 1).map(|step| from * factor.powi(step)).take_while(|load| *load * 1.01 < to);
    let mut loads: Vec<f64> = below.chain([to]).map(readable).collect();
    loads.dedup();
    loads
}

/// Why a server's ladder, or its search, has no further step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
pub enum Ended {
    /// All that was to be tried was.
    Complete,
    /// [`INVALID_STEPS_MAX`] steps in a row were not valid.
    NoLongerValid,
    /// A run could not be made.
    Broken { error: String },
}

/// What one server did.
#[derive(Clone, Debug, PartialEq)]
pub struct Climb {
    /// By rising load, each with all its runs.
    pub steps: Vec<Step>,
    pub ended: Ended,
}

/// Runs every load `repeats` times on every target, interleaved: at each load A, B, A, B, so that what changes around them
/// changes for all. One target's end is not that of the others.
pub fn climb<E: fmt::Display>(
    loads: &[f64],
    targets: usize,
    repeats: u32,
    mut measure: impl FnMut(&Asked) -> Result<Summary, E>,
) -> Vec<Climb> {
    let mut climbs = vec![Climb { steps: Vec::new(), ended: Ended::Complete }; targets];
    for &per_second in loads {
        for repeat in 0..repeats {
            for (target, climb) in climbs.iter_mut().enumerate() {
                if climb.ended != Ended::Complete {
                    continue;
                }
                match measure(&Asked { target, per_second, repeat }) {
                    Ok(run) => climb.take(per_second, run),
                    Err(error) => climb.break_off(per_second, &error),
                }
            }
        }
        climbs.iter_mut().for_each(Climb::look_back);
    }
    climbs
}

impl Climb {
    fn take(&mut self, offered_per_second: f64, run: Summary) {
        match self.steps.last_mut() {
            Some(step) if step.offered_per_second == offered_per_second => step.runs.push(run),
            _ => self.steps.push(Step { offered_per_second, runs: vec![run] }),
        }
    }

    /// A part of a step has no median.
    fn break_off(&mut self, offered_per_second: f64, error: &impl fmt::Display) {
        self.steps.retain(|step| step.offered_per_second != offered_per_second);
        self.ended = Ended::Broken { error: error.to_string() };
    }

    fn look_back(&mut self) {
        let in_a_row = self.steps.iter().rev().take_while(|step| step.invalid().is_some()).count();
        if self.ended == Ended::Complete && in_a_row >= INVALID_STEPS_MAX {
            self.ended = Ended::NoLongerValid;
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Complete => write!(formatter, "complete"),
            Ended::NoLongerValid => {
                write!(formatter, "ended there: {INVALID_STEPS_MAX} steps in a row were not valid")
            }
            Ended::Broken { error } => write!(formatter, "broke off: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::table::tests::run;

    #[test]
    fn a_ladder_is_geometric_and_has_both_its_ends() {
        assert_eq!(loads(1000.0, 8000.0, Spacing::Factor(2.0)), [1000.0, 2000.0, 4000.0, 8000.0]);
        assert_eq!(loads(1000.0, 5000.0, Spacing::Factor(2.0)), [1000.0, 2000.0, 4000.0, 5000.0]);
        assert_eq!(loads(1000.0, 16_000.0, Spacing::Steps(5)), [1000.0, 2000.0, 4000.0, 8000.0, 16_000.0]);
        assert_eq!(loads(1.0, 10.0, Spacing::Steps(3)), [1.0, 10f64.sqrt(), 10.0]);
        assert_eq!(loads(500.0, 500.0, Spacing::Factor(2.0)), [500.0]);
        assert_eq!(loads(1.0, 1e9, Spacing::Factor(1.0001)).len(), STEPS_MAX);
    }

    #[test]
    fn targets_are_interleaved_at_every_load() {
        let mut order = Vec::new();
        let climbs = climb(&[100.0, 200.0], 2, 3, |asked| {
            order.push((asked.per_second, asked.repeat, asked.target));
            Ok::<_, String>(run(asked.per_second, 1))
        });
        let expected = [100.0, 200.0]
            .into_iter()
            .flat_map(|load| (0..3).flat_map(move |repeat| (0..2).map(move |target| (load, repeat, target))));
        assert_eq!(order, expected.collect::<Vec<_>>());
        for climb in climbs {
            assert_eq!(climb.steps.iter().map(|step| step.runs.len()).collect::<Vec<_>>(), [3, 3]);
            assert_eq!(climb.ended, Ended::Complete);
        }
    }

    /// A server that achieves no more than `most`.
    fn bounded(asked: &Asked, most: f64) -> Summary {
        let mut run = run(asked.per_second, 1);
        if asked.per_second > most {
            (run.valid, run.reasons) = (false, vec!["achieved less".into()]);
        }
        run
    }

    #[test]
    fn a_ladder_ends_after_two_invalid_steps_and_the_others_go_on() {
        let loads = [1.0, 2.0, 3.0, 4.0, 5.0];
        let climbs = climb(&loads, 2, 2, |asked| Ok::<_, String>(bounded(asked, [2.0, 9.0][asked.target])));
        assert_eq!((climbs[0].steps.len(), &climbs[0].ended), (4, &Ended::NoLongerValid));
        assert_eq!((climbs[1].steps.len(), &climbs[1].ended), (5, &Ended::Complete));
        // One bad step between good ones is no end.
        let hiccup = climb(&loads, 1, 1, |asked| {
            Ok::<_, String>(bounded(asked, if asked.per_second == 2.0 { 0.0 } else { 4.0 }))
        });
        assert_eq!((hiccup[0].steps.len(), &hiccup[0].ended), (5, &Ended::Complete));
    }

    #[test]
    fn a_server_that_dies_breaks_its_own_ladder() {
        let climbs = climb(&[1.0, 2.0, 3.0], 2, 2, |asked| match (asked.target, asked.per_second, asked.repeat) {
            (1, 2.0, 1) => Err("connection refused"),
            _ => Ok(run(asked.per_second, 1)),
        });
        assert_eq!(climbs[0].steps.len(), 3);
        assert_eq!(climbs[1].steps.iter().map(|step| step.runs.len()).collect::<Vec<_>>(), [2]);
        assert_eq!(climbs[1].ended.to_string(), "broke off: connection refused");
    }
}
