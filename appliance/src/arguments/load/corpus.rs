//! `spindle load corpus`: files for a server to serve.
#![forbid(unsafe_code)]

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use spindle_perf::corpus::{Corpus, Durability, Impossible, ManifestError, Temperature};
use spindle_perf::sizes::Sizes;

const THREADS_MAX: usize = 1024;

#[derive(Debug, Args)]
pub struct CorpusArguments {
    /// Folders to spread the files over, one a disk; without any, all is as the manifest says
    #[arg(value_name = "ROOT", required_unless_present = "manifest", requires_all = ["files", "size"])]
    pub roots: Vec<PathBuf>,
    /// How many
    #[arg(long, requires = "roots")]
    pub files: Option<u64>,
    /// Bytes of a file: 100, 100-4000, lognormal:MEDIAN:SIGMA[:MAX], etc, csv:FILE
    #[arg(long, value_name = "SIZE", requires = "roots")]
    pub size: Option<Sizes>,
    /// What the sizes and the bytes follow from; 1 if it is not given
    #[arg(long, requires = "roots")]
    pub seed: Option<u64>,
    /// Writes what everything follows from (docs/corpus.md); without a ROOT, reads it
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Threads that write or read; without this, one for each root
    #[arg(long)]
    pub threads: Option<usize>,
    /// Syncs every file and every folder
    #[arg(long, conflicts_with = "check")]
    pub sync: bool,
    /// Reads every file instead of writing any, and names those that are not as they were written
    #[arg(long)]
    pub check: bool,
    /// Drops the files from the page cache in the end
    #[arg(long)]
    pub cold: bool,
    /// Reads the files into the page cache in the end
    #[arg(long, conflicts_with = "cold")]
    pub warm: bool,
}

/// What is to be done, as decided.
#[derive(Debug)]
pub struct CorpusPlan {
    pub corpus: Corpus,
    /// Where the manifest is to be written.
    pub manifest: Option<PathBuf>,
    pub threads: usize,
    pub task: CorpusTask,
    /// None leaves the page cache alone.
    pub temperature: Option<Temperature>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorpusTask {
    Write(Durability),
    Check,
}

/// What cannot be done, and why not.
#[derive(Debug, thiserror::Error)]
pub enum CorpusArgumentsError {
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Impossible(#[from] Impossible),
    #[error("{}: {error} (a root is not made here: where a disk is not mounted, its files would fill another)", root.display())]
    Root { root: PathBuf, error: io::Error },
    #[error("{} is not a folder", root.display())]
    NotAFolder { root: PathBuf },
    #[error("--threads {0}: from 1 to {THREADS_MAX}")]
    Threads(usize),
}

impl CorpusArguments {
    /// What is to be done.
    ///
    /// # Errors
    /// A manifest that gives no corpus, a root that is not there, a number that is out of its bounds.
    pub fn decide(&self) -> Result<CorpusPlan, CorpusArgumentsError> {
        let corpus = self.corpus()?;
        let threads = self.threads.unwrap_or(corpus.roots.len().min(THREADS_MAX));
        if !(1..=THREADS_MAX).contains(&threads) {
            return Err(CorpusArgumentsError::Threads(threads));
        }
        Ok(CorpusPlan {
            corpus,
            manifest: self.manifest.clone().filter(|_| !self.roots.is_empty()),
            threads,
            task: match (self.check, self.sync) {
                (true, _) => CorpusTask::Check,
                (false, true) => CorpusTask::Write(Durability::Machine),
                (false, false) => CorpusTask::Write(Durability::Process),
            },
            temperature: match (self.cold, self.warm) {
                (true, _) => Some(Temperature::Cold),
                (false, true) => Some(Temperature::Warm),
                (false, false) => None,
            },
        })
    }

    fn corpus(&self) -> Result<Corpus, CorpusArgumentsError> {
        let corpus = match (&self.manifest, self.files, &self.size) {
            (_, Some(files), Some(sizes)) => {
                let roots: Result<_, _> = self.roots.iter().map(|root| resolve(root)).collect();
                Corpus::new(self.seed.unwrap_or(1), files, sizes.clone(), roots?)?
            }
            (Some(manifest), ..) => Corpus::read(manifest)?,
            // The parser has seen to it that there are roots with all that they need, or else a manifest.
            (None, ..) => return Err(Impossible::NoRoot.into()),
        };
        corpus.roots.iter().try_for_each(|root| resolve(root).map(|_| ()))?;
        Ok(corpus)
    }
}

/// The root by the name that a server knows it by, though that may be a link.
fn resolve(root: &Path) -> Result<PathBuf, CorpusArgumentsError> {
    let looked = std::path::absolute(root).and_then(|absolute| Ok((absolute.metadata()?, absolute)));
    match looked {
        Ok((there, absolute)) if there.is_dir() => Ok(absolute),
        Ok(_) => Err(CorpusArgumentsError::NotAFolder { root: root.to_owned() }),
        Err(error) => Err(CorpusArgumentsError::Root { root: root.to_owned(), error }),
    }
}
