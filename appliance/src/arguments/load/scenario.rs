//! `spindle load scenario`: several classes of requests at once, and slow clients beside them, from one file.
//!
//! ```text
//! section   a table of the file: its keys are the flags of a command line, and read by the same parser
//! mistake   what is wrong, and where
//! slow      slow clients
//! ```
//!
//! So a key has the name, the default, the bounds and the words of the flag that it is, and a new flag is a new key.
#![forbid(unsafe_code)]

mod mistake;
mod section;
mod slow;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use spindle_perf::load::http::{HttpPlan, ObjectsPlan};
use spindle_perf::load::{ClassPlan, Plan, WorkPlan};
use spindle_perf::slow::SlowPlan;
use toml::de::DeTable;

use super::cache::CacheClassArguments;
use super::cpus::CpuList;
use super::http::HttpClassArguments;
use super::output::OutputArguments;
use super::refusal::Refusal;
use super::run::{RunArguments, Spinning, measured, process, seconds};
pub use mistake::ScenarioError;
use mistake::{Mistake, Text};
use section::Section;
use slow::SlowArguments;

#[derive(Clone, Debug, Args)]
pub struct ScenarioArguments {
    /// Who asks whom for what, and how often (docs/scenarios.md)
    #[arg(value_name = "FILE.toml")]
    pub file: PathBuf,
    /// Seconds that are measured, in place of the file's
    #[arg(long, value_name = "SECONDS", value_parser = measured)]
    pub seconds: Option<Duration>,
    /// Seconds before that, which are not, in place of the file's
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub warm_up: Option<Duration>,
    /// Seconds that late answers are waited for in the end, in place of the file's
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub patience: Option<Duration>,
    /// Whether the load looks for answers all the time, in place of the file's
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pub spin: Option<Spinning>,
    /// The CPUs that the load runs on, in place of the file's
    #[arg(long, value_name = "CPUS")]
    pub cpu: Option<CpuList>,
    /// The server's process, on this machine, in place of the file's
    #[arg(long, value_name = "PID", value_parser = process)]
    pub server_pid: Option<u32>,
    #[command(flatten)]
    pub output: OutputArguments,
}

/// What a file says above its first table.
#[derive(Debug, Args)]
struct Heading {
    #[command(flatten)]
    run: RunArguments,
    /// What everything that is drawn follows from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A class as its kind reads it.
#[derive(Debug)]
enum Asking {
    Cache(CacheClassArguments),
    Http(HttpClassArguments),
}

/// The kinds of classes, which are the keys that say whom they ask.
const KINDS: [&str; 2] = ["cache", "http"];

impl ScenarioArguments {
    /// What is to be measured.
    ///
    /// # Errors
    /// A file that cannot be read, or that is wrong: with the line and the reason.
    pub fn decide(&self) -> Result<Plan, ScenarioError> {
        let file = self.file.as_path();
        let text = std::fs::read_to_string(file)
            .map_err(|error| ScenarioError::Unreadable { file: file.to_owned(), error })?;
        let plan = self.read(Text(&text)).map_err(|mistake| ScenarioError::Wrong { file: file.to_owned(), mistake })?;
        Ok(plan)
    }

    fn read(&self, text: Text<'_>) -> Result<Plan, Mistake> {
        let document = DeTable::parse(text.0).map_err(|error| text.no_toml(&error))?;
        let mut top = Section::of_document(text, document.get_ref());
        let classes = top.take_tables("class")?;
        let slow = top.take_tables("slow")?;
        let Heading { mut run, seed } = top.read(&[])?;
        top.finish()?;
        (run.seconds, run.warm_up) = (self.seconds.unwrap_or(run.seconds), self.warm_up.unwrap_or(run.warm_up));
        (run.patience, run.spin) = (self.patience.unwrap_or(run.patience), self.spin.unwrap_or(run.spin));
        (run.cpu, run.server_pid) = (self.cpu.clone().or(run.cpu), self.server_pid.or(run.server_pid));
        // All is read before anybody is tried.
        let classes = classes.into_iter().map(|section| read_class(section, seed)).collect::<Result<Vec<_>, _>>()?;
        let slow = slow.into_iter().map(|section| SlowArguments::read(section, seed)).collect::<Result<Vec<_>, _>>()?;
        if classes.is_empty() {
            return Err(Mistake::of_all("there is no [class.NAME]: nothing would be measured"));
        }
        let mut decided = Vec::new();
        for (section, asking) in &classes {
            let class = asking.decide(&section.name).map_err(|refusal| section.refused(refusal))?;
            apart_from(&decided, &class).map_err(|why| section.wrong(why))?;
            decided.push(class);
        }
        let slow: Vec<SlowPlan> =
            slow.iter().map(|(section, slow)| slow.decide(section, run.warm_up)).collect::<Result<_, _>>()?;
        Ok(Plan { slow, ..run.plan(decided) })
    }

    /// What a page calls the result.
    pub fn label(&self) -> String {
        self.file.file_stem().unwrap_or(Path::new("scenario").as_os_str()).to_string_lossy().into_owned()
    }
}

fn read_class(mut section: Section<'_>, seed: u64) -> Result<(Section<'_>, Asking), Mistake> {
    // A prefix of its own keeps its keys apart from those of other classes, and a seed of its own what is in them.
    let own = [("seed", section.seed(seed).to_string()), ("prefix", format!("{}:", section.name))];
    let asking = match section.one_of(&KINDS)? {
        "http" => Asking::Http(section.read(&own)?),
        _ => Asking::Cache(section.read(&own)?),
    };
    section.finish()?;
    Ok((section, asking))
}

impl Asking {
    fn decide(&self, name: &str) -> Result<ClassPlan, Refusal> {
        match self {
            Asking::Cache(cache) => cache.decide(name),
            Asking::Http(http) => http.decide(name),
        }
    }
}

/// Of a corpus nobody writes, however many read.
fn same_uploads(one: &HttpPlan, other: &HttpPlan) -> bool {
    let both_upload = [one, other].iter().all(|plan| matches!(plan.objects, ObjectsPlan::Keys(_)));
    both_upload && one.url.path.trim_end_matches('/') == other.url.path.trim_end_matches('/')
}

/// Whether a class can be beside others: what each writes must be its own.
fn apart_from(others: &[ClassPlan], class: &ClassPlan) -> Result<(), String> {
    for other in others {
        if other.seed == class.seed {
            return Err(format!(
                "class {} has the same seed {}: what they write could not be told apart",
                other.name, class.seed
            ));
        }
        let shared = match (&other.work, &class.work) {
            (WorkPlan::Cache(theirs), WorkPlan::Cache(ours)) => theirs.shares_keys_with(ours),
            (WorkPlan::Http(theirs), WorkPlan::Http(ours)) => same_uploads(theirs, ours),
            _ => false,
        };
        if shared && other.server == class.server {
            return Err(format!(
                "class {} has the same server and the same prefix or folder: they would write each other's keys",
                other.name
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
