//! Making room: a clock hand per class, and pages that go from one class to another.
//!
//! The hand walks a class's chunks in their physical order. A visited item loses one visit, another one leaves; so
//! one that was never fetched again leaves in the hand's first round, and a popular one survives up to three. When a
//! class has nothing to give or its items are dearer than another's, a page moves: it is emptied in bounded steps by
//! the operations that follow.
#![forbid(unsafe_code)]

use crate::arena::{Need, PAGE_BYTES};
use crate::clock::Seconds;
use crate::item::{ChunkState, ItemRef, Mark};
use crate::page::{NO_PAGE, PageState};
use crate::settings::Eviction;
use crate::shard::{Life, STEPS, Shard, Starved};
use crate::slabs::Emptied;

/// Chunks that one allocation looks at before it takes the best seen.
pub(crate) const HAND_STEPS_MAX: usize = 64;
/// Evictions between two comparisons of the classes' prices.
const COMPARE_EVERY: u32 = 64;
/// Index load from which it takes a page from wherever it can, in percent.
const INDEX_LOAD_HUNGRY: u64 = 88;
/// Index load above which an insert splits a bucket, in percent.
const INDEX_LOAD_FULL: u64 = 82;
/// Above this size items of different classes are worth the same: else large ones would have no place beside small ones.
const WEIGHT_BYTES_MAX: u32 = 8192;
const ROUNDS_MAX: usize = 8;

/// For whom a page is being emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recipient {
    Class(u8),
    Index,
    /// The pool's reserve, or another shard.
    Pool,
}

/// A page on its way from its class to another owner; the page is `Slabs::draining`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handover {
    recipient: Recipient,
    chunk_bytes: u32,
    /// Chunks before this have been vacated.
    offset: u32,
}

impl Shard {
    /// A chunk for a draft: free, from the pool, or evicted.
    pub(crate) fn take_chunk(&mut self, class: u8, now: Seconds) -> Result<ItemRef, Starved> {
        for _ in 0..ROUNDS_MAX {
            if let Some(chunk) = self.slabs.take_chunk(class) {
                return Ok(chunk);
            }
            if self.slabs.add_page(class, Need::Ordinary) {
                continue;
            }
            if self.is_dismantling() {
                self.dismantle(STEPS, Emptied::KeepFor(class));
                continue;
            }
            if !self.evict_from(class, now) {
                break;
            }
        }
        self.take_starving(class, now)
    }

    /// The bounded work that every change of the cache helps along.
    pub(crate) fn work(&mut self, now: Seconds) {
        if self.handover.is_some() {
            self.hand_over(STEPS, now);
        }
        self.dismantle(STEPS, Emptied::Release);
    }

    /// Frees at least one chunk of the class by removing its least useful item, within `HAND_STEPS_MAX` steps.
    fn evict_from(&mut self, class: u8, now: Seconds) -> bool {
        if self.slabs.classes[class as usize].used_chunks == 0 {
            return false;
        }
        let mut best: Option<(u64, ItemRef)> = None;
        for _ in 0..HAND_STEPS_MAX {
            let Some(chunk) = self.slabs.hand_next(class) else { continue };
            let Some(item) = self.evictable(chunk) else { continue };
            let header = self.slabs.heap.header(item);
            if self.life(header, now) != Life::Live {
                best = Some((0, item));
                break;
            }
            if self.eviction == Eviction::Refuse {
                continue;
            }
            let visits = header.meta.visits();
            if visits == 0 {
                best = Some((0, item));
                break;
            }
            // The pieces of a chain pass under the hand one by one; only the first speaks for the item.
            if self.speaks(chunk, item) {
                let meta = header.meta.with_visits(visits - 1);
                self.slabs.heap.set_meta(item, meta);
            }
            if best.is_none_or(|(least, _)| visits < least) {
                best = Some((visits, item));
            }
        }
        let Some((_, victim)) = best else { return false };
        let idle = now.saturating_sub(self.slabs.heap.header(victim).accessed);
        self.evict(victim, now, Emptied::KeepFor(class));
        self.price(class, idle, now);
        true
    }

    /// The item that must leave for the chunk to be free, if it can leave.
    fn evictable(&self, chunk: ItemRef) -> Option<ItemRef> {
        let heap = &self.slabs.heap;
        let item = match heap.meta(chunk).state() {
            ChunkState::Linked => chunk,
            ChunkState::Piece => heap.owner(chunk)?,
            _ => return None,
        };
        let meta = heap.meta(item);
        (meta.state() == ChunkState::Linked && !self.is_needed(item)).then_some(item)
    }

    fn speaks(&self, chunk: ItemRef, item: ItemRef) -> bool {
        chunk == item || self.slabs.heap.chain(item).0 == Some(chunk)
    }

