//! The index of one shard: linear hashing over cache-line buckets, two choices for every key, no chains.
//!
//! An entry is `| tag 27 | item reference 37 |`. A key has two 32-bit hashes, the halves of its 64-bit hash, and may
//! stand in the bucket of either; the tag is bits 5 to 31 of the half that it stands by. With at least 32 buckets the
//! bucket's number and the tag together hold all the bits that a split needs, so growth never touches an item: it
//! adds one bucket at a time and moves entries of one line.
#![allow(unsafe_code)]

use crate::arena::{Arena, PAGE_BYTES};
use crate::item::ItemRef;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

pub(crate) const LANES: usize = 8;
const BUCKETS_PER_PAGE: u32 = (PAGE_BYTES / 64) as u32;
/// Buckets at the start; no fewer than 32, or the tag would lack bits.
const BUCKETS_MIN: u32 = 64;
const TAG_SKIP: u32 = 5;
const _: () = assert!(BUCKETS_MIN.is_power_of_two() && BUCKETS_MIN >= 1 << TAG_SKIP);
const _: () = assert!(ItemRef::BITS + 32 - TAG_SKIP == 64);

/// Where the buckets are. Shared with readers that only prefetch; written under the shard's lock.
pub(crate) struct Directory {
    arena: Arc<Arena>,
    buckets: AtomicU32,
    /// The first bucket of each page; null beyond the pages added so far.
    pages: Box<[AtomicPtr<Bucket>]>,
}

/// One cache line.
type Bucket = [AtomicU64; LANES];

impl Directory {
    #[inline]
    fn index(half: u32, buckets: u32) -> u32 {
        let mask = u32::MAX >> (buckets - 1).leading_zeros().min(31);
        let index = half & mask;
        if index < buckets { index } else { half & (mask >> 1) }
    }

    #[inline]
    fn address(&self, bucket: u32) -> *mut Bucket {
        let page = self.pages[(bucket / BUCKETS_PER_PAGE) as usize].load(Relaxed);
        page.wrapping_add((bucket % BUCKETS_PER_PAGE) as usize)
    }

    #[inline]
    fn bucket(&self, bucket: u32) -> &Bucket {
        // SAFETY: the bucket is below a count of buckets that was published after its page, so the address is not null.
        // The page lies in `arena`, was taken for the index and is never given back: since then its words have only
        // been accessed atomically.
        unsafe { &*self.address(bucket) }
    }

    /// Asks for both lines in which the key may stand. Safe without the lock: a race makes it a useless hint.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u64) {
        let buckets = self.buckets.load(Acquire);
        for half in halves(hash) {
            prefetch_line(self.address(Self::index(half, buckets)).cast());
        }
    }

    /// Asks for the first lines of the items whose tags match. Safe without the lock, like `prefetch`.
    #[inline]
    pub(crate) fn prefetch_item(&self, hash: u64) {
        let buckets = self.buckets.load(Acquire);
        for half in halves(hash) {
            let bucket = self.bucket(Self::index(half, buckets));
            let mut lanes = matches(bucket, half);
            while lanes != 0 {
                if let Some(item) = ItemRef::from_bits(bucket[lanes.trailing_zeros() as usize].load(Relaxed)) {
                    let first = self.arena.page_address(0).wrapping_add(item.at() as usize);
                    // Header, key and a value of 100 bytes or so; its length is not known before the header is here.
                    for line in 0..ITEM_LINES {
                        prefetch_line(first.wrapping_add(line * 64));
                    }
                }
                lanes &= lanes - 1;
            }
        }
    }
}

/// Lines of an item that are asked for ahead of its use.
const ITEM_LINES: usize = 3;

/// Hints the processor to fetch a line.
#[inline]
fn prefetch_line(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch has no effect but on the processor's caches, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}

#[inline]
fn halves(hash: u64) -> [u32; 2] {
    [hash as u32, (hash >> 32) as u32]
}

#[inline]
fn entry(half: u32, item: ItemRef) -> u64 {
    tag(half) | item.bits()
}

#[inline]
fn tag(half: u32) -> u64 {
    u64::from(half >> TAG_SKIP) << ItemRef::BITS
}

/// Lanes whose tag is that of `half`, as a bit mask. An empty lane may match; its reference is none.
#[inline]
fn matches(bucket: &Bucket, half: u32) -> u32 {
    let want = tag(half);
    let mut lanes = 0;
    for (lane, entry) in bucket.iter().enumerate() {
        lanes |= u32::from((entry.load(Relaxed) ^ want) >> ItemRef::BITS == 0) << lane;
    }
    lanes
}

/// Place of an entry; good until the next `place`, `displace` or `grow`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    bucket: u32,
    lane: u8,
}

pub(crate) struct Table {
    directory: Arc<Directory>,
    buckets: u32,
    pages: u32,
    pub(crate) entries: u64,
}

