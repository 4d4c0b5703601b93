//! Reads every file, and says which are not as they were written.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use super::crew::{Hand, Progress, Tally, over_all};
use super::{Corpus, CorpusError, PIECE, VERSION};
use crate::describe::{Fault, Known, Object, Part, Reading};

/// So many damaged files are named.
const NAMED_MAX: usize = 10;

/// What came of it.
#[derive(Debug, Default)]
pub struct Checked {
    pub files: u64,
    /// Read.
    pub bytes: u64,
    pub missing: u64,
    pub unreadable: u64,
    /// Too short or too long.
    pub of_wrong_length: u64,
    /// Of other bytes than were written.
    pub corrupt: u64,
    /// With another file's bytes, or another seed's.
    pub swapped: u64,
    /// The first of them, in the order of their numbers.
    pub damaged: Vec<Damaged>,
}

/// A file that is not as it was written.
#[derive(Debug)]
pub struct Damaged {
    pub index: u64,
    pub path: PathBuf,
    pub damage: Damage,
}

#[derive(Debug)]
pub enum Damage {
    Missing,
    Unreadable(io::Error),
    Wrong(Fault),
}

impl fmt::Display for Damaged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.path.display())?;
        match &self.damage {
            Damage::Missing => formatter.write_str("missing"),
            Damage::Unreadable(error) => write!(formatter, "unreadable: {error}"),
            Damage::Wrong(fault) => fault.fmt(formatter),
        }
    }
}

impl Checked {
    /// Files that are not as they were written.
    pub fn bad(&self) -> u64 {
        self.missing + self.unreadable + self.of_wrong_length + self.corrupt + self.swapped
    }

    fn note(&mut self, damaged: Damaged) {
        let counter = match &damaged.damage {
            Damage::Missing => &mut self.missing,
            Damage::Unreadable(_) => &mut self.unreadable,
            Damage::Wrong(Fault::Length { .. }) => &mut self.of_wrong_length,
            Damage::Wrong(Fault::Swapped { .. }) => &mut self.swapped,
            // There are no two versions of a file: whatever else is wrong with it is bytes that nobody wrote.
            Damage::Wrong(_) => &mut self.corrupt,
        };
        *counter += 1;
        if self.damaged.len() < NAMED_MAX {
            self.damaged.push(damaged);
        }
    }

    fn join(&mut self, other: Checked) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.missing += other.missing;
        self.unreadable += other.unreadable;
        self.of_wrong_length += other.of_wrong_length;
        self.corrupt += other.corrupt;
        self.swapped += other.swapped;
        self.damaged.extend(other.damaged);
        self.damaged.sort_by_key(|damaged| damaged.index);
        self.damaged.truncate(NAMED_MAX);
    }
}

/// Reads all files with so many threads, one at least. Damage is no error: it is what was asked for.
///
/// # Errors
/// No thread can be started.
pub fn check(corpus: &Corpus, threads: usize, watch: impl FnMut(&Progress)) -> Result<Checked, CorpusError> {
    let checker = |_| Checker { corpus, piece: vec![0; PIECE], checked: Checked::default() };
    let checkers = over_all(corpus.files, (0..threads.max(1)).map(checker).collect(), watch)?;
    let mut checked = Checked::default();
    checkers.into_iter().for_each(|checker| checked.join(checker.checked));
    Ok(checked)
}

struct Checker<'a> {
    corpus: &'a Corpus,
    piece: Vec<u8>,
    checked: Checked,
}

impl Hand for Checker<'_> {
    fn file(&mut self, index: u64, tally: &Tally) -> Result<(), CorpusError> {
        self.checked.files += 1;
        let path = self.corpus.place(index);
        let damage = match self.read(&path, &self.corpus.object(index), tally) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(fault)) => Damage::Wrong(fault),
            Err(error) if error.kind() == ErrorKind::NotFound => Damage::Missing,
            Err(error) => Damage::Unreadable(error),
        };
        self.checked.note(Damaged { index, path, damage });
        Ok(())
    }
}

impl Checker<'_> {
    fn read(&mut self, path: &Path, object: &Object, tally: &Tally) -> io::Result<Result<(), Fault>> {
        let mut file = File::open(path)?;
        let mut reading = Reading::new(object.key, object.seed, Part::Whole);
        loop {
            let length = match file.read(&mut self.piece) {
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read?,
            };
            reading.take(&self.piece[..length]);
            self.checked.bytes += length as u64;
            tally.bytes.fetch_add(length as u64, Relaxed);
        }
        let known = Known { oldest: VERSION, newest: VERSION };
        Ok(reading.end(known, |_| object.length).map(|_| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_all_are_counted() {
        let missing = |index: u64| Damaged { index, path: index.to_string().into(), damage: Damage::Missing };
        let mut all = Checked::default();
        for thread in 0..2 {
            let mut checked = Checked::default();
            (0..20).map(|number| 2 * number + thread).for_each(|index| checked.note(missing(index)));
            all.join(checked);
        }
        assert_eq!((all.bad(), all.missing), (40, 40));
        let named: Vec<u64> = all.damaged.iter().map(|damaged| damaged.index).collect();
        assert_eq!(named, (0..10).collect::<Vec<u64>>());
        assert_eq!(all.damaged[3].to_string(), "3: missing");
    }
}
