//! One shard: an index, its chunks and the rules that bind them. Plain single-threaded code behind a short lock.
#![forbid(unsafe_code)]

use crate::arena::{Arena, Heap, Need};
use crate::clock::Seconds;
use crate::counters::Tally;
use crate::evict::Handover;
use crate::item::{ChunkState, GENERATIONS, Header, ItemRef, Mark, Meta};
use crate::key::{Key, KeyHash};
use crate::settings::Eviction;
use crate::sizes::Sizes;
use crate::slabs::{Emptied, Slabs};
use crate::table::{Slot, Table};
use std::sync::Arc;

/// Neither this shard's free memory nor what it may evict is enough: another shard must give a page.
#[derive(Debug)]
pub(crate) struct Starved;

/// No `flush_all` is waiting for its second.
pub(crate) const NO_FLUSH: Seconds = Seconds::MAX;
/// Steps of background work (pieces freed, chunks moved out of a page) that one operation does at most.
pub(crate) const STEPS: usize = 64;

pub(crate) struct Shard {
    pub(crate) table: Table,
    pub(crate) slabs: Slabs,
    key_hash: KeyHash,
    pub(crate) eviction: Eviction,
    pub(crate) items: u64,
    pub(crate) bytes: u64,
    pub(crate) tally: Tally,
    cas: u64,
    cas_step: u64,
    /// Items of other generations have been flushed.
    pub(crate) generation: u16,
    /// No chunk has a generation before this one, up to `generation`.
    pub(crate) generation_oldest: u16,
    /// The generation in which the sweep's current round began.
    pub(crate) generation_sweep: u16,
    pub(crate) stored_since_flush: bool,
    pub(crate) flush_at: Seconds,
    /// The item that the running operation still needs: not to be evicted.
    pub(crate) guard: Option<ItemRef>,
    /// Items that joins beyond the lock still need, too short to be pinned: one for each, and so as many as threads.
    pub(crate) spared: Vec<ItemRef>,
    /// Heads of chains that are being freed, linked by their first word.
    dying: Option<ItemRef>,
    pub(crate) handover: Option<Handover>,
    /// Evictions until the classes' prices are compared again.
    pub(crate) compare_in: u32,
    /// Class whose price is sampled next.
    pub(crate) sampled: u8,
    /// Class that found no memory last.
    pub(crate) starved: u8,
}

/// What an index entry is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Live,
    Expired,
    Flushed,
}

impl Shard {
    /// `index` of `shards`: their compare-and-swap ids never meet. None if the pool has no page left.
    pub(crate) fn new(
        arena: &Arc<Arena>,
        sizes: &Arc<Sizes>,
        key_hash: &KeyHash,
        eviction: Eviction,
        (index, shards): (usize, usize),
        index_pages_max: usize,
    ) -> Option<Shard> {
        let mut heap = Heap::new(arena.clone());
        let page = heap.take_page(Need::Starving)?;
        Some(Shard {
            table: Table::new(arena.clone(), page, index_pages_max),
            slabs: Slabs::new(heap, sizes.clone()),
            key_hash: key_hash.clone(),
            eviction,
            items: 0,
            bytes: 0,
            tally: Tally::default(),
            cas: index as u64 + 1,
            cas_step: shards as u64,
            generation: 0,
            generation_oldest: 0,
            generation_sweep: 0,
            stored_since_flush: false,
            flush_at: NO_FLUSH,
            guard: None,
            spared: Vec::new(),
            dying: None,
            handover: None,
            compare_in: 0,
            sampled: 0,
            starved: 0,
        })
    }

    /// A compare-and-swap id that no other item has had.
    pub(crate) fn next_cas(&mut self) -> u64 {
        let cas = self.cas;
        self.cas += self.cas_step;
        cas
    }

    pub(crate) fn life(&self, header: &Header, now: Seconds) -> Life {
        if header.meta.generation() != self.generation {
            return Life::Flushed;
        }
        if header.expiry != 0 && header.expiry <= now { Life::Expired } else { Life::Live }
    }