impl Table {
    /// `page` becomes the first page of buckets; at most `pages_max` will be used.
    pub(crate) fn new(arena: Arc<Arena>, page: u32, pages_max: usize) -> Table {
        let pages_max = pages_max.clamp(1, (u32::MAX / BUCKETS_PER_PAGE) as usize);
        // Zeroed by the kernel and so resident only as far as it is used.
        // SAFETY: zeroed bytes are a null pointer.
        let pages = unsafe { Box::new_zeroed_slice(pages_max).assume_init() };
        let directory = Arc::new(Directory { arena, buckets: AtomicU32::new(BUCKETS_MIN), pages });
        let mut table = Table { directory, buckets: BUCKETS_MIN, pages: 0, entries: 0 };
        table.add_page(page);
        for bucket in 0..BUCKETS_MIN {
            table.clear(bucket);
        }
        table
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.directory.clone()
    }

    pub(crate) fn buckets(&self) -> u32 {
        self.buckets
    }

    pub(crate) fn pages(&self) -> u32 {
        self.pages
    }

    fn bucket(&self, bucket: u32) -> &Bucket {
        self.directory.bucket(bucket)
    }

    fn clear(&mut self, bucket: u32) {
        self.bucket(bucket).iter().for_each(|lane| lane.store(0, Relaxed));
    }

