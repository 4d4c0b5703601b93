//! A found item, as the caller sees it while the shard is locked.
#![forbid(unsafe_code)]

use crate::cache::Cache;
use crate::clock::{Expiry, Seconds};
use crate::fetch::{Seen, Token};
use crate::item::{ItemRef, KeyForm, Mark};
use crate::pin::Pin;
use crate::shard::Shard;

/// A found item. Lives as long as the closure that gets it; the shard is locked meanwhile, so the closure is short,
/// calls nothing of the cache and drops no `Pin` or `Upload`.
pub struct Hit<'a> {
    cache: &'a Cache,
    shard: &'a mut Shard,
    item: ItemRef,
    /// Length of the value in bytes.
    pub len: usize,
    /// The client's flags.
    pub flags: u32,
    /// The compare-and-swap id.
    pub cas: u64,
    /// Before this access.
    pub expiry: Expiry,
    /// Second of the last access before this one.
    pub accessed: Seconds,
    /// Whether it had been fetched before.
    pub fetched: bool,
    pub stale: bool,
    pub token: Token,
    pub key_form: KeyForm,
    /// Made by this access (`Fetch::vivify`).
    pub created: bool,
}

impl<'a> Hit<'a> {
    #[inline]
    pub(crate) fn new(cache: &'a Cache, shard: &'a mut Shard, seen: Seen) -> Hit<'a> {
        let item = seen.item;
        let heap = &shard.slabs.heap;
        let (header, flags) = (heap.header(item), heap.flags(item));
        let (cas, meta) = (header.word, header.meta);
        Hit {
            item,
            len: meta.len(),
            flags,
            cas,
            expiry: seen.expiry,
            accessed: seen.accessed,
            fetched: seen.fetched,
            stale: meta.has(Mark::Stale),
            token: seen.token,
            created: seen.created,
            key_form: if meta.has(Mark::BinaryKey) { KeyForm::Binary } else { KeyForm::Text },
            cache,
            shard,
        }
    }

    /// The expiry after this access.
    pub fn expiry_now(&self) -> Expiry {
        Expiry(self.shard.slabs.heap.header(self.item).expiry)
    }

    /// The key as stored.
    pub fn key(&self) -> &[u8] {
        self.shard.slabs.heap.key(self.item)
    }

    /// Size class of the item's head, counted from 0.
    pub fn class(&self) -> usize {
        self.shard.slabs.class_of(self.item) as usize
    }

    /// Bytes of header, key and value.
    pub fn item_bytes(&self) -> usize {
        self.shard.slabs.heap.meta(self.item).item_bytes()
    }

    /// The value, if it lies in one piece, as all do up to about 16 KiB.
    #[inline]
    pub fn bytes(&self) -> Option<&[u8]> {
        let heap = &self.shard.slabs.heap;
        (!heap.meta(self.item).has(Mark::Chained)).then(|| heap.bytes(heap.value_at(self.item), self.len))
    }

    /// The parts of the value, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let heap = &self.shard.slabs.heap;
        heap.spans(self.item).map(|span| heap.bytes(span.at, span.len))
    }

    /// Appends the value.
    #[inline]
    pub fn copy_to(&self, buffer: &mut Vec<u8>) {
        match self.bytes() {
            Some(bytes) => buffer.extend_from_slice(bytes),
            None => self.pieces().for_each(|piece| buffer.extend_from_slice(piece)),
        }
    }

    /// What a pin of it would add to what is lent, in bytes.
    pub(crate) fn to_be_lent_bytes(&self) -> usize {
        let heap = &self.shard.slabs.heap;
        let pinnable = heap.meta(self.item).has(Mark::Pinnable);
        if pinnable && heap.pins(self.item) == 0 { self.item_bytes() } else { 0 }
    }

    /// Keeps the value as it is now beyond the lock, whatever happens to the item. None if it is too small to be
    /// worth it (below `PIN_BYTES_MIN`) or too much memory is lent already: then copy, or refuse.
    pub fn pin(&mut self) -> Option<Pin> {
        Pin::new(self.cache, self.shard, self.item)
    }
}
