//! Two results, and whether they differ: by how much, how surely, and whether that is the servers' doing.
//!
//! ```text
//! sample    which numbers stand for a result: its runs, or the seconds of its only one
//! interval  the interval of a ratio, by the bootstrap
//! setting   what else is not the same: the environment, the offer
//! text      all of it in words
//! ```

pub mod interval;
pub mod sample;
pub mod setting;
pub mod text;

use crate::measured::Loop;
use crate::report::summary::Summary;
use interval::Interval;
use sample::{Basis, FIGURES, Figure};
use setting::Setting;

/// Intervals are the same whenever the same results are compared.
const SEED: u64 = 0x5eed;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    A,
    B,
}

/// What happens to a measurement that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfInvalid {
    Refuse,
    Compare,
}

/// Why two results are not compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    #[error("a measurement of {side:?} is not valid: {}", reasons.join("; "))]
    Invalid { side: Side, reasons: Vec<String> },
    #[error("{of_a} runs and {of_b}: give one of each side, or several of each")]
    Uneven { of_a: usize, of_b: usize },
    #[error("an open loop and a closed one: their figures are not of one kind")]
    Loops,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub basis: Basis,
    pub setting: Setting,
    /// Empty where the only runs are too short.
    pub differences: Vec<Difference>,
    /// Of the only run of each side, without intervals; empty where there are several.
    pub whole: Vec<Whole>,
}

/// One figure of both.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub figure: Figure,
    /// The mean of the sample, geometric or arithmetic as the figure has it.
    pub a: f64,
    pub b: f64,
    /// Of B / A - 1; none where too many of the seconds have no such figure.
    pub change: Option<Interval>,
    pub verdict: Verdict,
}

/// One figure of one run each.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    pub figure: Figure,
    pub a: f64,
    pub b: f64,
}

/// Of B, against A.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Better,
    Worse,
    NoDifferenceShown,
    /// Neither is better: it was asked for.
    AsOffered,
    TooLittleToTell,
}

/// Compares the runs of A with those of B; at least one of each.
///
/// # Errors
/// Runs that are not valid, unless these are to be compared, too; open loops with closed ones; one run with several.
pub fn compare(a: &[Summary], b: &[Summary], if_invalid: IfInvalid) -> Result<Comparison, CompareError> {
    for (side, runs) in [(Side::A, a), (Side::B, b)] {
        if let Some(run) = runs.iter().find(|run| !run.valid && if_invalid == IfInvalid::Refuse) {
            return Err(CompareError::Invalid { side, reasons: run.reasons.clone() });
        }
    }
    let mut loops = a.iter().chain(b).map(|run| run.driven);
    let driven = loops.next().unwrap_or(Loop::Open);
    if loops.any(|other| other != driven) {
        return Err(CompareError::Loops);
    }
    let basis = Basis::of(a, b).ok_or(CompareError::Uneven { of_a: a.len(), of_b: b.len() })?;
    let as_offered = driven == Loop::Open && a.iter().chain(b).all(|run| run.valid);
    let figures = FIGURES.into_iter().filter(|figure| driven == Loop::Open || !figure.is_response_time());
    let (mut differences, mut whole) = (Vec::new(), Vec::new());
    for figure in figures {
        if basis.is_enough() {
            differences.extend(difference(figure, &basis, a, b, as_offered));
        }
        if let (Basis::Seconds { .. }, [a], [b]) = (&basis, a, b) {
            let both = figure.of_run(a).zip(figure.of_run(b));
            whole.extend(both.map(|(a, b)| Whole { figure, a, b }));
        }
    }
    Ok(Comparison { basis, setting: Setting::of(a, b), differences, whole })
}

/// None where one of the two does not have the figure.
fn difference(figure: Figure, basis: &Basis, a: &[Summary], b: &[Summary], as_offered: bool) -> Option<Difference> {
    let (a, b) = (basis.sample(figure, a), basis.sample(figure, b));
    let (mean_a, mean_b) = (a.mean()?, b.mean()?);
    let change = interval::of_ratio(&a, &b, SEED).map(|interval| interval.widened(figure.resolution()));
    let verdict = match change {
        _ if as_offered && figure == Figure::Throughput => Verdict::AsOffered,
        None => Verdict::TooLittleToTell,
        Some(change) if change.low <= 0.0 && change.high >= 0.0 => Verdict::NoDifferenceShown,
        Some(change) if (change.low > 0.0) == figure.more_is_better() => Verdict::Better,
        Some(_) => Verdict::Worse,
    };
    Some(Difference { figure, a: mean_a, b: mean_b, change, verdict })
}

#[cfg(test)]
mod tests;
