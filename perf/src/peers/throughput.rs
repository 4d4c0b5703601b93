//! Requests per second of server CPU: what a core of the server can do, whether or not the load kept it busy.

use std::fmt;
use std::time::Duration;

use super::contender::{Contender, Size};
use super::rows::{LoadRow, VALUE_BYTES};
use super::{Field, PeersError};
use crate::closed_loop::keys::{Keys, Order};
use crate::closed_loop::{self, Class, ClassOutcome, Load, Outcome, Until, Work};
use crate::median::median;
use crate::process::Server;

const KEYS: u64 = 100_000;
const PREFIX: &str = "key_";
const SEED: u64 = 1;
/// Far more than the keys need: nothing is evicted.
const SIZE: Size = Size { memory_mib: 256, connections_max: 12_000 };
/// A cache may drop keys even where there is room. A few are named in the report; with more the figures would be those
/// of a cheaper work.
const MISSED_MAX: f64 = 0.01;
const FILL_AT_MOST: Duration = Duration::from_secs(60);

/// One measurement, or the median of several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) per_cpu_second: f64,
    /// Share of its CPU that the server used, 0 to 1.
    pub(super) busy: f64,
    /// The same of the load.
    pub(super) load_busy: f64,
    /// Share of the requests that missed, 0 to 1.
    pub(super) missed: f64,
    /// Of the response time, in nanoseconds.
    pub(super) p50_ns: u64,
    pub(super) p99_ns: u64,
    pub(super) p99_9_ns: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rate, busy, load_busy) = (self.per_cpu_second / 1e3, self.busy * 100.0, self.load_busy * 100.0);
        write!(formatter, "{rate:.0} k a second of CPU, server {busy:.0} % busy, load {load_busy:.0} %")
    }
}

/// A row's figures by contender; none where the row is not for that contender.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) row: LoadRow,
    pub(super) figures: Vec<Option<Figures>>,
}

pub(super) fn measure(field: &Field, rows: &[LoadRow]) -> Result<Vec<Loaded>, PeersError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut servers = Vec::new();
    for contender in &field.contenders {
        let server = contender.start(field.cpus, SIZE)?;
        fill(contender, &server, field)?;
        servers.push((contender, server));
    }
    let mut rounds = vec![vec![Vec::new(); servers.len()]; rows.len()];
    for round in 1..=field.rounds {
        for (row, by_contender) in rows.iter().zip(&mut rounds) {
            for ((contender, server), figures) in servers.iter().zip(by_contender) {
                let measured = measure_one(contender, server, row, field)?;
                field.progress(&format!("round {round}: {row}: {}: {measured}", contender.name));
                figures.push(measured);
            }
        }
    }
    let medians = rounds.into_iter().map(|row| row.into_iter().map(|figures| medians(&figures)).collect());
    Ok(rows.iter().zip(medians).map(|(&row, figures)| Loaded { row, figures }).collect())
}

fn load(server: &Server, field: &Field, class: Class, until: Until) -> Load {
    let (cpu, watched) = (Some(field.cpus.load), Some(server.pid()));
    Load { server: server.address, cpu, classes: vec![class], until, watched }
}

fn fill(contender: &Contender, server: &Server, field: &Field) -> Result<(), PeersError> {
    let keys = Keys { prefix: PREFIX, order: Order::each_once(KEYS) };
    let class = Class { work: Work::Set { value_bytes: VALUE_BYTES }, connections: 8, depth: 64, keys };
    let until = Until::Spent { at_most: FILL_AT_MOST };
    run(contender, &load(server, field, class, until), "the fill").map(drop)
}

