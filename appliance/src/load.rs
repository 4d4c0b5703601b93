//! Running the load lab from the command line.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use spindle_perf::closed_loop::LoadError;
use spindle_perf::measured::Measured;
use spindle_perf::open_loop;
use spindle_perf::peers::{self, PeersError, UnknownRow};
use spindle_perf::report::line::{self, Output};
use spindle_perf::report::{csv, hgrm, hlog, html, json, summary::Summary};

use crate::arguments::LoadArguments;
use crate::arguments::load::LoadWork;
use crate::arguments::load::cache::{CacheLoadArguments, CacheLoadError};
use crate::failure::EXIT_SYSTEM;
use crate::say;

/// Why a measurement gave nothing, or nothing to rely on.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    #[error(transparent)]
    Row(#[from] UnknownRow),
    #[error("cannot find this very binary: {0}")]
    Binary(io::Error),
    #[error("write error: {0}")]
    Output(io::Error),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Cache(#[from] CacheLoadError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot write {path}: {error}")]
    File { path: PathBuf, error: io::Error },
    /// Errors, or answers that were not true.
    #[error("{errors} errors, {wrong} wrong answers")]
    Unclean { errors: u64, wrong: u64 },
    #[error("the measurement is not valid")]
    Invalid,
}

/// The load lab's exit statuses, beside 0: scripts rely on them.
pub const EXIT_UNCLEAN: u8 = 1;
pub const EXIT_LOAD_USAGE: u8 = 2;
pub const EXIT_INVALID: u8 = 3;

impl LoadFailure {
    pub fn exit_status(&self) -> u8 {
        match self {
            LoadFailure::Row(_) | LoadFailure::Cache(_) => EXIT_LOAD_USAGE,
            LoadFailure::Invalid => EXIT_INVALID,
            LoadFailure::Unclean { .. } | LoadFailure::Load(_) | LoadFailure::Peers(_) => EXIT_UNCLEAN,
            LoadFailure::Binary(_) | LoadFailure::Output(_) | LoadFailure::File { .. } => EXIT_SYSTEM,
        }
    }
}

/// Measures, and prints what came of it.
pub fn run(typed: &LoadArguments) -> Result<(), LoadFailure> {
    match &typed.work {
        LoadWork::Peers(typed) => {
            let options = typed.decide(std::env::current_exe().map_err(LoadFailure::Binary)?)?;
            say::print(&format!("{}\n", peers::run(&options)?)).map_err(LoadFailure::Output)
        }
        LoadWork::Cache(typed) => cache(typed),
    }
}

fn cache(typed: &CacheLoadArguments) -> Result<(), LoadFailure> {
    let (plan, output) = (typed.decide()?, Output::of_stdout());
    let planned = plan.measured;
    say::print(&format!("{}\n", line::head(output))).map_err(LoadFailure::Output)?;
    let measured = open_loop::run(&plan, move |at, second| {
        // A reader who has gone does not end the measurement.
        let _ = say::print(&format!("{}\n", line::second(at, second, planned, output)));
    })?;
    let summary = Summary::of(&measured);
    say::print(&format!("\n{}\n", line::closing(&summary, output))).map_err(LoadFailure::Output)?;
    write_files(typed, &measured, &summary)?;
    let (errors, wrong) = (measured.errors(), measured.wrong());
    if errors + wrong > 0 {
        return Err(LoadFailure::Unclean { errors, wrong });
    }
    if measured.is_valid() { Ok(()) } else { Err(LoadFailure::Invalid) }
}

fn write_files(typed: &CacheLoadArguments, measured: &Measured, summary: &Summary) -> Result<(), LoadFailure> {
    file(typed.json.as_deref(), |out| json::write(summary, out))?;
    file(typed.csv.as_deref(), |out| csv::write(&summary.timeline, out))?;
    file(typed.hgrm.as_deref(), |out| hgrm::write(measured, out))?;
    file(typed.hlog.as_deref(), |out| hlog::write(measured, out))?;
    let run = html::Run { label: &typed.server, summary };
    file(typed.html.as_deref(), |out| out.write_all(html::page(&[run]).as_bytes()))
}

/// Writes a file, if one is wanted.
fn file(path: Option<&Path>, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), LoadFailure> {
    let Some(path) = path else { return Ok(()) };
    let written = File::create(path).map(BufWriter::new).and_then(|mut out| {
        write(&mut out)?;
        out.flush()
    });
    written.map_err(|error| LoadFailure::File { path: path.into(), error })
}
