//! What one line costs: the parser's share of a cache's nanoseconds per operation, without a socket, a lookup or a copy
//! of the value.
//!
//! Read it as follows. `get` and `set` are the lines that pay for everything and have a one-pass way in; `gets` and `set
//! noreply` are their neighbours on the general way, so the distance between them is what the one-pass way is worth.
//! `pipeline` is the price a line when 64 lie in one buffer: what a branch predictor and a warm cache make of it. Each
//! parse is of bytes that the optimiser cannot see.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spindle_net::wire::memcached::reply_parse::{ParsedReply, parse_reply};
use spindle_net::wire::memcached::{Limits, Parsed, get, parse};

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    let limits = Limits::default();
    for (name, line) in [
        ("get", "get key:00000001\r\n"),
        ("get of a long key", "get session:5f0e8c1a-7b2d-4e7c-9a53-0d6f8b1c2e3f:profile:v2\r\n"),
        ("gets", "gets key:00000001\r\n"),
        (
            "get of ten keys",
            "get k0000001 k0000002 k0000003 k0000004 k0000005 k0000006 k0000007 k0000008 k0000009 k0000010\r\n",
        ),
        ("set", "set key:00000001 0 0 100\r\n"),
        ("set noreply", "set key:00000001 0 0 100 noreply\r\n"),
        ("delete", "delete key:00000001\r\n"),
        ("incr", "incr key:00000001 1\r\n"),
        ("mg", "mg key:00000001 v\r\n"),
        ("mg with flags", "mg key:00000001 v f t c k q O123 N30 T60\r\n"),
        ("ms", "ms key:00000001 100 T60 F0 c\r\n"),
    ] {
        group.bench_function(name, |b| b.iter(|| consume(black_box(line.as_bytes()), &limits)));
    }
    group.finish();
}

fn consume(input: &[u8], limits: &Limits) -> usize {
    match parse(input, limits) {
        Parsed::Request { request, consumed } => {
            black_box(&request);
            consumed
        }
        other => panic!("{other:?}"),
    }
}

fn pipelines(c: &mut Criterion) {
    const DEPTH: usize = 64;
    let mut group = c.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(DEPTH as u64));
    let limits = Limits::default();
    for (name, line) in [("get", "get key:%\r\n"), ("mg", "mg key:% v\r\n")] {
        let input: String = (0..DEPTH).map(|n| line.replace('%', &(n * 7919).to_string())).collect();
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut rest = black_box(input.as_bytes());
                while !rest.is_empty() {
                    rest = &rest[consume(rest, &limits)..];
                }
            })
        });
    }
    group.finish();
}

fn replies(c: &mut Criterion) {
    let mut group = c.benchmark_group("reply");
    group.bench_function("write value head", |b| {
        let mut out = Vec::with_capacity(1024);
        b.iter(|| {
            out.clear();
            get::write_value_head(&mut out, black_box(b"key:00000001"), black_box(0), black_box(100), None);
            black_box(&out);
        })
    });
    let value = format!("VALUE key:00000001 0 100\r\n{}\r\n", "v".repeat(100));
    let meta = format!("VA 100 f0 t-1\r\n{}\r\n", "v".repeat(100));
    for (name, input) in
        [("parse VALUE", value.as_str()), ("parse STORED", "STORED\r\n"), ("parse VA", &meta), ("parse HD", "HD\r\n")]
    {
        group.bench_function(name, |b| {
            b.iter(|| match parse_reply(black_box(input.as_bytes())) {
                ParsedReply::Reply { reply, consumed } => {
                    black_box(&reply);
                    consumed
                }
                other => panic!("{other:?}"),
            })
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(600))
        .sample_size(30);
    targets = lines, pipelines, replies
}
criterion_main!(benches);
