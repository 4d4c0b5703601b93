//! What is known of the highest load that holds a limit.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limit::Limit;
use super::step::{Fault, Step};
use crate::report::figures::rate;

/// Loads are requests offered a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "knee", rename_all = "snake_case")]
pub enum Knee {
    /// All up to one held, and the next one that was tried did not.
    Between {
        holds_per_second: f64,
        fails_per_second: f64,
        fault: Fault,
        /// Above the load that failed: a server that is better under more load, or noise.
        holds_again_per_second: Vec<f64>,
    },
    /// All that were tried held: a lower bound.
    NeverFails { holds_per_second: f64 },
    /// The lowest that was tried did not hold: an upper bound.
    NeverHolds { fails_per_second: f64, fault: Fault, holds_again_per_second: Vec<f64> },
    /// Nothing was tried to its end.
    Unknown,
}

impl Knee {
    /// By the steps, in any order.
    pub fn of(steps: &[Step], limit: &Limit) -> Knee {
        let mut steps: Vec<&Step> = steps.iter().collect();
        steps.sort_by(|a, b| a.offered_per_second.total_cmp(&b.offered_per_second));
        let faults: Vec<Option<Fault>> = steps.iter().map(|step| step.fault(limit)).collect();
        let Some(failed) = faults.iter().position(Option::is_some) else {
            let highest = steps.last().map(|step| step.offered_per_second);
            return highest.map_or(Knee::Unknown, |holds_per_second| Knee::NeverFails { holds_per_second });
        };
        let above = steps.iter().zip(&faults).skip(failed + 1);
        let holds_again_per_second =
            above.filter(|(_, fault)| fault.is_none()).map(|(step, _)| step.offered_per_second).collect();
        let fails_per_second = steps[failed].offered_per_second;
        let Some(fault) = faults[failed].clone() else { return Knee::Unknown };
        match failed.checked_sub(1) {
            Some(held) => Knee::Between {
                holds_per_second: steps[held].offered_per_second,
                fails_per_second,
                fault,
                holds_again_per_second,
            },
            None => Knee::NeverHolds { fails_per_second, fault, holds_again_per_second },
        }
    }

    /// The load itself, where it is known.
    pub fn per_second(&self) -> Option<f64> {
        match self {
            // Where the generator gave out, the server did not.
            Knee::Between { fault: Fault::Generator { .. }, .. } => None,
            Knee::Between { holds_per_second, .. } => Some(*holds_per_second),
            Knee::NeverFails { .. } | Knee::NeverHolds { .. } | Knee::Unknown => None,
        }
    }
}

impl fmt::Display for Knee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Knee::Between { holds_per_second, fails_per_second, fault, .. } => {
                let (holds, fails) = (rate(*holds_per_second), rate(*fails_per_second));
                match fault {
                    Fault::Generator { .. } => write!(
                        formatter,
                        "at or above {holds} requests a second: the generator gave out at {fails}, not the server ({fault})"
                    )?,
                    _ => write!(formatter, "{holds} requests a second; at {fails} {fault}")?,
                }
            }
            Knee::NeverFails { holds_per_second } => {
                write!(
                    formatter,
                    "at or above {} requests a second: none that was tried failed",
                    rate(*holds_per_second)
                )?;
            }
            Knee::NeverHolds { fails_per_second, fault, .. } => match fault {
                Fault::Generator { .. } => write!(
                    formatter,
                    "unknown: the generator gave out at {} requests a second already, not the server ({fault})",
                    rate(*fails_per_second)
                )?,
                _ => write!(
                    formatter,
                    "below {} requests a second: not even that holds ({fault})",
                    rate(*fails_per_second)
                )?,
            },
            Knee::Unknown => write!(formatter, "unknown: nothing was measured")?,
        }
        match self {
            Knee::Between { holds_again_per_second, .. } | Knee::NeverHolds { holds_again_per_second, .. }
                if !holds_again_per_second.is_empty() =>
            {
                let loads: Vec<String> = holds_again_per_second.iter().map(|load| rate(*load)).collect();
                write!(formatter, "; yet it holds again at {}", loads.join(", "))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::limit::Rank;
    use crate::sweep::table::tests::run;

    const LIMIT: Limit = Limit { percentile: Rank::P99Nine, ns: 100 };

    /// Steps at 1000, 2000, ... with these times.
    fn knee(p99_9_ns: &[u64]) -> Knee {
        let step = |(at, &ns)| {
            let offered_per_second = 1000.0 * (at + 1) as f64;
            Step { offered_per_second, runs: vec![run(offered_per_second, ns)] }
        };
        let mut steps: Vec<Step> = p99_9_ns.iter().enumerate().map(step).collect();
        steps.reverse();
        Knee::of(&steps, &LIMIT)
    }

    #[test]
    fn lies_below_the_first_load_that_fails() {
        let found = knee(&[10, 100, 101, 500]);
        assert_eq!(found.per_second(), Some(2000.0));
        assert_eq!(found.to_string(), "2,000 requests a second; at 3,000 p99.9 is 101 ns");
        let found = knee(&[10, 500, 20, 500]);
        assert_eq!(found.per_second(), Some(1000.0));
        assert!(found.to_string().ends_with("; yet it holds again at 3,000"), "{found}");
    }

    #[test]
    fn a_bound_is_no_knee() {
        for (times, said) in [
            (&[1, 2, 3][..], "at or above 3,000 requests a second: none that was tried failed"),
            (&[500, 600], "below 1,000 requests a second: not even that holds (p99.9 is 500 ns)"),
            (&[], "unknown: nothing was measured"),
        ] {
            let found = knee(times);
            assert_eq!((found.per_second(), found.to_string().as_str()), (None, said));
        }
    }

    #[test]
    fn the_generators_end_is_not_the_servers() {
        let held = Step { offered_per_second: 1000.0, runs: vec![run(1000.0, 1)] };
        let mut gave_out = Step { offered_per_second: 2000.0, runs: vec![run(2000.0, 1)] };
        gave_out.runs[0].valid = false;
        gave_out.runs[0].reasons = vec!["the generator was saturated: 95 % of a CPU".into()];
        let found = Knee::of(&[held, gave_out], &LIMIT);
        assert_eq!(found.per_second(), None);
        assert!(
            found.to_string().starts_with("at or above 1,000 requests a second: the generator gave out"),
            "{found}"
        );
    }
}
