//! `spindle load corpus`: writes files or checks them, makes them cold or warm, and says how far it is.
#![forbid(unsafe_code)]

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use spindle_perf::corpus::{self, Checked, Corpus, CorpusError, Progress, Temperature, Written};
use spindle_perf::report::figures::{bytes, count, percent, rate};

use super::{EXIT_LOAD_USAGE, EXIT_UNCLEAN};
use crate::arguments::load::corpus::{CorpusArguments, CorpusArgumentsError, CorpusPlan, CorpusTask};
use crate::failure::EXIT_SYSTEM;
use crate::say;

/// Files that are looked at for the share of bytes in the page cache.
const SAMPLE: u64 = 4096;

/// Why there is no corpus, or none to rely on.
#[derive(Debug, thiserror::Error)]
pub enum CorpusFailure {
    #[error(transparent)]
    Arguments(#[from] CorpusArgumentsError),
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    #[error("cannot write {}: {error}", path.display())]
    Manifest { path: PathBuf, error: io::Error },
    #[error("{bad} of {files} files are not as they were written")]
    Damaged { bad: u64, files: u64 },
    #[error("write error: {0}")]
    Output(io::Error),
}

impl CorpusFailure {
    pub fn exit_status(&self) -> u8 {
        match self {
            CorpusFailure::Arguments(_) => EXIT_LOAD_USAGE,
            CorpusFailure::Corpus(_) | CorpusFailure::Manifest { .. } | CorpusFailure::Damaged { .. } => EXIT_UNCLEAN,
            CorpusFailure::Output(_) => EXIT_SYSTEM,
        }
    }
}

/// Does what was typed.
pub(super) fn run(typed: &CorpusArguments) -> Result<(), CorpusFailure> {
    let plan = typed.decide()?;
    let corpus = &plan.corpus;
    print(&described(corpus))?;
    match plan.task {
        CorpusTask::Write(durability) => {
            // The manifest comes first: a name that cannot be written should not cost hours.
            write_manifest(&plan)?;
            let began = Instant::now();
            let written = corpus::write(corpus, durability, plan.threads, say_progress)?;
            print(&outcome_of_writing(&written, began))?;
        }
        CorpusTask::Check => {
            let checked = corpus::check(corpus, plan.threads, say_progress)?;
            print(&outcome_of_check(&checked))?;
            if checked.bad() > 0 {
                return Err(CorpusFailure::Damaged { bad: checked.bad(), files: checked.files });
            }
            write_manifest(&plan)?;
        }
    }
    plan.temperature.map_or(Ok(()), |temperature| set_temperature(&plan, temperature))
}

fn write_manifest(plan: &CorpusPlan) -> Result<(), CorpusFailure> {
    let Some(path) = &plan.manifest else { return Ok(()) };
    let written = plan.corpus.write_manifest(path);
    written.map_err(|error| CorpusFailure::Manifest { path: path.clone(), error })?;
    print(&format!("the manifest is {}", path.display()))
}

fn set_temperature(plan: &CorpusPlan, temperature: Temperature) -> Result<(), CorpusFailure> {
    corpus::set_temperature(&plan.corpus, temperature, plan.threads, say_progress)?;
    if temperature == Temperature::Cold {
        let in_memory = plan.corpus.roots.iter().filter(|root| corpus::lies_in_memory(root));
        in_memory
            .for_each(|root| say::line(format!("{} IS NOT COLD: it is on tmpfs, which has no disk", root.display())));
    }
    print(&match corpus::residency(&plan.corpus, SAMPLE) {
        Some(found) => format!(
            "{} of the bytes are in the page cache, by {} files",
            percent(found.cached_share),
            count(found.sampled_files)
        ),
        None => "how much is in the page cache is unknown: that needs fincore (Debian: util-linux-extra)".into(),
    })
}

fn described(corpus: &Corpus) -> String {
    let roots = match corpus.roots.len() {
        1 => "1 root".into(),
        roots => format!("{roots} roots"),
    };
    let (files, all) = (count(corpus.files), bytes((corpus.sizes.mean() * corpus.files as f64) as u64));
    format!("{files} files, about {all}, sizes {}, seed {}, under {roots}", corpus.sizes, corpus.seed)
}

fn outcome_of_writing(written: &Written, began: Instant) -> String {
    let Written { files, bytes: all, kept } = *written;
    let seconds = began.elapsed().as_secs_f64();
    format!("{} files written, {} in {seconds:.1} s; {} were there", count(files), bytes(all), count(kept))
}

fn outcome_of_check(checked: &Checked) -> String {
    let kinds = [
        ("missing", checked.missing),
        ("unreadable", checked.unreadable),
        ("of a wrong length", checked.of_wrong_length),
        ("corrupt", checked.corrupt),
        ("swapped", checked.swapped),
    ];
    let mut said = format!("{} files checked, {}", count(checked.files), bytes(checked.bytes));
    match checked.bad() {
        0 => said.push_str(": all are as they were written"),
        _ => {
            let present = kinds.iter().filter(|(_, number)| *number > 0);
            let named: Vec<String> = present.map(|(name, number)| format!("{} {name}", count(*number))).collect();
            said.push_str(&format!(": {}", named.join(", ")));
        }
    }
    checked.damaged.iter().for_each(|damaged| said.push_str(&format!("\n  {damaged}")));
    let unnamed = checked.bad() - checked.damaged.len() as u64;
    if unnamed > 0 {
        said.push_str(&format!("\n  and {} more", count(unnamed)));
    }
    said
}

/// A line a second. A reader who has gone does not end the work.
fn say_progress(progress: &Progress) {
    let _ = print(&format!(
        "{:>6} s {:>13} files {:>9}/s {:>10}/s {:>13} left",
        progress.elapsed.as_secs(),
        count(progress.files),
        rate(progress.files_per_second),
        bytes(progress.bytes_per_second as u64),
        count(progress.files_left)
    ));
}

fn print(line: &str) -> Result<(), CorpusFailure> {
    say::print(&format!("{line}\n")).map_err(CorpusFailure::Output)
}
