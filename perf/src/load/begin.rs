//! How several generators begin at once, and end at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use spindle_core::clock::monotonic_ns;

use super::stop::{LOOK_AGAIN, Stop};

/// How long the others take to wake up and make ready.
const WAKING_NS: u64 = 5_000_000;

/// Where generators wait for each other.
#[derive(Debug)]
pub(super) struct Start {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
enum State {
    /// So many are still to come.
    Awaited(usize),
    BegunAt(u64),
    Failed,
}

impl Start {
    pub(super) fn of(generators: usize) -> Start {
        Start { state: Mutex::new(State::Awaited(generators)), changed: Condvar::new() }
    }

    /// Waits for all others: when they begin, by the clock of every core. None where one of them cannot, or the run is to end
    /// before.
    pub(super) fn meet(&self, stop: &Stop) -> Option<u64> {
        self.change(|state| match state {
            State::Awaited(..=1) => State::BegunAt(monotonic_ns() + WAKING_NS),
            State::Awaited(more) => State::Awaited(more - 1),
            known => known,
        });
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let State::Awaited(_) = *state {
            if stop.is_asked() {
                *state = State::Failed;
            }
            let waited = self.changed.wait_timeout(state, LOOK_AGAIN);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match *state {
            State::BegunAt(at_ns) => Some(at_ns),
            State::Awaited(_) | State::Failed => None,
        }
    }

    /// A generator cannot begin. Where all have begun, this changes nothing.
    pub(super) fn fail(&self) {
        self.change(|state| match state {
            State::Awaited(_) => State::Failed,
            known => known,
        });
    }

    fn change(&self, change: impl FnOnce(State) -> State) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = change(std::mem::replace(&mut *state, State::Failed));
        self.changed.notify_all();
    }
}

/// What ends a run before its time.
#[derive(Debug)]
pub(super) struct Ending {
    /// Generators that have a connection left.
    connected: AtomicUsize,
    /// When all stop: the first one that hears of it says so.
    stop_ns: OnceLock<u64>,
}

impl Ending {
    pub(super) fn of(generators: usize) -> Ending {
        Ending { connected: AtomicUsize::new(generators), stop_ns: OnceLock::new() }
    }

    /// Once for each that has lost its last connection.
    pub(super) fn note_lost(&self) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn has_anybody(&self) -> bool {
        self.connected.load(Ordering::Relaxed) > 0
    }

    /// When to stop: late enough for all to hear of it before.
    pub(super) fn stop_ns(&self, now_ns: u64) -> u64 {
        *self.stop_ns.get_or_init(|| now_ns + 2 * LOOK_AGAIN.as_nanos() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_begin_at_the_same_time() {
        let start = Start::of(3);
        let begun: Vec<Option<u64>> = std::thread::scope(|scope| {
            let meeting: Vec<_> = (0..3).map(|_| scope.spawn(|| start.meet(&Stop::default()))).collect();
            meeting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(begun[0].is_some() && begun.windows(2).all(|pair| pair[0] == pair[1]), "{begun:?}");
    }

    #[test]
    fn nobody_waits_for_one_that_cannot_begin() {
        let start = Start::of(3);
        std::thread::scope(|scope| {
            let meeting = [(); 2].map(|()| scope.spawn(|| start.meet(&Stop::default())));
            start.fail();
            assert_eq!(meeting.map(|one| one.join().unwrap()), [None, None]);
        });
        assert_eq!(start.meet(&Stop::default()), None);
    }

    #[test]
    fn who_waits_for_the_others_hears_that_the_run_is_to_end() {
        let (start, stop) = (Start::of(2), Stop::default());
        std::thread::scope(|scope| {
            let meeting = scope.spawn(|| start.meet(&stop));
            stop.ask();
            assert_eq!(meeting.join().unwrap(), None);
        });
    }

    #[test]
    fn all_stop_when_the_first_one_says() {
        let ending = Ending::of(2);
        let first_ns = ending.stop_ns(1000);
        assert!(first_ns > 1000 && ending.stop_ns(5000) == first_ns);
    }
}