fn measure_one(contender: &Contender, server: &Server, row: &LoadRow, field: &Field) -> Result<Figures, PeersError> {
    let keys = Keys { prefix: PREFIX, order: Order::Uniform { count: KEYS, seed: SEED } };
    let class = Class { work: row.work(), connections: row.connections, depth: row.depth, keys };
    let until = Until::Elapsed { warm_up: field.measured / 4, measured: field.measured };
    let outcome = run(contender, &load(server, field, class, until), &row.to_string())?;
    let response = &outcome.classes[0].response_ns;
    let cpu_seconds = outcome.server_cpu.unwrap_or_default().as_secs_f64();
    Ok(Figures {
        // A server that has used no time at all has not been measured, rather than being infinitely fast.
        per_cpu_second: if cpu_seconds > 0.0 { outcome.classes[0].requests as f64 / cpu_seconds } else { 0.0 },
        busy: cpu_seconds / outcome.measured.as_secs_f64(),
        load_busy: outcome.load_cpu.as_secs_f64() / outcome.measured.as_secs_f64(),
        missed: missed_share(&outcome.classes[0]),
        p50_ns: response.value_at_quantile(0.5),
        p99_ns: response.value_at_quantile(0.99),
        p99_9_ns: response.value_at_quantile(0.999),
    })
}

/// Runs a load that must have no wrong answer, but for a few keys that a cache may have dropped.
pub(super) fn run(contender: &Contender, load: &Load, row: &str) -> Result<Outcome, PeersError> {
    let failed = |error| PeersError::Load { contender: contender.name.clone(), error };
    let outcome = closed_loop::run(load).map_err(failed)?;
    let bearable = |class: &ClassOutcome| {
        let others = class.wrong.lengths + class.wrong.malformed + class.unanswered + class.broken;
        others == 0 && missed_share(class) <= MISSED_MAX
    };
    match outcome.classes.iter().find(|class| !bearable(class)) {
        None => Ok(outcome),
        Some(class) => Err(PeersError::Wrong {
            contender: contender.name.clone(),
            row: row.into(),
            what: format!("{:?}, {} unanswered, {} hung up", class.wrong, class.unanswered, class.broken),
        }),
    }
}

/// Misses, and refusals: memcached answers a few of the sets that fill it with out of memory while it evicts. Those of the
/// warm-up count too, so this is never too small.
fn missed_share(class: &ClassOutcome) -> f64 {
    (class.wrong.misses + class.wrong.refusals) as f64 / class.requests.max(1) as f64
}

/// The median of each figure by itself.
fn medians(rounds: &[Figures]) -> Option<Figures> {
    let float = |of: fn(&Figures) -> f64| median(rounds.iter().map(of), f64::total_cmp);
    let whole = |of: fn(&Figures) -> u64| median(rounds.iter().map(of), u64::cmp);
    Some(Figures {
        per_cpu_second: float(|figures| figures.per_cpu_second)?,
        busy: float(|figures| figures.busy)?,
        load_busy: float(|figures| figures.load_busy)?,
        missed: float(|figures| figures.missed)?,
        p50_ns: whole(|figures| figures.p50_ns)?,
        p99_ns: whole(|figures| figures.p99_ns)?,
        p99_9_ns: whole(|figures| figures.p99_9_ns)?,
    })
}

#[cfg(test)]
impl Figures {
    /// Of a server that had all of its CPU to do.
    pub(super) fn specimen() -> Figures {
        Figures {
            per_cpu_second: 1e5,
            busy: 1.0,
            load_busy: 0.5,
            missed: 0.0,
            p50_ns: 210_000,
            p99_ns: 300_400,
            p99_9_ns: 1_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_each_figure() {
        let figures = |rate: f64, p99_ns| Figures {
            per_cpu_second: rate,
            busy: 1.0,
            load_busy: 1.0,
            missed: 0.0,
            p50_ns: 1,
            p99_ns,
            p99_9_ns: 9,
        };
        let median = medians(&[figures(3.0, 5), figures(1.0, 7), figures(2.0, 6)]).unwrap();
        assert_eq!((median.per_cpu_second, median.p99_ns), (2.0, 6));
        assert!(medians(&[]).is_none());
    }
}
