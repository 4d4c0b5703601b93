//! `spindle load sweep`: climbs, says every run as it ends, and concludes.
#![forbid(unsafe_code)]

use std::io::Write;

use spindle_perf::closed_loop::LoadError;
use spindle_perf::report::summary::Summary;
use spindle_perf::report::{html, json};
use spindle_perf::sweep::limit::Limit;
use spindle_perf::sweep::result::SweepResult;
use spindle_perf::sweep::{Asked, ladder, offer, table};

use super::{LoadFailure, ResultFile};
use crate::arguments::load::sweep::{LadderOutputArguments, SweepArguments, Target};
use crate::say;

pub(super) fn run(typed: &SweepArguments) -> Result<(), LoadFailure> {
    let sweep = typed.decide()?;
    let files = Files::create(&typed.output)?;
    begin()?;
    let (targets, limit) = (&sweep.targets, sweep.limit);
    let climbs = ladder::climb(&sweep.loads, targets.len(), sweep.repeats, |asked| {
        measure(&targets[asked.target], asked, limit.as_ref())
    });
    let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    let result = SweepResult::of_climbs(&names, climbs, limit, sweep.repeats);
    conclude(&result, files)?;
    if result.has_something_valid_of_each() { Ok(()) } else { Err(LoadFailure::Invalid) }
}

pub(super) fn begin() -> Result<(), LoadFailure> {
    say::print(&format!("{}\n", table::head_line())).map_err(LoadFailure::Output)
}

/// One run, said as it ends.
pub(super) fn measure(target: &Target, asked: &Asked, limit: Option<&Limit>) -> Result<Summary, LoadError> {
    let run = offer::run(&target.plan, asked)?;
    // A reader who has gone does not end the measurement.
    let _ = say::print(&format!("{}\n", table::run_line(&target.name, asked, &run, limit)));
    Ok(run)
}

/// The results that were asked for.
pub(super) struct Files<'a> {
    json: Option<ResultFile<'a>>,
    html: Option<ResultFile<'a>>,
}

impl<'a> Files<'a> {
    pub(super) fn create(kept: &'a LadderOutputArguments) -> Result<Files<'a>, LoadFailure> {
        let json = kept.json.as_deref().map(ResultFile::create).transpose()?;
        Ok(Files { json, html: kept.html.as_deref().map(ResultFile::create).transpose()? })
    }
}

/// The table and the files; fails for what is wrong whatever the figures are.
pub(super) fn conclude(result: &SweepResult, mut files: Files<'_>) -> Result<(), LoadFailure> {
    say::print(&format!("\n{}", table::table(result))).map_err(LoadFailure::Output)?;
    ResultFile::write(&mut files.json, |out| json::write(result, out))?;
    ResultFile::write(&mut files.html, |out| out.write_all(html::page_of_ladder(result).as_bytes()))?;
    let wrong = result.wrong();
    if wrong > 0 {
        return Err(LoadFailure::Unclean { errors: 0, wrong });
    }
    if result.broken() { Err(LoadFailure::BrokeOff) } else { Ok(()) }
}
