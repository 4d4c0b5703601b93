//! `spindle load search`: probes, says every one as it ends, and concludes.
#![forbid(unsafe_code)]

use spindle_perf::sweep::knee::Knee;
use spindle_perf::sweep::result::SweepResult;
use spindle_perf::sweep::search;

use super::LoadFailure;
use super::sweep::{Files, Series, conclude};
use crate::arguments::load::search::SearchArguments;

pub(super) fn run(typed: &SearchArguments) -> Result<(), LoadFailure> {
    let asked = typed.decide()?;
    let files = Files::create(&typed.output)?;
    let mut series = Series::begin(std::slice::from_ref(&asked.target), Some(asked.limit))?;
    let probed = search::search(&asked.bracket, &asked.limit, asked.repeats, |run| series.run(run));
    let result = SweepResult::of_search(&asked.target.name, probed, asked.limit, asked.repeats);
    conclude(&result, files)?;
    let found = |knee: &Knee| knee.per_second().is_some();
    let knee = result.targets.first().and_then(|target| target.knee.as_ref());
    if knee.is_some_and(found) { Ok(()) } else { Err(LoadFailure::NoKnee) }
}
