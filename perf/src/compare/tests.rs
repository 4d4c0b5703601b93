//! Whole comparisons of made-up runs.

use super::*;
use crate::report::specimen;

/// A run whose times, and whose seconds, are `slower` times those of the made-up one.
fn run(slower: f64) -> Summary {
    let mut run = Summary::of(&specimen::run(30));
    let times = &mut run.total.response_ns;
    for ns in [&mut times.p50, &mut times.p99, &mut times.p99_9] {
        *ns = (*ns as f64 * slower) as u64;
    }
    for row in &mut run.timeline {
        for ns in [&mut row.p50_ns, &mut row.p99_ns, &mut row.p99_9_ns] {
            *ns = (*ns as f64 * slower) as u64;
        }
    }
    run
}

fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    comparison.differences.iter().map(|difference| difference.verdict).collect()
}

#[test]
fn several_runs_are_compared_as_runs() {
    let a = [run(1.0), run(1.01), run(0.99)];
    let b = [run(1.21), run(1.19), run(1.2)];
    let comparison = compare(&a, &b, IfInvalid::Refuse).unwrap();
    assert_eq!(comparison.basis, Basis::Runs { a: 3, b: 3 });
    use Verdict::{AsOffered, Better, NoDifferenceShown, Worse};
    assert_eq!(verdicts(&comparison), [AsOffered, Worse, Worse, Worse, NoDifferenceShown]);
    assert!(comparison.whole.is_empty());
    let back = compare(&b, &a, IfInvalid::Refuse).unwrap();
    assert_eq!(verdicts(&back), [AsOffered, Better, Better, Better, NoDifferenceShown]);
    let text = comparison.to_string();
    assert!(text.starts_with("The environments do not differ.\n\n|"), "{text}");
    assert!(text.contains("+20.0 %") && text.contains("from 3 runs of A and 3 of B"), "{text}");
}

#[test]
fn single_runs_are_compared_by_their_seconds_and_it_is_said() {
    let comparison = compare(&[run(1.0)], &[run(1.5)], IfInvalid::Refuse).unwrap();
    assert_eq!(comparison.basis, Basis::Seconds { a: 30, b: 30 });
    assert_eq!(verdicts(&comparison)[1..4], [Verdict::Worse; 3]);
    let text = comparison.to_string();
    for said in ["p99.9 of a second", "p99.9, whole run", "one run each", "is not the percentile of the run"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let itself = compare(&[run(1.0)], &[run(1.0)], IfInvalid::Refuse).unwrap();
    assert_eq!(verdicts(&itself)[1..], [Verdict::NoDifferenceShown; 4]);
}

#[test]
fn a_short_run_is_too_short_for_an_interval() {
    let short = || Summary::of(&specimen::run(3));
    let comparison = compare(&[short()], &[short()], IfInvalid::Refuse).unwrap();
    assert_eq!((comparison.differences.len(), comparison.whole.len()), (0, 5));
    let text = comparison.to_string();
    assert!(text.contains("One run of 3 whole seconds against one of 3 is too short for an interval"), "{text}");
}

#[test]
fn seconds_without_answers_tell_too_little() {
    let mut silent = run(1.0);
    silent.timeline[5..].iter_mut().for_each(|row| row.p99_ns = 0);
    let comparison = compare(&[run(1.0)], &[silent], IfInvalid::Refuse).unwrap();
    assert_eq!(verdicts(&comparison)[2], Verdict::TooLittleToTell);
    assert!(comparison.to_string().contains("too little to tell"));
}

#[test]
fn an_invalid_run_is_refused_with_its_reasons() {
    let invalid = || Summary::of(&specimen::invalid_run(20));
    let refused = compare(&[run(1.0)], &[invalid()], IfInvalid::Refuse).unwrap_err();
    assert!(refused.to_string().starts_with("a measurement of B is not valid: the generator was late"), "{refused}");
    let compared = compare(&[run(1.0)], &[invalid()], IfInvalid::Compare).unwrap();
    assert_ne!(compared.differences[0].verdict, Verdict::AsOffered);
    assert!(compared.to_string().contains("- WARNING: B is not valid: the generator was late"), "{compared}");
}

#[test]
fn unlike_is_not_compared() {
    let mut closed = run(1.0);
    closed.driven = Loop::Closed;
    assert_eq!(compare(&[run(1.0)], std::slice::from_ref(&closed), IfInvalid::Refuse), Err(CompareError::Loops));
    let uneven = compare(&[run(1.0)], &[run(1.0), run(1.0)], IfInvalid::Refuse);
    assert_eq!(uneven, Err(CompareError::Uneven { of_a: 1, of_b: 2 }));
    // The times of closed loops are none to compare.
    let comparison = compare(std::slice::from_ref(&closed), std::slice::from_ref(&closed), IfInvalid::Refuse).unwrap();
    let figures: Vec<Figure> = comparison.differences.iter().map(|difference| difference.figure).collect();
    assert_eq!(figures, [Figure::Throughput, Figure::ServerCpu]);
    assert_eq!(comparison.differences[0].verdict, Verdict::NoDifferenceShown);
}
