//! Everybody does the same, in rounds that take turns: first as much as it can, for what that costs; then half of what the
//! slowest can, for how long its clients wait.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::folder::Folder;
use super::place::Places;
use super::rival::{Found, Job, Rival};
use super::rows::FileRow;
use super::running::{FilesError, Running};
use super::table::{Line, Report};
use super::{Options, uploads};
use crate::closed_loop::LoadError;
use crate::corpus::{self, Corpus, Durability};
use crate::describe::Removal;
use crate::environment::Environment;
use crate::load::http::{Filling, HttpPlan, MixError, ObjectsPlan, UrlError, read_back};
use crate::load::{self, ClassPlan, KeyPlan, Pace, Plan, Spin, Verify, WorkPlan};
use crate::measured::Measured;
use crate::peers::again::Rounds;
use crate::peers::figures::{Saturated, Waits, half_of_the_slowest};
use crate::peers::provenance::{Provenance, SpindleBuild};
use crate::peers::{Cpus, PeersError};
use crate::popularity::Popularity;
use crate::sizes::Sizes;

const CONNECTIONS: usize = 32;
const SEED: u64 = 1;
/// How long the last answers of a run may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// One server in the contest.
struct Entry {
    /// Among the entries.
    number: usize,
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
    let (found, notes) = line_up(options)?;
    let (folder, rows) = (options.folder.as_deref(), &options.rows);
    let places = Places::choose(folder, rows, found.len(), options.scale, CONNECTIONS).map_err(FilesError::System)?;
    let environment = Environment::look(std::env::args().collect());
    let mut lines = Vec::new();
    // A server has one root: it is started again for the rows that have their files elsewhere.
    for rows in rows.chunk_by(|&one, &next| places.of(one) == places.of(next)) {
        let folder = Folder::new_in(&places.of(rows[0]).path).map_err(FilesError::System)?;
        let contest = Contest { options, cpus, folder, environment: environment.clone() };
        lines.extend(contest.rows(rows, &found)?);
    }
    let mut versions: Vec<String> = found.into_iter().map(|found| found.version).collect();
    versions.sort();
    versions.dedup();
    Ok(Report {
        provenance: Provenance::new(environment, versions, SpindleBuild::of(options.spindle.as_deref())),
        rounds: options.rounds,
        measured_s: options.measured.as_secs_f64(),
        connections: CONNECTIONS,
        scale: options.scale,
        behind: cpus.behind_has(),
        places,
        lines,
        notes,
    })
}

