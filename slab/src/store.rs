//! set, add, replace and cas, with the meta protocol's variants of them; the rules of append and prepend, see `join`.
#![forbid(unsafe_code)]

use crate::clock::{Expiry, Seconds};
use crate::item::{ItemRef, Mark, Shape};
use crate::key::Key;
use crate::shard::{Shard, Starved};
use crate::table::Slot;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreMode {
    #[default]
    Set,
    /// Only if the key has no item.
    Add,
    /// Only if it has one.
    Replace,
    /// Behind the item's value; flags and expiry stay.
    Append,
    /// In front of it.
    Prepend,
}

/// What a store with an outdated `compare` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outdated {
    #[default]
    Refuse,
    /// Stores if the id is lower than the item's, and marks the item stale (meta `I`): expiry and token stay.
    StoreStale,
}

/// How to store. The default is a plain `set` without flags or end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Store {
    pub mode: StoreMode,
    /// The client's flags.
    pub flags: u32,
    pub expiry: Expiry,
    /// Store only over this compare-and-swap id. `Set` and `Replace` then need an item, as `cas` does.
    pub compare: Option<u64>,
    /// The new id; none: the next of the cache's own.
    pub cas: Option<u64>,
    pub outdated: Outdated,
    /// `Append` and `Prepend` to a missing item make one with this expiry.
    pub vivify: Option<Expiry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    /// The mode's condition does not hold.
    NotStored,
    /// `compare` is not the item's id.
    Exists,
    /// `compare` was given and there is no item.
    NotFound,
    /// Beyond the item limit, also of what an append would make; or the key is too long. The old item is still there:
    /// memcached deletes it for `set`.
    TooLarge,
    /// Nothing can be evicted, or must not be. The old item may be gone.
    OutOfMemory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub outcome: Outcome,
    /// The new id if stored, else 0.
    pub cas: u64,
    /// Length of the new value if stored, else 0.
    pub bytes: usize,
}

impl Stored {
    pub(crate) fn refused(outcome: Outcome) -> Stored {
        Stored { outcome, cas: 0, bytes: 0 }
    }
}

/// An item with its place in the index.
pub(crate) type Found = (Slot, ItemRef);

/// What a new item starts with, apart from its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) cas: u64,
    pub(crate) expiry: Expiry,
    pub(crate) stale: bool,
    pub(crate) token_sent: bool,
}

/// Where the bytes to be stored are.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Bytes(&'a [u8]),
    /// In a complete draft of the same key, made with the same flags.
    Draft(ItemRef),
}

/// What the item limit allows: see `Cache::item_fits`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) item_bytes_max: usize,
}

impl Limit {
    /// memcached's arithmetic, so that the same values fit: its header, its id, the key's end and the line's.
    #[inline]
    pub(crate) fn allows(self, key_bytes: usize, flags: u32, len: usize) -> bool {
        let flag_bytes = if flags == 0 { 0 } else { 4 };
        let around = 48 + 8 + key_bytes + 1 + flag_bytes + 2;
        key_bytes <= crate::key::KEY_BYTES_MAX && len <= self.item_bytes_max && around + len <= self.item_bytes_max
    }
}

pub(crate) enum Verdict {
    Refuse(Outcome),
    /// Store what came, with this expiry and these marks.
    Put {
        expiry: Expiry,
        stale: bool,
        token_sent: bool,
    },
    /// Store the old value and what came.
    Join(Found),
}

impl Shard {
    /// A draft as source is consumed when the outcome is `Stored`, and stays the caller's otherwise.
    pub(crate) fn store(
        &mut self,
        key: &Key<'_>,
        source: Source<'_>,
        store: &Store,
        limit: Limit,
        now: Seconds,
    ) -> Result<Stored, Starved> {
        self.work(now);
        let old = self.find(key, now);
        let (expiry, stale, token_sent) = match self.verdict(old, store, now) {
            Verdict::Refuse(outcome) => return Ok(Stored::refused(outcome)),
            Verdict::Put { expiry, stale, token_sent } => (expiry, stale, token_sent),
            Verdict::Join(old) => return self.join(key, old, source, store, limit, now),
        };
        let birth = Birth { cas: self.new_cas(store.cas), expiry, stale, token_sent };
        let bytes = match source {
            Source::Bytes(value) => {
                let shape = Shape { key: key.bytes, form: key.form, flags: store.flags, len: value.len() };
                self.put(key.hash, old, &shape, value, birth, now)?;
                value.len()
            }
            Source::Draft(head) => {
                self.link_born(key.hash, old, head, birth, now)?;
                self.slabs.heap.meta(head).len()
            }
        };
        Ok(Stored { outcome: Outcome::Stored, cas: birth.cas, bytes })
    }

    #[inline]
    pub(crate) fn new_cas(&mut self, given: Option<u64>) -> u64 {
        given.unwrap_or_else(|| self.next_cas())
    }

