//! What one operation costs on one thread, without a wire: the part of a request that is the cache's.
//!
//! Keys of 10 bytes, values of 100. "hot" runs over items that the processor's caches hold, "cold" over more than they
//! can. The difference between the rows is what they add: a get to a miss is the item's lines, an overwrite to a get
//! is the copy, an eviction to an overwrite is the hand, the index and the free lists.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use spindle_slab::{Cache, Settings, Store};
use std::hint::black_box;
use std::time::Duration;

const NOW: u32 = 1000;

fn keys(count: u64) -> Vec<[u8; 10]> {
    // An odd stride visits all of them, out of order.
    (0..count).map(|n| format!("{:010}", n * 7919 % count).into_bytes().try_into().unwrap()).collect()
}

fn filled(memory_bytes: usize, keys: &[[u8; 10]]) -> Cache {
    let cache = Cache::new(Settings { memory_bytes, hash_seed: 1, ..Settings::default() }).unwrap();
    for key in keys {
        cache.store(&cache.key(key), &[b'v'; 100], &Store::default(), NOW);
    }
    cache
}

fn operations(criterion: &mut Criterion) {
    for (heat, count) in [("hot", 2_000), ("cold", 2_000_000)] {
        let keys = keys(count);
        let cache = filled(512 << 20, &keys);
        let mut at = 0;
        let mut next = || {
            at = (at + 1) % keys.len();
            &keys[at]
        };
        let mut buffer = Vec::with_capacity(256);
        criterion.bench_function(&format!("get hit, {heat}"), |bencher| {
            bencher.iter(|| {
                buffer.clear();
                cache.get(&cache.key(black_box(next())), NOW, |hit| hit.copy_to(&mut buffer))
            });
        });
        criterion.bench_function(&format!("get miss, {heat}"), |bencher| {
            bencher.iter(|| {
                let mut key = *next();
                key[0] = b'x';
                cache.get(&cache.key(black_box(&key)), NOW, |hit| hit.len)
            });
        });
        criterion.bench_function(&format!("set overwrite, {heat}"), |bencher| {
            bencher.iter(|| cache.store(&cache.key(black_box(next())), &[b'w'; 100], &Store::default(), NOW));
        });
    }
    let cache = filled(64 << 20, &keys(1_000_000));
    let mut n = 0u64;
    criterion.bench_function("set with eviction", |bencher| {
        let key = || {
            n += 1;
            format!("n{n:09}").into_bytes()
        };
        let set = |key: Vec<u8>| cache.store(&cache.key(&key), &[b'w'; 100], &Store::default(), NOW);
        bencher.iter_batched(key, set, BatchSize::SmallInput);
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    targets = operations
}
criterion_main!(benches);
