//! What was asked, and what has to be remembered of it until it is answered.

use super::answer::Question;
use super::counters::Increment;
use super::multiget::Multiget;
use super::stock::{Before, Checked, Look, Store};
use super::uniques::Seen;
use crate::load::Operation;

#[derive(Debug)]
pub(in crate::load) enum Asked {
    One(Single),
    Several(Box<Multiget>),
}

/// A request that is answered in one piece.
#[derive(Clone, Debug)]
pub(in crate::load) enum Single {
    Get {
        look: Look,
        checked: Checked,
    },
    Set(Store),
    Cas(Box<Swap>),
    Delete {
        look: Look,
        before: Before,
    },
    Touch {
        look: Look,
        ttl_s: u32,
    },
    Incr(Increment),
    /// A counter at zero, if there is none.
    Add {
        counter: u64,
    },
}

/// A compare-and-swap.
#[derive(Clone, Copy, Debug)]
pub(in crate::load) struct Swap {
    pub(super) look: Look,
    pub(super) before: Before,
    pub(super) store: Store,
    pub(super) seen: Seen,
}

// Millions of gets a second pass through queues as this: what is larger and rarer has a box.
const _: () = assert!(size_of::<Asked>() <= 56);

impl Asked {
    #[inline]
    pub(super) fn operation(&self) -> Operation {
        let Asked::One(single) = self else { return Operation::Multiget };
        match single {
            Single::Get { .. } => Operation::Get,
            Single::Set(_) => Operation::Set,
            Single::Cas(_) => Operation::Cas,
            Single::Delete { .. } => Operation::Delete,
            Single::Touch { .. } => Operation::Touch,
            Single::Incr(_) => Operation::Incr,
            Single::Add { .. } => Operation::Add,
        }
    }
}

impl Single {
    pub(super) fn question(&self) -> Question {
        match self {
            Single::Get { .. } => Question::Get,
            Single::Set(_) | Single::Cas(_) | Single::Add { .. } => Question::Store,
            Single::Delete { .. } => Question::Delete,
            Single::Touch { .. } => Question::Touch,
            Single::Incr(_) => Question::Incr,
        }
    }
}
