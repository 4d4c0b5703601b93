//! Spindle beside its peers: the same work, on the same CPU, in rounds that take turns (A, B, C, A, B, C, ...), so that
//! what disturbs the machine disturbs all alike; of each figure the median of the rounds.
//!
//! ```text
//! rows          what is measured, and what each number is for
//! contender     who competes: binaries, command lines, versions
//! template      a configuration from perf/peers/, filled in
//! cpus          who has which CPU
//! ceiling       the ceiling program: found or built
//! throughput    requests per second of server CPU
//! cache_load    the load of the rows below, on one cache
//! equal_load    how long clients wait when all serve the same load
//! items         memory of one live item;  idle: memory of idle connections
//! hit_ratio     what stays in memory on a skewed trace
//! worst_case    the longest set and flush_all, with few and with many items
//! generator     what the load offers to a server that does nothing, and what a request costs it
//! again         rounds at equal load that the generator has spoilt
//! figures       what a measurement says of a server, and the median of several
//! invalid       and where it says nothing
//! report        all of it as Markdown;  by_server: its first table
//! provenance    its first lines: the machine, the builds, the command
//! install       a peer's program: where it is, or the package that brings it
//! files         the servers of files and the proxies
//! ```

use std::path::PathBuf;
use std::time::Duration;

use crate::closed_loop::LoadError;
use crate::corpus::{CorpusError, Impossible};
use crate::environment::Environment;
use crate::process::ServerError;
use contender::{Contender, Kind};
pub use cpus::Cpus;
pub use invalid::InvalidRow;
use provenance::{Provenance, SpindleBuild};
use report::Findings;
pub use report::Report;
pub use rows::{Row, UnknownRow};
use template::TemplateError;

mod again;
mod by_server;
mod cache_load;
mod ceiling;
mod contender;
mod cpus;
mod equal_load;
mod figures;
pub mod files;
mod generator;
mod hit_ratio;
mod idle;
pub mod install;
mod invalid;
mod items;
mod provenance;
mod report;
mod rows;
mod template;
mod throughput;
mod worst_case;

/// What to measure, and whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// The binary that answers to `spindle memcached`; none: the peers alone.
    pub spindle: Option<PathBuf>,
    /// Debian's memcached; none: the one that is found, or installed.
    pub memcached: Option<PathBuf>,
    /// More caches that take memcached's options.
    pub others: Vec<Other>,
    pub ceiling: Ceiling,
    /// At least 1; of an odd number the median is a measured one.
    pub rounds: usize,
    /// Of one throughput measurement, after a warm-up of a quarter of it.
    pub measured: Duration,
    pub scale: Scale,
    pub rows: Vec<Row>,
    pub progress: Progress,
}

#[derive(Clone, Debug)]
pub struct Other {
    pub name: String,
    pub binary: PathBuf,
}

/// Where the ceiling program comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ceiling {
    Binary(PathBuf),
    /// Built by cargo from the source tree that this program was built from.
    Build,
    Absent,
}

/// How much of a measurement: all of it, or a smoke run whose figures mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Full,
    Quick,
}

/// Where a line for each step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Silent,
    StandardError,
}

impl Progress {
    fn say(self, line: &str) {
        if self == Progress::StandardError {
            eprintln!("{line}");
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            spindle: None,
            memcached: None,
            others: Vec::new(),
            ceiling: Ceiling::Build,
            rounds: 5,
            measured: Duration::from_secs(2),
            scale: Scale::Full,
            rows: Row::all(),
            progress: Progress::StandardError,
        }
    }
}

impl Options {
    /// A smoke run: one short round, few items.
    #[must_use]
    pub fn quick(self) -> Options {
        Options { rounds: 1, measured: Duration::from_millis(300), scale: Scale::Quick, ..self }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    #[error(
        "server and load need a CPU each, and this process may run on {cpus}: nothing measured here would mean anything"
    )]
    TooFewCpus { cpus: usize },
    #[error(transparent)]
    Install(#[from] install::InstallError),
    #[error("no server is here that could be measured, and none can be installed")]
    Nobody,
    #[error(transparent)]
    Files(#[from] files::FilesError),
    #[error(transparent)]
    Impossible(#[from] Impossible),
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    #[error("{0} is not a program that can be run: {1}")]
    Unrunnable(PathBuf, std::io::Error),
    #[error(
        "worst-case fills all caches at once, which takes {needed_mib} MiB, and {available_mib} are available: leave it out \
         with --rows"
    )]
    TooLittleMemory { needed_mib: u64, available_mib: u64 },
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("{contender}: {error}")]
    Load { contender: String, error: LoadError },
    #[error("{contender} gave wrong answers, so its figures are none ({row}): {what}")]
    Wrong { contender: String, row: String, what: String },
    #[error("{contender}: {error}")]
    Talk { contender: String, error: std::io::Error },
}

