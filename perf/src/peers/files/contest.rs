//! Everybody does the same, in rounds that take turns: first as much as it can, for what that costs; then half of what the
//! slowest can, for how long its clients wait.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::folder::Folder;
use super::rival::{Found, Job, Rival};
use super::rows::FileRow;
use super::running::{Cpus, FilesError, Running};
use super::table::{Line, Report};
use super::{Missing, Options};
use crate::corpus::{self, Corpus, Durability};
use crate::describe::Removal;
use crate::environment::Environment;
use crate::load::http::{Filling, HttpPlan, MixError, ObjectsPlan, UrlError};
use crate::load::{self, ClassPlan, KeyPlan, Pace, Plan, Verify, WorkPlan};
use crate::machine::Machine;
use crate::measured::Measured;
use crate::peers::figures::{Saturated, Waits, half_of_the_slowest};
use crate::peers::{PeersError, Scale};
use crate::popularity::Popularity;
use crate::server_version;
use crate::sizes::Sizes;

const CONNECTIONS: usize = 32;
const SEED: u64 = 1;
/// Of one row, so that all of them stay in the page cache.
const CORPUS_BYTES: u64 = 128 << 20;
const FILES_MAX: u64 = 1000;
/// How long the last answers of a run may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Beneath the root of the files.
const UPLOADS: &str = "uploads";

/// One server in the contest.
struct Entry {
    found: Found,
    running: Running,
}

/// Measures every row.
///
/// # Errors
/// Fewer than two CPUs, no room for the files, nobody to measure, a server that does not start, answers wrongly or falls
/// silent.
pub fn run(options: &Options) -> Result<Report, PeersError> {
    let cpus = Cpus::choose()?;
    let folder = Folder::new_in(&options.folder).map_err(FilesError::System)?;
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join(UPLOADS)).map_err(FilesError::System)?;
    let (found, notes) = line_up(options)?;
    let start = |found: Found| -> Result<Entry, PeersError> {
        let running = found.start(&root, folder.path(), cpus)?;
        Ok(Entry { found, running })
    };
    let entries = found.into_iter().map(start).collect::<Result<Vec<_>, _>>()?;
    let contest = Contest { options, cpus, root, environment: Environment::look(std::env::args().collect()) };
    let mut lines = Vec::new();
    for &row in &options.rows {
        lines.extend(contest.row(row, &entries)?);
    }
    let mut versions: Vec<String> = entries.into_iter().map(|entry| entry.found.version).collect();
    versions.sort();
    versions.dedup();
    Ok(Report {
        machine: Machine::look(),
        versions,
        command: std::env::args().collect::<Vec<_>>().join(" "),
        rounds: options.rounds,
        measured_s: options.measured.as_secs_f64(),
        connections: CONNECTIONS,
        scale: options.scale,
        lines,
        notes,
    })
}

