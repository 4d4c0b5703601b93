//! What the loader pays to check an answer and to write a request: its share of a client's nanoseconds per request.
//!
//! Read it as follows. At the fastest server's five million answers a second each has 200 ns of the client's core; `scan`
//! and `write` together must stay a small part of that, or the client is what is measured. All numbers are for 64.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spindle_perf::closed_loop::Work;
use spindle_perf::closed_loop::batch::Batch;
use spindle_perf::closed_loop::keys::{Keys, Order};
use spindle_perf::closed_loop::scan::{ReplyScan, Scanned, Verdict};

const DEPTH: usize = 64;
const VALUE_BYTES: usize = 100;

fn scan(c: &mut Criterion) {
    let mut group = c.benchmark_group("scan");
    group.throughput(Throughput::Elements(DEPTH as u64));
    let hit = format!("VALUE key_000001 0 {VALUE_BYTES}\r\n{}\r\nEND\r\n", "v".repeat(VALUE_BYTES));
    for (name, work, reply) in [
        ("hits", Work::Get { value_bytes: VALUE_BYTES }, hit.as_str()),
        ("stored", Work::Set { value_bytes: VALUE_BYTES }, "STORED\r\n"),
        ("misses", Work::Get { value_bytes: VALUE_BYTES }, "END\r\n"),
    ] {
        let (scan, replies) = (ReplyScan::new(work), reply.repeat(DEPTH));
        group.bench_function(name, |b| b.iter(|| count_right(&scan, black_box(replies.as_bytes()))));
    }
    group.finish();
}

fn count_right(scan: &ReplyScan, mut bytes: &[u8]) -> usize {
    let mut right = 0;
    while let Scanned::Answer { verdict, consumed } = scan.scan(bytes) {
        right += usize::from(verdict == Verdict::Right);
        bytes = &bytes[consumed..];
    }
    right
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    group.throughput(Throughput::Elements(DEPTH as u64));
    let keys = Keys { prefix: "key_", order: Order::each_once(1) };
    for (name, work) in
        [("gets", Work::Get { value_bytes: VALUE_BYTES }), ("sets", Work::Set { value_bytes: VALUE_BYTES })]
    {
        let (batch, mut out, mut number) = (Batch::new(work, keys, DEPTH), Vec::new(), 0u64);
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                batch.write(&mut out, DEPTH, || {
                    number = number.wrapping_add(7919);
                    number
                });
                black_box(out.len())
            })
        });
    }
    group.finish();
}

criterion_group!(benches, scan, write);
criterion_main!(benches);
