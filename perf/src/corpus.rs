//! Files for a server to serve: so many, of a law of sizes, over disks, all from a seed. What is in each of them, how long
//! it is and where it lies follows from its number, so that whoever has the [`Corpus`] checks answers without the files.
//!
//! ```text
//! corpus        which files there are, and what is in them
//!   layout      where they lie
//!   manifest    the corpus itself, as a small file
//!   crew        several threads go over all files, and somebody watches
//!   writing     makes what is not there
//!   room        whether there is space for it
//!   checking    reads what is there
//!   temperature moves it out of the page cache, or into it
//!   residency   how much of it is there
//! ```

mod checking;
mod crew;
mod layout;
mod manifest;
mod residency;
mod room;
mod temperature;
mod writing;

use std::io;
use std::path::{Path, PathBuf};

use crate::describe::Object;
use crate::report::figures::{bytes, count};
use crate::sizes::Sizes;

pub use checking::{Checked, Damage, Damaged, check};
pub use crew::Progress;
pub use layout::FILES_MAX;
pub use manifest::{ManifestError, SCHEMA};
pub use residency::{Residency, residency};
pub use temperature::{Temperature, lies_in_memory, set_temperature};
pub use writing::{Durability, Written, write};

/// Of every file: nobody writes one twice.
const VERSION: u32 = 1;
/// Files are written and read in pieces of so many bytes.
const PIECE: usize = 256 << 10;

/// All files of a seed. It comes from [`Corpus::new`] or [`Corpus::read`], which see to it that there is one file at least,
/// and one root.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Corpus {
    pub seed: u64,
    /// From 1 to [`FILES_MAX`].
    pub files: u64,
    pub sizes: Sizes,
    /// The folders that the files are spread over, one a disk: absolute, in UTF-8, with last names that differ.
    pub roots: Vec<PathBuf>,
}

/// Why there is no such corpus.
#[derive(Debug, thiserror::Error)]
pub enum Impossible {
    #[error("{files} files: a corpus has from 1 to {FILES_MAX}")]
    Files { files: u64 },
    #[error("a corpus needs a root to lie under")]
    NoRoot,
    #[error("the root {} is not an absolute path in UTF-8 that ends with a name", root.display())]
    Root { root: PathBuf },
    #[error("the root {} is named twice", root.display())]
    Twice { root: PathBuf },
    #[error(
        "the roots {} and {} have one last name, and so one URL: a server would be asked for the files of one under the other's",
        first.display(), second.display()
    )]
    OneUrl { first: PathBuf, second: PathBuf },
}

/// Why the files of a corpus cannot be written or looked at: the machine's fault, or of what lies there already.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} is there already, is none of a corpus's files, and is not overwritten", path.display())]
    Foreign { path: PathBuf },
    #[error("{}: {} at least are needed, and {} are free", root.display(), bytes(*needed), bytes(*available))]
    Bytes { root: PathBuf, needed: u64, available: u64 },
    #[error("{}: {} inodes are needed, and {} are free", root.display(), count(*needed), count(*available))]
    Inodes { root: PathBuf, needed: u64, available: u64 },
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl Corpus {
    /// # Errors
    /// No files, too many, no root, or one that is not absolute, not in UTF-8, there twice, or of the same last name as
    /// another. Nothing is looked up: the roots may be another machine's.
    pub fn new(seed: u64, files: u64, sizes: Sizes, roots: Vec<PathBuf>) -> Result<Corpus, Impossible> {
        if !(1..=FILES_MAX).contains(&files) {
            return Err(Impossible::Files { files });
        }
        if roots.is_empty() {
            return Err(Impossible::NoRoot);
        }
        for (at, root) in roots.iter().enumerate() {
            if !root.is_absolute() || root.to_str().is_none() || root.file_name().is_none() {
                return Err(Impossible::Root { root: root.clone() });
            }
            if roots[..at].contains(root) {
                return Err(Impossible::Twice { root: root.clone() });
            }
            if let Some(first) = roots[..at].iter().find(|before| before.file_name() == root.file_name()) {
                return Err(Impossible::OneUrl { first: first.clone(), second: root.clone() });
            }
        }
        Ok(Corpus { seed, files, sizes, roots })
    }

    /// What is in the file `index`, which is below the number of files.
    pub fn object(&self, index: u64) -> Object {
        Object { key: index, version: VERSION, length: self.sizes.length_of(index, self.seed), seed: self.seed }
    }

    /// The root that the file `index` lies under. They take turns: each disk has as many files as the others, whoever reads
    /// the files in order reads from all disks, and a person sees from a name where it is.
    pub fn root(&self, index: u64) -> &Path {
        &self.roots[(index % self.roots.len() as u64) as usize]
    }

    /// Where the file `index` lies, relative to its root: `0/000/012/0000012345.fid`.
    pub fn path(&self, index: u64) -> String {
        layout::path(index)
    }

    /// Where the file `index` is to be asked for, of a server whose document root is the folder that has all roots in it:
    /// `/dev1/0/000/012/0000012345.fid`, escaped as RFC 3986 has it.
    pub fn url_path(&self, index: u64) -> String {
        layout::url_path(self.root(index), index)
    }

    /// Of the first so many files together, or of all where there are fewer. A million take about 0.1 s.
    pub fn bytes_of_first(&self, files: u64) -> u64 {
        (0..files.min(self.files)).fold(0, |bytes, index| bytes.saturating_add(self.object(index).length))
    }

    /// Where the file `index` lies on this machine.
    fn place(&self, index: u64) -> PathBuf {
        self.root(index).join(self.path(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(roots: &[&str]) -> Result<Corpus, Impossible> {
        Corpus::new(7, 10, Sizes::Range { low: 0, high: 3 }, roots.iter().map(PathBuf::from).collect())
    }

    #[test]
    fn roots_take_turns() {
        let corpus = of(&["/var/mogdata/dev1", "/var/mogdata/dev2"]).unwrap();
        assert_eq!(corpus.url_path(4), "/dev1/0/000/000/0000000004.fid");
        assert_eq!(corpus.url_path(5), "/dev2/0/000/000/0000000005.fid");
        assert_eq!(corpus.place(5), Path::new("/var/mogdata/dev2/0/000/000/0000000005.fid"));
    }

    #[test]
    fn no_file_is_empty() {
        let corpus = of(&["/dev1"]).unwrap();
        let lengths: Vec<u64> = (0..10).map(|index| corpus.object(index).length).collect();
        assert!(lengths.iter().all(|length| (1..=3).contains(length)), "{lengths:?}");
        assert_eq!(corpus.bytes_of_first(u64::MAX), lengths.iter().sum::<u64>());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let fault = |roots: &[&str]| of(roots).unwrap_err().to_string();
        assert_eq!(fault(&[]), "a corpus needs a root to lie under");
        assert_eq!(fault(&["/a", "/b", "/a"]), "the root /a is named twice");
        assert_eq!(
            fault(&["/a/dev1", "/a/dev2", "/b/dev1/"]),
            "the roots /a/dev1 and /b/dev1/ have one last name, and so one URL: a server would be asked for the files of one \
             under the other's"
        );
        for root in ["dev1", "/", "/dev1/..", ""] {
            assert_eq!(
                fault(&[root]),
                format!("the root {root} is not an absolute path in UTF-8 that ends with a name")
            );
        }
        for files in [0, FILES_MAX + 1] {
            let fault = Corpus::new(7, files, Sizes::Fixed(1), vec!["/a".into()]).unwrap_err();
            assert_eq!(fault.to_string(), format!("{files} files: a corpus has from 1 to 10000000000"));
        }
    }
}