    /// Removes a linked item for its memory's sake.
    pub(crate) fn evict(&mut self, item: ItemRef, now: Seconds, emptied: Emptied) {
        let header = self.slabs.heap.header(item);
        let (life, fetched) = (self.life(header, now), header.meta.has(Mark::Fetched));
        let idle = now.saturating_sub(header.accessed);
        if life != Life::Live {
            self.count_dead(item);
        }
        let class = self.slabs.class_of(item);
        let tally = &mut self.slabs.classes[class as usize].tally;
        if life == Life::Live {
            self.tally.evictions += 1;
            self.tally.evicted_unfetched += u64::from(!fetched);
            tally.evictions += 1;
            tally.evicted_unfetched += u64::from(!fetched);
            tally.evicted_idle_seconds = idle;
        } else {
            self.tally.reclaimed += 1;
            tally.reclaimed += 1;
        }
        self.unlink(item, emptied);
    }

    /// Keeps the classes' prices current, one sample an eviction, and starts a hand-over when another class's memory
    /// is much cheaper than this one's.
    fn price(&mut self, class: u8, idle: Seconds, now: Seconds) {
        smooth(&mut self.slabs.classes[class as usize].tally.idle_seconds, idle);
        let other = self.sampled as usize % self.slabs.classes.len();
        self.sampled = (other + 1) as u8;
        let hand = self.slabs.classes[other].hand;
        if other != class as usize && self.slabs.classes[other].pages.len > 0 {
            let page = if hand.page == NO_PAGE { self.slabs.classes[other].pages.head } else { hand.page };
            let offset = if hand.page == NO_PAGE { 0 } else { hand.offset };
            let chunk = self.slabs.chunk_in(page, offset);
            if let Some(item) = chunk.and_then(|chunk| self.evictable(chunk)) {
                let idle = now.saturating_sub(self.slabs.heap.header(item).accessed);
                smooth(&mut self.slabs.classes[other].tally.idle_seconds, idle);
            }
        }
        if self.compare_in > 0 {
            self.compare_in -= 1;
            return;
        }
        self.compare_in = COMPARE_EVERY;
        if self.handover.is_none()
            && let Some(donor) = self.donor(class, 2)
            && self.cheapness(donor) > self.cheapness(class).saturating_mul(2)
        {
            self.begin_handover(donor, Recipient::Class(class), now);
        }
    }

    /// How little is lost with a page of the class. The hits that its items would have had grow with their number and
    /// shrink with the time since they were last asked for.
    fn cheapness(&self, class: u8) -> u64 {
        let this = &self.slabs.classes[class as usize];
        let per_page = u64::from(PAGE_BYTES as u32 / this.chunk_bytes);
        let free = u64::from(this.pages.len) * per_page - this.used_chunks;
        if free >= 2 * per_page {
            u64::MAX
        } else {
            u64::from(this.tally.idle_seconds + 1) * u64::from(this.chunk_bytes.min(WEIGHT_BYTES_MAX))
        }
    }

    /// The class that loses least by giving a page, among those with at least `pages_min`.
    fn donor(&self, except: u8, pages_min: u32) -> Option<u8> {
        (0..self.slabs.classes.len() as u8)
            .filter(|class| *class != except && self.slabs.classes[*class as usize].pages.len >= pages_min)
            .max_by_key(|class| (self.cheapness(*class), self.slabs.classes[*class as usize].pages.len))
    }

    /// Starts to empty a page of `donor`.
    fn begin_handover(&mut self, donor: u8, recipient: Recipient, now: Seconds) -> bool {
        let Some(page) = self.page_to_give(donor) else { return false };
        let chunk_bytes = self.slabs.chunk_bytes(donor);
        self.handover = Some(Handover { recipient, chunk_bytes, offset: 0 });
        self.slabs.drain_page(page);
        self.hand_over(STEPS, now);
        true
    }

    /// A page of the class that can be emptied: the one that its hand would come to next, or one soon after.
    fn page_to_give(&self, class: u8) -> Option<u32> {
        let this = &self.slabs.classes[class as usize];
        let mut page = if this.hand.page == NO_PAGE { this.pages.head } else { this.hand.page };
        for _ in 0..this.pages.len.min(ROUNDS_MAX as u32) {
            let meta = self.slabs.heap.page(page);
            let single = meta.fresh == this.chunk_bytes && meta.used == 1;
            let lent = single && self.evictable(ItemRef::new(page, 0)).is_none();
            if meta.state() == PageState::Open && meta.held == 0 && !lent {
                return Some(page);
            }
            page = if meta.next() == NO_PAGE { this.pages.head } else { meta.next() };
        }
        None
    }

    /// Vacates up to `chunks_max` chunks of the page that is being emptied. Once it is empty, its recipient gets a
    /// page, unless the pool's reserve needs it more.
    fn hand_over(&mut self, chunks_max: usize, now: Seconds) {
        let Some(mut handover) = self.handover else { return };
        let page = self.slabs.draining;
        for _ in 0..chunks_max {
            if self.slabs.draining != page || page == NO_PAGE {
                break;
            }
            let Some(chunk) = self.slabs.chunk_in(page, handover.offset) else {
                // What is left is lent; the page goes to the pool by itself when the last of it is returned.
                self.slabs.draining = NO_PAGE;
                self.handover = None;
                return;
            };
            handover.offset += handover.chunk_bytes;
            self.vacate(chunk, now);
        }
        self.handover = Some(handover);
        if self.slabs.draining != NO_PAGE {
            return;
        }
        self.handover = None;
        self.tally.pages_handed_over += 1;
        match handover.recipient {
            Recipient::Class(class) => {
                self.slabs.add_page(class, Need::Ordinary);
            }
            Recipient::Index => self.feed_index(Need::Ordinary),
            Recipient::Pool => {}
        }
    }

