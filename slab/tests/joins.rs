//! append and prepend under real threads, against all that can happen to a long value meanwhile.
//!
//! One shard's ids follow the order in which its stores came true, so that a plain value, given all of them in that
//! order, says how long every store's value must be and what every reader must have seen.

use spindle_slab::{Cache, Delete, Expiry, Outcome, Settings, Store, StoreMode};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

const NOW: u32 = 1000;
const ROUNDS: u64 = 300;
const JOINERS: u64 = 3;
/// Of the value that parts are joined to.
const BASE_BYTES: usize = 70_000;

/// What came true, by the id that it got.
struct Done {
    cas: u64,
    mode: StoreMode,
    bytes: Vec<u8>,
    /// Of the value after it.
    len: usize,
}

fn cache() -> Cache {
    let settings = Settings {
        memory_bytes: 64 << 20,
        reserve_bytes: 64 << 20,
        item_bytes_max: 8 << 20,
        shards: Some(1),
        ..Settings::default()
    };
    Cache::new(settings).unwrap()
}

/// A part that no other is like.
fn part(thread: u64, round: u64) -> Vec<u8> {
    let seed = thread << 32 | round;
    seed.to_le_bytes().repeat(1 + (round % 40) as usize * (round % 7) as usize)
}

fn store(cache: &Cache, mode: StoreMode, bytes: Vec<u8>, received: bool) -> Option<Done> {
    let (key, store) = (cache.key(b"k"), Store { mode, ..Store::default() });
    let stored = match received {
        true => {
            let mut upload = cache.reserve(&key, bytes.len(), &store).unwrap();
            assert_eq!(upload.write(&bytes, NOW), Ok(0));
            upload.commit(NOW)
        }
        false => cache.store(&key, &bytes, &store, NOW),
    };
    assert!(matches!(stored.outcome, Outcome::Stored | Outcome::NotStored), "{stored:?}");
    (stored.outcome == Outcome::Stored).then_some(Done { cas: stored.cas, mode, bytes, len: stored.bytes })
}

/// Appends and prepends; `Done` for each that found an item.
fn join(cache: &Cache, thread: u64) -> Vec<Done> {
    let mode = |round: u64| if (round + thread).is_multiple_of(3) { StoreMode::Prepend } else { StoreMode::Append };
    (0..ROUNDS).filter_map(|round| store(cache, mode(round), part(thread, round), round % 2 == 0)).collect()
}

/// Sets and deletes the key while others join to it.
fn replace(cache: &Cache, running: &AtomicBool) -> Vec<Done> {
    let mut done = Vec::new();
    for round in 0.. {
        if !running.load(Relaxed) {
            break;
        }
        if round % 5 == 4 {
            cache.delete(&cache.key(b"k"), &Delete::default(), NOW);
        }
        let base = vec![round as u8; BASE_BYTES];
        done.extend(store(cache, StoreMode::Set, base, round % 2 == 0));
        for _ in 0..50 {
            thread::yield_now();
        }
    }
    done
}

/// Gives the item ever later ends, none of which may be taken back.
fn touch(cache: &Cache, running: &AtomicBool) {
    let key = cache.key(b"k");
    for end in NOW + 1.. {
        if !running.load(Relaxed) {
            break;
        }
        let end = Expiry::at(end);
        if cache.touch(&key, end, NOW) {
            let seen = cache.get(&key, NOW, |hit| hit.expiry);
            // Without an end it was set anew.
            assert!(seen.is_none_or(|seen| seen == end || seen == Expiry::NEVER), "{seen:?} after {end:?}");
        }
    }
}

/// Reads, most values beyond the lock.
fn read(cache: &Cache, running: &AtomicBool) -> HashMap<u64, Vec<u8>> {
    let mut seen = HashMap::new();
    while running.load(Relaxed) {
        let pinned = cache.get(&cache.key(b"k"), NOW, |mut hit| (hit.cas, hit.pin()));
        if let Some((cas, Some(pin))) = pinned
            && seen.len() < 200
        {
            seen.insert(cas, pin.pieces().collect::<Vec<_>>().concat());
        }
        thread::yield_now();
    }
    seen
}

fn assert_in_order(mut done: Vec<Done>, mut seen: HashMap<u64, Vec<u8>>) -> VecDeque<u8> {
    done.sort_by_key(|done| done.cas);
    assert!(done.windows(2).all(|pair| pair[0].cas < pair[1].cas), "an id is given twice");
    let mut value = VecDeque::new();
    for Done { cas, mode, bytes, len } in done {
        match mode {
            StoreMode::Append => value.extend(bytes),
            StoreMode::Prepend => bytes.into_iter().rev().for_each(|byte| value.push_front(byte)),
            _ => value = bytes.into(),
        }
        assert_eq!(value.len(), len, "a part is lost or doubled before id {cas}");
        if let Some(seen) = seen.remove(&cas) {
            assert!(value == seen, "id {cas} is another value than its readers saw");
        }
    }
    assert!(seen.is_empty(), "values that nobody stored");
    value
}

fn run(replaced: bool) {
    let cache = cache();
    let mut done: Vec<Done> = store(&cache, StoreMode::Set, vec![b'b'; BASE_BYTES], true).into_iter().collect();
    let running = AtomicBool::new(true);
    let seen = thread::scope(|scope| {
        let (cache, running) = (&cache, &running);
        let joiners: Vec<_> = (0..JOINERS).map(|thread| scope.spawn(move || join(cache, thread))).collect();
        let replacer = replaced.then(|| scope.spawn(|| replace(cache, running)));
        let reader = scope.spawn(|| read(cache, running));
        scope.spawn(|| touch(cache, running));
        let joined: Vec<_> = joiners.into_iter().map(|joiner| joiner.join()).collect();
        running.store(false, Relaxed);
        done.extend(joined.into_iter().flat_map(Result::unwrap));
        done.extend(replacer.into_iter().flat_map(|replacer| replacer.join().unwrap()));
        reader.join().unwrap()
    });
    if !replaced {
        assert_eq!(done.len() as u64, 1 + JOINERS * ROUNDS, "every join found the item");
    }
    let value = assert_in_order(done, seen);
    let last = cache.get(&cache.key(b"k"), NOW, |hit| hit.pieces().collect::<Vec<_>>().concat());
    assert!(last.is_none_or(|last| value == last));
    let counters = cache.counters();
    assert_eq!((counters.lent_bytes, counters.tally.evictions, counters.tally.out_of_memory), (0, 0, 0));
}

#[test]
fn no_part_is_lost_or_doubled() {
    run(false);
}

#[test]
fn joins_and_replacements_come_true_in_one_order() {
    run(true);
}
