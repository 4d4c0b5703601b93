//! Whether the server was measured, or the generator. The bounds are those that make a difference: a generator that is
//! late by more than a twentieth of what it measures, or by more than 50 µs, is part of the result.

use std::time::Duration;

use super::stop::Early;
use crate::link::LinkUse;
use crate::measured::{ClassMeasured, Generator, Loop, Reason};
use crate::slow::SlowMeasured;

const LATE_NS_MIN: u64 = 50_000;
const LATE_PART_OF_P50: u64 = 20;
const BUSY_MAX: f64 = 0.9;
const ACHIEVED_MIN: f64 = 0.99;
/// Of a link's speed. More is not to be had where answers and acknowledgements come in bursts.
const LINK_MAX: f64 = 0.95;
const STRAGGLERS: f64 = 2.0;
/// One in so many connections of slow clients may fail.
const FAILED_PART_OF_SLOW: u64 = 100;
/// One in so many slow clients may be missing.
const MISSING_PART_OF_SLOW: u64 = 100;

/// Why the measurement is not valid; empty when it is.
pub(super) fn reasons(classes: &[ClassMeasured], lasted: Duration, generator: &Generator) -> Vec<Reason> {
    let mut reasons = Vec::new();
    // A closed loop is never late, and never short of what it was offered.
    let paced = || classes.iter().filter(|class| class.driven == Loop::Open);
    for class in paced() {
        let p99_9_ns = class.lag_generator_ns.value_at_quantile(0.999);
        let bound_ns = LATE_NS_MIN.max(class.response_ns.value_at_quantile(0.5) / LATE_PART_OF_P50);
        if p99_9_ns > bound_ns {
            let name = (classes.len() > 1).then(|| class.name.clone());
            reasons.push(Reason::GeneratorLate { class: name, p99_9_ns, bound_ns });
        }
    }
    if generator.busy > BUSY_MAX {
        reasons.push(Reason::GeneratorSaturated { busy: generator.busy });
    }
    if classes.iter().all(|class| class.requests == 0) {
        reasons.push(Reason::NothingMeasured);
    }
    reasons.extend(paced().filter_map(|class| not_achieved(class, lasted)));
    reasons
}

/// Each class by itself: a small one that gets nothing is not made up for by a large one that gets everything.
fn not_achieved(class: &ClassMeasured, lasted: Duration) -> Option<Reason> {
    let (achieved, lasted_s) = (class.achieved as f64, lasted.as_secs_f64().max(1e-9));
    let offered_per_second = class.offered_per_second;
    // Those on their way at the end are no sign of anything.
    let fell_short = achieved + STRAGGLERS < offered_per_second * lasted_s * ACHIEVED_MIN;
    let achieved_per_second = achieved / lasted_s;
    fell_short.then(|| Reason::NotAchieved { class: class.name.clone(), achieved_per_second, offered_per_second })
}

/// That a run did not last as long as it was to.
pub(super) fn cut_short(early: Early, after: Duration) -> Reason {
    match early {
        Early::Ended => Reason::CutShort { after, cause: "every connection was ended".into() },
        Early::Stopped => Reason::Stopped { after },
    }
}

/// Whether the network was measured.
pub(super) fn link_saturated(link: &LinkUse) -> Option<Reason> {
    link.fullness().filter(|full| *full > LINK_MAX).map(|_| Reason::LinkSaturated(link.clone()))
}

/// Whether slow clients that were to be there were not, so that the others were measured beside fewer.
pub(super) fn not_attached(slow: &SlowMeasured) -> Option<Reason> {
    let SlowMeasured { name, connect_failed: failed, begun, .. } = slow;
    let too_many = failed * FAILED_PART_OF_SLOW > *begun;
    too_many.then(|| Reason::SlowNotAttached { name: name.clone(), failed: *failed, begun: *begun })
}

