//! The striped cache under real threads: every value says what it must be, and every reader checks.

use spindle_slab::{Arithmetic, Cache, Computed, Delete, Expiry, Hit, Outcome, Pin, Settings, Store, StoreMode};
use std::collections::VecDeque;
use std::thread;

const KEYS: u64 = 3_000;
const NOW: u32 = 1000;

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// A value that names its key and its writing, and continues with bytes that follow from these.
fn describe(value: &mut Vec<u8>, key: u64, writing: u64, len: usize) {
    value.clear();
    value.extend_from_slice(&key.to_le_bytes());
    value.extend_from_slice(&writing.to_le_bytes());
    let seed = (key ^ writing) as u8;
    value.extend((16..len).map(|at| (at as u8).wrapping_mul(7).wrapping_add(seed)));
}

fn assert_described<'a>(pieces: impl Iterator<Item = &'a [u8]>, key: u64) {
    let bytes = pieces.collect::<Vec<_>>().concat();
    assert_eq!(bytes[..8], key.to_le_bytes());
    let seed = bytes[0] ^ bytes[8];
    for (at, byte) in bytes.iter().enumerate().skip(16) {
        assert_eq!(*byte, (at as u8).wrapping_mul(7).wrapping_add(seed), "byte {at} of {}", bytes.len());
    }
}

fn len_of(random: &mut Random) -> usize {
    let len = match random.below(20) {
        0 => random.below(200_000),
        1..=4 => random.below(12_000),
        _ => random.below(300),
    };
    len as usize + 16
}

struct Client<'a> {
    cache: &'a Cache,
    random: Random,
    value: Vec<u8>,
    writing: u64,
    /// Held while others overwrite and delete: a slow reader.
    pins: VecDeque<(u64, Pin)>,
}

impl Client<'_> {
    fn step(&mut self) {
        let number = self.random.below(KEYS);
        let name = number.to_string();
        let key = self.cache.key(name.as_bytes());
        match self.random.below(100) {
            0..=44 => {
                self.cache.prefetch_item(self.cache.prefetch(key.bytes));
                self.cache.get(&key, NOW, |hit: Hit<'_>| assert_described(hit.pieces(), number));
            }
            45..=54 => {
                let pin = self.cache.get(&key, NOW, |mut hit| hit.pin()).flatten();
                self.pins.extend(pin.map(|pin| (number, pin)));
                if self.pins.len() > 8 {
                    let (number, pin) = self.pins.pop_front().unwrap();
                    assert_described(pin.pieces(), number);
                }
            }
            55..=84 => self.store(number),
            85..=91 => self.upload(number),
            92..=97 => {
                self.cache.delete(&key, &Delete::default(), NOW);
            }
            98 => self.cache.tick(NOW, 50),
            _ => {
                self.cache.touch(&key, Expiry::at(NOW + 5), NOW);
            }
        }
    }

    fn store(&mut self, number: u64) {
        self.writing += 1;
        let len = len_of(&mut self.random);
        describe(&mut self.value, number, self.writing, len);
        let name = number.to_string();
        let modes = [StoreMode::Set, StoreMode::Add, StoreMode::Replace];
        let store = Store { mode: modes[self.random.below(3) as usize], ..Store::default() };
        let stored = self.cache.store(&self.cache.key(name.as_bytes()), &self.value, &store, NOW);
        assert!(matches!(stored.outcome, Outcome::Stored | Outcome::NotStored), "{stored:?}");
    }

    fn upload(&mut self, number: u64) {
        self.writing += 1;
        let len = len_of(&mut self.random);
        describe(&mut self.value, number, self.writing, len);
        let name = number.to_string();
        let mut upload = self.cache.reserve(&self.cache.key(name.as_bytes()), len, &Store::default()).unwrap();
        for part in self.value.chunks(5_000) {
            if upload.write(part, NOW).is_err() {
                return;
            }
        }
        if self.random.below(5) > 0 {
            assert_eq!(upload.commit(NOW).outcome, Outcome::Stored);
        }
    }
}

#[test]
fn nobody_ever_reads_a_wrong_byte() {
    let steps = if cfg!(debug_assertions) { 20_000 } else { 60_000 };
    let settings = Settings {
        memory_bytes: 16 << 20,
        reserve_bytes: 32 << 20,
        shards: Some(4),
        threads: 4,
        ..Settings::default()
    };
    let cache = Cache::new(settings).unwrap();
    thread::scope(|scope| {
        for seed in 1..=4 {
            let (random, writing) = (Random(seed * 977), seed << 40);
            let mut client = Client { cache: &cache, random, value: Vec::new(), writing, pins: VecDeque::new() };
            scope.spawn(move || {
                for _ in 0..steps {
                    client.step();
                }
            });
        }
    });
    let counters = cache.counters();
    assert!(counters.tally.evictions > 0 && counters.items > 0);
    assert_eq!(counters.lent_bytes, 0);
    assert!(counters.memory_bytes_used <= counters.memory_bytes_max);
}

#[test]
fn sums_of_many_threads_add_up_and_ids_are_unique() {
    let cache = Cache::new(Settings { reserve_bytes: 64 << 20, ..Settings::default() }).unwrap();
    for name in [b"a", b"b", b"c"] {
        cache.store(&cache.key(name), b"0", &Store::default(), NOW);
    }
    let mut ids: Vec<u64> = thread::scope(|scope| {
        let sum = || {
            let mut ids = Vec::new();
            for n in 0..3_000 {
                let name = [b"a", b"b", b"c"][n % 3];
                let one = Arithmetic { delta: 1, ..Arithmetic::default() };
                let Computed::Value { cas, .. } = cache.arithmetic(&cache.key(name), &one, NOW) else { panic!() };
                ids.push(cas);
            }
            ids
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(sum)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 12_000);
    for name in [b"a", b"b", b"c"] {
        let value = cache.get(&cache.key(name), NOW, |hit| hit.bytes().map(<[u8]>::to_vec)).flatten();
        assert_eq!(value.unwrap(), b"4000");
    }
}
