//! The layout of an item, and the only way to its fields.
//!
//! ```text
//! an item in one piece      | header 24 | [flags 4] | [pins 4] | key | value |
//! the head of a chained one | header 24 | [flags 4] | [pins 4] | key | pad to 8 | first piece 8 | last piece 8 |
//! a piece of a chain        | header 24 | up to the chunk's end: a part of the value |
//! a free chunk              | header 24: the word is the next free chunk of the page |
//! ```
//!
//! Flags are stored only when they are not 0, the count of pins only for values that can be pinned. All of it is
//! guarded by the shard's lock, but for the parts of a value that are lent (see `arena`).
#![allow(unsafe_code)]

use crate::arena::{Arena, Heap, PAGE_BYTES};
use crate::clock::Seconds;
use std::num::NonZeroU64;

pub(crate) const HEADER_BYTES: usize = size_of::<Header>();
const _: () = assert!(HEADER_BYTES == 24, "header and index entry together are 32 bytes");

/// Values from here on can be pinned, and so carry a count of pins. Below it a copy is cheaper than a pin.
pub const PIN_BYTES_MIN: usize = 4096;

/// Place of a chunk: its offset in the arena, in words of 8 bytes. 37 bits reach 1 TiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ItemRef(NonZeroU64);

impl ItemRef {
    pub(crate) const BITS: u32 = 37;
    const PAGE_WORDS: u64 = PAGE_BYTES as u64 / 8;

    /// Page 0 is never handed out, so the reference is never 0.
    #[inline]
    pub(crate) fn new(page: u32, offset: u32) -> ItemRef {
        debug_assert!(page != 0);
        let words = u64::from(page) * Self::PAGE_WORDS + u64::from(offset) / 8;
        ItemRef(NonZeroU64::MIN.saturating_add(words - 1))
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Option<ItemRef> {
        NonZeroU64::new(bits & ((1 << Self::BITS) - 1)).map(ItemRef)
    }

    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0.get()
    }

    #[inline]
    pub(crate) fn page(self) -> u32 {
        (self.bits() / Self::PAGE_WORDS) as u32
    }

    /// Bytes from the start of its page.
    #[inline]
    pub(crate) fn offset(self) -> u32 {
        (self.bits() % Self::PAGE_WORDS) as u32 * 8
    }

    #[inline]
    pub(crate) fn at(self) -> u64 {
        self.bits() * 8
    }
}

/// What a chunk is used for. Zeroed memory reads as `Free`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkState {
    Free,
    /// Not in the index yet.
    Draft,
    /// In the index.
    Linked,
    /// Out of the index, kept for its pins.
    Detached,
    /// Part of the value of the item that its header names.
    Piece,
    /// The head of a chain that is being freed in steps.
    Dying,
}

/// How the key came, which meta commands must repeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyForm {
    #[default]
    Text,
    /// Base64 on the wire, raw here.
    Binary,
}

/// The packed word: `| generation 13 | spare 1 | bits 7 | visits 2 | state 3 | key length 8 | value length 30 |`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Meta(u64);

const LENGTH_BITS: u32 = 30;
const KEY_SHIFT: u32 = 30;
const STATE_SHIFT: u32 = 38;
const VISITS_SHIFT: u32 = 41;
const GENERATION_SHIFT: u32 = 51;
/// Generations are counted modulo this.
pub(crate) const GENERATIONS: u16 = 1 << (64 - GENERATION_SHIFT);

/// One-bit facts about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Mark {
    Fetched = 43,
    Stale = 44,
    /// Somebody was told to refresh the value.
    TokenSent = 45,
    HasFlags = 46,
    Pinnable = 47,
    Chained = 48,
    BinaryKey = 49,
}

impl Meta {
    pub(crate) const FREE: Meta = Meta(0);
    pub(crate) const VISITS_MAX: u64 = 3;

    pub(crate) fn new(state: ChunkState, len: usize) -> Meta {
        Meta(len as u64).with_state(state)
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        (self.0 & ((1 << LENGTH_BITS) - 1)) as usize
    }

    #[inline]
    pub(crate) fn key_len(self) -> usize {
        (self.0 >> KEY_SHIFT) as u8 as usize
    }

    fn with_key_len(self, len: usize) -> Meta {
        Meta(self.0 & !(0xff << KEY_SHIFT) | (len as u64) << KEY_SHIFT)
    }

    #[inline]
    pub(crate) fn state(self) -> ChunkState {
        match (self.0 >> STATE_SHIFT) & 7 {
            0 => ChunkState::Free,
            1 => ChunkState::Draft,
            2 => ChunkState::Linked,
            3 => ChunkState::Detached,
            4 => ChunkState::Piece,
            _ => ChunkState::Dying,
        }
    }

    pub(crate) fn with_state(self, state: ChunkState) -> Meta {
        Meta(self.0 & !(7 << STATE_SHIFT) | (state as u64) << STATE_SHIFT)
    }

    #[inline]
    pub(crate) fn visits(self) -> u64 {
        (self.0 >> VISITS_SHIFT) & Self::VISITS_MAX
    }

