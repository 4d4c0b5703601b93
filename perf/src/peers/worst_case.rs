//! Whether any operation's worst case grows with the number of items. Two servers of every cache are up, one with few
//! items and one with many, and in turn each is measured over a window of new keys, one request outstanding, every set
//! beside a no-op that shows how long the machine itself makes a request wait. So all windows have as many samples, at
//! whatever number of items, and of their extremes the medians are compared.
//!
//! The windows lie where memcached's hash table grows; Spindle's grows with every few sets, wherever they are.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::contender::{Contender, Size};
use super::report::Comparison;
use super::rows::VALUE_BYTES;
use super::{Field, PeersError, Scale, throughput};
use crate::closed_loop::alternation::{self, Alternated, Alternation, Finale};
use crate::closed_loop::keys::{Keys, Order};
use crate::closed_loop::{Class, Load, Until, Work};
use crate::machine::memory_available_bytes;
use crate::median::median;
use crate::process::Server;

/// So that every item stays.
const SIZE: Size = Size { memory_mib: 8192, connections_max: 1024 };
/// At most; memcached takes about 200.
const ITEM_BYTES: u64 = 220;
const FILL_AT_MOST: Duration = Duration::from_secs(300);
const WINDOW_AT_MOST: Duration = Duration::from_secs(60);

/// Where the windows are, in items.
#[derive(Clone, Copy)]
struct Plan {
    few: Scene,
    many: Scene,
    /// New keys of one window.
    window: u64,
}

#[derive(Clone, Copy)]
struct Scene {
    name: &'static str,
    /// About where the windows lie. memcached doubles its 2^n buckets beyond 1.5 items for each.
    items: u64,
}

impl Plan {
    fn new(scale: Scale) -> Plan {
        let scene = |name, items| Scene { name, items };
        match scale {
            Scale::Full => Plan {
                few: scene("100 thousand", (3 << 16) / 2),
                many: scene("25 million", (3 << 24) / 2),
                window: 100_000,
            },
            Scale::Quick => {
                Plan { few: scene("10 thousand", 10_000), many: scene("100 thousand", (3 << 16) / 2), window: 4_000 }
            }
        }
    }
}

/// The median over the windows of their extremes, in nanoseconds.
struct Worst {
    set: Extremes,
    nothing: Extremes,
    /// Of a full cache: each window's with few items, the last one's with many.
    flush_ns: u64,
}

struct Extremes {
    max_ns: u64,
    p99_99_ns: u64,
}

/// Before anything is measured, which would be lost with it.
///
/// # Errors
/// The machine cannot hold the larger servers of all caches.
pub(super) fn check_memory(field: &Field) -> Result<(), PeersError> {
    let needed_bytes = field.caches().len() as u64 * Plan::new(field.scale).many.items * ITEM_BYTES;
    match memory_available_bytes() {
        Ok(available) if available < needed_bytes => {
            Err(PeersError::TooLittleMemory { needed_mib: needed_bytes >> 20, available_mib: available >> 20 })
        }
        // Where it cannot be told it is tried.
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(super) fn compare(field: &Field) -> Result<Vec<Comparison>, PeersError> {
    let plan = Plan::new(field.scale);
    let caches = field.caches();
    let windows = field.rounds as u64;
    let before = plan.many.items - windows * plan.window / 2;
    let mut large = field.each_cache("worst case: filling", |cache| Filled::start(cache, field, before))?;
    let mut few: Vec<Vec<Alternated>> = vec![Vec::new(); caches.len()];
    let mut many = few.clone();
    for round in 1..=windows {
        field.progress(&format!("worst case: round {round}"));
        for (cache, few) in caches.iter().zip(&mut few) {
            let mut small = Filled::start(cache, field, plan.few.items - plan.window / 2)?;
            few.push(small.window(field, plan.window, Finale::FlushAll)?);
        }
        let finale = if round == windows { Finale::FlushAll } else { Finale::Nothing };
        for (large, many) in large.iter_mut().zip(&mut many) {
            many.push(large.window(field, plan.window, finale)?);
        }
    }
    let worst = |windows: Vec<Vec<Alternated>>| windows.iter().map(|windows| Worst::new(windows)).collect();
    Ok(comparisons(field, plan, worst(few), worst(many)))
}

/// A running server with items in it, frozen unless it is being asked: what it does by itself would disturb the others.
struct Filled<'a> {
    contender: &'a Contender,
    server: Server,
    items: u64,
    /// Keys of windows that are over.
    set: u64,
}

impl Filled<'_> {
    fn start<'a>(contender: &'a Contender, field: &Field, items: u64) -> Result<Filled<'a>, PeersError> {
        let server = contender.start(field.cpus, SIZE)?;
        let class = Class {
            work: Work::Set { value_bytes: VALUE_BYTES },
            connections: 8,
            depth: 64,
            keys: Keys { prefix: "f", order: Order::each_once(items) },
        };
        let load = Load {
            server: server.address,
            cpu: Some(field.cpus.load),
            classes: vec![class],
            until: Until::Spent { at_most: FILL_AT_MOST },
            watched: None,
        };
        throughput::run(contender, &load, "worst-case")?;
        server.freeze().map_err(|error| contender.silent(error))?;
        Ok(Filled { contender, server, items, set: 0 })
    }

    fn window(&mut self, field: &Field, sets: u64, finale: Finale) -> Result<Alternated, PeersError> {
        let silent = |error| self.contender.silent(error);
        self.server.thaw().map_err(silent)?;
        self.all_live()?;
        let alternation = Alternation {
            server: self.server.address,
            cpu: Some(field.cpus.load),
            prefix: "w",
            numbers: self.set..self.set + sets,
            value_bytes: VALUE_BYTES,
            finale,
            at_most: WINDOW_AT_MOST,
        };
        let failed = |error| PeersError::Load { contender: self.contender.name.clone(), error };
        let alternated = alternation::run(&alternation).map_err(failed)?;
        self.set += sets;
        self.server.freeze().map_err(silent)?;
        Ok(alternated)
    }

    /// A cache that drops what it was given would be compared at another size.
    fn all_live(&self) -> Result<(), PeersError> {
        let stats = self.contender.talk(&self.server)?.stats().map_err(|error| self.contender.silent(error))?;
        let live = stats.get("curr_items").and_then(|items| items.parse().ok()).unwrap_or(0);
        let given = self.items + self.set;
        if live == given {
            return Ok(());
        }
        Err(PeersError::Wrong {
            contender: self.contender.name.clone(),
            row: "worst-case".into(),
            what: format!("{live} items are live after {given} that can all stay"),
        })
    }
}

