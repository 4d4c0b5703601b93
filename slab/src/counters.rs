//! What the cache counts.
#![forbid(unsafe_code)]

use crate::clock::Seconds;

/// Counts since the start or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Items linked, ever.
    pub items_total: u64,
    pub evictions: u64,
    /// Evicted without ever having been fetched.
    pub evicted_unfetched: u64,
    /// Found expired without ever having been fetched.
    pub expired_unfetched: u64,
    /// Expired or flushed items whose memory went to another one.
    pub reclaimed: u64,
    /// Misses of keys whose item was found expired.
    pub get_expired: u64,
    /// Misses of keys whose item was found flushed.
    pub get_flushed: u64,
    /// Stores refused for lack of memory.
    pub out_of_memory: u64,
    /// Pins and uploads refused because too much memory is lent.
    pub lent_refused: u64,
    /// Pages that one class or shard gave up for another.
    pub pages_handed_over: u64,
}

/// Whole cache: sums over its shards.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    pub tally: Tally,
    pub items: u64,
    /// Headers, keys and values of linked items.
    pub bytes: u64,
    /// Pinned by readers or held by uploads.
    pub lent_bytes: u64,
    pub lent_bytes_max: u64,
    pub memory_bytes_max: u64,
    /// Pages that some class or index owns, in bytes.
    pub memory_bytes_used: u64,
    pub hash_buckets: u64,
    pub hash_bytes: u64,
    pub shards: usize,
    /// One row a size class, smallest first; rows without pages included.
    pub classes: Vec<ClassCounters>,
}

/// One size class over all shards.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassCounters {
    pub chunk_bytes: u32,
    pub chunks_per_page: u32,
    pub pages: u64,
    pub used_chunks: u64,
    pub free_chunks: u64,
    pub tally: ClassTally,
}

/// Counts of one class in one shard.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClassTally {
    pub items: u64,
    /// Headers, keys and values of the items whose head lies in this class.
    pub bytes: u64,
    pub evictions: u64,
    pub evicted_unfetched: u64,
    pub expired_unfetched: u64,
    pub reclaimed: u64,
    pub out_of_memory: u64,
    /// Seconds since the last access of the item evicted last.
    pub evicted_idle_seconds: Seconds,
    /// Smoothed seconds since the last access of the items that are next to go: the price of taking a page.
    pub idle_seconds: Seconds,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Tally) {
        self.items_total += other.items_total;
        self.evictions += other.evictions;
        self.evicted_unfetched += other.evicted_unfetched;
        self.expired_unfetched += other.expired_unfetched;
        self.reclaimed += other.reclaimed;
        self.get_expired += other.get_expired;
        self.get_flushed += other.get_flushed;
        self.out_of_memory += other.out_of_memory;
        self.lent_refused += other.lent_refused;
        self.pages_handed_over += other.pages_handed_over;
    }
}

impl ClassTally {
    pub(crate) fn add(&mut self, other: &ClassTally) {
        self.items += other.items;
        self.bytes += other.bytes;
        self.evictions += other.evictions;
        self.evicted_unfetched += other.evicted_unfetched;
        self.expired_unfetched += other.expired_unfetched;
        self.reclaimed += other.reclaimed;
        self.out_of_memory += other.out_of_memory;
        self.evicted_idle_seconds = self.evicted_idle_seconds.max(other.evicted_idle_seconds);
        self.idle_seconds = self.idle_seconds.max(other.idle_seconds);
    }

    /// Forgets what was counted, not what is there.
    pub(crate) fn reset(&mut self) {
        let ClassTally { items, bytes, idle_seconds, .. } = *self;
        *self = ClassTally { items, bytes, idle_seconds, ..ClassTally::default() };
    }
}