/// Who competes, where, and how thoroughly.
struct Field {
    /// Spindle, memcached, the others, the toy store, the ceiling: as many of them as there are, in this order.
    contenders: Vec<Contender>,
    cpus: Cpus,
    scale: Scale,
    rounds: usize,
    measured: Duration,
    progress: Progress,
}

impl Field {
    fn progress(&self, step: &str) {
        self.progress.say(step);
    }

    /// Those with memory and items.
    fn caches(&self) -> &[Contender] {
        let caches = self.contenders.iter().take_while(|contender| contender.kind.is_cache()).count();
        &self.contenders[..caches]
    }

    fn position(&self, kind: Kind) -> Option<usize> {
        self.contenders.iter().position(|contender| contender.kind == kind)
    }

    /// Measures every cache, one after the other.
    fn each_cache<'a, T>(
        &'a self,
        what: &str,
        measure: impl Fn(&'a Contender) -> Result<T, PeersError>,
    ) -> Result<Vec<T>, PeersError> {
        let caches = self.caches().iter();
        caches
            .map(|contender| {
                self.progress(&format!("{what}: {}", contender.name));
                measure(contender)
            })
            .collect()
    }

    /// What can be said of Spindle against memcached, when both are here.
    fn against<T>(&self, figures: &[T], say: impl Fn(&T, &T) -> String) -> String {
        match (self.position(Kind::Spindle), self.position(Kind::Memcached)) {
            (Some(spindle), Some(memcached)) => say(&figures[spindle], &figures[memcached]),
            _ => "-".into(),
        }
    }
}

/// Measures every row.
///
/// # Errors
/// Fewer than two CPUs, too little memory, no memcached and none to be had, a server that does not start, answers wrongly or falls silent.
pub fn run(options: &Options) -> Result<Report, PeersError> {
    let cpus = Cpus::choose()?;
    let mut field = Field {
        contenders: contender::line_up(options)?,
        cpus,
        scale: options.scale,
        rounds: options.rounds.max(1),
        measured: options.measured,
        progress: options.progress,
    };
    if options.rows.contains(&Row::WorstCase) {
        worst_case::check_memory(&field)?;
    }
    let mut found = Findings::default();
    if options.rows.iter().any(Row::has_ceiling) {
        match ceiling::find(&options.ceiling) {
            Ok(ceiling) => field.contenders.extend(ceiling),
            Err(reason) => {
                field.progress(&format!("NO CEILING: {reason}"));
                found.notes.push(format!("Measured without the ceiling program: {reason}."));
            }
        }
    }
    let load_rows: Vec<_> = options.rows.iter().filter_map(Row::load).collect();
    found.loads = throughput::measure(&field, &load_rows)?;
    let comparisons = &mut found.comparisons;
    for row in &options.rows {
        match row {
            Row::Load(_) => {}
            Row::EqualLoad => {
                let of_row = equal_load::compare(&field)?;
                comparisons.push(of_row.cpu);
                found.equal_load = of_row.figures;
                found.invalid.extend(of_row.invalid);
                found.notes.extend(of_row.notes);
            }
            Row::Generator => comparisons.extend(generator::compare(&field)?),
            Row::Items => comparisons.push(items::compare(&field)?),
            Row::Idle => comparisons.push(idle::compare(&field)?),
            Row::HitRatio => comparisons.push(hit_ratio::compare(&field)?),
            Row::WorstCase => comparisons.extend(worst_case::compare(&field)?),
        }
    }
    let environment = Environment::look(std::env::args().collect());
    let versions = field.caches().iter().map(|contender| contender.version.clone()).collect();
    let provenance = Provenance::new(environment, versions, SpindleBuild::of(options.spindle.as_deref()));
    Ok(Report::new(provenance, &field, found))
}
