//! Makes the files that are not there, and those anew that are not whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use super::crew::{Hand, Progress, Tally, over_all};
use super::{Corpus, CorpusError, PIECE, layout, room};
use crate::describe::{HEADER, Object, fill};

/// What a written file can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process.
    Process,
    /// The end of the machine: every file is synced, those that were there already too, and then every folder.
    Machine,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Made or made anew.
    pub files: u64,
    /// In those.
    pub bytes: u64,
    /// Were there, of the right length and with the right beginning.
    pub kept: u64,
}

/// What lies where a file belongs. A file grows from its beginning, so one whose writing was cut off is too short.
enum Standing {
    Nothing,
    Whole(File),
    /// Cut off, or the same file of another corpus.
    Unfinished,
    Foreign,
}

/// Writes all files with so many threads, one at least. It goes on where an earlier run has ended.
///
/// # Errors
/// There is no room, before anything is written; or a file cannot be written, or is not a corpus's to write.
pub fn write(
    corpus: &Corpus,
    durability: Durability,
    threads: usize,
    watch: impl FnMut(&Progress),
) -> Result<Written, CorpusError> {
    room::check(corpus)?;
    let writer = |_| Writer { corpus, durability, piece: vec![0; PIECE], written: Written::default() };
    let writers = over_all(corpus.files, (0..threads.max(1)).map(writer).collect(), watch)?;
    if durability == Durability::Machine {
        sync_folders(corpus)?;
    }
    Ok(writers.iter().fold(Written::default(), |sum, Writer { written, .. }| Written {
        files: sum.files + written.files,
        bytes: sum.bytes + written.bytes,
        kept: sum.kept + written.kept,
    }))
}

struct Writer<'a> {
    corpus: &'a Corpus,
    durability: Durability,
    piece: Vec<u8>,
    written: Written,
}

impl Hand for Writer<'_> {
    fn file(&mut self, index: u64, tally: &Tally) -> Result<(), CorpusError> {
        let (path, object) = (self.corpus.place(index), self.corpus.object(index));
        let fault = |error| CorpusError::File { path: path.clone(), error };
        let file = match standing(&path, &object).map_err(fault)? {
            Standing::Foreign => return Err(CorpusError::Foreign { path }),
            Standing::Whole(file) => {
                self.written.kept += 1;
                file
            }
            Standing::Nothing | Standing::Unfinished => {
                let file = self.write(&path, &object, tally).map_err(fault)?;
                self.written.files += 1;
                self.written.bytes += object.length;
                file
            }
        };
        match self.durability {
            Durability::Process => Ok(()),
            Durability::Machine => file.sync_all().map_err(fault),
        }
    }
}

impl Writer<'_> {
    fn write(&mut self, path: &Path, object: &Object, tally: &Tally) -> io::Result<File> {
        let mut file = create(path)?;
        let mut at = 0;
        while at < object.length {
            let length = (object.length - at).min(PIECE as u64);
            let piece = &mut self.piece[..length as usize];
            fill(object, at, piece);
            file.write_all(piece)?;
            tally.bytes.fetch_add(length, Relaxed);
            at += length;
        }
        Ok(file)
    }
}

/// Most files find their folder made.
fn create(path: &Path) -> io::Result<File> {
    match (File::create(path), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == ErrorKind::NotFound => {
            std::fs::create_dir_all(folder)?;
            File::create(path)
        }
        (created, _) => created,
    }
}

/// The length alone would take a file of another seed for this one, so the beginning is read, too.
fn standing(path: &Path, object: &Object) -> io::Result<Standing> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Standing::Nothing),
        opened => opened?,
    };
    let length = file.metadata()?.len();
    let mut found = Vec::with_capacity(HEADER);
    (&file).take(HEADER as u64).read_to_end(&mut found)?;
    let mut expected = [0; HEADER];
    let expected = &mut expected[..object.length.min(HEADER as u64) as usize];
    fill(object, 0, expected);
    let is_of_this = expected.starts_with(&found);
    let is_of_another = || Object::read(&found).is_some_and(|other| other.key == object.key);
    Ok(match is_of_this {
        true if length == object.length => Standing::Whole(file),
        true => Standing::Unfinished,
        false if is_of_another() => Standing::Unfinished,
        false => Standing::Foreign,
    })
}

/// So that the names are there after a power cut, too.
fn sync_folders(corpus: &Corpus) -> Result<(), CorpusError> {
    let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
    let mut last = vec![None; corpus.roots.len()];
    for index in 0..corpus.files {
        let of_root = &mut last[(index % corpus.roots.len() as u64) as usize];
        if of_root.replace(index / layout::FOLDER) != Some(index / layout::FOLDER) {
            // A folder, the two that it lies in, and the root.
            folders.extend(corpus.place(index).ancestors().skip(1).take(4).map(Path::to_owned));
        }
    }
    for path in folders {
        let synced = File::open(&path).and_then(|folder| folder.sync_all());
        synced.map_err(|error| CorpusError::File { path, error })?;
    }
    Ok(())
}
