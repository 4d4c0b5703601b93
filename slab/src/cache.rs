//! The cache as the rest of the world sees it: shards behind locks, chosen by the key's hash.
#![forbid(unsafe_code)]

use crate::arena::Arena;
use crate::arithmetic::{Arithmetic, Computed};
use crate::clock::{Expiry, Seconds};
use crate::counters::{ClassCounters, Counters, Tally};
use crate::delete::{Delete, Deleted};
use crate::fetch::Fetch;
use crate::hit::Hit;
use crate::item::KeyForm;
use crate::key::{Key, KeyHash, shard_of};
use crate::lock::{Guard, Lock, lock};
use crate::settings::{MEMORY_BYTES_MIN, Settings, SettingsError};
use crate::shard::{NO_FLUSH, Shard, Starved};
use crate::sizes::Sizes;
use crate::store::{Limit, Outcome, Source, Store, StoreMode, Stored};
use crate::table::Directory;
use crate::upload::{Refusal, Shortage, Upload};
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Times that one operation asks other shards for pages before it gives up: each time for twice as many.
const RAIDS_MAX: u32 = 14;

/// Who holds memory beyond the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Borrower {
    /// A pin; without one the value is copied.
    Reader,
    /// An upload; without memory the store is refused.
    Writer,
}

/// A key whose index lines are on their way.
#[derive(Clone, Copy, Debug)]
pub struct Ahead(u64);

/// A handle: clones are the same cache.
///
/// Every method but those that say otherwise holds one shard's lock for a time that does not grow with the number of
/// items. `now` never runs backwards by more than the caller's threads differ.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    shards: Box<[CachePadded<Lock<Shard>>]>,
    /// Of each shard, for prefetching without its lock.
    directories: Box<[Arc<Directory>]>,
    arena: Arc<Arena>,
    key_hash: KeyHash,
    limit: Limit,
    lent_bytes: AtomicUsize,
    lent_bytes_max: AtomicUsize,
    memory_bytes_max: AtomicUsize,
    /// Shard that the next tick visits.
    ticked: AtomicUsize,
    settings: Settings,
}

impl Cache {
    /// Sets aside address space; memory is taken as items come.
    pub fn new(settings: Settings) -> Result<Cache, SettingsError> {
        settings.check()?;
        let arena = Arena::new(&settings)?;
        let sizes = Arc::new(Sizes::new(settings.chunk_bytes_min, settings.growth_factor));
        let key_hash = KeyHash::new(settings.hash_seed);
        let count = settings.shard_count();
        // An index that fills a quarter of the address space holds more items than the rest of it.
        let index_pages_max = (settings.reserve_bytes / crate::arena::PAGE_BYTES / 4 / count).max(64);
        let shards: Option<Box<[_]>> = (0..count)
            .map(|index| {
                let place = (index, count);
                let shard = Shard::new(&arena, &sizes, &key_hash, settings.eviction, place, index_pages_max)?;
                Some(CachePadded::new(Lock::new(shard)))
            })
            .collect();
        let shards = shards.ok_or(SettingsError::Shards(count))?;
        let directories = shards.iter().map(|shard| lock(shard).table.directory()).collect();
        Ok(Cache(Arc::new(Inner {
            shards,
            directories,
            arena,
            key_hash,
            limit: Limit { item_bytes_max: settings.item_bytes_max },
            lent_bytes: AtomicUsize::new(0),
            lent_bytes_max: AtomicUsize::new(settings.lent_bytes_max.unwrap_or(settings.memory_bytes / 2)),
            memory_bytes_max: AtomicUsize::new(settings.memory_bytes),
            ticked: AtomicUsize::new(0),
            settings,
        })))
    }

