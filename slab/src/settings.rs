//! What a cache is made from, as decided by the caller.
#![forbid(unsafe_code)]

use crate::arena::PAGE_BYTES;
use std::hash::{BuildHasher, Hasher, RandomState};

/// What a store does when memory is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// Gives the least useful items' memory to the new one: a legal store never fails for lack of memory.
    Evict,
    /// Refuses the store (memcached's `-M`); only items that have expired or were flushed make room.
    Refuse,
}

/// Whether the kernel is asked to back the memory with huge pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HugePages {
    System,
    Advise,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Bound of everything that grows with items: values, keys, headers, index. At least 1 MiB.
    pub memory_bytes: usize,
    /// Address space set aside, so that the memory limit can be raised later; virtual only. At most 1 TiB.
    pub reserve_bytes: usize,
    /// Largest item by memcached's arithmetic (see `Cache::item_fits`): 1 KiB to 1 GiB and at most half of the memory.
    pub item_bytes_max: usize,
    /// Threads that will use the cache; decides the number of shards.
    pub threads: usize,
    /// Number of shards, a power of two; none: four for each thread, as far as each has 8 MiB.
    pub shards: Option<usize>,
    /// Growth from one size class to the next, above 1 (`-f`). Raised when it would make more than 63 classes.
    pub growth_factor: f64,
    /// Smallest chunk, header included.
    pub chunk_bytes_min: usize,
    pub eviction: Eviction,
    /// Seed of the key hash; the default is random, so that nobody can choose colliding keys.
    pub hash_seed: u64,
    pub huge_pages: HugePages,
    /// Bound of the memory that readers have pinned and uploads hold; none: half of the memory. A quarter of it is for
    /// uploads alone.
    pub lent_bytes_max: Option<usize>,
}

impl Default for Settings {
    /// memcached's: 64 MiB, items up to 1 MiB, four threads.
    fn default() -> Settings {
        Settings {
            memory_bytes: 64 << 20,
            reserve_bytes: 64 << 30,
            item_bytes_max: 1 << 20,
            threads: 4,
            shards: None,
            growth_factor: 1.1,
            chunk_bytes_min: 48,
            eviction: Eviction::Evict,
            hash_seed: RandomState::new().build_hasher().finish(),
            huge_pages: HugePages::System,
            lent_bytes_max: None,
        }
    }
}

/// The operator's fault: says which setting and its bounds.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("memory of {0} bytes is below the least of {MEMORY_BYTES_MIN}")]
    MemoryTooSmall(usize),
    #[error("memory of {0} bytes is above the address space set aside")]
    MemoryAboveReserve(usize),
    #[error("an address space of {0} bytes is above the most of {RESERVE_BYTES_MAX}")]
    ReserveTooLarge(usize),
    #[error("items of up to {0} bytes: must lie between 1024 bytes, 1 GiB and half of the memory")]
    ItemSize(usize),
    #[error("{0} shards: must be a power of two up to 1024, with at least 1 MiB each")]
    Shards(usize),
    #[error("a growth factor of {0} is not above 1")]
    GrowthFactor(f64),
    #[error("a smallest chunk of {0} bytes is outside 40 to 4096")]
    ChunkSize(usize),
    #[error("cannot set aside {bytes} bytes of address space: {source}")]
    Mapping { bytes: usize, source: std::io::Error },
}

pub(crate) const MEMORY_BYTES_MIN: usize = 1 << 20;
/// What the index's references reach, less page 0.
/// The most address space that a cache can set aside.
pub const RESERVE_BYTES_MAX: usize = (1 << 40) - PAGE_BYTES;
const SHARD_BYTES_WANTED: usize = 8 << 20;

impl Settings {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.memory_bytes < MEMORY_BYTES_MIN {
            return Err(SettingsError::MemoryTooSmall(self.memory_bytes));
        }
        if self.reserve_bytes > RESERVE_BYTES_MAX {
            return Err(SettingsError::ReserveTooLarge(self.reserve_bytes));
        }
        if !(1024..=1 << 30).contains(&self.item_bytes_max) || self.item_bytes_max > self.memory_bytes / 2 {
            return Err(SettingsError::ItemSize(self.item_bytes_max));
        }
        if !self.growth_factor.is_finite() || self.growth_factor <= 1.0 {
            return Err(SettingsError::GrowthFactor(self.growth_factor));
        }
        if !(40..=4096).contains(&self.chunk_bytes_min) {
            return Err(SettingsError::ChunkSize(self.chunk_bytes_min));
        }
        let shards = self.shard_count();
        if !shards.is_power_of_two() || shards > 1024 || shards * MEMORY_BYTES_MIN > self.memory_bytes {
            return Err(SettingsError::Shards(shards));
        }
        if self.memory_bytes > self.reserve_bytes {
            return Err(SettingsError::MemoryAboveReserve(self.memory_bytes));
        }
        Ok(())
    }

    pub(crate) fn shard_count(&self) -> usize {
        self.shards.unwrap_or_else(|| {
            let mut shards = (4 * self.threads.clamp(1, 256)).next_power_of_two();
            while shards > 1 && self.memory_bytes / shards < SHARD_BYTES_WANTED {
                shards /= 2;
            }
            shards
        })
    }

    pub(crate) fn pages(&self) -> u32 {
        (self.memory_bytes / PAGE_BYTES) as u32
    }
}
