//! append and prepend: the whole is built anew, so that who has pinned the old value keeps it.
//!
//! Two short values are joined under the shard's lock. A long whole is built beyond it, in an upload, from the old value
//! as it was kept there; if the item's value is another one by the time the whole is to be linked, all of it begins
//! again. Who loses that race too often, or finds no memory to be lent, builds under the lock after all.
#![forbid(unsafe_code)]

use crate::arena::PAGE_BYTES;
use crate::cache::Cache;
use crate::clock::{Expiry, Seconds};
use crate::item::{ItemRef, Mark, PIN_BYTES_MIN, Shape};
use crate::key::{Key, shard_of};
use crate::pin::{Part, Pieces, Pin};
use crate::shard::{Shard, Starved};
use crate::store::{Birth, Found, Limit, Outcome, Source, Store, StoreMode, Stored, Verdict};
use crate::upload::{Shortage, Upload};

/// Wholes from here on are built beyond the lock. Lower in tests, which then meet such wholes more often.
const LONG_BYTES_MIN: usize = if cfg!(test) { PIN_BYTES_MIN } else { PAGE_BYTES };
/// Times that a whole is built beyond the lock before it is built under it.
const TRIES_MAX: usize = 4;

/// How far one hold of the lock brought a join.
enum Step {
    Done(Stored),
    /// The rest is done beyond it.
    Kept(Kept),
}

/// What a join needs beyond the lock.
struct Kept {
    old: Old,
    flags: u32,
    /// Length of the whole.
    len: usize,
    added: Option<Part>,
}

/// An old value, as it was.
enum Old {
    Pinned(Pin),
    /// Too short to be pinned: a copy, and the item is spared.
    Copied {
        bytes: Vec<u8>,
        _spared: Spared,
    },
}

/// Keeps a short item from being evicted, by the join itself perhaps, until it is dropped. Dropping it takes the shard's
/// lock for a moment.
struct Spared {
    cache: Cache,
    shard: usize,
    item: ItemRef,
}

impl Spared {
    fn new(cache: &Cache, shard: &mut Shard, index: usize, item: ItemRef) -> Spared {
        shard.spared.push(item);
        Spared { cache: cache.clone(), shard: index, item }
    }
}

impl Drop for Spared {
    fn drop(&mut self) {
        let spared = &mut self.cache.shard(self.shard).spared;
        if let Some(at) = spared.iter().position(|item| *item == self.item) {
            spared.swap_remove(at);
        }
    }
}

impl Cache {
    /// As `Shard::store`, for append and prepend. Unless it ends under the lock after all, it never holds that for longer
    /// than it takes to copy a page.
    pub(crate) fn join(
        &self,
        key: &Key<'_>,
        source: Source<'_>,
        store: &Store,
        limit: Limit,
        now: Seconds,
    ) -> Result<Stored, Starved> {
        for _ in 0..TRIES_MAX {
            let step = self.with_pages(key.hash, now, |shard| match shard.keep(self, key, source, store, limit, now) {
                Some(kept) => Ok(Step::Kept(kept)),
                None => shard.store(key, source, store, limit, now).map(Step::Done),
            });
            let kept = match step? {
                Step::Done(stored) => return Ok(stored),
                Step::Kept(kept) => kept,
            };
            let Some(whole) = kept.build(self, key, source, store, now) else { break };
            if let Some(stored) = kept.link(whole, source, store, now) {
                return Ok(stored);
            }
        }
        self.with_pages(key.hash, now, |shard| shard.store(key, source, store, limit, now))
    }
}

impl Kept {
    /// The whole, not yet seen by anybody; none if memory is short, or too much of it lent.
    fn build(&self, cache: &Cache, key: &Key<'_>, source: Source<'_>, store: &Store, now: Seconds) -> Option<Upload> {
        let how = Store { flags: self.flags, ..*store };
        let mut upload = Upload::new(cache, key, self.len, &how, Shortage::Diverts);
        let mut write = |bytes: &[u8]| upload.write(bytes, now).ok().map(drop);
        if store.mode == StoreMode::Append {
            self.old.each(&mut write)?;
        }
        match (source, self.added) {
            (Source::Bytes(value), _) => write(value)?,
            (Source::Draft(_), Some(next)) => Pieces { arena: cache.arena(), next }.try_for_each(&mut write)?,
            (Source::Draft(_), None) => {}
        }
        if store.mode == StoreMode::Prepend {
            self.old.each(&mut write)?;
        }
        Some(upload)
    }

