//! What came of one load, run several times: the median decides, of an even number the worse of the two in the middle.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limit::{Limit, Rank};
use crate::measured::Reason;
use crate::median::median;
use crate::report::figures::{count, latency};
use crate::report::summary::Summary;

/// The runs of one target at one load; at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub offered_per_second: f64,
    pub runs: Vec<Summary>,
}

/// Why a load is not borne.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Later than the limit.
    Late { percentile: Rank, ns: u64 },
    /// Requests that came to nothing.
    Errors { errors: u64 },
    /// Answers that are not true.
    Wrong { wrong: u64 },
    /// The measurement is not valid.
    Invalid { reasons: Vec<String> },
    /// And that is the generator's doing: nothing is known of the server.
    Generator { reasons: Vec<String> },
}

/// The figures of a step, each the median of its runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Medians {
    pub offered_per_second: f64,
    pub achieved_per_second: f64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub p99_9_ns: u64,
    /// Of the server, a request, where its process was watched.
    pub server_cpu_ns: Option<u64>,
    pub runs: usize,
    pub runs_valid: usize,
}

impl Step {
    /// Why the median run is not valid; none if it is.
    pub fn invalid(&self) -> Option<Fault> {
        self.median_fault(invalid)
    }

    /// Why the median run does not hold the limit; none if it does.
    pub fn fault(&self, limit: &Limit) -> Option<Fault> {
        self.median_fault(|run| fault(run, limit))
    }

    fn median_fault(&self, of: impl Fn(&Summary) -> Option<Fault>) -> Option<Fault> {
        let badness = |fault: &Option<Fault>| fault.as_ref().map_or((0, 0), Fault::badness);
        median(self.runs.iter().map(of), |a, b| badness(a).cmp(&badness(b))).flatten()
    }

    pub fn medians(&self) -> Medians {
        let time = |rank: Rank| median(self.runs.iter().map(|run| rank.of(&run.total.response_ns)), u64::cmp);
        let cpu = |run: &Summary| Some(run.server.as_ref()?.cpu_ns_per_request(run.total.requests));
        let achieved = self.runs.iter().map(|run| run.total.achieved_per_second);
        Medians {
            offered_per_second: self.offered_per_second,
            achieved_per_second: median(achieved, |a, b| b.total_cmp(a)).unwrap_or_default(),
            p50_ns: time(Rank::P50).unwrap_or_default(),
            p99_ns: time(Rank::P99).unwrap_or_default(),
            p99_9_ns: time(Rank::P99Nine).unwrap_or_default(),
            server_cpu_ns: median(self.runs.iter().filter_map(cpu), u64::cmp),
            runs: self.runs.len(),
            runs_valid: self.runs.iter().filter(|run| run.valid).count(),
        }
    }
}

fn invalid(run: &Summary) -> Option<Fault> {
    if run.valid {
        return None;
    }
    let reasons = run.reasons.clone();
    let is_spoilt = Reason::blame_generator(&reasons);
    Some(if is_spoilt { Fault::Generator { reasons } } else { Fault::Invalid { reasons } })
}

/// Why one run does not hold the limit; none if it does.
pub(super) fn fault(run: &Summary, limit: &Limit) -> Option<Fault> {
    let (errors, wrong, ns) = (run.total.errors, run.total.wrong, limit.percentile.of(&run.total.response_ns));
    invalid(run)
        .or((wrong > 0).then_some(Fault::Wrong { wrong }))
        .or((errors > 0).then_some(Fault::Errors { errors }))
        .or((ns > limit.ns).then_some(Fault::Late { percentile: limit.percentile, ns }))
}

