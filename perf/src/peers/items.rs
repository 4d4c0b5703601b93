//! How much resident memory one live item takes: every cache with the same memory limit, filled far beyond eviction.

use std::time::Duration;

use super::contender::{Contender, Size};
use super::report::Comparison;
use super::rows::VALUE_BYTES;
use super::{Field, PeersError, Scale, throughput};
use crate::closed_loop::keys::{KEY_BYTES, Keys, Order};
use crate::closed_loop::{Class, Load, Until, Work};
use crate::process::resident_bytes;

const FILL_AT_MOST: Duration = Duration::from_secs(120);
/// A set for every 50 bytes of the limit: items are larger, so more than half of them cannot stay.
const LIMIT_BYTES_PER_SET: u64 = 50;

struct Filled {
    items: u64,
    resident_bytes: u64,
}

impl Filled {
    fn bytes_per_item(&self) -> f64 {
        self.resident_bytes as f64 / self.items.max(1) as f64
    }
}

pub(super) fn compare(field: &Field) -> Result<Comparison, PeersError> {
    let memory_mib = match field.scale {
        Scale::Full => 256,
        Scale::Quick => 64,
    };
    let filled = field.each_cache("items", |contender| fill(contender, field, memory_mib))?;
    let cell = |filled: &Filled| {
        let (items, mib) = (filled.items as f64 / 1e6, filled.resident_bytes as f64 / 1048576.0);
        format!("{:.0} bytes ({items:.2} M items in {mib:.0} MiB)", filled.bytes_per_item())
    };
    Ok(Comparison {
        what: format!(
            "resident memory per live item, {KEY_BYTES} + {VALUE_BYTES} bytes, filled past eviction at -m {memory_mib}"
        ),
        purpose: "how many items a machine's memory holds",
        against: field.against(&filled, |spindle, memcached| {
            format!("{:.2} times the items in the same memory", memcached.bytes_per_item() / spindle.bytes_per_item())
        }),
        cells: filled.iter().map(cell).collect(),
    })
}

fn fill(contender: &Contender, field: &Field, memory_mib: u64) -> Result<Filled, PeersError> {
    let server = contender.start(field.cpus, Size { memory_mib, connections_max: 1024 })?;
    let sets = memory_mib * 1024 * 1024 / LIMIT_BYTES_PER_SET;
    let class = Class {
        work: Work::Set { value_bytes: VALUE_BYTES },
        connections: 8,
        depth: 64,
        keys: Keys { prefix: "i", order: Order::each_once(sets) },
    };
    let load = Load {
        server: server.address,
        cpu: Some(field.cpus.load),
        classes: vec![class],
        until: Until::Spent { at_most: FILL_AT_MOST },
        watched: None,
    };
    throughput::run(contender, &load, "items")?;
    let stats = contender.talk(&server)?.stats().map_err(|error| contender.silent(error))?;
    let items = stats.get("curr_items").and_then(|items| items.parse().ok()).unwrap_or(0);
    if items == 0 || items >= sets {
        return Err(PeersError::Wrong {
            contender: contender.name.clone(),
            row: "items".into(),
            what: format!("{items} items are live after {sets} sets that cannot all stay"),
        });
    }
    let resident_bytes = resident_bytes(server.pid()).map_err(|error| contender.silent(error))?;
    Ok(Filled { items, resident_bytes })
}