    pub(crate) fn with_visits(self, visits: u64) -> Meta {
        Meta(self.0 & !(Self::VISITS_MAX << VISITS_SHIFT) | visits << VISITS_SHIFT)
    }

    #[inline]
    pub(crate) fn has(self, mark: Mark) -> bool {
        self.0 >> mark as u32 & 1 == 1
    }

    #[inline]
    pub(crate) fn with(self, mark: Mark, on: bool) -> Meta {
        Meta(self.0 & !(1 << mark as u32) | u64::from(on) << mark as u32)
    }

    #[inline]
    pub(crate) fn generation(self) -> u16 {
        (self.0 >> GENERATION_SHIFT) as u16
    }

    pub(crate) fn with_generation(self, generation: u16) -> Meta {
        Meta(self.0 << (64 - GENERATION_SHIFT) >> (64 - GENERATION_SHIFT) | u64::from(generation) << GENERATION_SHIFT)
    }

    /// Header, flags, pins and key.
    #[inline]
    pub(crate) fn prefix_bytes(self) -> usize {
        self.key_at() + self.key_len()
    }

    #[inline]
    fn key_at(self) -> usize {
        HEADER_BYTES + self.pin_bytes() + self.flag_bytes()
    }

    #[inline]
    fn flag_bytes(self) -> usize {
        4 * usize::from(self.has(Mark::HasFlags))
    }

    #[inline]
    fn pin_bytes(self) -> usize {
        4 * usize::from(self.has(Mark::Pinnable))
    }

    /// Bytes of the item as its owner sees it: prefix and value.
    pub(crate) fn item_bytes(self) -> usize {
        self.prefix_bytes() + self.len()
    }

    /// Bytes of the head chunk.
    pub(crate) fn head_bytes(self) -> usize {
        match self.has(Mark::Chained) {
            true => self.prefix_bytes().next_multiple_of(8) + 16,
            false => self.item_bytes(),
        }
    }
}

/// First 24 bytes of every chunk.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Header {
    /// Item: compare-and-swap id. Free chunk: next free one. Piece: next piece. Dying head: next dying head.
    pub(crate) word: u64,
    /// Item: second of its end, 0 for never. Piece: low half of its owner.
    pub(crate) expiry: Seconds,
    /// Item: second of the last access. Piece: high half of its owner.
    pub(crate) accessed: Seconds,
    pub(crate) meta: Meta,
}

/// What fixes the layout of an item.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) form: KeyForm,
    pub(crate) flags: u32,
    pub(crate) len: usize,
}

impl Shape<'_> {
    /// The packed word of a draft of this shape, in one piece if it can be.
    #[inline]
    pub(crate) fn meta(&self) -> Meta {
        let meta = Meta::new(ChunkState::Draft, self.len)
            .with_key_len(self.key.len())
            .with(Mark::HasFlags, self.flags != 0)
            .with(Mark::Pinnable, self.len >= PIN_BYTES_MIN)
            .with(Mark::BinaryKey, self.form == KeyForm::Binary);
        meta.with(Mark::Chained, meta.item_bytes() > crate::sizes::CONTIGUOUS_BYTES_MAX)
    }
}

impl Heap {
    #[inline]
    pub(crate) fn header(&self, chunk: ItemRef) -> &Header {
        // SAFETY: `at` keeps the header in the arena, chunks are aligned to words, and every bit pattern is a header;
        // the shard that owns this heap is the only one to touch headers of its pages.
        unsafe { &*self.at(chunk.at(), HEADER_BYTES).cast() }
    }

    #[inline]
    pub(crate) fn header_mut(&mut self, chunk: ItemRef) -> &mut Header {
        // SAFETY: as in `header`, and `&mut self` excludes every other borrow.
        unsafe { &mut *self.at(chunk.at(), HEADER_BYTES).cast() }
    }

    #[inline]
    pub(crate) fn meta(&self, chunk: ItemRef) -> Meta {
        self.header(chunk).meta
    }

    #[inline]
    pub(crate) fn set_meta(&mut self, chunk: ItemRef, meta: Meta) {
        self.header_mut(chunk).meta = meta;
    }

    #[inline]
    pub(crate) fn key(&self, item: ItemRef) -> &[u8] {
        let meta = self.meta(item);
        self.bytes(item.at() + meta.key_at() as u64, meta.key_len())
    }

    #[inline]
    pub(crate) fn flags(&self, item: ItemRef) -> u32 {
        let meta = self.meta(item);
        if meta.has(Mark::HasFlags) { self.number(item, HEADER_BYTES) } else { 0 }
    }

    /// Pins that hold the item.
    #[inline]
    pub(crate) fn pins(&self, item: ItemRef) -> u32 {
        let meta = self.meta(item);
        if meta.has(Mark::Pinnable) { self.number(item, HEADER_BYTES + meta.flag_bytes()) } else { 0 }
    }

    /// The item is pinnable.
    pub(crate) fn set_pins(&mut self, item: ItemRef, pins: u32) {
        let at = HEADER_BYTES + self.meta(item).flag_bytes();
        self.bytes_mut(item.at() + at as u64, 4).copy_from_slice(&pins.to_ne_bytes());
    }

