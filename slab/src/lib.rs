//! The cache: every operation in O(1), worst case, in memory that is bounded as a whole.
//!
//! ```text
//! Cache ──key's hash──> Shard (behind a short lock) ──> Table: index of cache-line buckets
//!   │                        └──> Slabs: classes of chunks ──> Heap ──> Arena: pages of 64 KiB, one pool for all
//!   └── Hit (under the lock) ── Pin, Upload (beyond it)
//! ```
//!
//! - `cache`, `settings`, `key`, `clock`, `counters`: the face, and what goes in and comes out
//! - `fetch`, `store`, `join`, `delete`, `arithmetic`: one file an operation, with memcached's rules for it
//! - `hit`, `pin`, `upload`: values seen under the lock, kept beyond it, received before it
//! - `lock`: taking a shard's lock, or the pool's
//! - `shard`: an index, its chunks and the rules that bind them
//! - `evict`, `sweep`: who leaves when memory is full, and finding what is dead
//! - `draft`: items while they are built; `slabs`, `page`, `sizes`: chunks, pages, size classes
//! - tests: `invariants` walks a whole cache, `model` holds it against a plain map, `promises` counts steps,
//!   `held` what is copied under a lock
//! - `table`, `item`, `arena`: the index, the layout of an item, the memory; the only files with `unsafe`
#![deny(unsafe_code)]

mod arena;
mod arithmetic;
mod cache;
mod clock;
mod counters;
mod delete;
mod draft;
mod evict;
mod fetch;
#[cfg(test)]
mod held;
mod hit;
#[cfg(test)]
mod invariants;
mod item;
mod join;
mod key;
mod lock;
#[cfg(test)]
mod model;
mod page;
mod pin;
#[cfg(test)]
mod promises;
mod settings;
mod shard;
mod sizes;
mod slabs;
mod store;
mod sweep;
mod table;
mod upload;

pub use arena::PAGE_BYTES;
pub use arithmetic::{Arithmetic, Computed, Direction};
pub use cache::{Ahead, Cache};
pub use clock::{Expiry, Seconds};
pub use counters::{ClassCounters, ClassTally, Counters, Tally};
pub use delete::{Delete, DeleteMode, Deleted};
pub use fetch::{Fetch, Recency, Token};
pub use hit::Hit;
pub use item::{KeyForm, PIN_BYTES_MIN};
pub use key::{KEY_BYTES_MAX, Key};
pub use pin::{Pieces, Pin};
pub use settings::{Eviction, HugePages, RESERVE_BYTES_MAX, Settings, SettingsError};
pub use store::{Outcome, Outdated, Store, StoreMode, Stored};
pub use upload::{Refusal, Upload};
