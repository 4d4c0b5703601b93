//! What else is not the same: whether two results may be compared at all.

use super::Side;
use crate::environment::{Difference, Environment};
use crate::measured::Loop;
use crate::report::figures::{count, rate};
use crate::report::summary::Summary;

/// Facts of the environment that change figures by themselves. Another command line or commit is, as a rule, what the
/// comparison is for.
const MATTERS: [&str; 6] = ["kernel", "CPU", "CPUs", "machine", "governor", "load lab"];
/// Offers further apart than this are not one load.
const OFFER_APART_MAX: f64 = 0.01;

#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Of the environments, by name; of several runs, every value once.
    pub differences: Vec<Difference>,
    /// Why the figures may differ without the servers' doing.
    pub warnings: Vec<String>,
}

impl Setting {
    pub fn of(a: &[Summary], b: &[Summary]) -> Setting {
        let differences = differences(a, b);
        let mut warnings: Vec<String> = differences
            .iter()
            .filter(|difference| MATTERS.contains(&difference.name))
            .map(|Difference { name, left, right }| format!("the {name} differs: {left} | {right}"))
            .collect();
        warnings.extend(offers(a, b));
        warnings.extend(spins(a, b));
        warnings.extend(faults(Side::A, a).chain(faults(Side::B, b)));
        Setting { differences, warnings }
    }
}

/// Facts that are not the same in all runs of both.
fn differences(a: &[Summary], b: &[Summary]) -> Vec<Difference> {
    let facts = |runs: &[Summary]| runs.iter().map(|run| run.environment.facts()).collect::<Vec<_>>();
    let (of_a, of_b) = (facts(a), facts(b));
    let names = a.first().map(|run| &run.environment).map(Environment::facts).unwrap_or_default();
    let named = names.iter().enumerate().filter_map(|(at, fact)| {
        let values = |facts: &[Vec<crate::environment::Fact>]| {
            let mut values: Vec<String> = facts.iter().map(|facts| facts[at].value.clone()).collect();
            values.sort();
            values.dedup();
            values
        };
        let (left, right) = (values(&of_a), values(&of_b));
        let same = left == right && left.len() == 1;
        let joined = |values: Vec<String>| values.join(", ");
        (!same).then(|| Difference { name: fact.name, left: joined(left), right: joined(right) })
    });
    named.collect()
}

fn offers(a: &[Summary], b: &[Summary]) -> Option<String> {
    let open = || a.iter().chain(b).filter(|run| run.driven == Loop::Open).map(|run| run.total.offered_per_second);
    let (low, high) = open().fold((f64::INFINITY, 0.0f64), |(low, high), offer| (low.min(offer), high.max(offer)));
    (high > low * (1.0 + OFFER_APART_MAX)).then(|| {
        format!("the offers differ: {} to {} requests a second; times are not those of one load", rate(low), rate(high))
    })
}

fn spins(a: &[Summary], b: &[Summary]) -> Option<String> {
    let mut runs = a.iter().chain(b).map(|run| run.generator.spin);
    let first = runs.next()?;
    let is_same = runs.all(|spin| spin == first);
    (!is_same).then(|| "some of the loads slept between requests: their servers had to wake them".into())
}

/// What was wrong with the runs of a side.
fn faults(side: Side, runs: &[Summary]) -> impl Iterator<Item = String> {
    let sum = |of: fn(&Summary) -> u64| runs.iter().map(of).sum::<u64>();
    let (errors, wrong) = (sum(|run| run.total.errors), sum(|run| run.total.wrong));
    let counted = [(errors, "errors"), (wrong, "wrong answers")].into_iter().filter(|(number, _)| *number > 0);
    let counted = counted.map(move |(number, kind)| format!("{side:?} has {} {kind}", count(number)));
    let invalid = runs.iter().filter(|run| !run.valid);
    counted.chain(invalid.map(move |run| format!("{side:?} is not valid: {}", run.reasons.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen;

    fn run() -> Summary {
        Summary::of(&specimen::run(10))
    }

    #[test]
    fn what_matters_is_a_warning_and_the_rest_is_told() {
        let mut other = run();
        other.environment.governor = Some("powersave".into());
        other.environment.command_line = vec!["another".into()];
        let setting = Setting::of(&[run()], &[other]);
        let names: Vec<&str> = setting.differences.iter().map(|difference| difference.name).collect();
        assert_eq!(names, ["governor", "command line"]);
        assert_eq!(setting.warnings, ["the governor differs: unknown | powersave"]);
        assert_eq!(Setting::of(&[run()], &[run()]), Setting { differences: vec![], warnings: vec![] });
    }

    #[test]
    fn a_side_may_differ_in_itself() {
        let mut other = run();
        other.environment.machine.kernel = "7.0".into();
        let setting = Setting::of(&[run(), other.clone()], &[run(), other]);
        assert_eq!(setting.differences.len(), 1);
        assert!(setting.differences[0].left.contains(", Linux 7.0"), "{setting:?}");
        assert_eq!(setting.warnings.len(), 1);
    }

    #[test]
    fn another_offer_and_faults_are_warnings() {
        let mut other = Summary::of(&specimen::invalid_run(10));
        other.total.offered_per_second *= 1.5;
        let warnings = Setting::of(&[run()], &[other]).warnings;
        assert!(warnings[0].starts_with("the offers differ: 2,000 to 3,000 requests a second"), "{warnings:?}");
        assert_eq!(warnings[1..3], ["B has 10 errors", "B has 21 wrong answers"]);
        assert!(warnings[3].starts_with("B is not valid: the generator was late"), "{warnings:?}");
    }
}
