//! What was asked, and what has to be remembered of it until it is answered.

use super::answer::Question;
use super::counters::Increment;
use super::multiget::Multiget;
use super::stock::{Before, Checked, Look, Store};
use super::uniques::Seen;

#[derive(Debug)]
pub(in crate::load) enum Asked {
    One(Single),
    Several(Multiget),
}

/// A request that is answered in one piece.
#[derive(Clone, Copy, Debug)]
pub(in crate::load) enum Single {
    Get {
        look: Look,
        checked: Checked,
    },
    Set(Store),
    Cas {
        look: Look,
        before: Before,
        store: Store,
        seen: Seen,
    },
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

impl Single {
    pub(super) fn question(&self) -> Question {
        match self {
            Single::Get { .. } => Question::Get,
            Single::Set(_) | Single::Cas { .. } | Single::Add { .. } => Question::Store,
            Single::Delete { .. } => Question::Delete,
            Single::Touch { .. } => Question::Touch,
            Single::Incr(_) => Question::Incr,
        }
    }
}
