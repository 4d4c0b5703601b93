//! Hit ratio on a Zipf(0.9) trace with mixed sizes and lifetimes, beside an exact LRU and a FIFO of the same items.
//!
//! What the numbers are for: whether the clock hands cost hits against the textbook list that they replace. All three
//! get the same bytes; the LRU and the FIFO pay nothing for headers, index or size classes, so a tie is a win.
//!
//!     cargo run --release -p spindle-slab --example hit_ratio [memory MiB] [requests]

use spindle_slab::{Cache, Expiry, Settings, Store};
use std::collections::{BTreeMap, HashMap};

const KEYS: u64 = 400_000;
const SKEW: f64 = 0.9;
const REQUESTS_PER_SECOND: u64 = 20_000;

/// xorshift64*: a fixed seed makes every run the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Draws keys by rank, the first the most popular.
struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    fn new() -> Zipf {
        let mut sum = 0.0;
        let mut add = |rank: u64| {
            sum += (rank as f64).powf(-SKEW);
            sum
        };
        Zipf { sums: (1..=KEYS).map(&mut add).collect() }
    }

    fn draw(&self, random: &mut Random) -> u64 {
        let at = random.unit() * self.sums.last().copied().unwrap_or(0.0);
        self.sums.partition_point(|sum| *sum < at) as u64
    }
}

/// The same size and lifetime for a key at every store: 50 to 5,000 bytes, a quarter of the keys for 5 minutes.
fn shape(key: u64) -> (usize, Option<u32>) {
    let mut random = Random(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    random.next();
    let len = (50.0 * 100f64.powf(random.unit())) as usize;
    (len, random.next().is_multiple_of(4).then_some(300))
}

/// A list by recency or by age, exact and without overhead.
struct List {
    bytes_max: usize,
    bytes: usize,
    turn: u64,
    moves_on_hit: bool,
    items: HashMap<u64, (u64, u32)>,
    order: BTreeMap<u64, u64>,
}

impl List {
    fn new(bytes_max: usize, moves_on_hit: bool) -> List {
        List { bytes_max, bytes: 0, turn: 0, moves_on_hit, items: HashMap::new(), order: BTreeMap::new() }
    }

    fn request(&mut self, key: u64, now: u32) -> bool {
        self.turn += 1;
        let (len, lifetime) = shape(key);
        let hit = self.items.get(&key).is_some_and(|(_, end)| *end > now);
        if let Some((turn, _)) = self.items.get(&key).filter(|_| !hit || self.moves_on_hit) {
            self.order.remove(turn);
        }
        if hit {
            if self.moves_on_hit {
                self.order.insert(self.turn, key);
                self.items.entry(key).and_modify(|item| item.0 = self.turn);
            }
            return true;
        }
        let end = lifetime.map_or(u32::MAX, |seconds| now + seconds);
        if self.items.insert(key, (self.turn, end)).is_none() {
            self.bytes += len + 10;
        }
        self.order.insert(self.turn, key);
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.items.remove(&oldest);
            self.bytes -= shape(oldest).0 + 10;
        }
        false
    }
}

fn request(cache: &Cache, key: u64, now: u32) -> bool {
    let bytes = format!("{key:010}").into_bytes();
    let hashed = cache.key(&bytes);
    if cache.get(&hashed, now, |hit| hit.len).is_some() {
        return true;
    }
    let (len, lifetime) = shape(key);
    let expiry = lifetime.map_or(Expiry::NEVER, |seconds| Expiry::at(now + seconds));
    cache.store(&hashed, &vec![b'v'; len], &Store { expiry, ..Store::default() }, now);
    false
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>().expect("a number"));
    let memory_bytes = numbers.next().unwrap_or(32) << 20;
    let requests = numbers.next().unwrap_or(4_000_000) as u64;
    let cache = Cache::new(Settings { memory_bytes, hash_seed: 1, ..Settings::default() }).expect("settings");
    let (mut lru, mut fifo) = (List::new(memory_bytes, true), List::new(memory_bytes, false));
    let (zipf, mut random) = (Zipf::new(), Random(7));
    let mut hits = [0u64; 3];
    for n in 0..requests {
        let now = 1000 + (n / REQUESTS_PER_SECOND) as u32;
        // Scattered, so that popularity says nothing about the key.
        let key = zipf.draw(&mut random).wrapping_mul(2_654_435_761) % KEYS;
        let found = [request(&cache, key, now), lru.request(key, now), fifo.request(key, now)];
        if n >= requests / 4 {
            hits.iter_mut().zip(found).for_each(|(hits, found)| *hits += u64::from(found));
        }
        if n.is_multiple_of(100) {
            cache.tick(now, 16);
        }
    }
    let counted = (requests - requests / 4) as f64;
    for (name, hits) in ["spindle", "lru without overhead", "fifo without overhead"].iter().zip(hits) {
        println!("{name:24} {:.2} % hits", hits as f64 * 100.0 / counted);
    }
    let counters = cache.counters();
    println!("{} items, {} pages handed over", counters.items, counters.tally.pages_handed_over);
}