    fn vacate(&mut self, chunk: ItemRef, now: Seconds) {
        let piece = self.slabs.heap.meta(chunk).state() == ChunkState::Piece;
        if let Some(item) = self.evictable(chunk) {
            self.evict(item, now, Emptied::Release);
        }
        // A piece may be far down a chain that is freed in steps. Once the page is released it is not ours to look at.
        while piece
            && self.slabs.draining == chunk.page()
            && self.is_dying(chunk)
            && self.dismantle(STEPS, Emptied::Release)
        {}
    }

    fn is_dying(&self, piece: ItemRef) -> bool {
        let heap = &self.slabs.heap;
        let owner = if heap.meta(piece).state() == ChunkState::Piece { heap.owner(piece) } else { None };
        owner.is_some_and(|owner| heap.meta(owner).state() == ChunkState::Dying)
    }

    /// A chunk for a class that has nothing to evict: from the pool's reserve, or from a page that is emptied here
    /// and now, which is bounded by the chunks of a page.
    fn take_starving(&mut self, class: u8, now: Seconds) -> Result<ItemRef, Starved> {
        if self.slabs.add_page(class, Need::Starving) {
            // Somebody must fill the reserve again.
            if self.eviction == Eviction::Evict
                && self.handover.is_none()
                && let Some(donor) = self.donor(class, 2)
            {
                self.begin_handover(donor, Recipient::Pool, now);
            }
            return self.slabs.take_chunk(class).ok_or(Starved);
        }
        if self.surrender_page(class, now) && self.slabs.add_page(class, Need::Starving) {
            return self.slabs.take_chunk(class).ok_or(Starved);
        }
        self.starved = class;
        Err(Starved)
    }

    /// Empties one page into the pool at once; false if there is none that can be.
    pub(crate) fn surrender_page(&mut self, except: u8, now: Seconds) -> bool {
        if self.eviction == Eviction::Refuse {
            return false;
        }
        let given = self.tally.pages_handed_over;
        for _ in 0..ROUNDS_MAX {
            if let Some(handover) = &mut self.handover {
                handover.recipient = Recipient::Pool;
            } else {
                let donor = self.donor(except, 1).filter(|donor| self.page_to_give(*donor).is_some());
                let donor = donor.or_else(|| self.any_donor(except));
                if !donor.is_some_and(|donor| self.begin_handover(donor, Recipient::Pool, now)) {
                    return false;
                }
            }
            self.hand_over(PAGE_BYTES, now);
            if self.tally.pages_handed_over > given {
                return true;
            }
        }
        false
    }

    /// One step, of up to `STEPS` chunks, towards giving a page back while more are in use than the limit allows; false
    /// when there is no need, or nothing to give.
    pub(crate) fn shed(&mut self, now: Seconds) -> bool {
        let pool = self.slabs.heap.pool();
        if pool.used <= pool.budget || self.eviction == Eviction::Refuse {
            return false;
        }
        if self.handover.is_some() {
            self.hand_over(STEPS, now);
            return true;
        }
        self.donor(u8::MAX, 1).is_some_and(|donor| self.begin_handover(donor, Recipient::Pool, now))
    }

    fn any_donor(&self, except: u8) -> Option<u8> {
        (0..self.slabs.classes.len() as u8).find(|class| *class != except && self.page_to_give(*class).is_some())
    }

    /// Keeps the index below its load, by one bucket an insert.
    pub(crate) fn grow_index(&mut self, now: Seconds) {
        let load = self.table.load_percent();
        if load < INDEX_LOAD_FULL {
            return;
        }
        if self.table.lacks_page() {
            if !self.table.takes_page() {
                return;
            }
            let hungry = load >= INDEX_LOAD_HUNGRY;
            self.feed_index(if hungry { Need::Starving } else { Need::Ordinary });
            if self.eviction == Eviction::Evict
                && self.handover.is_none()
                && (hungry || self.table.lacks_page())
                && let Some(donor) = self.donor(u8::MAX, 2)
            {
                self.begin_handover(donor, Recipient::Index, now);
            }
        }
        if !self.table.lacks_page() {
            self.table.grow();
        }
    }

    fn feed_index(&mut self, need: Need) {
        if self.table.lacks_page()
            && self.table.takes_page()
            && let Some(page) = self.slabs.heap.take_page(need)
        {
            self.table.add_page(page);
        }
    }
}

fn smooth(idle_seconds: &mut Seconds, sample: Seconds) {
    *idle_seconds = ((u64::from(*idle_seconds) * 3 + u64::from(sample)) / 4) as Seconds;
}
