//! The unique numbers that a server gives to what is stored, and that a compare-and-swap compares.

use std::num::{NonZeroU32, NonZeroU64};

use crate::describe::{Fault, Known};
use crate::share::Share;

/// The last unique number seen of every key: sixteen bytes each, where the mix has any compare-and-swap.
#[derive(Clone, Debug)]
pub(super) struct Uniques {
    seen: Vec<Option<Seen>>,
    share: Share,
}

/// What was seen under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) struct Seen {
    unique: NonZeroU64,
    /// Where the value was checked.
    version: Option<NonZeroU32>,
    settled: Settled,
}

/// Whether what was seen can have been replaced by an older version, of a write that was under way with its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    No,
    Yes,
}

impl Uniques {
    pub(super) fn new(keys: u64, share: Share) -> Uniques {
        Uniques { seen: vec![None; share.count_of(keys) as usize], share }
    }

    /// A value was read whose version was found out, or not.
    pub(super) fn note(&mut self, key: u64, unique: u64, version: Option<u32>, known: Known) {
        let settled = if version == Some(known.oldest) { Settled::Yes } else { Settled::No };
        let version = version.and_then(NonZeroU32::new);
        // A server may tell numbers that it was not asked for.
        if let (Some(unique), Some(seen)) = (NonZeroU64::new(unique), self.seen.get_mut(self.share.index_of(key))) {
            *seen = Some(Seen { unique, version, settled });
        }
    }

    /// What was seen of a key, once: a compare-and-swap makes another number of it.
    pub(super) fn take(&mut self, key: u64) -> Option<Seen> {
        self.seen[self.share.index_of(key)].take()
    }
}

impl Seen {
    pub(super) fn unique(&self) -> u64 {
        self.unique.get()
    }

    /// A compare-and-swap with it was done. `oldest` is the oldest version that can have been there when it was sent.
    pub(super) fn check_stored(&self, oldest: u32) -> Result<(), Fault> {
        match self.version {
            Some(seen) if seen.get() < oldest => Err(Fault::Overwritten { seen: seen.get(), oldest }),
            _ => Ok(()),
        }
    }

    /// A compare-and-swap of `version` with it found another number there, though no other write was under way.
    pub(super) fn check_exists(&self, version: u32) -> Result<(), Fault> {
        match self.version {
            Some(seen) if self.settled == Settled::Yes && seen.get() + 1 == version => {
                Err(Fault::Unasked { seen: seen.get() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(version: Option<u32>, oldest: u32) -> Seen {
        let mut uniques = Uniques::new(2, Share::WHOLE);
        uniques.note(1, 99, version, Known { oldest, newest: 9 });
        let seen = uniques.take(1).unwrap();
        assert_eq!((seen.unique(), uniques.take(1), uniques.take(0)), (99, None, None));
        seen
    }

    #[test]
    fn what_was_replaced_cannot_be_compared_with() {
        assert_eq!(seen(Some(3), 3).check_stored(3), Ok(()));
        assert_eq!(seen(Some(3), 3).check_stored(4), Err(Fault::Overwritten { seen: 3, oldest: 4 }));
        assert_eq!(seen(None, 3).check_stored(4), Ok(()), "nobody knows what it was");
    }

    #[test]
    fn what_nobody_replaced_must_still_be_there() {
        assert_eq!(seen(Some(3), 3).check_exists(4), Err(Fault::Unasked { seen: 3 }));
        assert_eq!(seen(Some(3), 3).check_exists(5), Ok(()), "version 4 replaced it");
        assert_eq!(seen(Some(3), 2).check_exists(4), Ok(()), "version 2 was under way with it");
        assert_eq!(seen(None, 3).check_exists(4), Ok(()));
    }
}
