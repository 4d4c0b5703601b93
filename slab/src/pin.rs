//! Values kept alive while they are being sent.
#![forbid(unsafe_code)]

use crate::arena::{Arena, Heap};
use crate::cache::{Borrower, Cache};
use crate::draft::Span;
use crate::item::{ChunkState, HEADER_BYTES, ItemRef, Mark};
use crate::key::shard_of;
use crate::shard::Shard;
use crate::slabs::Emptied;

/// One reader's hold on a value: its bytes neither change nor move until the pin is dropped, though the item be
/// overwritten, deleted, flushed or evicted. Dropping it takes the shard's lock for a moment, so it must not be
/// dropped inside a closure that the cache runs.
pub struct Pin {
    cache: Cache,
    shard: u32,
    pub(crate) item: ItemRef,
    first: Part,
    /// Length of the value in bytes.
    pub len: usize,
}

/// Where a walk over a value stands.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Whole(Span),
    Piece(Option<ItemRef>),
}

impl Part {
    pub(crate) fn first(heap: &Heap, item: ItemRef) -> Part {
        let meta = heap.meta(item);
        match meta.has(Mark::Chained) {
            true => Part::Piece(heap.chain(item).0),
            false => Part::Whole(Span { at: heap.value_at(item), len: meta.len() }),
        }
    }
}

impl Pin {
    pub(crate) fn new(cache: &Cache, shard: &mut Shard, item: ItemRef) -> Option<Pin> {
        let heap = &shard.slabs.heap;
        let meta = heap.meta(item);
        if !meta.has(Mark::Pinnable) {
            return None;
        }
        let pins = heap.pins(item);
        let more = pins.checked_add(1)?;
        if pins == 0 && !cache.lend(meta.item_bytes(), Borrower::Reader) {
            shard.tally.lent_refused += 1;
            return None;
        }
        let first = Part::first(heap, item);
        let hash = cache.hash_of(heap.key(item));
        if pins == 0 {
            shard.slabs.hold(item);
        }
        shard.slabs.heap.set_pins(item, more);
        let shard = shard_of(hash, cache.shards()) as u32;
        Some(Pin { cache: cache.clone(), shard, item, first, len: meta.len() })
    }

    /// The parts of the value, in order. Their addresses stay good until the pin is dropped.
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces { arena: self.cache.arena(), next: self.first }
    }
}

/// The parts of a pinned value, or of a complete draft that its upload keeps.
#[derive(Clone)]
pub struct Pieces<'a> {
    pub(crate) arena: &'a Arena,
    pub(crate) next: Part,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let arena = self.arena;
        match self.next {
            Part::Whole(span) => {
                self.next = Part::Piece(None);
                Some(arena.pinned(span.at, span.len))
            }
            Part::Piece(piece) => {
                let piece = piece?;
                let (next, len) = arena.pinned_piece(piece);
                self.next = Part::Piece(next);
                Some(arena.pinned(piece.at() + HEADER_BYTES as u64, len))
            }
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut shard = self.cache.shard(self.shard as usize);
        let heap = &mut shard.slabs.heap;
        let pins = heap.pins(self.item) - 1;
        heap.set_pins(self.item, pins);
        if pins > 0 {
            return;
        }
        let meta = heap.meta(self.item);
        shard.slabs.unhold(self.item);
        if meta.state() == ChunkState::Detached {
            shard.free_item(self.item, Emptied::Release);
        }
        drop(shard);
        self.cache.unlend(meta.item_bytes());
    }
}