/// Whether slow clients that were to be there still were not when the measured time began, though nothing has failed: a
/// server that has no room for them lets them wait.
pub(super) fn missing(slow: &SlowMeasured) -> Option<Reason> {
    let SlowMeasured { name, missing_at_begin: missing, planned, .. } = slow;
    let too_many = missing * MISSING_PART_OF_SLOW > *planned;
    too_many.then(|| Reason::SlowMissing { name: name.clone(), missing: *missing, planned: *planned })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::record::Record;
    use crate::load::{Operation, Span};

    const LASTED: Duration = Duration::from_secs(10);

    fn class(name: &str, offered: u64, achieved: u64) -> ClassMeasured {
        let end_ns = LASTED.as_nanos() as u64;
        let span = Span { begin_ns: 0, measured_ns: 0, end_ns };
        let measured = Record::new(span, &[Operation::Get], None).close(name, Loop::Open, end_ns);
        let offered_per_second = offered as f64 / LASTED.as_secs_f64();
        ClassMeasured { offered_per_second, requests: achieved, achieved, ..measured }
    }

    fn of(classes: &[ClassMeasured]) -> Vec<Reason> {
        reasons(classes, LASTED, &Generator::default())
    }

    #[test]
    fn a_link_that_is_nearly_full_in_one_direction_is_what_was_measured() {
        let link = |speed_mbit, received_mbit, sent_mbit| LinkUse {
            name: "eth0".into(),
            speed_mbit,
            received_mbit,
            sent_mbit,
        };
        let full = link(Some(1000), 12.0, 960.0);
        let reason = link_saturated(&full).unwrap().to_string();
        let told = "the network was saturated: 12 Mb/s received and 960 Mb/s sent by eth0, which has 1000 Mb/s";
        assert_eq!(reason, told);
        for free in [link(Some(1000), 940.0, 940.0), link(None, 1e6, 1e6)] {
            assert_eq!(link_saturated(&free), None, "{free:?}");
        }
    }

    /// A class whose requests all took `response_ns`, and that one in a hundred was sent late by `late_ns`.
    fn late(driven: Loop, response_ns: u64, late_ns: u64) -> ClassMeasured {
        let mut class = ClassMeasured { driven, ..class("paced", 1000, 1000) };
        class.response_ns.record_n(response_ns, 1000).unwrap();
        class.lag_generator_ns.record_n(1000, 990).unwrap();
        class.lag_generator_ns.record_n(late_ns, 10).unwrap();
        class
    }

    #[test]
    fn a_generator_is_late_beyond_fifty_microseconds_and_a_twentieth_of_the_median() {
        for (response_ns, late_ns, bound_ns) in [(100_000, 52_000, 50_000), (2_000_000, 105_000, 100_000)] {
            let reasons = of(&[late(Loop::Open, response_ns, late_ns)]);
            let [Reason::GeneratorLate { class: None, p99_9_ns, bound_ns: bound }] = reasons[..] else {
                panic!("{reasons:?}")
            };
            assert!(
                p99_9_ns.abs_diff(late_ns) < late_ns / 500 && bound.abs_diff(bound_ns) <= bound_ns / 500,
                "{reasons:?}"
            );
            assert_eq!(of(&[late(Loop::Open, response_ns, bound_ns - bound_ns / 20)]), [], "within the bound");
            assert_eq!(of(&[late(Loop::Closed, response_ns, late_ns)]), [], "a closed loop is never late");
        }
    }

    #[test]
    fn among_several_classes_it_is_told_for_which_the_generator_was_late() {
        let gets = ClassMeasured { name: "gets".into(), ..late(Loop::Open, 100_000, 52_000) };
        let reasons = of(&[class("sets", 1000, 1000), gets.clone()]);
        let [late] = &reasons[..] else { panic!("{reasons:?}") };
        let said = late.to_string();
        assert!(
            said.starts_with("the generator was late for class \"gets\": 5") && said.contains(" µs at p99.9, 50.0 µs")
        );
        assert_eq!(of(&[gets.clone(), gets.clone()]).len(), 2, "each by itself");
        assert!(of(&[gets])[0].to_string().starts_with("the generator was late: "), "there is only one");
    }

    #[test]
    fn a_generator_without_a_tenth_of_its_cpu_to_spare_is_saturated() {
        let busy = |busy| reasons(&[class("a", 10, 10)], LASTED, &Generator { busy, ..Generator::default() });
        assert_eq!(busy(0.9), []);
        assert_eq!(busy(0.91), [Reason::GeneratorSaturated { busy: 0.91 }]);
    }

    #[test]
    fn a_small_class_that_gets_nothing_is_not_hidden_by_a_large_one() {
        let large = class("large", 1_000_000, 1_000_000);
        assert_eq!(of(&[large.clone(), class("small", 1000, 988)]).len(), 0);
        let reasons = of(&[large, class("small", 1000, 987)]);
        let class = "small".into();
        assert_eq!(reasons, [Reason::NotAchieved { class, achieved_per_second: 98.7, offered_per_second: 100.0 }]);
    }

    #[test]
    fn a_closed_class_beside_paced_ones_hides_nothing_of_theirs() {
        let closed = ClassMeasured { driven: Loop::Closed, ..class("closed", 1000, 10) };
        assert_eq!(of(std::slice::from_ref(&closed)), []);
        assert_eq!(of(&[closed, class("paced", 1000, 10)]).len(), 1);
    }

    #[test]
    fn one_slow_client_in_a_hundred_may_be_missing() {
        let group = |missing_at_begin| SlowMeasured { planned: 200, missing_at_begin, ..SlowMeasured::default() };
        assert_eq!(missing(&group(2)), None);
        assert!(matches!(missing(&group(3)), Some(Reason::SlowMissing { missing: 3, planned: 200, .. })));
    }

    #[test]
    fn those_on_their_way_at_the_end_are_no_sign_of_anything() {
        assert_eq!(of(&[class("slow", 3, 1)]), []);
        assert_eq!(of(&[class("slow", 2, 0)]), [Reason::NothingMeasured]);
    }
}
