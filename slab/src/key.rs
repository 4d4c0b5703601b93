//! A key and its hash, which is computed once an operation.
#![forbid(unsafe_code)]

use crate::item::KeyForm;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// Longest key, as memcached's `KEY_MAX_LENGTH`.
pub const KEY_BYTES_MAX: usize = 250;

/// A key, hashed with the cache's seed.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    pub bytes: &'a [u8],
    /// Stored with the item, so that a reply can repeat the key as it came.
    pub form: KeyForm,
    pub(crate) hash: u64,
}

/// The seeded hash. Both halves choose buckets; the shard comes from a mix of all bits.
#[derive(Clone)]
pub(crate) struct KeyHash {
    secrets: RapidSecrets,
}

impl KeyHash {
    pub(crate) fn new(seed: u64) -> KeyHash {
        KeyHash { secrets: RapidSecrets::seed(seed) }
    }

    #[inline]
    pub(crate) fn of(&self, key: &[u8]) -> u64 {
        rapidhash_v3_seeded(key, &self.secrets)
    }
}

/// Index of the hash's shard. `shards` is a power of two.
#[inline]
pub(crate) fn shard_of(hash: u64, shards: usize) -> usize {
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize & (shards - 1)
}
