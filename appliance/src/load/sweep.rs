//! `spindle load sweep`: climbs, says every run as it ends, and concludes.
#![forbid(unsafe_code)]

use std::io::Write;

use spindle_perf::closed_loop::LoadError;
use spindle_perf::load::Stop;
use spindle_perf::report::summary::Summary;
use spindle_perf::report::{html, json};
use spindle_perf::sweep::limit::Limit;
use spindle_perf::sweep::remains::Remains;
use spindle_perf::sweep::result::SweepResult;
use spindle_perf::sweep::table::{self, RunLines};
use spindle_perf::sweep::{Asked, ladder, offer};

use super::{LoadFailure, ResultFile, interrupt};
use crate::arguments::load::sweep::{LadderOutputArguments, SweepArguments};
use crate::arguments::load::target::Target;
use crate::say;

pub(super) fn run(typed: &SweepArguments) -> Result<(), LoadFailure> {
    let sweep = typed.decide()?;
    let files = Files::create(&typed.output)?;
    let targets = &sweep.targets;
    let mut series = Series::begin(targets, sweep.limit)?;
    let climbs = ladder::climb(&sweep.loads, targets.len(), sweep.repeats, |asked| series.run(asked));
    let names: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    let result = SweepResult::of_climbs(&names, climbs, sweep.limit, sweep.repeats);
    conclude(&result, files)?;
    if result.has_something_valid_of_each() { Ok(()) } else { Err(LoadFailure::Invalid) }
}

/// Runs one after the other, each said as it ends.
pub(super) struct Series<'a> {
    targets: &'a [Target],
    limit: Option<Limit>,
    lines: RunLines,
    remains: Remains,
    /// Once asked for, all that is left breaks off.
    stop: Stop,
}

impl<'a> Series<'a> {
    pub(super) fn begin(targets: &'a [Target], limit: Option<Limit>) -> Result<Series<'a>, LoadFailure> {
        let lines = RunLines::of(targets.iter().map(|target| target.name.as_str()));
        say::print(&format!("{}\n", lines.head())).map_err(LoadFailure::Output)?;
        let stop = interrupt::heed().map_err(LoadFailure::Signals)?;
        Ok(Series { targets, limit, lines, remains: Remains::default(), stop })
    }

    pub(super) fn run(&mut self, asked: &Asked) -> Result<Summary, LoadError> {
        let target = &self.targets[asked.target];
        let run = offer::run(&target.plan, asked, &mut self.remains, &self.stop)?;
        // A reader who has gone does not end the measurement.
        let _ = say::print(&format!("{}\n", self.lines.run(&target.name, asked, &run, self.limit.as_ref())));
        Ok(run)
    }
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
        return Err(LoadFailure::Unclean { errors: result.errors(), wrong });
    }
    if result.broken() { Err(LoadFailure::BrokeOff) } else { Ok(()) }
}