    /// Hashes a key, once for all that is done with it. Any bytes are a key; more than `KEY_BYTES_MAX` are never
    /// found and never stored.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, form: KeyForm::Text, hash: self.0.key_hash.of(bytes) }
    }

    /// Whether the item limit allows a value of `len` bytes, by memcached's arithmetic: with the default of 1 MiB
    /// 1,047,552 bytes do and 1,049,600 do not.
    pub fn item_fits(&self, key: &Key<'_>, flags: u32, len: usize) -> bool {
        self.0.limit.allows(key.bytes.len(), flags, len)
    }

    /// Asks the processor for the index lines of a key that will be needed soon. Takes no lock.
    #[inline]
    pub fn prefetch(&self, key: &[u8]) -> Ahead {
        let hash = self.0.key_hash.of(key);
        self.0.directories[shard_of(hash, self.shards())].prefetch(hash);
        Ahead(hash)
    }

    /// Asks for the item's first lines, once the index lines have come. Takes no lock.
    #[inline]
    pub fn prefetch_item(&self, Ahead(hash): Ahead) {
        self.0.directories[shard_of(hash, self.shards())].prefetch_item(hash);
    }

    /// A classic get: counts as a fetch. `view` runs under the shard's lock.
    #[inline]
    pub fn get<T>(&self, key: &Key<'_>, now: Seconds, view: impl FnOnce(Hit<'_>) -> T) -> Option<T> {
        let mut shard = self.shard(shard_of(key.hash, self.shards()));
        let seen = shard.get(key, now)?;
        Some(view(Hit::new(self, &mut shard, seen)))
    }

    /// gat and the meta get. A miss that was to make an item and found no memory is a plain miss.
    pub fn fetch<T>(&self, key: &Key<'_>, fetch: &Fetch, now: Seconds, view: impl FnOnce(Hit<'_>) -> T) -> Option<T> {
        let index = shard_of(key.hash, self.shards());
        let fetch = Fetch { vivify: fetch.vivify.filter(|_| self.item_fits(key, 0, 0)), ..*fetch };
        for raid in 0..RAIDS_MAX {
            let mut shard = self.shard(index);
            match shard.fetch(key, &fetch, now) {
                Ok(seen) => return Some(view(Hit::new(self, &mut shard, seen?))),
                Err(Starved) => drop(shard),
            }
            if !self.raid(index, 1 << raid, now) {
                break;
            }
        }
        self.shard(index).count_starved();
        None
    }

    /// Reads without leaving a trace (meta debug).
    pub fn peek<T>(&self, key: &Key<'_>, now: Seconds, view: impl FnOnce(Hit<'_>) -> T) -> Option<T> {
        let mut shard = self.shard(shard_of(key.hash, self.shards()));
        let seen = shard.look(key, now)?;
        Some(view(Hit::new(self, &mut shard, seen)))
    }

    /// Stores a value that is at hand.
    #[inline]
    pub fn store(&self, key: &Key<'_>, value: &[u8], store: &Store, now: Seconds) -> Stored {
        if !self.item_fits(key, store.flags, value.len()) {
            return Stored::refused(Outcome::TooLarge);
        }
        self.store_source(key, Source::Bytes(value), store, now)
    }

    pub(crate) fn store_source(&self, key: &Key<'_>, source: Source<'_>, store: &Store, now: Seconds) -> Stored {
        let limit = self.0.limit;
        let stored = match store.mode {
            StoreMode::Append | StoreMode::Prepend => self.join(key, source, store, limit, now),
            _ => self.with_pages(key.hash, now, |shard| shard.store(key, source, store, limit, now)),
        };
        stored.unwrap_or(Stored::refused(Outcome::OutOfMemory))
    }

    /// Starts to receive a value of `len` bytes, to be stored as `store` says when it is complete. The announcement
    /// itself takes no memory.
    pub fn reserve(&self, key: &Key<'_>, len: usize, store: &Store) -> Result<Upload, Refusal> {
        match self.item_fits(key, store.flags, len) {
            true => Ok(Upload::new(self, key, len, store, Shortage::Refuses)),
            false => Err(Refusal::TooLarge),
        }
    }

    pub fn delete(&self, key: &Key<'_>, delete: &Delete, now: Seconds) -> Deleted {
        let deleted = self.with_pages(key.hash, now, |shard| shard.delete(key, delete, now));
        deleted.unwrap_or(Deleted::OutOfMemory)
    }

    /// incr and decr.
    pub fn arithmetic(&self, key: &Key<'_>, arithmetic: &Arithmetic, now: Seconds) -> Computed {
        let initial = arithmetic.initial.filter(|_| self.item_fits(key, 0, 20));
        let arithmetic = Arithmetic { initial, ..*arithmetic };
        let computed = self.with_pages(key.hash, now, |shard| shard.arithmetic(key, &arithmetic, now));
        computed.unwrap_or(Computed::OutOfMemory)
    }

    /// Sets the expiry of the key's item; false if there is none. Counts as a fetch.
    pub fn touch(&self, key: &Key<'_>, expiry: Expiry, now: Seconds) -> bool {
        self.shard(shard_of(key.hash, self.shards())).touch(key, expiry, now)
    }

    /// flush_all: what has been stored so far is gone; with a second to come, what will have been stored by then goes
    /// then. A later call replaces one that waits. Locks the shards one after the other, each for O(1).
    pub fn flush(&self, at: Option<Seconds>, now: Seconds) {
        for index in 0..self.shards() {
            let mut shard = self.shard(index);
            // One that is due in a shard that nobody has used since must not be forgotten.
            shard.flush_if_due(now);
            shard.flush_at = NO_FLUSH;
            match at.filter(|at| *at > now) {
                Some(at) => shard.flush_at = at,
                None => shard.flush_now(),
            }
        }
    }

    /// Background work of one shard, the next one at each call: looks for dead items in up to `chunks_max` chunks and
    /// helps along what is being moved or freed.
    pub fn tick(&self, now: Seconds, chunks_max: usize) {
        let index = self.0.ticked.fetch_add(1, Relaxed) % self.shards();
        self.shard(index).sweep(chunks_max, now);
    }

    /// Sets the memory limit (cache_memlimit). A lower one takes effect as ticks give pages back. With many idle pages
    /// this call takes long, but locks nothing for long.
    pub fn set_memory_limit(&self, bytes: usize) -> Result<(), SettingsError> {
        if bytes < MEMORY_BYTES_MIN {
            return Err(SettingsError::MemoryTooSmall(bytes));
        }
        if !self.0.arena.set_budget((bytes / crate::arena::PAGE_BYTES) as u32) {
            return Err(SettingsError::MemoryAboveReserve(bytes));
        }
        self.0.memory_bytes_max.store(bytes, Relaxed);
        self.0.lent_bytes_max.store(self.0.settings.lent_bytes_max.unwrap_or(bytes / 2), Relaxed);
        Ok(())
    }

    /// Sums over all shards, which are locked one after the other.
    pub fn counters(&self) -> Counters {
        let pool = self.0.arena.count();
        let page_bytes = crate::arena::PAGE_BYTES as u64;
        let mut sum = Counters {
            lent_bytes: self.0.lent_bytes.load(Relaxed) as u64,
            lent_bytes_max: self.0.lent_bytes_max.load(Relaxed) as u64,
            memory_bytes_max: self.0.memory_bytes_max.load(Relaxed) as u64,
            memory_bytes_used: u64::from(pool.used) * page_bytes,
            shards: self.shards(),
            ..Counters::default()
        };
        for index in 0..self.shards() {
            let shard = self.shard(index);
            sum.tally.add(&shard.tally);
            sum.items += shard.items;
            sum.bytes += shard.bytes;
            sum.hash_buckets += u64::from(shard.table.buckets());
            sum.hash_bytes += u64::from(shard.table.pages()) * page_bytes;
            sum.classes.resize(shard.slabs.classes.len(), ClassCounters::default());
            for (row, class) in sum.classes.iter_mut().zip(&shard.slabs.classes) {
                row.chunk_bytes = class.chunk_bytes;
                row.chunks_per_page = crate::arena::PAGE_BYTES as u32 / class.chunk_bytes;
                row.pages += u64::from(class.pages.len);
                row.used_chunks += class.used_chunks;
                row.free_chunks = row.pages * u64::from(row.chunks_per_page) - row.used_chunks;
                row.tally.add(&class.tally);
            }
        }
        sum
    }

    /// Forgets what was counted (`stats reset`), not what is there.
    pub fn reset_counters(&self) {
        for index in 0..self.shards() {
            let mut shard = self.shard(index);
            shard.tally = Tally::default();
            shard.slabs.classes.iter_mut().for_each(|class| class.tally.reset());
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn shards(&self) -> usize {
        self.0.shards.len()
    }

    #[inline]
    pub(crate) fn shard(&self, index: usize) -> Guard<'_, Shard> {
        let shard = lock(&self.0.shards[index]);
        #[cfg(test)]
        crate::held::begin();
        shard
    }

    pub(crate) fn hash_of(&self, key: &[u8]) -> u64 {
        self.0.key_hash.of(key)
    }

    pub(crate) fn arena(&self) -> &Arc<Arena> {
        &self.0.arena
    }

    /// Whether a get of this key could not be given its value to send now, because too much is lent. Leaves no trace;
    /// costs a look at the item only when much is lent. `copied_bytes_max`: up to this length the reader would copy.
    #[inline]
    pub fn lacks_memory_to_lend(&self, key: &Key<'_>, copied_bytes_max: usize, now: Seconds) -> bool {
        let lent = self.0.lent_bytes.load(Relaxed);
        let left = self.readers_bound().saturating_sub(lent);
        if lent == 0 || self.0.settings.item_bytes_max <= left {
            return false;
        }
        self.peek(key, now, |hit| hit.len > copied_bytes_max && hit.to_be_lent_bytes() > left) == Some(true)
    }

    /// Readers leave a quarter of the bound to writers.
    #[inline]
    fn readers_bound(&self) -> usize {
        self.0.lent_bytes_max.load(Relaxed) / 4 * 3
    }

    /// Counts bytes as lent, unless that would be too many. One value can always be read: when nothing else is lent.
    pub(crate) fn lend(&self, bytes: usize, borrower: Borrower) -> bool {
        let before = self.0.lent_bytes.fetch_add(bytes, Relaxed);
        let fits = match borrower {
            Borrower::Reader => before == 0 || before + bytes <= self.readers_bound(),
            Borrower::Writer => before + bytes <= self.0.lent_bytes_max.load(Relaxed),
        };
        if !fits {
            self.unlend(bytes);
        }
        fits
    }

    pub(crate) fn unlend(&self, bytes: usize) {
        self.0.lent_bytes.fetch_sub(bytes, Relaxed);
    }

    /// Runs an operation that may need pages of other shards, and counts it if it finds none.
    #[inline]
    pub(crate) fn with_pages<T>(
        &self,
        hash: u64,
        now: Seconds,
        attempt: impl FnMut(&mut Shard) -> Result<T, Starved>,
    ) -> Result<T, Starved> {
        self.seek_pages(hash, now, attempt)
            .inspect_err(|Starved| self.shard(shard_of(hash, self.shards())).count_starved())
    }

    /// As `with_pages`, for a part of an operation that may yet succeed. Never holds two shards' locks.
    #[inline]
    pub(crate) fn seek_pages<T>(
        &self,
        hash: u64,
        now: Seconds,
        mut attempt: impl FnMut(&mut Shard) -> Result<T, Starved>,
    ) -> Result<T, Starved> {
        let index = shard_of(hash, self.shards());
        for raid in 0..RAIDS_MAX {
            if let Ok(done) = attempt(&mut self.shard(index)) {
                return Ok(done);
            }
            if !self.raid(index, 1 << raid, now) {
                break;
            }
        }
        Err(Starved)
    }

    /// Makes the other shards give up to `pages_max` pages to the pool, one lock and one page at a time; false if none
    /// has any.
    #[cold]
    fn raid(&self, index: usize, pages_max: usize, now: Seconds) -> bool {
        let mut given = 0;
        let mut round = usize::MAX;
        while given < pages_max && round != given {
            round = given;
            for step in 1..self.shards() {
                let other = (index + step) % self.shards();
                if given < pages_max && self.shard(other).surrender_page(u8::MAX, now) {
                    given += 1;
                }
            }
        }
        given > 0
    }
}
