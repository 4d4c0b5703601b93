//! How several generators begin at once, and how each knows whether any still has somebody to ask.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use spindle_core::clock::monotonic_ns;

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

    /// Waits for all others: when they begin, by the clock of every core. None where one of them cannot.
    pub(super) fn meet(&self) -> Option<u64> {
        self.change(|state| match state {
            State::Awaited(..=1) => State::BegunAt(monotonic_ns()),
            State::Awaited(more) => State::Awaited(more - 1),
            known => known,
        });
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = |state: &mut State| matches!(state, State::Awaited(_));
        match *self.changed.wait_while(state, is_open).unwrap_or_else(PoisonError::into_inner) {
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

/// Generators that have a connection left.
#[derive(Debug)]
pub(super) struct Connected(AtomicUsize);

impl Connected {
    pub(super) fn of(generators: usize) -> Connected {
        Connected(AtomicUsize::new(generators))
    }

    /// Once for each that has lost its last one.
    pub(super) fn note_lost(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_begin_at_the_same_time() {
        let start = Start::of(3);
        let begun: Vec<Option<u64>> = std::thread::scope(|scope| {
            let meeting: Vec<_> = (0..3).map(|_| scope.spawn(|| start.meet())).collect();
            meeting.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(begun[0].is_some() && begun.windows(2).all(|pair| pair[0] == pair[1]), "{begun:?}");
    }

    #[test]
    fn nobody_waits_for_one_that_cannot_begin() {
        let start = Start::of(3);
        std::thread::scope(|scope| {
            let meeting = [(); 2].map(|()| scope.spawn(|| start.meet()));
            start.fail();
            assert_eq!(meeting.map(|one| one.join().unwrap()), [None, None]);
        });
        assert_eq!(start.meet(), None);
    }
}