    /// The key's live item. A dead one is removed on the way.
    #[inline]
    pub(crate) fn find(&mut self, key: &Key<'_>, now: Seconds) -> Option<(Slot, ItemRef)> {
        self.flush_if_due(now);
        let heap = &self.slabs.heap;
        let (slot, item) = self.table.find(key.hash, |item| heap.key(item) == key.bytes)?;
        match self.life(self.slabs.heap.header(item), now) {
            Life::Live => return Some((slot, item)),
            Life::Expired => self.tally.get_expired += 1,
            Life::Flushed => self.tally.get_flushed += 1,
        }
        self.count_dead(item);
        self.remove(slot, item, Emptied::Release);
        None
    }

    /// Notes an access: the time when the second changed, the visits while they still grow.
    #[inline]
    pub(crate) fn visit(&mut self, item: ItemRef, now: Seconds) {
        let header = self.slabs.heap.header_mut(item);
        let meta = header.meta.with(Mark::Fetched, true);
        let meta = meta.with_visits((meta.visits() + 1).min(Meta::VISITS_MAX));
        // Written only when it changes: a hot item's line stays shared between cores.
        if header.meta != meta {
            header.meta = meta;
        }
        if header.accessed != now {
            header.accessed = now;
        }
    }

    /// Puts a draft into the index, in place of `old` if there is one.
    pub(crate) fn link(
        &mut self,
        hash: u64,
        old: Option<(Slot, ItemRef)>,
        draft: ItemRef,
        now: Seconds,
    ) -> Result<(), Starved> {
        match old {
            Some((slot, old)) => {
                self.table.replace(slot, draft);
                self.count_out(old);
                self.dispose(old, Emptied::Release);
            }
            None => self.place(hash, draft, now)?,
        }
        let header = self.slabs.heap.header_mut(draft);
        header.accessed = now;
        header.meta = header.meta.with_state(ChunkState::Linked).with_generation(self.generation);
        self.slabs.unhold(draft);
        self.count_in(draft);
        self.tally.items_total += 1;
        self.stored_since_flush = true;
        Ok(())
    }

    /// Finds the draft a lane, growing the index by at most one bucket, displacing at most one entry, or evicting.
    fn place(&mut self, hash: u64, draft: ItemRef, now: Seconds) -> Result<(), Starved> {
        self.grow_index(now);
        loop {
            if self.table.place(hash, draft) {
                return Ok(());
            }
            let (heap, key_hash) = (&self.slabs.heap, &self.key_hash);
            if self.table.displace(hash, |item| key_hash.of(heap.key(item))) {
                continue;
            }
            let useless = |item: &ItemRef| {
                let header = heap.header(*item);
                (self.life(header, now) == Life::Live, header.meta.visits(), header.accessed)
            };
            let residents = self.table.residents(hash).filter(|item| !self.is_needed(*item));
            let victim = residents.min_by_key(useless).ok_or(Starved)?;
            if self.eviction == Eviction::Refuse && self.life(heap.header(victim), now) == Life::Live {
                return Err(Starved);
            }
            self.evict(victim, now, Emptied::Release);
        }
    }

    /// Whether somebody still needs the item where it is: it is not evicted.
    #[inline]
    pub(crate) fn is_needed(&self, item: ItemRef) -> bool {
        Some(item) == self.guard || self.slabs.heap.pins(item) > 0 || self.spared.contains(&item)
    }

    /// Takes an item out of the index and gives up its memory.
    pub(crate) fn remove(&mut self, slot: Slot, item: ItemRef, emptied: Emptied) {
        self.table.remove(slot);
        self.count_out(item);
        self.dispose(item, emptied);
    }

    #[inline]
    pub(crate) fn hash_of(&self, key: &[u8]) -> u64 {
        self.key_hash.of(key)
    }

    /// As `remove`, for who came to the item by its place in memory.
    pub(crate) fn unlink(&mut self, item: ItemRef, emptied: Emptied) {
        let hash = self.hash_of(self.slabs.heap.key(item));
        if let Some((slot, item)) = self.table.find(hash, |entry| entry == item) {
            self.remove(slot, item, emptied);
        }
    }