    /// Puts the whole in the old item's place; none if that is no longer what was kept.
    fn link(&self, whole: Upload, source: Source<'_>, store: &Store, now: Seconds) -> Option<Stored> {
        whole.link(|cache, key, head| {
            let mut shard = cache.shard(shard_of(key.hash, cache.shards()));
            shard.link_whole(key, self, head, source, store, now)
        })
    }
}

impl Old {
    fn each(&self, mut write: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
        match self {
            Old::Pinned(pin) => pin.pieces().try_for_each(write),
            Old::Copied { bytes, .. } => write(bytes),
        }
    }
}

impl Shard {
    /// What a long join needs of the key's item and of a draft that is added; none if the join is short, is to be
    /// refused, or must not borrow so much.
    fn keep(
        &mut self,
        cache: &Cache,
        key: &Key<'_>,
        source: Source<'_>,
        store: &Store,
        limit: Limit,
        now: Seconds,
    ) -> Option<Kept> {
        let (_, item) = self.joinable(key, store, now)?;
        let (heap, len) = (&self.slabs.heap, self.joined_len(item, source));
        let (meta, flags) = (heap.meta(item), heap.flags(item));
        if len < LONG_BYTES_MIN || !limit.allows(key.bytes.len(), flags, len) {
            return None;
        }
        let added = match source {
            Source::Bytes(_) => None,
            Source::Draft(head) => Some(Part::first(heap, head)),
        };
        let old = match meta.has(Mark::Pinnable) {
            true => Old::Pinned(Pin::new(cache, self, item)?),
            false => {
                let bytes = self.short_value(item).to_vec();
                Old::Copied { bytes, _spared: Spared::new(cache, self, shard_of(key.hash, cache.shards()), item) }
            }
        };
        Some(Kept { old, flags, len, added })
    }

    /// The key's item, if it is one that `store` may be joined to.
    fn joinable(&mut self, key: &Key<'_>, store: &Store, now: Seconds) -> Option<Found> {
        let old = self.find(key, now);
        match self.verdict(old, store, now) {
            Verdict::Join(found) => Some(found),
            Verdict::Refuse(_) | Verdict::Put { .. } => None,
        }
    }

    fn joined_len(&self, old: ItemRef, source: Source<'_>) -> usize {
        let heap = &self.slabs.heap;
        let added = match source {
            Source::Bytes(value) => value.len(),
            Source::Draft(head) => heap.meta(head).len(),
        };
        heap.meta(old).len() + added
    }

    /// A value that cannot be pinned, and so lies in one piece.
    fn short_value(&self, item: ItemRef) -> &[u8] {
        let heap = &self.slabs.heap;
        heap.bytes(heap.value_at(item), heap.meta(item).len())
    }

    /// Whether the item still has the value that was kept.
    fn is_kept(&self, item: ItemRef, kept: &Kept) -> bool {
        let heap = &self.slabs.heap;
        match &kept.old {
            // A pinned item is not rewritten, and no other item comes to its place.
            Old::Pinned(pin) => pin.item == item,
            Old::Copied { bytes, .. } => {
                let is_short = !heap.meta(item).has(Mark::Pinnable);
                is_short && heap.flags(item) == kept.flags && self.short_value(item) == bytes
            }
        }
    }

    /// Links a whole in place of the item whose value it begins or ends with; none if that value is gone. All but the
    /// value is decided by the item as it is now.
    fn link_whole(
        &mut self,
        key: &Key<'_>,
        kept: &Kept,
        whole: ItemRef,
        source: Source<'_>,
        store: &Store,
        now: Seconds,
    ) -> Option<Stored> {
        let found = self.joinable(key, store, now).filter(|(_, item)| self.is_kept(*item, kept))?;
        self.link_joined(key, found, whole, source, store, now).ok()
    }

    fn link_joined(
        &mut self,
        key: &Key<'_>,
        found: Found,
        whole: ItemRef,
        source: Source<'_>,
        store: &Store,
        now: Seconds,
    ) -> Result<Stored, Starved> {
        let expiry = Expiry(self.slabs.heap.header(found.1).expiry);
        let birth = Birth { cas: self.new_cas(store.cas), expiry, stale: false, token_sent: false };
        self.link_born(key.hash, Some(found), whole, birth, now)?;
        if let Source::Draft(part) = source {
            self.discard(part);
        }
        Ok(Stored { outcome: Outcome::Stored, cas: birth.cas, bytes: self.slabs.heap.meta(whole).len() })
    }