    /// The entry for `hash` whose item satisfies `is`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(ItemRef) -> bool) -> Option<(Slot, ItemRef)> {
        let halves = halves(hash);
        // Both lines at once: a miss in the first costs no second wait.
        prefetch_line(self.directory.address(Directory::index(halves[1], self.buckets)).cast());
        for half in halves {
            let index = Directory::index(half, self.buckets);
            let bucket = self.bucket(index);
            let mut lanes = matches(bucket, half);
            while lanes != 0 {
                let lane = lanes.trailing_zeros() as u8;
                if let Some(item) = ItemRef::from_bits(bucket[lane as usize].load(Relaxed))
                    && is(item)
                {
                    return Some((Slot { bucket: index, lane }, item));
                }
                lanes &= lanes - 1;
            }
        }
        None
    }

    /// Puts an item into the emptier of its two buckets; false if both are full.
    pub(crate) fn place(&mut self, hash: u64, item: ItemRef) -> bool {
        let mut best = None;
        for half in halves(hash) {
            let index = Directory::index(half, self.buckets);
            let bucket = self.bucket(index);
            let mut empty = 0;
            for (lane, entry) in bucket.iter().enumerate() {
                empty |= u32::from(entry.load(Relaxed) == 0) << lane;
            }
            if empty.count_ones() > best.map_or(0, |(_, _, empty): (u32, u32, u32)| empty.count_ones()) {
                best = Some((half, index, empty));
            }
        }
        let Some((half, index, empty)) = best else { return false };
        self.bucket(index)[empty.trailing_zeros() as usize].store(entry(half, item), Relaxed);
        self.entries += 1;
        true
    }

    /// Makes room in one of the key's two full buckets by moving an entry to its other bucket, or by first making
    /// room there in the same way. `hash_of` reads an item's key; at most 160 items are read.
    pub(crate) fn displace(&mut self, hash: u64, hash_of: impl Fn(ItemRef) -> u64) -> bool {
        let [low, high] = halves(hash).map(|half| Directory::index(half, self.buckets));
        (0..2).any(|depth| [low, high].into_iter().any(|bucket| self.make_room(bucket, &hash_of, depth)))
    }

    fn make_room(&mut self, bucket: u32, hash_of: &impl Fn(ItemRef) -> u64, depth: u32) -> bool {
        for lane in 0..LANES {
            let Some((half, item)) = self.other_half(bucket, lane, hash_of) else { return true };
            let target = Directory::index(half, self.buckets);
            if target == bucket || depth > 0 && !self.make_room(target, hash_of, depth - 1) {
                continue;
            }
            if let Some(free) = self.bucket(target).iter().find(|entry| entry.load(Relaxed) == 0) {
                free.store(entry(half, item), Relaxed);
                self.bucket(bucket)[lane].store(0, Relaxed);
                return true;
            }
        }
        false
    }

    /// The item in a lane and the half of its hash by which it does not stand there; none if the lane is empty.
    fn other_half(&self, bucket: u32, lane: usize, hash_of: impl Fn(ItemRef) -> u64) -> Option<(u32, ItemRef)> {
        let word = self.bucket(bucket)[lane].load(Relaxed);
        let item = ItemRef::from_bits(word)?;
        let [low, high] = halves(hash_of(item));
        let stands_low =
            tag(low) == word >> ItemRef::BITS << ItemRef::BITS && Directory::index(low, self.buckets) == bucket;
        Some((if stands_low { high } else { low }, item))
    }

    /// The items of the key's two buckets: those that stand in its way.
    pub(crate) fn residents(&self, hash: u64) -> impl Iterator<Item = ItemRef> {
        halves(hash).into_iter().flat_map(|half| {
            self.bucket(Directory::index(half, self.buckets))
                .iter()
                .filter_map(|entry| ItemRef::from_bits(entry.load(Relaxed)))
        })
    }

    pub(crate) fn remove(&mut self, slot: Slot) {
        self.bucket(slot.bucket)[slot.lane as usize].store(0, Relaxed);
        self.entries -= 1;
    }

    /// Whether the item still stands where it was found.
    pub(crate) fn holds(&self, slot: Slot, item: ItemRef) -> bool {
        ItemRef::from_bits(self.bucket(slot.bucket)[slot.lane as usize].load(Relaxed)) == Some(item)
    }

    /// Puts another item with the same key in the same place.
    pub(crate) fn replace(&mut self, slot: Slot, item: ItemRef) {
        let lane = &self.bucket(slot.bucket)[slot.lane as usize];
        lane.store(lane.load(Relaxed) >> ItemRef::BITS << ItemRef::BITS | item.bits(), Relaxed);
    }

    /// Entries in hundredths of the lanes.
    pub(crate) fn load_percent(&self) -> u64 {
        self.entries * 100 / (u64::from(self.buckets) * LANES as u64)
    }

    /// Whether the next bucket lies in a page that has yet to be added.
    pub(crate) fn lacks_page(&self) -> bool {
        self.buckets / BUCKETS_PER_PAGE == self.pages
    }

    /// Whether the directory has room for another page.
    pub(crate) fn takes_page(&self) -> bool {
        (self.pages as usize) < self.directory.pages.len()
    }

    /// The page stays the index's for good.
    pub(crate) fn add_page(&mut self, page: u32) {
        let address = self.directory.arena.page_address(page).cast();
        self.directory.pages[self.pages as usize].store(address, Relaxed);
        self.pages += 1;
    }

    /// Splits one bucket in two. The page of the new one has been added.
    pub(crate) fn grow(&mut self) {
        let new = self.buckets;
        let bit = 1 << (31 - new.leading_zeros());
        let old = new - bit;
        self.clear(new);
        for lane in 0..LANES {
            let from = &self.bucket(old)[lane];
            let word = from.load(Relaxed);
            let half = ((word >> ItemRef::BITS) as u32) << TAG_SKIP;
            if word != 0 && half & bit != 0 {
                self.bucket(new)[lane].store(word, Relaxed);
                from.store(0, Relaxed);
            }
        }
        self.buckets += 1;
        // Release: who sees the bucket without the lock also sees its page, and the page's earlier life as over.
        self.directory.buckets.store(self.buckets, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use std::cell::Cell;
    use std::collections::HashMap;

    fn table(pages_max: usize) -> Table {
        let settings = Settings { memory_bytes: 1 << 20, reserve_bytes: 64 << 20, ..Settings::default() };
        Table::new(Arena::new(&settings).unwrap(), 1, pages_max)
    }

    /// A stand-in for a key's hash.
    fn hash_of(item: ItemRef) -> u64 {
        let mixed = item.bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ mixed >> 32
    }

    fn item(n: u64) -> ItemRef {
        ItemRef::from_bits(n + 1).unwrap()
    }

    #[test]
    fn every_entry_is_found_while_the_table_grows_and_shrinks() {
        let mut table = table(64);
        let mut most_read = 0;
        let mut expected = HashMap::new();
        for n in 0..200_000 {
            let item = item(n);
            if table.load_percent() >= 82 {
                if table.lacks_page() {
                    table.add_page(table.pages() + 1);
                }
                table.grow();
            }
            while !table.place(hash_of(item), item) {
                let read = Cell::new(0);
                let moved = table.displace(hash_of(item), |item| {
                    read.set(read.get() + 1);
                    hash_of(item)
                });
                most_read = most_read.max(read.get());
                assert!(moved, "no room at {} percent", table.load_percent());
            }
            expected.insert(n, item);
            if n % 3 == 0 {
                let gone = expected.remove(&(n / 2)).map(|item| table.find(hash_of(item), |other| other == item));
                gone.into_iter().flatten().for_each(|(slot, _)| table.remove(slot));
            }
        }
        assert!(most_read <= 160, "{most_read}");
        assert_eq!(table.entries, expected.len() as u64);
        for n in 0..200_000 {
            let found = table.find(hash_of(item(n)), |other| other == item(n)).map(|(_, item)| item);
            assert_eq!(found, expected.get(&n).copied());
        }
    }

    #[test]
    fn indices_stay_inside_while_buckets_are_split_one_by_one() {
        for buckets in BUCKETS_MIN..1000 {
            for half in [0, 1, 63, 64, 511, 512, 1023, u32::MAX, 0x8000_0000] {
                let index = Directory::index(half, buckets);
                assert!(index < buckets);
                assert_eq!(index & (BUCKETS_MIN - 1), half & (BUCKETS_MIN - 1));
            }
        }
    }
}