    /// The item is out of the index: frees it, or leaves it to its last pin.
    fn dispose(&mut self, item: ItemRef, emptied: Emptied) {
        if self.slabs.heap.pins(item) > 0 {
            let meta = self.slabs.heap.meta(item).with_state(ChunkState::Detached);
            self.slabs.heap.set_meta(item, meta);
        } else {
            self.free_item(item, emptied);
        }
    }

    /// Frees an item that is neither in the index nor held. A long chain is freed in steps.
    pub(crate) fn free_item(&mut self, item: ItemRef, emptied: Emptied) {
        if !self.slabs.heap.meta(item).has(Mark::Chained) {
            self.slabs.free_chunk(item, emptied);
            return;
        }
        let header = self.slabs.heap.header_mut(item);
        header.meta = header.meta.with_state(ChunkState::Dying);
        header.word = self.dying.map_or(0, ItemRef::bits);
        self.dying = Some(item);
        self.dismantle(STEPS, emptied);
    }

    /// Frees up to `steps` pieces of dying chains; false if there are none left.
    pub(crate) fn dismantle(&mut self, steps: usize, emptied: Emptied) -> bool {
        for _ in 0..steps {
            let Some(head) = self.dying else { return false };
            let (first, last) = self.slabs.heap.chain(head);
            match first {
                Some(piece) => {
                    let next = self.slabs.heap.next_piece(piece);
                    self.slabs.heap.set_chain(head, next, last);
                    self.slabs.free_chunk(piece, emptied);
                }
                None => {
                    self.dying = ItemRef::from_bits(self.slabs.heap.header(head).word);
                    self.slabs.free_chunk(head, emptied);
                }
            }
        }
        self.dying.is_some()
    }

    pub(crate) fn is_dismantling(&self) -> bool {
        self.dying.is_some()
    }

    pub(crate) fn count_in(&mut self, item: ItemRef) {
        let bytes = self.slabs.heap.meta(item).item_bytes() as u64;
        let class = self.slabs.class_of(item);
        let tally = &mut self.slabs.classes[class as usize].tally;
        tally.items += 1;
        tally.bytes += bytes;
        self.items += 1;
        self.bytes += bytes;
    }

    pub(crate) fn count_out(&mut self, item: ItemRef) {
        let bytes = self.slabs.heap.meta(item).item_bytes() as u64;
        let class = self.slabs.class_of(item);
        let tally = &mut self.slabs.classes[class as usize].tally;
        tally.items -= 1;
        tally.bytes -= bytes;
        self.items -= 1;
        self.bytes -= bytes;
    }

    /// Notes that an operation was refused for lack of memory.
    pub(crate) fn count_starved(&mut self) {
        self.tally.out_of_memory += 1;
        self.slabs.classes[self.starved as usize].tally.out_of_memory += 1;
    }

    /// Notes that an item was found expired or flushed.
    pub(crate) fn count_dead(&mut self, item: ItemRef) {
        if !self.slabs.heap.meta(item).has(Mark::Fetched) {
            self.tally.expired_unfetched += 1;
            let class = self.slabs.class_of(item);
            self.slabs.classes[class as usize].tally.expired_unfetched += 1;
        }
    }

    /// A flush that waited for its second comes true with the first operation after it.
    #[inline]
    pub(crate) fn flush_if_due(&mut self, now: Seconds) {
        if now >= self.flush_at {
            self.flush_now();
        }
    }

    /// Everything stored so far is dead, at once: no item is looked at.
    pub(crate) fn flush_now(&mut self) {
        self.flush_at = NO_FLUSH;
        // Without a store in between, the flush before this one holds all that this one would.
        if !self.stored_since_flush {
            return;
        }
        self.stored_since_flush = false;
        let next = (self.generation + 1) % GENERATIONS;
        // Only after thousands of flushes within one round of the sweep could a number return while items of its
        // first use are still there.
        if next == self.generation_oldest {
            self.sweep_all();
        }
        self.generation = next;
    }
}
