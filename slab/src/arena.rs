//! The memory: one anonymous mapping cut into pages, and the pool that says whose each page is.
//!
//! The pool hands every page to at most one owner. An owner is a shard, reached through its `Heap` under the shard's
//! lock; inside a page the shard hands every chunk to at most one item. A chunk that is lent (pinned by readers, or
//! being filled by an upload) is neither freed nor rewritten by the shard until it is returned.
#![allow(unsafe_code)]

use crate::lock::{Guard, Lock};
use crate::page::PageMeta;
use crate::settings::{HugePages, Settings, SettingsError};
use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What a class gets and gives back at once.
pub const PAGE_BYTES: usize = 1 << 16;

/// What a page is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Ordinary,
    /// May take the last few pages, which are kept for a class or an index that has no other way to go on.
    Starving,
}

pub(crate) struct Arena {
    memory: MmapRaw,
    metas: MmapRaw,
    pages_end: u32,
    pool: Lock<Pool>,
    /// Pages that an ordinary need may take: a hint that spares a full cache the pool's lock.
    spare: AtomicU32,
}

/// Pages that nobody owns. Page 0 is never handed out, so that no reference is 0.
struct Pool {
    /// Resident, to be used first.
    warm: Vec<u32>,
    /// Given back to the kernel.
    cold: Vec<u32>,
    /// Never used from here on.
    fresh: u32,
    used: u32,
    budget: u32,
}

impl Pool {
    /// Pages kept for starving needs.
    fn kept(&self) -> u32 {
        (self.budget / 256).max(1)
    }

    fn spare(&self) -> u32 {
        self.budget.saturating_sub(self.used + self.kept())
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolCount {
    pub(crate) used: u32,
    pub(crate) budget: u32,
}

impl Arena {
    pub(crate) fn new(settings: &Settings) -> Result<Arc<Arena>, SettingsError> {
        let pages_end = settings.reserve_bytes.div_ceil(PAGE_BYTES) as u32 + 1;
        let memory = map(pages_end as usize * PAGE_BYTES)?;
        let metas = map(pages_end as usize * size_of::<PageMeta>())?;
        if settings.huge_pages == HugePages::Advise {
            // Advice only: a kernel without huge pages refuses, and the cache works as well without them.
            let _ = memory.advise(Advice::HugePage);
        }
        let pool = Pool { warm: Vec::new(), cold: Vec::new(), fresh: 1, used: 0, budget: settings.pages() };
        let spare = AtomicU32::new(pool.spare());
        Ok(Arc::new(Arena { memory, metas, pages_end, pool: Lock::new(pool), spare }))
    }

    fn pool(&self) -> Guard<'_, Pool> {
        crate::lock::lock(&self.pool)
    }

    /// A page of unknown content.
    fn take(&self, need: Need) -> Option<u32> {
        if need == Need::Ordinary && self.spare.load(Relaxed) == 0 {
            return None;
        }
        let mut pool = self.pool();
        let room = if need == Need::Ordinary { pool.spare() } else { pool.budget.saturating_sub(pool.used) };
        if room == 0 {
            return None;
        }
        let page = pool.warm.pop().or_else(|| pool.cold.pop()).unwrap_or(pool.fresh);
        if page == pool.fresh {
            if page == self.pages_end {
                return None;
            }
            pool.fresh += 1;
        }
        pool.used += 1;
        self.spare.store(pool.spare(), Relaxed);
        Some(page)
    }

    fn give(&self, page: u32) {
        let mut pool = self.pool();
        pool.used -= 1;
        pool.warm.push(page);
        self.spare.store(pool.spare(), Relaxed);
        self.cool(&mut pool, 1);
    }

    /// Returns up to `pages_max` resident pages above the budget to the kernel.
    fn cool(&self, pool: &mut Pool, pages_max: usize) {
        for _ in 0..pages_max {
            if pool.used as usize + pool.warm.len() <= pool.budget as usize {
                return;
            }
            let Some(page) = pool.warm.pop() else { return };
            // SAFETY: nobody owns the page, so nobody holds a reference into it; its content is dead.
            let cooled = unsafe {
                let offset = page as usize * PAGE_BYTES;
                self.memory.unchecked_advise_range(UncheckedAdvice::DontNeed, offset, PAGE_BYTES)
            };
            // A refusal (locked memory) costs residence, not correctness.
            let _ = cooled;
            pool.cold.push(page);
        }
    }

    /// Sets the bound of pages in use; pages above it come back as their owners give them up. Returns false if the
    /// address space does not reach that far.
    pub(crate) fn set_budget(&self, pages: u32) -> bool {
        if pages >= self.pages_end {
            return false;
        }
        let mut idle = {
            let mut pool = self.pool();
            pool.budget = pages;
            self.spare.store(pool.spare(), Relaxed);
            pool.warm.len()
        };
        // In small steps, so that no store waits long for the pool.
        while idle > 0 {
            self.cool(&mut self.pool(), 64);
            idle = idle.saturating_sub(64);
        }
        true
    }

    pub(crate) fn count(&self) -> PoolCount {
        let pool = self.pool();
        PoolCount { used: pool.used, budget: pool.budget }
    }

    /// Address of a byte of the memory.
    fn at(&self, offset: u64, len: usize) -> *mut u8 {
        let offset = offset as usize;
        assert!(offset % PAGE_BYTES + len <= PAGE_BYTES && offset < self.memory.len(), "a reference leaves its page");
        // SAFETY: the mapping is a whole number of pages, and the assertion keeps the range inside one of them.
        unsafe { self.memory.as_mut_ptr().add(offset) }
    }

    /// Bytes of a pinned value or of a complete draft, or of the header of one of their pieces. Nobody writes them until
    /// the pin is released or the draft given up, and the caller has the pin or the draft.
    pub(crate) fn pinned(&self, offset: u64, len: usize) -> &[u8] {
        // SAFETY: `at` keeps the range inside one page; a pinned chunk is neither written nor freed by its shard,
        // and a draft only by its upload, whose caller waits.
        unsafe { std::slice::from_raw_parts(self.at(offset, len), len) }
    }

    /// Where a page begins. Who reads or writes there answers for it.
    pub(crate) fn page_address(&self, page: u32) -> *mut u8 {
        assert!(page < self.pages_end);
        self.memory.as_mut_ptr().wrapping_add(page as usize * PAGE_BYTES)
    }
}

fn map(bytes: usize) -> Result<MmapRaw, SettingsError> {
    let mut options = MmapOptions::new();
    options.len(bytes);
    // Miri knows no such flag.
    if !cfg!(miri) {
        options.no_reserve_swap();
    }
    options.map_anon().map(MmapRaw::from).map_err(|source| SettingsError::Mapping { bytes, source })
}

/// One shard's way to the pages that it owns. Not `Clone`: `&mut Heap` is the right to write them.
pub(crate) struct Heap {
    arena: Arc<Arena>,
    memory: *mut u8,
    metas: *mut PageMeta,
    pages_end: u32,
}

// SAFETY: the pointers lead into `arena`, which the heap keeps alive; what they reach is guarded by the pool's promise
// that a page has one owner.
unsafe impl Send for Heap {}

impl Heap {
    pub(crate) fn new(arena: Arc<Arena>) -> Heap {
        let memory = arena.memory.as_mut_ptr();
        let metas = arena.metas.as_mut_ptr().cast();
        let pages_end = arena.pages_end;
        Heap { arena, memory, metas, pages_end }
    }