impl Worst {
    fn new(windows: &[Alternated]) -> Worst {
        Worst {
            set: Extremes::new(windows, |window| &window.set_ns),
            nothing: Extremes::new(windows, |window| &window.nothing_ns),
            flush_ns: middle(windows.iter().filter_map(|window| window.flush).map(|flush| flush.as_nanos() as u64)),
        }
    }
}

impl Extremes {
    fn new(windows: &[Alternated], of: fn(&Alternated) -> &Histogram<u64>) -> Extremes {
        Extremes {
            max_ns: middle(windows.iter().map(|window| of(window).max())),
            p99_99_ns: middle(windows.iter().map(|window| of(window).value_at_quantile(0.9999))),
        }
    }
}

/// 0 of nothing.
fn middle(times_ns: impl Iterator<Item = u64>) -> u64 {
    median(times_ns, u64::cmp).unwrap_or_default()
}

fn comparisons(field: &Field, plan: Plan, few: Vec<Worst>, many: Vec<Worst>) -> Vec<Comparison> {
    let grown = format!("at {} / at {}", plan.many.name, plan.few.name);
    let ratios = |what: &str, purpose, of: fn(&Worst) -> u64| Comparison {
        what: format!("{what} {grown}"),
        purpose,
        cells: many.iter().zip(&few).map(|(many, few)| ratio(of(many), of(few))).collect(),
        against: "-".into(),
    };
    vec![
        sets(field, plan.few, &few),
        sets(field, plan.many, &many),
        ratios("longest set", "whether growing the index ever makes a client wait: 1 or so", |worst| worst.set.max_ns),
        ratios("longest no-op", "the same of the machine: how near to 1 it can be told", |worst| worst.nothing.max_ns),
        flushes(field, plan.few, &few),
        flushes(field, plan.many, &many),
        ratios("flush_all", "whether emptying the cache stops it: 1 or so", |worst| worst.flush_ns),
    ]
}

fn sets(field: &Field, scene: Scene, worst: &[Worst]) -> Comparison {
    let extremes = |extremes: &Extremes| {
        format!("{} (p99.99 {})", milliseconds(extremes.max_ns), milliseconds(extremes.p99_99_ns))
    };
    Comparison {
        what: format!("longest set of a new key at {} items, ms; longest no-op between them", scene.name),
        purpose: "a client's longest wait while the index grows, and how much of it is the machine's",
        cells: worst.iter().map(|worst| format!("{}; {}", extremes(&worst.set), extremes(&worst.nothing))).collect(),
        against: field.against(worst, |spindle, memcached| {
            format!("{} of its longest", ratio(spindle.set.max_ns, memcached.set.max_ns))
        }),
    }
}

fn flushes(field: &Field, scene: Scene, worst: &[Worst]) -> Comparison {
    Comparison {
        what: format!("flush_all of {} items, ms", scene.name),
        purpose: "a client's wait while the cache is emptied",
        cells: worst.iter().map(|worst| milliseconds(worst.flush_ns)).collect(),
        against: field.against(worst, |spindle, memcached| {
            format!("{} of its time", ratio(spindle.flush_ns, memcached.flush_ns))
        }),
    }
}

fn milliseconds(nanoseconds: u64) -> String {
    format!("{:.3}", nanoseconds as f64 / 1e6)
}

fn ratio(one_ns: u64, other_ns: u64) -> String {
    format!("{:.2}", one_ns as f64 / other_ns.max(1) as f64)
}
