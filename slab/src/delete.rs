//! delete, and the meta delete's gentler forms.
#![forbid(unsafe_code)]

use crate::clock::{Expiry, Seconds};
use crate::item::{Mark, Shape};
use crate::key::Key;
use crate::shard::{Shard, Starved};
use crate::slabs::Emptied;
use crate::store::Birth;

/// What becomes of the item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeleteMode {
    #[default]
    Remove,
    /// Stays readable, marked stale, with a new id; the next reader wins the token (meta `I`, with `T`).
    MarkStale { expiry: Option<Expiry> },
    /// Becomes an empty item without flags (meta `x`), stale or not. Without a given id a fresh one keeps its id.
    Empty { expiry: Expiry, stale: bool },
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Delete {
    /// Only if this is the item's compare-and-swap id.
    pub compare: Option<u64>,
    /// The new id where the item stays.
    pub cas: Option<u64>,
    pub mode: DeleteMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    Deleted,
    NotFound,
    /// `compare` is not the item's id.
    Exists,
    /// No memory for an empty item.
    OutOfMemory,
}

impl Shard {
    pub(crate) fn delete(&mut self, key: &Key<'_>, delete: &Delete, now: Seconds) -> Result<Deleted, Starved> {
        self.work(now);
        let Some((slot, item)) = self.find(key, now) else { return Ok(Deleted::NotFound) };
        let cas = self.slabs.heap.header(item).word;
        if delete.compare.is_some_and(|compare| compare != cas) {
            return Ok(Deleted::Exists);
        }
        match delete.mode {
            DeleteMode::Remove => self.remove(slot, item, Emptied::Release),
            DeleteMode::MarkStale { expiry } => {
                let cas = self.new_cas(delete.cas);
                let header = self.slabs.heap.header_mut(item);
                header.word = cas;
                header.expiry = expiry.map_or(header.expiry, |expiry| expiry.0);
                header.meta = header.meta.with(Mark::Stale, true).with(Mark::TokenSent, false);
            }
            DeleteMode::Empty { expiry, stale } => {
                let cas = match (delete.cas, stale) {
                    (Some(cas), _) => cas,
                    (None, true) => self.next_cas(),
                    (None, false) => cas,
                };
                let shape = Shape { key: key.bytes, form: key.form, flags: 0, len: 0 };
                let birth = Birth { cas, expiry, stale, token_sent: false };
                self.put(key.hash, Some((slot, item)), &shape, &[], birth, now)?;
            }
        }
        Ok(Deleted::Deleted)
    }
}
