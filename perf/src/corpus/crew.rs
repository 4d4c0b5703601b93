//! Several threads go over all files of a corpus, and somebody watches.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::CorpusError;

/// How often it is said how far they are.
const EVERY: Duration = Duration::from_secs(1);

/// How far it is, once a second.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub elapsed: Duration,
    /// Done with, of all.
    pub files: u64,
    pub files_left: u64,
    /// Written or read.
    pub bytes: u64,
    /// Since the time before.
    pub files_per_second: f64,
    pub bytes_per_second: f64,
}

/// What all threads count.
#[derive(Default)]
pub(super) struct Tally {
    files: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// What one thread does.
pub(super) trait Hand: Send {
    /// With one file. An error ends the work of all.
    fn file(&mut self, index: u64, tally: &Tally) -> Result<(), CorpusError>;
}

/// Each hand takes a thread, and every file whose number divided by the number of hands leaves its own: with a hand for
/// every root, or several, none has to do with two disks. Those who have done all files come back.
pub(super) fn over_all<H: Hand>(
    files: u64,
    hands: Vec<H>,
    mut watch: impl FnMut(&Progress),
) -> Result<Vec<H>, CorpusError> {
    let (tally, stop, count) = (Tally::default(), AtomicBool::new(false), hands.len());
    let (gone, all_gone) = mpsc::channel();
    thread::scope(|scope| {
        let start = |(first, hand): (usize, H)| {
            let (numbers, gone) = ((first as u64..files).step_by(count), gone.clone());
            let (tally, stop) = (&tally, &stop);
            thread::Builder::new().spawn_scoped(scope, move || work(hand, numbers, tally, stop, gone))
        };
        let started: Result<Vec<_>, _> = hands.into_iter().enumerate().map(start).collect();
        let threads = started.map_err(|error| {
            stop.store(true, Relaxed);
            CorpusError::Thread(error)
        })?;
        drop(gone);
        let mut watched = Watched { began: Instant::now(), seen: Duration::ZERO, files: 0, bytes: 0 };
        while let Err(RecvTimeoutError::Timeout) = all_gone.recv_timeout(EVERY) {
            watch(&watched.look(&tally, files));
        }
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// `_gone` says so to whoever watches, when it is dropped.
fn work<H: Hand>(
    mut hand: H,
    numbers: impl Iterator<Item = u64>,
    tally: &Tally,
    stop: &AtomicBool,
    _gone: Sender<Infallible>,
) -> Result<H, CorpusError> {
    for index in numbers {
        if stop.load(Relaxed) {
            break;
        }
        hand.file(index, tally).inspect_err(|_| stop.store(true, Relaxed))?;
        tally.files.fetch_add(1, Relaxed);
    }
    Ok(hand)
}

/// What was seen the time before.
struct Watched {
    began: Instant,
    seen: Duration,
    files: u64,
    bytes: u64,
}

impl Watched {
    fn look(&mut self, tally: &Tally, of: u64) -> Progress {
        let (elapsed, files, bytes) = (self.began.elapsed(), tally.files.load(Relaxed), tally.bytes.load(Relaxed));
        let seconds = (elapsed - self.seen).as_secs_f64();
        let progress = Progress {
            elapsed,
            files,
            files_left: of - files,
            bytes,
            files_per_second: (files - self.files) as f64 / seconds,
            bytes_per_second: (bytes - self.bytes) as f64 / seconds,
        };
        (self.seen, self.files, self.bytes) = (elapsed, files, bytes);
        progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps what it was given, and fails at one of them.
    struct Keeper {
        kept: Vec<u64>,
        fails_at: u64,
    }

    impl Hand for Keeper {
        fn file(&mut self, index: u64, _: &Tally) -> Result<(), CorpusError> {
            self.kept.push(index);
            match index == self.fails_at {
                true => Err(CorpusError::Foreign { path: index.to_string().into() }),
                false => Ok(()),
            }
        }
    }

    fn keepers(count: usize, fails_at: u64) -> Vec<Keeper> {
        (0..count).map(|_| Keeper { kept: Vec::new(), fails_at }).collect()
    }

    #[test]
    fn every_file_has_one_hand() {
        for count in [1, 2, 3, 20] {
            let hands = over_all(10, keepers(count, u64::MAX), |_| ()).unwrap();
            let mut kept: Vec<u64> = hands.into_iter().flat_map(|hand| hand.kept).collect();
            kept.sort_unstable();
            assert_eq!(kept, (0..10).collect::<Vec<u64>>(), "{count} hands");
        }
        let hands = over_all(7, keepers(2, u64::MAX), |_| ()).unwrap();
        assert_eq!(hands[1].kept, [1, 3, 5]);
    }

    /// The other hand would take long without the stop.
    #[test]
    fn an_error_ends_the_work_of_all() {
        let Err(error) = over_all(super::super::FILES_MAX, keepers(2, 0), |_| ()) else { panic!("no error") };
        assert!(error.to_string().starts_with("0 is there already"), "{error}");
    }

    #[test]
    fn rates_are_of_the_time_since_the_last_look() {
        let (tally, began) = (Tally::default(), Instant::now());
        tally.files.store(300, Relaxed);
        let mut watched = Watched { began, seen: Duration::ZERO, files: 300, bytes: 0 };
        let idle = watched.look(&tally, 1000);
        assert_eq!((idle.files, idle.files_left, idle.files_per_second), (300, 700, 0.0));
    }
}