    /// Joins under the lock.
    pub(crate) fn join(
        &mut self,
        key: &Key<'_>,
        found: Found,
        source: Source<'_>,
        store: &Store,
        limit: Limit,
        now: Seconds,
    ) -> Result<Stored, Starved> {
        let (flags, len) = (self.slabs.heap.flags(found.1), self.joined_len(found.1, source));
        if !limit.allows(key.bytes.len(), flags, len) {
            return Ok(Stored::refused(Outcome::TooLarge));
        }
        let shape = Shape { key: key.bytes, form: key.form, flags, len };
        self.guard = Some(found.1);
        let built = self.build_joined(&shape, found.1, source, store.mode, now);
        self.guard = None;
        // Taking memory moves no index entry, and the guard has kept this one: the slot still holds.
        self.link_joined(key, found, built?, source, store, now)
    }

    fn build_joined(
        &mut self,
        shape: &Shape<'_>,
        old: ItemRef,
        source: Source<'_>,
        mode: StoreMode,
        now: Seconds,
    ) -> Result<ItemRef, Starved> {
        let mut draft = self.draft(shape, now)?;
        let mut fill_both = || {
            if mode == StoreMode::Append {
                self.fill_from(&mut draft, old, now)?;
            }
            match source {
                Source::Bytes(value) => self.fill(&mut draft, value, now)?,
                Source::Draft(part) => self.fill_from(&mut draft, part, now)?,
            }
            if mode == StoreMode::Prepend {
                self.fill_from(&mut draft, old, now)?;
            }
            Ok(())
        };
        match fill_both() {
            Ok(()) => Ok(draft.head),
            Err(starved) => {
                self.discard(draft.head);
                Err(starved)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delete, DeleteMode, Eviction, Outdated, Settings};

    const NOW: Seconds = 100;
    const APPEND: Store = Store {
        mode: StoreMode::Append,
        flags: 0,
        expiry: Expiry::NEVER,
        compare: None,
        cas: None,
        outdated: Outdated::Refuse,
        vivify: None,
    };
    const LIMIT: Limit = Limit { item_bytes_max: 1 << 20 };

    fn cache(lent_bytes_max: Option<usize>) -> Cache {
        let memory_bytes = 8 << 20;
        let settings = Settings {
            memory_bytes,
            reserve_bytes: memory_bytes,
            shards: Some(1),
            lent_bytes_max,
            ..Settings::default()
        };
        Cache::new(settings).unwrap()
    }

    fn set(cache: &Cache, value: &[u8], flags: u32) {
        let store = Store { flags, ..Store::default() };
        assert_eq!(cache.store(&cache.key(b"k"), value, &store, NOW).outcome, Outcome::Stored);
    }

    fn value(cache: &Cache) -> Vec<u8> {
        cache.get(&cache.key(b"k"), NOW, |hit| hit.pieces().collect::<Vec<_>>().concat()).unwrap()
    }

    /// Lets something happen between the two halves of a join beyond the lock: whether the whole was then linked.
    fn survives(old: &[u8], added: &[u8], store: &Store, between: impl Fn(&Cache, &Key<'_>)) -> bool {
        let cache = cache(None);
        set(&cache, old, 7);
        let (key, source) = (cache.key(b"k"), Source::Bytes(added));
        let kept = cache.shard(0).keep(&cache, &key, source, store, LIMIT, NOW).unwrap();
        let whole = kept.build(&cache, &key, source, store, NOW).unwrap();
        between(&cache, &key);
        let stored = kept.link(whole, source, store, NOW);
        drop(kept);
        cache.check();
        assert_eq!(cache.counters().lent_bytes, 0);
        let linked = stored.is_some_and(|stored| stored.outcome == Outcome::Stored);
        if linked {
            assert_eq!(value(&cache), [old, added].concat());
            let seen = cache.peek(&key, NOW, |hit| (hit.cas, hit.flags, hit.stale)).unwrap();
            assert_eq!(seen, (stored.unwrap().cas, 7, false));
        }
        linked
    }

    #[test]
    fn a_join_is_linked_only_over_the_value_that_it_began_with() {
        let stale = Delete { mode: DeleteMode::MarkStale { expiry: None }, ..Delete::default() };
        let empty = Delete { mode: DeleteMode::Empty { expiry: Expiry::NEVER, stale: false }, ..Delete::default() };
        for (old, added) in [(5_000, 10), (16_000, 1), (300_000, 300_000), (10, 5_000), (0, 500_000)] {
            let (old, added) = (&vec![b'o'; old], &vec![b'a'; added]);
            let survives = |between: &dyn Fn(&Cache, &Key<'_>)| survives(old, added, &APPEND, between);
            assert!(survives(&|_, _| ()));
            assert!(survives(&|cache, _| assert_eq!(value(cache), *old)));
            assert!(survives(&|cache, key| assert!(cache.touch(key, Expiry::at(NOW + 5), NOW))));
            assert!(survives(&|cache, key| _ = cache.delete(key, &stale, NOW)));
            assert!(!survives(&|cache, key| _ = cache.delete(key, &Delete::default(), NOW)));
            assert!(!survives(&|cache, _| cache.flush(None, NOW)));
            assert!(!survives(&|cache, _| set(cache, b"other", 7)));
            assert!(!survives(&|cache, _| set(cache, old, 8)), "the flags are another item's");
            assert!(!survives(&|cache, key| _ = cache.store(key, b"x", &APPEND, NOW)));
            if !old.is_empty() {
                assert!(!survives(&|cache, key| _ = cache.delete(key, &empty, NOW)));
            }
        }
    }

    #[test]
    fn what_happened_meanwhile_counts() {
        let old = [b'o'; 100_000];
        let cache = cache(None);
        set(&cache, &old, 0);
        let key = cache.key(b"k");
        // Each new cache gives its first item the same id.
        let compare = Store { compare: cache.peek(&key, NOW, |hit| hit.cas), ..APPEND };
        let stale = Delete { mode: DeleteMode::MarkStale { expiry: None }, ..Delete::default() };
        assert!(survives(&old, b"x", &APPEND, |cache, key| _ = cache.delete(key, &stale, NOW)));
        assert!(survives(&old, b"x", &compare, |_, _| ()));
        assert!(!survives(&old, b"x", &compare, |cache, key| _ = cache.delete(key, &stale, NOW)), "another id");

        let source = Source::Bytes(b"x");
        let kept = cache.shard(0).keep(&cache, &key, source, &APPEND, LIMIT, NOW).unwrap();
        let whole = kept.build(&cache, &key, source, &APPEND, NOW).unwrap();
        cache.touch(&key, Expiry::at(NOW + 5), NOW);
        kept.link(whole, source, &APPEND, NOW).unwrap();
        assert_eq!(cache.peek(&key, NOW, |hit| hit.expiry), Some(Expiry::at(NOW + 5)));
    }

    #[test]
    fn a_join_that_nothing_is_lent_to_succeeds_under_the_lock() {
        for lent_bytes_max in [0, 250_000, 350_000, 600_000] {
            let cache = cache(Some(lent_bytes_max));
            set(&cache, &[b'o'; 200_000], 0);
            crate::held::most_copied();
            let stored = cache.store(&cache.key(b"k"), b"more", &APPEND, NOW);
            assert_eq!((stored.outcome, stored.bytes), (Outcome::Stored, 200_004));
            assert_eq!(crate::held::most_copied() > 0, lent_bytes_max < 500_000);
            assert_eq!(value(&cache)[199_999..], *b"omore");
            cache.check();
            assert_eq!(cache.counters().lent_bytes, 0);
        }
    }

    #[test]
    fn a_join_in_a_full_cache_does_not_evict_what_it_joins() {
        let cache = cache(None);
        for n in 0..40_000_u32 {
            cache.store(&cache.key(&n.to_le_bytes()), &[b'v'; 300], &Store::default(), NOW);
        }
        assert!(cache.counters().tally.evictions > 0);
        let large = vec![b'a'; 900_000];
        for n in 0..300_u32 {
            let name = format!("short-{n}");
            let key = cache.key(name.as_bytes());
            cache.store(&key, &[b's'; 300], &Store::default(), NOW);
            let stored = cache.store(&key, &large, &APPEND, NOW);
            assert_eq!((stored.outcome, stored.bytes), (Outcome::Stored, 900_300), "the join number {n}");
            cache.delete(&key, &Delete::default(), NOW);
            for m in 0..3_000_u32 {
                cache.store(&cache.key(&(n * 3_000 + m).to_le_bytes()), &[b'v'; 300], &Store::default(), NOW);
            }
        }
        cache.check();
    }

    #[test]
    fn a_join_without_memory_is_refused_and_counted_once() {
        let memory_bytes = 2 << 20;
        let settings = Settings {
            memory_bytes,
            reserve_bytes: memory_bytes,
            shards: Some(1),
            eviction: Eviction::Refuse,
            ..Settings::default()
        };
        let cache = Cache::new(settings).unwrap();
        set(&cache, &[b'o'; 700_000], 0);
        for n in 0..9 {
            cache.store(&cache.key(&[n]), &[b'v'; 100_000], &Store::default(), NOW);
        }
        let before = cache.counters().tally.out_of_memory;
        assert_eq!(cache.store(&cache.key(b"k"), b"more", &APPEND, NOW).outcome, Outcome::OutOfMemory);
        assert_eq!(cache.counters().tally.out_of_memory, before + 1);
        assert_eq!(value(&cache), [b'o'; 700_000]);
        cache.check();
    }
}