/// Who is here, and a word about each that is not.
fn line_up(options: &Options) -> Result<(Vec<Found>, Vec<String>), PeersError> {
    let (mut here, mut notes) = (Vec::new(), Vec::new());
    for rival in Rival::ALL {
        let found = match options.missing {
            Missing::Install => rival.find_or_install(&|line| options.progress.say(line)),
            Missing::LeaveOut => rival.find(),
        };
        match found {
            Ok(found) => here.push(found),
            Err(FilesError::Install(error)) => {
                options.progress.say(&format!("WITHOUT {}: {error}", rival.name()));
                notes.push(format!("Measured without {}: {error}.", rival.name()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if here.is_empty() { Err(PeersError::Nobody) } else { Ok((here, notes)) }
}

impl Cpus {
    /// The load takes the first, where most of the system's own work is done too. What is behind a proxy has the third, or,
    /// where there is none, shares the load's.
    fn choose() -> Result<Cpus, PeersError> {
        match spindle_core::thread::cpus_available()[..] {
            [load, server] => Ok(Cpus { load, server, behind: load }),
            [load, server, behind, ..] => Ok(Cpus { load, server, behind }),
            ref few => Err(PeersError::TooFewCpus { cpus: few.len() }),
        }
    }
}

impl Entry {
    fn job(&self) -> Job {
        self.found.rival.job()
    }
}

/// Half of what the slowest server of the job achieved.
fn equal_pace(job: Job, jobs: &[Job], saturated: &[Saturated]) -> Pace {
    let same = jobs.iter().zip(saturated).filter(|(other, _)| **other == job);
    half_of_the_slowest(same.map(|(_, saturated)| saturated))
}

struct Contest<'a> {
    options: &'a Options,
    cpus: Cpus,
    root: PathBuf,
    environment: Environment,
}

impl Contest<'_> {
    fn row(&self, row: FileRow, entries: &[Entry]) -> Result<Vec<Line>, PeersError> {
        let objects = self.objects(row)?;
        let measure = |entry: &Entry, pace| self.measure(row, &objects, entry, pace);
        let mut saturated = vec![Vec::new(); entries.len()];
        for round in 1..=self.options.rounds {
            for (entry, figures) in entries.iter().zip(&mut saturated) {
                let one = Saturated::of(&measure(entry, Pace::Closed)?);
                self.say(row, round, entry, &format!("{:.1} k a second of CPU", one.per_cpu_second / 1e3));
                figures.push(one);
            }
        }
        let saturated: Vec<Saturated> = saturated.iter().map(|rounds| Saturated::median(rounds)).collect();
        let jobs: Vec<Job> = entries.iter().map(Entry::job).collect();
        let paces: Vec<Pace> = jobs.iter().map(|&job| equal_pace(job, &jobs, &saturated)).collect();
        let mut waits = vec![Vec::new(); entries.len()];
        for round in 1..=self.options.rounds {
            for ((entry, &pace), figures) in entries.iter().zip(&paces).zip(&mut waits) {
                let one = measure(entry, pace)?;
                let p99_us = one.classes[0].response_ns.value_at_quantile(0.99) as f64 / 1e3;
                self.say(row, round, entry, &format!("{p99_us:.0} µs at p99"));
                figures.push(one);
            }
        }
        let lines = entries.iter().zip(saturated).zip(waits);
        Ok(lines
            .map(|((entry, saturated), waits)| Line {
                row,
                name: entry.found.rival.name(),
                job: entry.job(),
                saturated,
                waits: Waits::median(&waits),
            })
            .collect())
    }

    fn say(&self, row: FileRow, round: usize, entry: &Entry, what: &str) {
        self.options.progress.say(&format!("round {round}: {row}: {}: {what}", entry.found.rival.name()));
    }

    /// Written, synced, and thereby in the page cache with nothing left to be done; or to be overwritten.
    fn objects(&self, row: FileRow) -> Result<ObjectsPlan, PeersError> {
        let (bytes, popularity) = (row.bytes(), Popularity::Uniform);
        let most = match self.options.scale {
            Scale::Full => FILES_MAX,
            Scale::Quick => 16,
        };
        let files = (CORPUS_BYTES / bytes).clamp(1, most);
        let sizes = Sizes::Fixed(bytes);
        match row {
            FileRow::Get { .. } => {
                let folder = self.root.join(row.to_string());
                std::fs::create_dir_all(&folder).map_err(FilesError::System)?;
                let corpus = Corpus::new(SEED, files, sizes, vec![folder])?;
                corpus::write(&corpus, Durability::Machine, 1, |_| {})?;
                Ok(ObjectsPlan::Corpus { corpus: Arc::new(corpus), popularity })
            }
            FileRow::Put { .. } => {
                Ok(ObjectsPlan::Keys(KeyPlan { count: files, popularity, sizes, removal: Removal::Never }))
            }
        }
    }

    fn measure(&self, row: FileRow, objects: &ObjectsPlan, entry: &Entry, pace: Pace) -> Result<Measured, PeersError> {
        let name = entry.found.rival.name();
        let wrong = |what: String| PeersError::Wrong { contender: name.into(), row: row.to_string(), what };
        let (path, method) = match row {
            FileRow::Get { .. } => ("", "get"),
            FileRow::Put { .. } => (UPLOADS, "put"),
        };
        let server = entry.running.server.address;
        let url = format!("http://{server}/{path}").parse().map_err(|error: UrlError| wrong(error.to_string()))?;
        let mix = method.parse().map_err(|error: MixError| wrong(error.to_string()))?;
        let class = ClassPlan {
            name: row.to_string(),
            server,
            pace,
            connections: CONNECTIONS,
            depth: 1,
            churn: None,
            // Enough to notice a server that cheats, and little enough that large files do not saturate the load.
            verify: Verify::Sampled,
            seed: SEED,
            work: WorkPlan::Http(HttpPlan {
                url,
                objects: objects.clone(),
                mix,
                range_share: 0.0,
                conditional_share: 0.0,
                filling: Filling::Present { seed: SEED },
            }),
        };
        let mut plan = Plan {
            cpus: vec![self.cpus.load],
            classes: vec![class],
            warm_up: self.options.measured / 4,
            measured: self.options.measured,
            patience: PATIENCE,
            slow: Vec::new(),
            watched: Some(entry.running.server.pid()),
            environment: self.environment.clone(),
        };
        server_version::note(&mut plan);
        let failed = |error| PeersError::Load { contender: name.into(), error };
        let measured = load::run(&plan, |_, _| {}).map_err(failed)?;
        match (measured.errors(), measured.wrong()) {
            (0, 0) => Ok(measured),
            _ => Err(wrong(format!("{:?}, {:?}", measured.classes[0].errors, measured.classes[0].wrong))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_equal_load_is_half_of_the_slowest_of_its_kind() {
        let saturated = [9000.0, 400.0, 7000.0].map(|per_second| Saturated { per_second, ..Saturated::default() });
        let jobs = [Job::Files, Job::Proxy, Job::Files];
        let pace = |job| match equal_pace(job, &jobs, &saturated) {
            Pace::Open { per_second, .. } => per_second,
            Pace::Closed => panic!("closed"),
        };
        assert_eq!((pace(Job::Files), pace(Job::Proxy)), (3500.0, 200.0));
    }
}
