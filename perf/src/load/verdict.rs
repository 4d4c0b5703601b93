//! Whether the server was measured, or the generator. The bounds are those that make a difference: a generator that is
//! late by more than a twentieth of what it measures, or by more than 50 µs, is part of the result.

use std::time::Duration;

use crate::measured::{ClassMeasured, Generator, Loop, Reason};
use crate::slow::SlowMeasured;

const LATE_NS_MIN: u64 = 50_000;
const LATE_PART_OF_P50: u64 = 20;
const BUSY_MAX: f64 = 0.9;
const ACHIEVED_MIN: f64 = 0.99;
const STRAGGLERS: f64 = 2.0;
/// One in so many connections of slow clients may fail.
const FAILED_PART_OF_SLOW: u64 = 100;

/// Why the measurement is not valid; empty when it is.
pub(super) fn reasons(driven: Loop, classes: &[ClassMeasured], lasted: Duration, generator: &Generator) -> Vec<Reason> {
    let mut reasons = Vec::new();
    // A closed loop is never late.
    for class in classes.iter().filter(|_| driven == Loop::Open) {
        let p99_9_ns = class.lag_generator_ns.value_at_quantile(0.999);
        let bound_ns = LATE_NS_MIN.max(class.response_ns.value_at_quantile(0.5) / LATE_PART_OF_P50);
        if p99_9_ns > bound_ns {
            reasons.push(Reason::GeneratorLate { p99_9_ns, bound_ns });
        }
    }
    if generator.busy > BUSY_MAX {
        reasons.push(Reason::GeneratorSaturated { busy: generator.busy });
    }
    let offered_per_second: f64 = classes.iter().map(|class| class.offered_per_second).sum();
    let sum = |count: fn(&ClassMeasured) -> u64| classes.iter().map(count).sum::<u64>();
    if sum(|class| class.requests) == 0 {
        reasons.push(Reason::NothingMeasured);
    }
    let (achieved, lasted_s) = (sum(|class| class.achieved) as f64, lasted.as_secs_f64().max(1e-9));
    let achieved_per_second = achieved / lasted_s;
    // Those on their way at the end are no sign of anything.
    let fell_short = achieved + STRAGGLERS < offered_per_second * lasted_s * ACHIEVED_MIN;
    if driven == Loop::Open && fell_short {
        reasons.push(Reason::NotAchieved { achieved_per_second, offered_per_second });
    }
    reasons
}

/// Whether slow clients that were to be there were not, so that the others were measured beside fewer.
pub(super) fn not_attached(slow: &SlowMeasured) -> Option<Reason> {
    let SlowMeasured { name, connect_failed: failed, begun, .. } = slow;
    let too_many = failed * FAILED_PART_OF_SLOW > *begun;
    too_many.then(|| Reason::SlowNotAttached { name: name.clone(), failed: *failed, begun: *begun })
}
