//! Test only: walks everything a shard has and checks that it is exactly what its counts say.
#![forbid(unsafe_code)]

use crate::cache::Cache;
use crate::item::{ChunkState, ItemRef, Mark};
use crate::page::{NO_CHUNK, NO_PAGE, PageState};
use crate::shard::Shard;
use std::collections::HashSet;

/// What a walk over the pages of one shard found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    items: u64,
    bytes: u64,
    pieces: u64,
    pages: u32,
}

impl Cache {
    /// Every page is in the pool, in the index or in one class; every chunk is exactly one of free, linked, detached,
    /// dying, a draft or a piece of one of these.
    pub(crate) fn check(&self) {
        let mut pages = 0;
        for index in 0..self.shards() {
            pages += self.shard(index).check();
        }
        assert_eq!(pages, self.arena().count().used, "pages owned");
    }
}

impl Shard {
    fn check(&self) -> u32 {
        let mut total = Found::default();
        let mut chained = 0;
        for class in 0..self.slabs.classes.len() as u8 {
            let mut found = Found::default();
            let mut page = self.slabs.classes[class as usize].pages.head;
            let mut used = 0;
            while page != NO_PAGE {
                used += self.check_page(class, page, &mut found, &mut chained);
                page = self.slabs.heap.page(page).next();
            }
            let this = &self.slabs.classes[class as usize];
            assert_eq!(used, this.used_chunks, "used chunks of class {class}");
            assert_eq!(found.pages, this.pages.len);
            assert_eq!((found.items, found.bytes), (this.tally.items, this.tally.bytes), "items of class {class}");
            total = Found {
                items: total.items + found.items,
                bytes: total.bytes + found.bytes,
                pieces: total.pieces + found.pieces,
                pages: total.pages + found.pages,
            };
        }
        assert_eq!((total.items, total.bytes), (self.items, self.bytes));
        assert_eq!(total.items, self.table.entries, "every entry leads to a linked item");
        assert_eq!(total.pieces, chained, "every piece hangs on a head");
        assert!(self.guard.is_none() && self.spared.is_empty());
        total.pages + self.table.pages()
    }

    fn check_page(&self, class: u8, page: u32, found: &mut Found, chained: &mut u64) -> u64 {
        let heap = &self.slabs.heap;
        let meta = heap.page(page);
        assert_eq!(meta.class, class);
        assert_ne!(meta.state(), PageState::Pooled);
        let mut free = HashSet::new();
        let mut next = meta.free_head;
        while next != NO_CHUNK {
            assert!(free.insert(next), "a free list runs in a circle");
            next = heap.header(ItemRef::new(page, u32::from(next) * 8)).word as u16;
        }
        let (mut offset, mut used, mut held) = (0, 0, 0);
        while let Some(chunk) = self.slabs.chunk_in(page, offset) {
            let state = heap.meta(chunk).state();
            assert_eq!(state == ChunkState::Free, free.contains(&((offset / 8) as u16)), "{state:?} at {offset}");
            offset += self.slabs.chunk_bytes(class);
            used += u64::from(state != ChunkState::Free);
            match state {
                ChunkState::Free => {}
                ChunkState::Piece => self.check_piece(chunk, found),
                _ => held += self.check_head(chunk, class, state, found, chained),
            }
        }
        assert_eq!(used, u64::from(meta.used));
        assert_eq!(held, meta.held, "held chunks");
        found.pages += 1;
        used
    }

    fn check_piece(&self, piece: ItemRef, found: &mut Found) {
        found.pieces += 1;
        let owner = self.slabs.heap.owner(piece).unwrap();
        let state = self.slabs.heap.meta(owner).state();
        assert!(!matches!(state, ChunkState::Free | ChunkState::Piece), "a piece of a {state:?} chunk");
    }

    fn check_head(&self, head: ItemRef, class: u8, state: ChunkState, found: &mut Found, chained: &mut u64) -> u16 {
        let heap = &self.slabs.heap;
        let meta = heap.meta(head);
        assert_eq!(self.slabs.sizes.class_of(meta.head_bytes()), class);
        if meta.has(Mark::Chained) {
            let (mut piece, last) = heap.chain(head);
            let mut bytes = 0;
            let mut end = None;
            while let Some(this) = piece {
                assert_eq!(heap.owner(this), Some(head));
                bytes += heap.meta(this).len();
                *chained += 1;
                end = Some(this);
                piece = heap.next_piece(this);
            }
            assert!(matches!(state, ChunkState::Draft | ChunkState::Dying) || bytes == meta.len(), "chain length");
            assert!(state == ChunkState::Dying || end == last);
        }
        if state == ChunkState::Linked {
            found.items += 1;
            found.bytes += meta.item_bytes() as u64;
            let hash = self.hash_of(heap.key(head));
            assert!(self.table.find(hash, |item| item == head).is_some(), "a linked item is not in the index");
        }
        match state {
            ChunkState::Draft => 1,
            ChunkState::Dying => 0,
            ChunkState::Detached => {
                assert!(heap.pins(head) > 0);
                1
            }
            _ => u16::from(heap.pins(head) > 0),
        }
    }
}
