//! Chunks: which of a class's pages has one free, and where freed ones go. Knows pages, not items' meaning.
#![forbid(unsafe_code)]

use crate::arena::{Heap, Need, PAGE_BYTES};
use crate::counters::ClassTally;
use crate::item::{ChunkState, Header, ItemRef, Meta};
use crate::page::{NO_CHUNK, NO_PAGE, PageList, PageMeta, PageState, Thread};
use crate::sizes::Sizes;
use std::sync::Arc;

/// What happens to a page whose last chunk is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emptied {
    /// It returns to the pool, where any class of any shard may take it.
    Release,
    /// It stays if it is of this class, which is about to fill it again.
    KeepFor(u8),
}

/// A place in a class's pages, walked physically: there are no lists of items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) page: u32,
    pub(crate) offset: u32,
}

pub(crate) const NOWHERE: Position = Position { page: NO_PAGE, offset: 0 };

/// Pages of one chunk size.
pub(crate) struct Class {
    pub(crate) chunk_bytes: u32,
    pub(crate) pages: PageList,
    room: PageList,
    pub(crate) used_chunks: u64,
    /// Next chunk that eviction looks at.
    pub(crate) hand: Position,
    pub(crate) tally: ClassTally,
}

/// One shard's pages and chunks.
pub(crate) struct Slabs {
    pub(crate) heap: Heap,
    pub(crate) sizes: Arc<Sizes>,
    pub(crate) classes: Box<[Class]>,
    /// The page that a hand-over is emptying.
    pub(crate) draining: u32,
    /// Where the sweep for expired items stands, in the pages of `sweep_class`.
    pub(crate) sweep: Position,
    pub(crate) sweep_class: u8,
}

impl Slabs {
    pub(crate) fn new(heap: Heap, sizes: Arc<Sizes>) -> Slabs {
        let class = |chunk_bytes: &u32| Class {
            chunk_bytes: *chunk_bytes,
            pages: PageList::new(Thread::All),
            room: PageList::new(Thread::Room),
            used_chunks: 0,
            hand: NOWHERE,
            tally: ClassTally::default(),
        };
        let classes = sizes.chunk_bytes.iter().map(class).collect();
        Slabs { heap, sizes, classes, draining: NO_PAGE, sweep: NOWHERE, sweep_class: 0 }
    }

    #[inline]
    pub(crate) fn class_of(&self, chunk: ItemRef) -> u8 {
        self.heap.page(chunk.page()).class
    }

    #[inline]
    pub(crate) fn chunk_bytes(&self, class: u8) -> u32 {
        self.classes[class as usize].chunk_bytes
    }

    /// A free chunk of pages that the class has, as an empty draft.
    pub(crate) fn take_chunk(&mut self, class: u8) -> Option<ItemRef> {
        let this = &mut self.classes[class as usize];
        let page = this.room.head;
        if page == NO_PAGE {
            return None;
        }
        let meta = self.heap.page(page);
        let chunk = if meta.free_head != NO_CHUNK {
            let chunk = ItemRef::new(page, u32::from(meta.free_head) * 8);
            let next = self.heap.header(chunk).word as u16;
            self.heap.page_mut(page).free_head = next;
            chunk
        } else {
            let chunk = ItemRef::new(page, meta.fresh);
            self.heap.page_mut(page).fresh += this.chunk_bytes;
            chunk
        };
        let meta = self.heap.page_mut(page);
        meta.used += 1;
        meta.held += 1;
        if is_full(meta, this.chunk_bytes) {
            this.room.remove(&mut self.heap, page);
        }
        this.used_chunks += 1;
        *self.heap.header_mut(chunk) =
            Header { word: 0, expiry: 0, accessed: 0, meta: Meta::new(ChunkState::Draft, 0) };
        Some(chunk)
    }

    /// The chunk is in nobody's hands any more.
    pub(crate) fn free_chunk(&mut self, chunk: ItemRef, emptied: Emptied) {
        let page = chunk.page();
        let meta = self.heap.page_mut(page);
        let class = meta.class;
        let this = &mut self.classes[class as usize];
        let (next, was_full) = (meta.free_head, is_full(meta, this.chunk_bytes));
        meta.free_head = (chunk.offset() / 8) as u16;
        meta.used -= 1;
        this.used_chunks -= 1;
        let (empty, open) = (meta.used == 0, meta.state() == PageState::Open);
        *self.heap.header_mut(chunk) = Header { word: u64::from(next), expiry: 0, accessed: 0, meta: Meta::FREE };
        if open && was_full {
            this.room.push_front(&mut self.heap, page);
        }
        if empty && !(open && emptied == Emptied::KeepFor(class)) {
            self.release_page(page);
        }
    }

