//! Moves files out of the page cache, or into it.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::syncfs;

use super::crew::{Hand, Progress, Tally, over_all};
use super::{Corpus, CorpusError, PIECE};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temperature {
    /// On disk alone.
    Cold,
    /// In the page cache, as much as that holds.
    Warm,
}

/// Makes all files cold or warm with so many threads, one at least. The kernel need not obey: [`super::residency`] says what
/// came of it.
///
/// # Errors
/// A file cannot be read or synced.
pub fn set_temperature(
    corpus: &Corpus,
    temperature: Temperature,
    threads: usize,
    watch: impl FnMut(&Progress),
) -> Result<(), CorpusError> {
    if temperature == Temperature::Cold {
        // What is not on disk cannot be dropped. One sync of a filesystem does what one of each file would, in less time.
        for root in &corpus.roots {
            let synced = File::open(root).and_then(|root| Ok(syncfs(root)?));
            synced.map_err(|error| CorpusError::File { path: root.clone(), error })?;
        }
    }
    let mover = |_| Mover { corpus, temperature, piece: vec![0; PIECE] };
    over_all(corpus.files, (0..threads.max(1)).map(mover).collect(), watch).map(|_| ())
}

/// Whether the files under a root have no disk to be cold on.
pub fn lies_in_memory(root: &Path) -> bool {
    statfs(root).is_ok_and(|filesystem| filesystem.filesystem_type() == TMPFS_MAGIC)
}

struct Mover<'a> {
    corpus: &'a Corpus,
    temperature: Temperature,
    piece: Vec<u8>,
}

impl Hand for Mover<'_> {
    fn file(&mut self, index: u64, tally: &Tally) -> Result<(), CorpusError> {
        let path = self.corpus.place(index);
        let moved = File::open(&path).and_then(|file| match self.temperature {
            Temperature::Cold => Ok(posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?),
            Temperature::Warm => self.read(file, tally),
        });
        moved.map_err(|error| CorpusError::File { path, error })
    }
}

impl Mover<'_> {
    fn read(&mut self, mut file: File, tally: &Tally) -> io::Result<()> {
        loop {
            match file.read(&mut self.piece) {
                Ok(0) => return Ok(()),
                Ok(length) => tally.bytes.fetch_add(length as u64, Relaxed),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
        }
    }
}
