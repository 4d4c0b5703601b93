//! Items while they are built: memory is taken piece by piece, and nothing is seen of them until they are linked.
#![forbid(unsafe_code)]

use crate::arena::Heap;
use crate::clock::Seconds;
use crate::item::{HEADER_BYTES, ItemRef, Mark, Shape};
use crate::shard::{Shard, Starved};
use crate::slabs::Emptied;

/// Bytes inside one chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) at: u64,
    pub(crate) len: usize,
}

const NO_ROOM: Span = Span { at: 0, len: 0 };

/// An item that is being filled. Whoever has it links it or discards it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub(crate) head: ItemRef,
    /// Bytes for which there is no memory yet.
    pub(crate) unplaced: usize,
    /// What is left to fill of the newest piece.
    room: Span,
}

impl Shard {
    /// Takes the memory of a new item, or of its head if it is chained.
    #[inline]
    pub(crate) fn draft(&mut self, shape: &Shape<'_>, now: Seconds) -> Result<Draft, Starved> {
        let meta = shape.meta();
        let class = self.slabs.sizes.class_of(meta.head_bytes());
        let head = self.take_chunk(class, now)?;
        let heap = &mut self.slabs.heap;
        heap.write_prefix(head, meta, shape);
        if meta.has(Mark::Chained) {
            heap.set_chain(head, None, None);
            return Ok(Draft { head, unplaced: shape.len, room: NO_ROOM });
        }
        let room = Span { at: heap.value_at(head), len: shape.len };
        Ok(Draft { head, unplaced: 0, room })
    }

    /// Where the next bytes go: empty only when the draft is full. Takes the next piece if the last one is filled.
    pub(crate) fn room(&mut self, draft: &mut Draft, now: Seconds) -> Result<Span, Starved> {
        if draft.room.len > 0 || draft.unplaced == 0 {
            return Ok(draft.room);
        }
        let class = self.slabs.sizes.piece_class(draft.unplaced);
        let piece = self.take_chunk(class, now)?;
        let len = draft.unplaced.min(self.slabs.chunk_bytes(class) as usize - HEADER_BYTES);
        let heap = &mut self.slabs.heap;
        heap.write_piece(piece, draft.head, len);
        let (first, last) = heap.chain(draft.head);
        if let Some(last) = last {
            heap.header_mut(last).word = piece.bits();
        }
        heap.set_chain(draft.head, first.or(Some(piece)), Some(piece));
        // From here on the state of its head speaks for it.
        self.slabs.unhold(piece);
        draft.unplaced -= len;
        draft.room = Span { at: piece.at() + HEADER_BYTES as u64, len };
        Ok(draft.room)
    }

    /// Appends bytes to a draft that has at least so many to go.
    #[inline]
    pub(crate) fn fill(&mut self, draft: &mut Draft, mut bytes: &[u8], now: Seconds) -> Result<(), Starved> {
        while !bytes.is_empty() {
            let room = self.room(draft, now)?;
            let (part, rest) = bytes.split_at(bytes.len().min(room.len));
            #[cfg(test)]
            crate::held::copied(part.len());
            self.slabs.heap.bytes_mut(room.at, part.len()).copy_from_slice(part);
            draft.advance(part.len());
            bytes = rest;
        }
        Ok(())
    }

    /// Appends the value of another item, which the caller guards.
    pub(crate) fn fill_from(&mut self, draft: &mut Draft, item: ItemRef, now: Seconds) -> Result<(), Starved> {
        let mut cursor = self.slabs.heap.spans(item).cursor;
        while let Some(mut span) = cursor.next(&self.slabs.heap) {
            while span.len > 0 {
                let room = self.room(draft, now)?;
                let len = room.len.min(span.len);
                self.slabs.heap.copy(span.at, room.at, len);
                #[cfg(test)]
                crate::held::copied(len);
                draft.advance(len);
                span = Span { at: span.at + len as u64, len: span.len - len };
            }
        }
        Ok(())
    }

    /// Returns all memory of a draft.
    pub(crate) fn discard(&mut self, head: ItemRef) {
        self.slabs.unhold(head);
        self.free_item(head, Emptied::Release);
    }
}

impl Draft {
    #[inline]
    pub(crate) fn advance(&mut self, len: usize) {
        self.room = Span { at: self.room.at + len as u64, len: self.room.len - len };
    }
}

/// Walks the parts of a value without holding on to the heap.
#[derive(Clone, Copy)]
struct Cursor {
    whole: Option<Span>,
    piece: Option<ItemRef>,
}

impl Cursor {
    fn next(&mut self, heap: &Heap) -> Option<Span> {
        if let Some(span) = self.whole.take() {
            return Some(span);
        }
        let piece = self.piece?;
        self.piece = heap.next_piece(piece);
        Some(Span { at: piece.at() + HEADER_BYTES as u64, len: heap.meta(piece).len() })
    }
}

/// The parts of a value, in order.
pub(crate) struct Spans<'a> {
    heap: &'a Heap,
    cursor: Cursor,
}

impl Iterator for Spans<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        self.cursor.next(self.heap)
    }
}

impl Heap {
    pub(crate) fn spans(&self, item: ItemRef) -> Spans<'_> {
        let meta = self.meta(item);
        let cursor = match meta.has(Mark::Chained) {
            true => Cursor { whole: None, piece: self.chain(item).0 },
            false => Cursor { whole: Some(Span { at: self.value_at(item), len: meta.len() }), piece: None },
        };
        Spans { heap: self, cursor }
    }
}
