//! Running the load lab from the command line.
#![forbid(unsafe_code)]

mod compare;
pub mod corpus;
mod interrupt;
mod samples;
mod search;
mod sweep;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use spindle_perf::closed_loop::LoadError;
use spindle_perf::compare::CompareError;
use spindle_perf::load::{self, Plan};
use spindle_perf::measured::{Measured, Reason};
use spindle_perf::peers::{self, InvalidRow, PeersError};
use spindle_perf::report::json::ReadError;
use spindle_perf::report::line::{self, Output};
use spindle_perf::report::{csv, hgrm, hlog, html, json, summary::Summary};
use spindle_perf::server_version;

use crate::arguments::LoadArguments;
use crate::arguments::load::LoadWork;
use crate::arguments::load::output::OutputArguments;
use crate::arguments::load::peers::{PeersArguments, RowError};
use crate::arguments::load::refusal::Refusal;
use crate::arguments::load::scenario::ScenarioError;
use crate::arguments::load::target::TargetError;
use crate::failure::EXIT_SYSTEM;
use crate::say;
use samples::{SampleFile, Writing};

/// Why a measurement gave nothing, or nothing to rely on.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    #[error(transparent)]
    Row(#[from] RowError),
    #[error("cannot find this very binary: {0}")]
    Binary(io::Error),
    #[error("write error: {0}")]
    Output(io::Error),
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Corpus(#[from] corpus::CorpusFailure),
    #[error("cannot write {path}: {error}")]
    File { path: PathBuf, error: io::Error },
    /// Errors, or answers that were not true.
    #[error("{errors} errors, {wrong} wrong answers")]
    Unclean { errors: u64, wrong: u64 },
    #[error("the measurement is not valid")]
    Invalid,
    /// Of peers: the tables have the other rows.
    #[error("these response times are not valid: {}", listed(.0))]
    InvalidRows(Vec<InvalidRow>),
    /// What was measured until then has been reported.
    #[error("not all could be measured")]
    BrokeOff,
    #[error("the knee was not found")]
    NoKnee,
    #[error(transparent)]
    Result(#[from] ReadError),
    #[error("{0}{hint}", hint = all_the_same(.0))]
    Compare(#[from] CompareError),
}

/// The load lab's exit statuses, beside 0: scripts rely on them.
pub const EXIT_UNCLEAN: u8 = 1;
pub const EXIT_LOAD_USAGE: u8 = 2;
pub const EXIT_INVALID: u8 = 3;

impl LoadFailure {
    pub fn exit_status(&self) -> u8 {
        match self {
            LoadFailure::Compare(CompareError::Invalid { .. }) => EXIT_INVALID,
            LoadFailure::Result(_) | LoadFailure::Compare(_) => EXIT_LOAD_USAGE,
            LoadFailure::Row(_) | LoadFailure::Refused(_) => EXIT_LOAD_USAGE,
            LoadFailure::Scenario(_) | LoadFailure::Target(_) => EXIT_LOAD_USAGE,
            LoadFailure::Corpus(failure) => failure.exit_status(),
            LoadFailure::Invalid | LoadFailure::InvalidRows(_) | LoadFailure::NoKnee => EXIT_INVALID,
            // Known before anything was sent.
            LoadFailure::Load(LoadError::OpenFiles(_)) => EXIT_LOAD_USAGE,
            LoadFailure::Unclean { .. } | LoadFailure::Load(_) | LoadFailure::Peers(_) => EXIT_UNCLEAN,
            LoadFailure::BrokeOff => EXIT_UNCLEAN,
            LoadFailure::Binary(_) | LoadFailure::Output(_) | LoadFailure::File { .. } => EXIT_SYSTEM,
            LoadFailure::Signals(_) => EXIT_SYSTEM,
        }
    }
}

fn listed(rows: &[InvalidRow]) -> String {
    rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What an operator can do who wants a comparison nevertheless.
fn all_the_same(refused: &CompareError) -> &'static str {
    match refused {
        CompareError::Invalid { .. } => " (--even-invalid compares all the same)",
        _ => "",
    }
}

/// Measures, and prints what came of it.
pub fn run(typed: &LoadArguments) -> Result<(), LoadFailure> {
    match &typed.work {
        LoadWork::Peers(typed) => side_by_side(typed),
        LoadWork::Sweep(typed) => sweep::run(typed),
        LoadWork::Search(typed) => search::run(typed),
        LoadWork::Compare(typed) => compare::run(typed),
        LoadWork::Cache(typed) => measure(typed.decide()?, &typed.class.server, &typed.output),
        LoadWork::Corpus(typed) => Ok(corpus::run(typed)?),
        LoadWork::Scenario(typed) => measure(typed.decide()?, &typed.label(), &typed.output),
        LoadWork::Http(typed) => measure(typed.decide()?, &typed.class.url.to_string(), &typed.output),
    }
}

/// Each table as soon as it is there.
fn side_by_side(typed: &PeersArguments) -> Result<(), LoadFailure> {
    let decided = typed.decide(std::env::current_exe().map_err(LoadFailure::Binary)?)?;
    let mut invalid = Vec::new();
    if let Some(options) = decided.cache {
        let report = peers::run(&options)?;
        say::print(&format!("{report}\n")).map_err(LoadFailure::Output)?;
        invalid.extend(report.invalid);
    }
    if let Some(options) = decided.files {
        let report = peers::files::run(&options)?;
        say::print(&format!("{report}\n")).map_err(LoadFailure::Output)?;
        invalid.extend(report.invalid());
    }
    if invalid.is_empty() { Ok(()) } else { Err(LoadFailure::InvalidRows(invalid)) }
}

/// Runs a plan. `label` says on a page what was measured.
fn measure(mut plan: Plan, label: &str, kept: &OutputArguments) -> Result<(), LoadFailure> {
    let output = Output::of_stdout();
    // A name that cannot be written should not cost a measurement.
    let mut files = Files::create(kept)?;
    let samples = kept.samples.as_deref().map(SampleFile::create).transpose()?;
    let planned = plan.measured;
    load::fill(&plan)?;
    server_version::note(&mut plan);
    let stop = interrupt::heed().map_err(LoadFailure::Signals)?;
    let samples = samples.map(|file| file.write(&plan)).transpose()?;
    say::print(&format!("{}\n", line::head(output))).map_err(LoadFailure::Output)?;
    let sampling = samples.as_ref().map(|writing| &writing.sampling);
    let measured = load::measure(&plan, &stop, sampling, move |at, second| {
        // A reader who has gone does not end the measurement.
        let _ = say::print(&format!("{}\n", line::second(at, second, planned, output)));
    })?;
    let summary = Summary::of(&measured);
    // One that cannot be written is no reason to do without the others.
    let written = files.write(label, &measured, &summary);
    let sampled = samples.map_or(Ok(()), Writing::finish);
    let said = say::print(&format!("\n{}\n", line::closing(&summary, output))).map_err(LoadFailure::Output);
    said.and(written).and(sampled)?;
    let died = measured.reasons.iter().any(|reason| matches!(reason, Reason::CutShort { .. }));
    let (errors, wrong) = (measured.errors(), measured.wrong());
    if errors + wrong > 0 || died {
        return Err(LoadFailure::Unclean { errors, wrong });
    }
    if measured.is_valid() { Ok(()) } else { Err(LoadFailure::Invalid) }
}

/// The results that were asked for.
struct Files<'a> {
    json: Option<ResultFile<'a>>,
    csv: Option<ResultFile<'a>>,
    hgrm: Option<ResultFile<'a>>,
    hlog: Option<ResultFile<'a>>,
    html: Option<ResultFile<'a>>,
}

impl<'a> Files<'a> {
    fn create(kept: &'a OutputArguments) -> Result<Files<'a>, LoadFailure> {
        let create = |path: &'a Option<PathBuf>| path.as_deref().map(ResultFile::create).transpose();
        Ok(Files {
            json: create(&kept.json)?,
            csv: create(&kept.csv)?,
            hgrm: create(&kept.hgrm)?,
            hlog: create(&kept.hlog)?,
            html: create(&kept.html)?,
        })
    }

    fn write(&mut self, label: &str, measured: &Measured, summary: &Summary) -> Result<(), LoadFailure> {
        let run = html::Run { label, summary };
        let written = [
            ResultFile::write(&mut self.json, |out| json::write(summary, out)),
            ResultFile::write(&mut self.csv, |out| csv::write(&summary.timeline, out)),
            ResultFile::write(&mut self.hgrm, |out| hgrm::write(measured, out)),
            ResultFile::write(&mut self.hlog, |out| hlog::write(measured, out)),
            ResultFile::write(&mut self.html, |out| out.write_all(html::page(&[run]).as_bytes())),
        ];
        // All are tried before one is missed.
        written.into_iter().collect()
    }
}

struct ResultFile<'a> {
    path: &'a Path,
    out: BufWriter<File>,
}

impl<'a> ResultFile<'a> {
    fn create(path: &'a Path) -> Result<ResultFile<'a>, LoadFailure> {
        let out = File::create(path).map_err(|error| LoadFailure::File { path: path.into(), error })?;
        Ok(ResultFile { path, out: BufWriter::new(out) })
    }

    fn write(
        file: &mut Option<ResultFile<'_>>,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), LoadFailure> {
        let Some(ResultFile { path, out }) = file else { return Ok(()) };
        let written = write(out).and_then(|()| out.flush());
        written.map_err(|error| LoadFailure::File { path: path.to_path_buf(), error })
    }
}
