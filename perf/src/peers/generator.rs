//! Whether the load or the server is what is measured: how much the load offers to a server that does nothing (the
//! ceiling program as a mirror), beside what the caches answer, and what a request costs the load beside what it costs them. A closed loop,
//! every request recorded and one answer in 64 checked, as `spindle load cache --closed --verify sampled` does.

use super::cache_load::CacheLoad;
use super::contender::{Contender, Kind, Size};
use super::figures::Saturated;
use super::report::Comparison;
use super::{Field, PeersError};
use crate::load::{Pace, Verify};
use crate::process::Server;

const SHAPES: [(usize, usize); 3] = [(64, 1), (64, 16), (64, 64)];
const SIZE: Size = Size { memory_mib: 256, connections_max: 1024 };

pub(super) fn compare(field: &Field) -> Result<Vec<Comparison>, PeersError> {
    let mut entries = Vec::new();
    for contender in field.contenders.iter().filter(|contender| contender.kind != Kind::Toy) {
        let contender = match contender.kind {
            // The ceiling's answers are those to other requests, and the load would be busy with finding that out.
            Kind::Ceiling => Contender { kind: Kind::Mirror, ..contender.clone() },
            _ => contender.clone(),
        };
        let server = contender.start(field.cpus, SIZE)?;
        entries.push((contender, server));
    }
    SHAPES.map(|shape| row(field, &entries, shape)).into_iter().collect()
}

fn row(
    field: &Field,
    entries: &[(Contender, Server)],
    (connections, depth): (usize, usize),
) -> Result<Comparison, PeersError> {
    let what = format!("the load itself, get, {connections} x {depth}");
    let load = CacheLoad { pace: Pace::Closed, connections, depth, set_share: 0.0, verify: Verify::Sampled };
    let mut rounds = vec![Vec::new(); entries.len()];
    for round in 1..=field.rounds {
        for ((contender, server), figures) in entries.iter().zip(&mut rounds) {
            let measured = Saturated::of(&load.measure(field, contender, server, &what)?);
            field.progress(&format!("round {round}: {what}: {}: {}", contender.name, cell(&measured)));
            figures.push(measured);
        }
    }
    let medians: Vec<Saturated> = rounds.iter().map(|figures| Saturated::median(figures)).collect();
    let (null, caches): (Vec<_>, Vec<_>) =
        entries.iter().zip(&medians).partition(|((contender, _), _)| contender.kind == Kind::Mirror);
    let fastest = caches.iter().map(|(_, cache)| cache.per_second).fold(0.0, f64::max);
    let null = null.first().map(|(_, null)| {
        format!("a server that does nothing: {}; {:.2} of the fastest", cell(null), null.per_second / fastest)
    });
    Ok(Comparison {
        what,
        purpose: "whether the load or the server is what is measured",
        cells: caches.iter().map(|(_, cache)| cell(cache)).collect(),
        against: null.unwrap_or_else(|| "-".into()),
    })
}

fn cell(saturated: &Saturated) -> String {
    let load_us = saturated.load_busy * 1e6 / saturated.per_second.max(1.0);
    let server_us = 1e6 / saturated.per_cpu_second.max(1.0);
    let thousands = saturated.per_second / 1e3;
    format!("{thousands:.0} k a second, CPU of a request: load {load_us:.2} µs, server {server_us:.2} µs")
}
