//! Whether there is space for a corpus: found out before its first byte is written, and not after an hour.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::{Statvfs, statvfs};

use super::{Corpus, CorpusError};

/// What files take of a filesystem. Their folders, one for a thousand files, are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Space {
    bytes: u64,
    inodes: u64,
}

impl Space {
    fn add(&mut self, length: u64, block: u64) {
        self.bytes = self.bytes.saturating_add(length.checked_next_multiple_of(block).unwrap_or(u64::MAX));
        self.inodes += 1;
    }
}

/// # Errors
/// Bytes or inodes are missing on a root's filesystem, or it cannot be looked at.
pub(super) fn check(corpus: &Corpus) -> Result<(), CorpusError> {
    // Roots that share a filesystem share its space.
    let mut filesystems: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (number, root) in corpus.roots.iter().enumerate() {
        let device = std::fs::metadata(root).map_err(|error| of_root(root, error))?.dev();
        filesystems.entry(device).or_default().push(number);
    }
    filesystems.values().try_for_each(|roots| check_filesystem(corpus, roots))
}

fn check_filesystem(corpus: &Corpus, roots: &[usize]) -> Result<(), CorpusError> {
    let root = &corpus.roots[roots[0]];
    let filesystem = statvfs(root).map_err(|errno| of_root(root, errno.into()))?;
    let (free, whole) = (free(&filesystem), whole(&filesystem));
    let block = filesystem.fragment_size().max(1);
    let mut needed = needed(corpus, roots, block, &whole);
    let is_short = |needed: &Space| needed.bytes > free.bytes || needed.inodes > free.inodes;
    let fits_ever = needed.bytes <= whole.bytes && needed.inodes <= whole.inodes;
    if is_short(&needed) && fits_ever {
        // Only then is it worth to look at each file that is there already.
        let standing = standing(corpus, roots, block);
        needed.bytes = needed.bytes.saturating_sub(standing.bytes);
        needed.inodes -= standing.inodes;
    }
    let root = root.clone();
    if needed.bytes > free.bytes {
        return Err(CorpusError::Bytes { root, needed: needed.bytes, available: free.bytes });
    }
    if needed.inodes > free.inodes {
        return Err(CorpusError::Inodes { root, needed: needed.inodes, available: free.inodes });
    }
    Ok(())
}

/// Without what is kept for root.
fn free(filesystem: &Statvfs) -> Space {
    Space {
        bytes: counted(filesystem.blocks(), filesystem.blocks_available()).saturating_mul(filesystem.fragment_size()),
        inodes: counted(filesystem.files(), filesystem.files_available()),
    }
}

/// With nothing on it.
fn whole(filesystem: &Statvfs) -> Space {
    Space {
        bytes: counted(filesystem.blocks(), filesystem.blocks()).saturating_mul(filesystem.fragment_size()),
        inodes: counted(filesystem.files(), filesystem.files()),
    }
}

/// A filesystem that has none in all does not count them: btrfs makes inodes of bytes, and a tmpfs may be without a bound.
fn counted(in_all: u64, number: u64) -> u64 {
    if in_all == 0 { u64::MAX } else { number }
}

/// All files, or more than the whole filesystem holds: ten billion lengths are not added up to say no.
fn needed(corpus: &Corpus, roots: &[usize], block: u64, whole: &Space) -> Space {
    let files = |root: usize| (corpus.files + corpus.roots.len() as u64 - 1 - root as u64) / corpus.roots.len() as u64;
    let inodes: u64 = roots.iter().map(|&root| files(root)).sum();
    // None is empty, so each has a block.
    let least = Space { bytes: inodes.saturating_mul(block), inodes };
    if least.bytes > whole.bytes || least.inodes > whole.inodes {
        return least;
    }
    let mut needed = Space::default();
    for index in indices(corpus, roots) {
        needed.add(corpus.object(index).length, block);
        if needed.bytes > whole.bytes {
            break;
        }
    }
    needed
}

/// What the files take already, and do not need again.
fn standing(corpus: &Corpus, roots: &[usize], block: u64) -> Space {
    let mut standing = Space::default();
    for index in indices(corpus, roots) {
        if let Ok(there) = corpus.place(index).symlink_metadata() {
            standing.add(there.len().min(corpus.object(index).length), block);
        }
    }
    standing
}

/// The files that lie under these roots.
fn indices(corpus: &Corpus, roots: &[usize]) -> impl Iterator<Item = u64> {
    roots.iter().flat_map(|&root| (root as u64..corpus.files).step_by(corpus.roots.len()))
}

fn of_root(root: &Path, error: io::Error) -> CorpusError {
    CorpusError::File { path: root.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizes::Sizes;

    fn corpus(roots: &[&Path], files: u64, length: u64) -> Corpus {
        let roots = roots.iter().map(|&root| root.to_owned()).collect();
        Corpus::new(1, files, Sizes::Fixed(length), roots).unwrap()
    }

    #[test]
    fn a_corpus_that_does_not_fit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        check(&corpus(&[folder.path()], 3, 1)).unwrap();
        let error = check(&corpus(&[folder.path()], 3, 1 << 60)).unwrap_err();
        assert!(matches!(error, CorpusError::Bytes { needed, .. } if needed >= 1 << 60), "{error}");
        // The most that there can be is refused as fast.
        let error = check(&corpus(&[folder.path()], super::super::FILES_MAX, 1)).unwrap_err();
        assert!(matches!(error, CorpusError::Bytes { .. } | CorpusError::Inodes { .. }), "{error}");
        let error = check(&corpus(&[folder.path()], 3, u64::MAX)).unwrap_err();
        assert!(matches!(error, CorpusError::Bytes { needed: u64::MAX, .. }), "{error}");
    }

    /// Each root alone would have enough.
    #[test]
    fn roots_of_one_filesystem_share_its_space() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        [&one, &other].into_iter().for_each(|root| std::fs::create_dir(root).unwrap());
        let most = free(&statvfs(&one).unwrap()).bytes / 3 * 2;
        check(&corpus(&[&one], 1, most)).unwrap();
        let error = check(&corpus(&[&one, &other], 2, most)).unwrap_err();
        assert!(matches!(error, CorpusError::Bytes { .. }), "{error}");
    }

    #[test]
    fn what_is_there_is_not_needed_again() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = corpus(&[folder.path()], 2, 10_000);
        let block = 4096;
        assert_eq!(standing(&corpus, &[0], block), Space::default());
        let path = corpus.place(1);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, vec![0; 5000]).unwrap();
        assert_eq!(standing(&corpus, &[0], block), Space { bytes: 8192, inodes: 1 });
    }

    #[test]
    fn a_root_that_is_not_there_is_named() {
        let error = check(&corpus(&[Path::new("/nowhere/dev1")], 1, 1)).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/dev1: No such file"), "{error}");
    }
}