impl Fault {
    /// In which order faults are worse: late by how much, and all others beyond that.
    fn badness(&self) -> (u8, u64) {
        match self {
            Fault::Late { ns, .. } => (1, *ns),
            Fault::Errors { errors } => (2, *errors),
            Fault::Wrong { wrong } => (3, *wrong),
            Fault::Invalid { .. } => (4, 0),
            Fault::Generator { .. } => (5, 0),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Late { percentile, ns } => write!(formatter, "{percentile} is {}", latency(*ns)),
            Fault::Errors { errors } => write!(formatter, "{} errors", count(*errors)),
            Fault::Wrong { wrong } => write!(formatter, "{} wrong answers", count(*wrong)),
            Fault::Invalid { reasons } | Fault::Generator { reasons } => {
                write!(formatter, "invalid: {}", reasons.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::table::tests::run;

    const LIMIT: Limit = Limit { percentile: Rank::P99Nine, ns: 2_000_000 };

    fn step(p99_9_ns: &[u64]) -> Step {
        Step { offered_per_second: 1000.0, runs: p99_9_ns.iter().map(|&ns| run(1000.0, ns)).collect() }
    }

    fn invalidated(mut step: Step, runs: usize, reason: &str) -> Step {
        for run in &mut step.runs[..runs] {
            (run.valid, run.reasons) = (false, vec![reason.into()]);
        }
        step
    }

    #[test]
    fn the_median_decides() {
        let late = |ns| Some(Fault::Late { percentile: Rank::P99Nine, ns });
        assert_eq!(step(&[9_000_000, 1_000_000, 2_000_000]).fault(&LIMIT), None);
        assert_eq!(step(&[9_000_000, 1_000_000, 3_000_000]).fault(&LIMIT), late(3_000_000));
        assert_eq!(step(&[1_000_000, 3_000_000]).fault(&LIMIT), late(3_000_000), "of two, the worse");
        assert_eq!(step(&[2_000_001]).fault(&LIMIT), late(2_000_001));
        let medians = step(&[9_000_000, 1_000_000, 3_000_000]).medians();
        assert_eq!((medians.p99_9_ns, medians.runs, medians.runs_valid), (3_000_000, 3, 3));
    }

    #[test]
    fn an_invalid_run_is_worse_than_any_time() {
        let reason = "achieved 900 of the 1000 requests offered a second";
        let once = invalidated(step(&[1, 1_000_000, 2_000_000]), 1, reason);
        assert_eq!((once.fault(&LIMIT), once.invalid()), (None, None));
        let twice = invalidated(step(&[1, 1, 1_000_000]), 2, reason);
        assert_eq!(twice.invalid(), Some(Fault::Invalid { reasons: vec![reason.into()] }));
        assert_eq!(twice.fault(&LIMIT), twice.invalid());
        assert_eq!(twice.medians().runs_valid, 1);
    }

    #[test]
    fn what_the_generator_did_is_told_apart() {
        let saturated = Reason::GeneratorSaturated { busy: 0.95 }.to_string();
        let late = Reason::GeneratorLate { class: Some("gets".into()), p99_9_ns: 9, bound_ns: 5 }.to_string();
        for reason in [&saturated, &late] {
            let fault = invalidated(step(&[1]), 1, reason).fault(&LIMIT);
            assert_eq!(fault, Some(Fault::Generator { reasons: vec![reason.clone()] }));
        }
        let neither = invalidated(step(&[1]), 1, "no request was answered").fault(&LIMIT);
        assert!(matches!(neither, Some(Fault::Invalid { .. })));
        let falls_short_and = |reason: &str| {
            let mut short = invalidated(step(&[1]), 1, "achieved 900 of the 1000 requests of get offered a second");
            short.runs[0].reasons.push(reason.into());
            short.fault(&LIMIT)
        };
        assert!(matches!(falls_short_and(&saturated), Some(Fault::Generator { .. })), "for want of its own CPU");
        assert!(matches!(falls_short_and(&late), Some(Fault::Invalid { .. })), "lateness explains no shortfall");
    }

    #[test]
    fn errors_and_wrong_answers_do_not_hold() {
        let mut failing = step(&[1]);
        failing.runs[0].total.errors = 3;
        assert_eq!(failing.fault(&LIMIT).unwrap().to_string(), "3 errors");
        failing.runs[0].total.wrong = 1;
        assert_eq!(failing.fault(&LIMIT).unwrap().to_string(), "1 wrong answers");
        assert_eq!(failing.invalid(), None, "but the measurement stands");
    }
}
