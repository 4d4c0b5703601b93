//! Whether the longest wait grows with the number of items. A steady stream of sets fills the cache, and a connection
//! beside it sets one key at a time and times each. Both runs make the same number of sets at the same depth; only in one
//! they go round a few items, and in the other every one is new, so that the index has to grow under them.

use std::time::{Duration, Instant};

use spindle_net::wire::memcached::reply_parse::Reply;

use super::contender::{Contender, Size};
use super::report::Comparison;
use super::{Field, PeersError, Scale, throughput};
use crate::closed_loop::keys::{Keys, Order};
use crate::closed_loop::{Class, Load, Until, Work};

/// So that every item of the larger run stays: memcached needs 96 bytes for each, and its table.
const SIZE: Size = Size { memory_mib: 4096, connections_max: 1024 };
const VALUE_BYTES: usize = 8;
const PROBED_KEYS: u64 = 1000;
/// Outstanding sets that a probe may wait behind: a few, so that their own time hides no pause.
const FILL_CONNECTIONS: usize = 4;
const FILL_DEPTH: usize = 16;
const FILL_AT_MOST: Duration = Duration::from_secs(120);

struct Worst {
    items: u64,
    set_ns_max: u64,
    set_ns_p99_99: u64,
    flush: Duration,
}

pub(super) fn compare(field: &Field) -> Result<Vec<Comparison>, PeersError> {
    let (few, many) = match field.scale {
        Scale::Full => (100_000, 20_000_000),
        Scale::Quick => (10_000, 500_000),
    };
    let mut comparisons = Vec::new();
    for items in [few, many] {
        let what = format!("worst case with {items} items");
        let worst = field.each_cache(&what, |contender| measure(contender, field, items, many))?;
        comparisons.push(sets(field, &worst, items));
        comparisons.push(flushes(field, &worst, items));
    }
    Ok(comparisons)
}

fn sets(field: &Field, worst: &[Worst], items: u64) -> Comparison {
    let cell = |worst: &Worst| {
        let (longest, nearly) = (milliseconds(worst.set_ns_max), milliseconds(worst.set_ns_p99_99));
        format!("{longest} ms (p99.99 {nearly} ms), {:.1} M live", worst.items as f64 / 1e6)
    };
    Comparison {
        what: format!("longest set while going to {items} items"),
        purpose: "whether growing the index ever makes a client wait: few and many items must be alike",
        against: field.against(worst, |spindle, memcached| {
            format!("{:.2} of its longest", spindle.set_ns_max as f64 / memcached.set_ns_max as f64)
        }),
        cells: worst.iter().map(cell).collect(),
    }
}

fn flushes(field: &Field, worst: &[Worst], items: u64) -> Comparison {
    Comparison {
        what: format!("flush_all of {items} items"),
        purpose: "whether emptying the cache stops it: few and many items must be alike",
        against: field.against(worst, |spindle, memcached| {
            format!("{:.2} of its time", spindle.flush.as_secs_f64() / memcached.flush.as_secs_f64())
        }),
        cells: worst.iter().map(|worst| format!("{} ms", milliseconds(worst.flush.as_nanos() as u64))).collect(),
    }
}

fn milliseconds(nanoseconds: u64) -> String {
    format!("{:.3}", nanoseconds as f64 / 1e6)
}

fn measure(contender: &Contender, field: &Field, items: u64, sets: u64) -> Result<Worst, PeersError> {
    let server = contender.start(field.place, SIZE)?;
    let work = Work::Set { value_bytes: VALUE_BYTES };
    let fill = Keys { prefix: "f", order: Order::Cycle { count: items, requests: sets } };
    let probe = Keys { prefix: "p", order: Order::Uniform { count: PROBED_KEYS, seed: 1 } };
    let load = Load {
        server: server.address,
        cpu: Some(field.place.load_cpu),
        classes: vec![
            Class { work, connections: FILL_CONNECTIONS, depth: FILL_DEPTH, keys: fill },
            Class { work, connections: 1, depth: 1, keys: probe },
        ],
        until: Until::Spent { at_most: FILL_AT_MOST },
        watched: None,
    };
    let outcome = throughput::run(contender, &load, "worst-case")?;
    let probed = &outcome.classes[1].response_ns;
    let silent = |error| contender.silent(error);
    let mut talk = contender.talk(&server)?;
    let stats = talk.stats().map_err(silent)?;
    let asked = Instant::now();
    talk.ask(b"flush_all\r\n", Reply::Ok).map_err(silent)?;
    Ok(Worst {
        items: stats.get("curr_items").and_then(|items| items.parse().ok()).unwrap_or(0),
        set_ns_max: probed.max(),
        set_ns_p99_99: probed.value_at_quantile(0.9999),
        flush: asked.elapsed(),
    })
}