/// Who is here, and a word about each that is not.
fn line_up(options: &Options) -> Result<(Vec<Found>, Vec<String>), PeersError> {
    let (mut here, mut notes) = (Vec::new(), Vec::new());
    for rival in Rival::ALL {
        match rival.find(options) {
            Ok(found) => here.push(found),
            Err(error @ (FilesError::Install(_) | FilesError::Unnamed { .. })) => {
                options.progress.say(&format!("WITHOUT {}: {error}", rival.name()));
                notes.push(format!("Measured without {}: {error}.", rival.name()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if here.is_empty() { Err(PeersError::Nobody) } else { Ok((here, notes)) }
}

impl Entry {
    fn name(&self) -> &'static str {
        self.found.rival.name()
    }

    fn wrong(&self, row: FileRow, what: impl Display) -> PeersError {
        PeersError::Wrong { contender: self.name().into(), row: row.to_string(), what: what.to_string() }
    }

    /// Of a load.
    fn failed(&self, error: LoadError) -> PeersError {
        PeersError::Load { contender: self.name().into(), error }
    }

    fn job(&self) -> Job {
        self.found.rival.job()
    }
}

/// Half of what the slowest server of the job achieved.
fn equal_pace(job: Job, jobs: &[Job], saturated: &[Saturated]) -> Pace {
    let same = jobs.iter().zip(saturated).filter(|(other, _)| **other == job);
    half_of_the_slowest(same.map(|(_, saturated)| saturated))
}

/// Of the rows that have their files in one place.
struct Contest<'a> {
    options: &'a Options,
    cpus: Cpus,
    /// Of all servers, with all that they serve and write.
    folder: Folder,
    environment: Environment,
}

impl Contest<'_> {
    fn rows(&self, rows: &[FileRow], found: &[Found]) -> Result<Vec<Line>, PeersError> {
        let root = self.root();
        std::fs::create_dir(&root).map_err(FilesError::System)?;
        let start = |(number, found): (usize, &Found)| -> Result<Entry, PeersError> {
            let running = found.start(&root, self.folder.path(), self.cpus)?;
            Ok(Entry { number, found: found.clone(), running })
        };
        let entries = found.iter().enumerate().map(start).collect::<Result<Vec<_>, _>>()?;
        let lines = rows.iter().map(|&row| self.row(row, &entries)).collect::<Result<Vec<_>, _>>()?;
        Ok(lines.concat())
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn row(&self, row: FileRow, entries: &[Entry]) -> Result<Vec<Line>, PeersError> {
        let objects = self.objects(row)?;
        let measure = |entry: &Entry, pace| self.measure(row, &objects, entry, pace);
        if row.uploads() {
            entries.iter().try_for_each(|entry| self.fill(row, &objects, entry))?;
        }
        let mut saturated = vec![Vec::new(); entries.len()];
        // Every run draws the same objects, so the longest of them has uploaded all that there are.
        let mut puts = vec![0; entries.len()];
        for round in 1..=self.options.rounds {
            for ((entry, figures), puts) in entries.iter().zip(&mut saturated).zip(&mut puts) {
                let measured = measure(entry, Pace::Closed)?;
                *puts = measured.classes[0].requests.max(*puts);
                let one = Saturated::of(&measured);
                self.say(row, round, entry, &format!("{:.1} k a second of CPU", one.per_cpu_second / 1e3));
                figures.push(one);
            }
        }
        let saturated: Vec<Saturated> = saturated.iter().map(|rounds| Saturated::median(rounds)).collect();
        let jobs: Vec<Job> = entries.iter().map(Entry::job).collect();
        let paces: Vec<Pace> = jobs.iter().map(|&job| equal_pace(job, &jobs, &saturated)).collect();
        let mut waits = vec![Rounds::of(self.options.rounds); entries.len()];
        for round in 1..=self.options.rounds {
            for ((entry, &pace), waits) in entries.iter().zip(&paces).zip(&mut waits) {
                waits.take(|| measure(entry, pace), |what| self.say(row, round, entry, what))?;
            }
        }
        let lines = entries.iter().zip(saturated).zip(waits).zip(puts);
        lines
            .map(|(((entry, saturated), waits), puts)| {
                let torn = if row.uploads() { self.read_back(row, &objects, entry, puts)? } else { 0 };
                let (rival, tally, waits) = (entry.found.rival, waits.tally(), Waits::median(waits.kept()));
                Ok(Line { row, rival, saturated, waits, tally, torn })
            })
            .collect()
    }

    fn say(&self, row: FileRow, round: usize, entry: &Entry, what: &str) {
        self.options.progress.say(&format!("round {round}: {row}: {}: {what}", entry.name()));
    }

    /// Written, synced, and thereby in the page cache with nothing left to be done; or to be overwritten.
    fn objects(&self, row: FileRow) -> Result<ObjectsPlan, PeersError> {
        let (files, sizes) = (row.files(self.options.scale), Sizes::Fixed(row.bytes()));
        let popularity = Popularity::Uniform;
        match row {
            FileRow::Get { .. } => {
                let folder = self.root().join(row.to_string());
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

    /// Every server has a folder of its own: what it has lost nobody else has put there.
    fn fill(&self, row: FileRow, objects: &ObjectsPlan, entry: &Entry) -> Result<(), PeersError> {
        std::fs::create_dir_all(self.root().join(row.folder(entry.number))).map_err(FilesError::System)?;
        let http = HttpPlan { filling: Filling::Put, ..http(row, objects, entry)? };
        let class = class(row, http, entry, Pace::Closed);
        load::fill(&self.plan(class, entry)).map_err(|error| entry.failed(error))
    }

    fn measure(&self, row: FileRow, objects: &ObjectsPlan, entry: &Entry, pace: Pace) -> Result<Measured, PeersError> {
        let class = class(row, http(row, objects, entry)?, entry, pace);
        let measured = load::run(&self.plan(class, entry), |_, _| {}).map_err(|error| entry.failed(error))?;
        match (measured.errors(), measured.wrong()) {
            (0, 0) => Ok(measured),
            _ => Err(entry.wrong(row, format!("{:?}, {:?}", measured.classes[0].errors, measured.classes[0].wrong))),
        }
    }

    /// Whether what was uploaded is there, and how much of it is parts of two uploads that met.
    fn read_back(&self, row: FileRow, objects: &ObjectsPlan, entry: &Entry, puts: u64) -> Result<u64, PeersError> {
        let http = http(row, objects, entry)?;
        let class = class(row, http.clone(), entry, Pace::Closed);
        let back = read_back(&class, &http).map_err(|error| entry.wrong(row, error))?;
        self.options.progress.say(&format!("{row}: {}: {} objects read back", entry.name(), back.objects()));
        uploads::judge(back, entry.found.rival.replacing(), puts).map_err(|what| entry.wrong(row, what))
    }

    fn plan(&self, class: ClassPlan, entry: &Entry) -> Plan {
        Plan {
            cpus: self.cpus.generators(),
            classes: vec![class],
            warm_up: self.options.measured / 4,
            measured: self.options.measured,
            patience: PATIENCE,
            spin: Spin::Always,
            slow: Vec::new(),
            watched: Some(entry.running.server.pid()),
            environment: self.environment.clone(),
        }
    }
}

fn http(row: FileRow, objects: &ObjectsPlan, entry: &Entry) -> Result<HttpPlan, PeersError> {
    let (path, method) = match row {
        FileRow::Get { .. } => (String::new(), "get"),
        FileRow::Put { .. } => (row.folder(entry.number), "put"),
    };
    let url = format!("http://{}/{path}", entry.running.server.address);
    Ok(HttpPlan {
        url: url.parse().map_err(|error: UrlError| entry.wrong(row, error))?,
        objects: objects.clone(),
        mix: method.parse().map_err(|error: MixError| entry.wrong(row, error))?,
        range_share: 0.0,
        conditional_share: 0.0,
        filling: Filling::Present { seed: SEED },
    })
}

fn class(row: FileRow, http: HttpPlan, entry: &Entry, pace: Pace) -> ClassPlan {
    ClassPlan {
        name: row.to_string(),
        server: entry.running.server.address,
        pace,
        connections: CONNECTIONS,
        depth: 1,
        churn: None,
        // Enough to notice a server that cheats, and little enough that large files do not saturate the load.
        verify: Verify::Sampled,
        seed: SEED,
        work: WorkPlan::Http(http),
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