    /// The rules of memcached's `do_store_item`.
    pub(crate) fn verdict(&mut self, old: Option<Found>, store: &Store, now: Seconds) -> Verdict {
        let put = Verdict::Put { expiry: store.expiry, stale: false, token_sent: false };
        let Some(old) = old else {
            return match (store.mode, store.compare, store.vivify) {
                (StoreMode::Set | StoreMode::Replace, Some(_), _) => Verdict::Refuse(Outcome::NotFound),
                (StoreMode::Set | StoreMode::Add, ..) => put,
                (StoreMode::Append | StoreMode::Prepend, _, Some(expiry)) => {
                    Verdict::Put { expiry, stale: false, token_sent: false }
                }
                _ => Verdict::Refuse(Outcome::NotStored),
            };
        };
        let header = self.slabs.heap.header_mut(old.1);
        match (store.mode, store.compare) {
            (StoreMode::Add, _) => {
                // A refused add still tells that the item is wanted.
                header.accessed = now;
                Verdict::Refuse(Outcome::NotStored)
            }
            // To append with the id 0 is to append without one, as there.
            (StoreMode::Append | StoreMode::Prepend, Some(cas)) if cas != 0 && cas != header.word => {
                Verdict::Refuse(Outcome::Exists)
            }
            (StoreMode::Append | StoreMode::Prepend, _) => Verdict::Join(old),
            (_, Some(cas)) if cas == header.word => put,
            (_, Some(cas)) if store.outdated == Outdated::StoreStale && cas < header.word => Verdict::Put {
                expiry: Expiry(header.expiry),
                stale: true,
                token_sent: header.meta.has(Mark::TokenSent),
            },
            (_, Some(_)) => Verdict::Refuse(Outcome::Exists),
            (_, None) => put,
        }
    }

    /// Stores a value that lies elsewhere: in the old item's chunk if that fits as well as a new one, which spares
    /// the index and the free lists; else in a new one.
    #[inline]
    pub(crate) fn put(
        &mut self,
        hash: u64,
        old: Option<Found>,
        shape: &Shape<'_>,
        value: &[u8],
        birth: Birth,
        now: Seconds,
    ) -> Result<ItemRef, Starved> {
        if let Some((_, item)) = old
            && self.overwrite(item, shape, value, birth, now)
        {
            return Ok(item);
        }
        let head = self.build(shape, value, now)?;
        // Taking memory moves no index entry, but may have evicted this one: nothing of it is needed any more.
        let old = old.filter(|(slot, item)| self.table.holds(*slot, *item));
        self.link_born(hash, old, head, birth, now).inspect_err(|_| self.discard(head))?;
        Ok(head)
    }

    fn build(&mut self, shape: &Shape<'_>, value: &[u8], now: Seconds) -> Result<ItemRef, Starved> {
        let mut draft = self.draft(shape, now)?;
        match self.fill(&mut draft, value, now) {
            Ok(()) => Ok(draft.head),
            Err(starved) => {
                self.discard(draft.head);
                Err(starved)
            }
        }
    }

    /// Replaces an item's bytes in its own chunk; false if its chunk is pinned or of another size.
    #[inline]
    fn overwrite(&mut self, item: ItemRef, shape: &Shape<'_>, value: &[u8], birth: Birth, now: Seconds) -> bool {
        let (old, new) = (self.slabs.heap.meta(item), shape.meta());
        if old.has(Mark::Chained) || new.has(Mark::Chained) || self.slabs.heap.pins(item) > 0 {
            return false;
        }
        let class = self.slabs.sizes.class_of(new.head_bytes());
        if class != self.slabs.sizes.class_of(old.head_bytes()) {
            return false;
        }
        let meta = new.with_state(old.state()).with_visits(old.visits()).with_generation(self.generation);
        let heap = &mut self.slabs.heap;
        heap.write_prefix(item, meta, shape);
        let at = heap.value_at(item);
        heap.bytes_mut(at, value.len()).copy_from_slice(value);
        self.bear(item, birth);
        self.slabs.heap.header_mut(item).accessed = now;
        let (gone, come) = (old.item_bytes() as u64, new.item_bytes() as u64);
        let tally = &mut self.slabs.classes[class as usize].tally;
        tally.bytes = tally.bytes - gone + come;
        self.bytes = self.bytes - gone + come;
        self.tally.items_total += 1;
        self.stored_since_flush = true;
        true
    }

    /// Gives a draft its facts and its place in the index.
    pub(crate) fn link_born(
        &mut self,
        hash: u64,
        old: Option<Found>,
        head: ItemRef,
        birth: Birth,
        now: Seconds,
    ) -> Result<(), Starved> {
        if let Some((_, old)) = old {
            // The key stays as popular as it was.
            let visits = self.slabs.heap.meta(old).visits();
            let meta = self.slabs.heap.meta(head).with_visits(visits);
            self.slabs.heap.set_meta(head, meta);
        }
        self.bear(head, birth);
        self.link(hash, old, head, now)
    }

    fn bear(&mut self, item: ItemRef, birth: Birth) {
        let header = self.slabs.heap.header_mut(item);
        header.word = birth.cas;
        header.expiry = birth.expiry.0;
        header.meta = header.meta.with(Mark::Stale, birth.stale).with(Mark::TokenSent, birth.token_sent);
    }
}