    /// A chunk that nobody but its item holds: eviction may take it.
    pub(crate) fn unhold(&mut self, chunk: ItemRef) {
        self.heap.page_mut(chunk.page()).held -= 1;
    }

    /// A chunk that is lent: eviction leaves it alone.
    pub(crate) fn hold(&mut self, chunk: ItemRef) {
        self.heap.page_mut(chunk.page()).held += 1;
    }

    /// Gives the class a page from the pool, if the pool has one for this need.
    pub(crate) fn add_page(&mut self, class: u8, need: Need) -> bool {
        let Some(page) = self.heap.take_page(need) else { return false };
        *self.heap.page_mut(page) = PageMeta::open(class);
        let this = &mut self.classes[class as usize];
        // Behind the hand, which starts at the front with the oldest page.
        this.pages.push_back(&mut self.heap, page);
        this.room.push_front(&mut self.heap, page);
        true
    }

    /// Takes the page out of service: its free chunks are not handed out any more, and with its last chunk it returns
    /// to the pool; an empty one at once.
    pub(crate) fn drain_page(&mut self, page: u32) {
        let meta = self.heap.page_mut(page);
        let this = &mut self.classes[meta.class as usize];
        if !is_full(meta, this.chunk_bytes) {
            this.room.remove(&mut self.heap, page);
        }
        let meta = self.heap.page_mut(page);
        meta.set_state(PageState::Draining);
        self.draining = page;
        if meta.used == 0 {
            self.release_page(page);
        }
    }

    fn release_page(&mut self, page: u32) {
        let meta = self.heap.page(page);
        let (next, open) = (meta.next(), meta.state() == PageState::Open);
        let this = &mut self.classes[meta.class as usize];
        for position in [&mut this.hand, &mut self.sweep] {
            if position.page == page {
                *position = Position { page: next, offset: 0 };
            }
        }
        if open {
            this.room.remove(&mut self.heap, page);
        }
        this.pages.remove(&mut self.heap, page);
        self.heap.page_mut(page).set_state(PageState::Pooled);
        if self.draining == page {
            self.draining = NO_PAGE;
        }
        self.heap.give_page(page);
    }

    /// The next chunk under the class's hand, which moves on; none where it crosses to the next page.
    pub(crate) fn hand_next(&mut self, class: u8) -> Option<ItemRef> {
        let this = &mut self.classes[class as usize];
        if this.hand.page == NO_PAGE {
            this.hand = Position { page: this.pages.head, offset: 0 };
            if this.hand.page == NO_PAGE {
                return None;
            }
        }
        step(&self.heap, &mut this.hand, this.chunk_bytes)
    }

    /// The next chunk of the sweep in its class; `Err` at the class's end.
    pub(crate) fn sweep_next(&mut self) -> Result<Option<ItemRef>, ()> {
        if self.sweep.page == NO_PAGE {
            return Err(());
        }
        let chunk_bytes = self.classes[self.sweep_class as usize].chunk_bytes;
        Ok(step(&self.heap, &mut self.sweep, chunk_bytes))
    }

    /// Moves the sweep to the start of the next class; true when it has been through all of them.
    pub(crate) fn sweep_next_class(&mut self) -> bool {
        self.sweep_class += 1;
        let done = self.sweep_class as usize == self.classes.len();
        if done {
            self.sweep_class = 0;
        }
        self.sweep = Position { page: self.classes[self.sweep_class as usize].pages.head, offset: 0 };
        done
    }

    /// The chunks of a page, from `offset` on: none at its end.
    pub(crate) fn chunk_in(&self, page: u32, offset: u32) -> Option<ItemRef> {
        (offset < self.heap.page(page).fresh).then(|| ItemRef::new(page, offset))
    }
}

fn is_full(meta: &PageMeta, chunk_bytes: u32) -> bool {
    meta.free_head == NO_CHUNK && meta.fresh + chunk_bytes > PAGE_BYTES as u32
}

/// Moves a position over one chunk, or from a page's end to the next page. A list's end leaves it nowhere.
fn step(heap: &Heap, position: &mut Position, chunk_bytes: u32) -> Option<ItemRef> {
    let meta = heap.page(position.page);
    if position.offset >= meta.fresh {
        *position = Position { page: meta.next(), offset: 0 };
        return None;
    }
    let chunk = ItemRef::new(position.page, position.offset);
    position.offset += chunk_bytes;
    Some(chunk)
}
