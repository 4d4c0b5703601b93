//! What increments may be answered. Every one counts by one, and none may be forgotten or made up.

use crate::describe::{Fault, Removal};
use crate::share::Share;

/// Counters of a class, at most: each is counted often enough then to tell something.
const COUNTERS_MAX: u64 = 1 << 16;

/// How many counters a class has, for so many keys.
pub(super) fn counters_for(keys: u64) -> u64 {
    keys.min(COUNTERS_MAX)
}

/// The counters of a class, or of a generator's share of it.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    counters: Vec<Counter>,
    share: Share,
    removal: Removal,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    asked: u64,
    acknowledged: u64,
    /// The highest number answered.
    highest: u64,
    floor: Floor,
}

/// Whether a counter is known to have counted all that it was asked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Floor {
    #[default]
    Known,
    /// It was removed, and began at zero again.
    Unknown,
}

/// What has to be remembered of an increment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) struct Increment {
    pub(super) counter: u64,
    at_least: u64,
}

impl Counters {
    /// All of them at zero. `count`: of all generators together.
    pub(super) fn new(count: u64, share: Share, removal: Removal) -> Counters {
        Counters { counters: vec![Counter::default(); share.count_of(count) as usize], share, removal }
    }

    fn counter(&mut self, number: u64) -> &mut Counter {
        &mut self.counters[self.share.index_of(number)]
    }

    /// An increment of the counter that goes with a key is to be sent. There is one at least.
    pub(super) fn ask(&mut self, key: u64) -> Increment {
        let number = self.share.key_at(self.share.index_of(key) as u64 % self.counters.len() as u64);
        let counter = self.counter(number);
        counter.asked += 1;
        Increment { counter: number, at_least: counter.acknowledged.max(counter.highest) + 1 }
    }

    /// An increment was answered.
    pub(super) fn counted(&mut self, increment: Increment, number: u64) -> Result<(), Fault> {
        let Counter { asked, acknowledged, highest, floor } = self.counter(increment.counter);
        if number > *asked {
            return Err(Fault::Overcounted { number, asked: *asked });
        }
        if *floor == Floor::Unknown {
            return if number > 0 { Ok(()) } else { Err(Fault::Uncounted { number, at_least: 1 }) };
        }
        *acknowledged += 1;
        *highest = number.max(*highest);
        let at_least = increment.at_least;
        if number >= at_least { Ok(()) } else { Err(Fault::Uncounted { number, at_least }) }
    }

    /// A counter was not there. It is to begin at zero again, and is no loss before it has.
    pub(super) fn missed(&mut self, increment: Increment) -> Result<(), Fault> {
        let removal = self.removal;
        let floor = std::mem::replace(&mut self.counter(increment.counter).floor, Floor::Unknown);
        match (floor, removal) {
            (Floor::Known, Removal::Never) => Err(Fault::LostCounter { counted: increment.at_least - 1 }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_increments_under_way_can_make() {
        let mut counters = Counters::new(1, Share::WHOLE, Removal::Never);
        let (first, second) = (counters.ask(0), counters.ask(7));
        assert_eq!(counters.counted(second, 1), Ok(()));
        assert_eq!(counters.counted(first, 2), Ok(()));
        let third = counters.ask(0);
        assert_eq!(counters.counted(third, 4), Err(Fault::Overcounted { number: 4, asked: 3 }));
        let fourth = counters.ask(0);
        assert_eq!(counters.counted(fourth, 2), Err(Fault::Uncounted { number: 2, at_least: 3 }));
    }

    #[test]
    fn answers_that_come_late_say_nothing_of_those_that_came_before() {
        let mut counters = Counters::new(1, Share::WHOLE, Removal::Never);
        let five = [(); 5].map(|()| counters.ask(0));
        assert_eq!(counters.counted(five[4], 5), Ok(()));
        for (increment, number) in five.into_iter().zip(1..=4) {
            assert_eq!(counters.counted(increment, number), Ok(()));
        }
        let next = counters.ask(0);
        assert_eq!(counters.counted(next, 6), Ok(()));
    }

    #[test]
    fn one_that_is_forgotten_is_missed_by_the_next() {
        let mut counters = Counters::new(1, Share::WHOLE, Removal::Never);
        let (first, second) = (counters.ask(0), counters.ask(0));
        assert_eq!(counters.counted(first, 1), Ok(()));
        assert_eq!(counters.counted(second, 1), Ok(()), "which of the two is wrong cannot be told yet");
        let third = counters.ask(0);
        assert_eq!(counters.counted(third, 2), Err(Fault::Uncounted { number: 2, at_least: 3 }));
    }

    #[test]
    fn a_counter_that_was_lost_may_count_from_zero_and_not_beyond_what_was_asked() {
        let mut counters = Counters::new(1, Share::WHOLE, Removal::Never);
        for number in 1..=5 {
            let increment = counters.ask(0);
            assert_eq!(counters.counted(increment, number), Ok(()));
        }
        let (gone, under_way) = (counters.ask(0), counters.ask(0));
        assert_eq!(counters.missed(gone), Err(Fault::LostCounter { counted: 5 }));
        assert_eq!(counters.counted(under_way, 1), Ok(()));
        let next = counters.ask(0);
        assert_eq!(counters.counted(next, 2), Ok(()));
        assert_eq!(counters.counted(next, 9), Err(Fault::Overcounted { number: 9, asked: 8 }));
        assert_eq!(counters.counted(next, 0), Err(Fault::Uncounted { number: 0, at_least: 1 }));
        assert_eq!(counters.missed(next), Ok(()), "it was missed before");
    }

    #[test]
    fn a_counter_that_may_be_removed_is_no_loss() {
        let mut counters = Counters::new(1, Share::WHOLE, Removal::Allowed);
        let increment = counters.ask(0);
        assert_eq!(counters.missed(increment), Ok(()));
    }
}