    pub(crate) fn take_page(&mut self, need: Need) -> Option<u32> {
        self.arena.take(need)
    }

    /// The caller has no reference into the page left and forgets its number.
    pub(crate) fn give_page(&mut self, page: u32) {
        self.arena.give(page);
    }

    pub(crate) fn pool(&self) -> PoolCount {
        self.arena.count()
    }

    #[inline]
    pub(crate) fn page(&self, page: u32) -> &PageMeta {
        assert!(page < self.pages_end);
        // SAFETY: inside the mapping of page records; all bits are valid; this heap owns the page, and borrows of its
        // record follow the borrow of the heap.
        unsafe { &*self.metas.add(page as usize) }
    }

    #[inline]
    pub(crate) fn page_mut(&mut self, page: u32) -> &mut PageMeta {
        assert!(page < self.pages_end);
        // SAFETY: as in `page`, and `&mut self` excludes every other borrow.
        unsafe { &mut *self.metas.add(page as usize) }
    }

    /// `len` bytes of a page that this heap owns, of a chunk that no upload is filling.
    #[inline]
    pub(crate) fn bytes(&self, offset: u64, len: usize) -> &[u8] {
        // SAFETY: `at` keeps the range in the mapping; the heap owns the page, and only this heap's owner writes to
        // chunks that are not lent to an upload.
        unsafe { std::slice::from_raw_parts(self.at(offset, len), len) }
    }

    /// `len` bytes of a page that this heap owns, of a chunk that nobody else reads.
    #[inline]
    pub(crate) fn bytes_mut(&mut self, offset: u64, len: usize) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` excludes the shard's other borrows, and chunks that are pinned are not
        // written.
        unsafe { std::slice::from_raw_parts_mut(self.at(offset, len), len) }
    }

    /// Copies between two chunks.
    pub(crate) fn copy(&mut self, from: u64, to: u64, len: usize) {
        // SAFETY: both ranges lie in pages that this heap owns (`at` checks the bounds); `copy` allows overlap.
        unsafe { std::ptr::copy(self.at(from, len), self.at(to, len), len) }
    }

    /// Address of `len` bytes inside one page.
    #[inline]
    pub(crate) fn at(&self, offset: u64, len: usize) -> *mut u8 {
        let (page, within) = (offset as usize / PAGE_BYTES, offset as usize % PAGE_BYTES);
        assert!(page < self.pages_end as usize && within + len <= PAGE_BYTES, "a reference leaves its page");
        // SAFETY: the assertion keeps the range inside the mapping.
        unsafe { self.memory.add(offset as usize) }
    }
}

/// Bytes that an upload fills outside the shard's lock; the shard keeps the chunk out of every other hand.
pub(crate) struct Lent {
    arena: Arc<Arena>,
    offset: u64,
    pub(crate) len: usize,
}

impl Lent {
    /// The bytes belong to a draft that the caller alone fills.
    pub(crate) fn new(arena: Arc<Arena>, offset: u64, len: usize) -> Lent {
        Lent { arena, offset, len }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: `at` keeps the range inside one page; a draft is known to its upload alone, which borrows the bytes
        // through this one value.
        unsafe { std::slice::from_raw_parts_mut(self.arena.at(self.offset, self.len), self.len) }
    }

    /// Leaves the first `len` bytes behind.
    pub(crate) fn advance(&mut self, len: usize) {
        assert!(len <= self.len, "more bytes filled than there was room for");
        self.offset += len as u64;
        self.len -= len;
    }
}