    #[inline]
    fn number(&self, item: ItemRef, at: usize) -> u32 {
        let bytes = self.bytes(item.at() + at as u64, 4);
        u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// Writes everything in front of the value.
    #[inline]
    pub(crate) fn write_prefix(&mut self, item: ItemRef, meta: Meta, shape: &Shape<'_>) {
        *self.header_mut(item) = Header { word: 0, expiry: 0, accessed: 0, meta };
        let prefix = self.bytes_mut(item.at() + HEADER_BYTES as u64, meta.prefix_bytes() - HEADER_BYTES);
        let (flags, rest) = prefix.split_at_mut(meta.flag_bytes());
        let (pins, key) = rest.split_at_mut(meta.pin_bytes());
        if !flags.is_empty() {
            flags.copy_from_slice(&shape.flags.to_ne_bytes());
        }
        pins.fill(0);
        key.copy_from_slice(shape.key);
    }

    /// Where the value of an item in one piece lies.
    #[inline]
    pub(crate) fn value_at(&self, item: ItemRef) -> u64 {
        item.at() + self.meta(item).prefix_bytes() as u64
    }

    /// First and last piece of a chained item.
    pub(crate) fn chain(&self, head: ItemRef) -> (Option<ItemRef>, Option<ItemRef>) {
        let at = head.at() + self.meta(head).prefix_bytes().next_multiple_of(8) as u64;
        let word = |at| self.bytes(at, 8).iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        (ItemRef::from_bits(word(at)), ItemRef::from_bits(word(at + 8)))
    }

    pub(crate) fn set_chain(&mut self, head: ItemRef, first: Option<ItemRef>, last: Option<ItemRef>) {
        let at = head.at() + self.meta(head).prefix_bytes().next_multiple_of(8) as u64;
        for (at, piece) in [(at, first), (at + 8, last)] {
            self.bytes_mut(at, 8).copy_from_slice(&piece.map_or(0, ItemRef::bits).to_le_bytes());
        }
    }

    /// Makes a chunk a piece of `owner`, the last of its chain.
    pub(crate) fn write_piece(&mut self, piece: ItemRef, owner: ItemRef, len: usize) {
        let owner = owner.bits();
        let meta = Meta::new(ChunkState::Piece, len);
        *self.header_mut(piece) = Header { word: 0, expiry: owner as u32, accessed: (owner >> 32) as u32, meta };
    }

    pub(crate) fn owner(&self, piece: ItemRef) -> Option<ItemRef> {
        let header = self.header(piece);
        ItemRef::from_bits(u64::from(header.accessed) << 32 | u64::from(header.expiry))
    }

    pub(crate) fn next_piece(&self, piece: ItemRef) -> Option<ItemRef> {
        ItemRef::from_bits(self.header(piece).word)
    }
}

impl Arena {
    /// What a piece of a pinned value says of itself: the piece after it, and how many bytes it holds.
    pub(crate) fn pinned_piece(&self, piece: ItemRef) -> (Option<ItemRef>, usize) {
        let header = self.pinned(piece.at(), HEADER_BYTES).as_ptr().cast::<Header>();
        // SAFETY: `pinned` has checked the range and vouches that nobody writes it; chunks are aligned to words, and
        // every bit pattern is a header.
        let Header { word, meta, .. } = unsafe { *header };
        (ItemRef::from_bits(word), meta.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_word_keeps_its_fields_apart() {
        let shape = Shape { key: &[b'k'; 250], form: KeyForm::Binary, flags: 7, len: (1 << 30) - 1 };
        let meta = shape.meta().with_state(ChunkState::Linked).with_visits(2).with_generation(GENERATIONS - 1);
        assert_eq!(meta.len(), (1 << 30) - 1);
        assert_eq!(meta.key_len(), 250);
        assert_eq!(meta.state(), ChunkState::Linked);
        assert_eq!(meta.visits(), 2);
        assert_eq!(meta.generation(), GENERATIONS - 1);
        for mark in [Mark::HasFlags, Mark::Pinnable, Mark::Chained, Mark::BinaryKey] {
            assert!(meta.has(mark));
            assert!(!meta.with(mark, false).has(mark));
        }
        for mark in [Mark::Fetched, Mark::Stale, Mark::TokenSent] {
            assert!(!meta.has(mark));
            assert_eq!(meta.with(mark, true).len(), meta.len());
        }
    }

    #[test]
    fn an_ordinary_item_costs_its_bytes_and_24() {
        let shape = Shape { key: b"0123456789", form: KeyForm::Text, flags: 0, len: 100 };
        assert_eq!(shape.meta().head_bytes(), 24 + 10 + 100);
    }

    #[test]
    fn references_round_trip() {
        for (page, offset) in [(1, 0), (1, 8), ((1 << 24) - 1, 65_528)] {
            let item = ItemRef::new(page, offset);
            assert_eq!((item.page(), item.offset()), (page, offset));
            assert_eq!(ItemRef::from_bits(item.bits()), Some(item));
        }
        assert_eq!(ItemRef::from_bits(0), None);
    }
}
