//! How long clients wait when every cache serves the same load: half of what the slowest of them can, sent when it is due
//! whatever the server does (an open loop, Poisson), a tenth of it sets, a sample of the answers checked byte by byte.

use super::again::{self, Rounds};
use super::cache_load::CacheLoad;
use super::contender::{Contender, Size};
use super::figures::{Saturated, Waits, half_of_the_slowest};
use super::report::Comparison;
use super::{Field, InvalidRow, PeersError};
use crate::load::{Pace, Verify};
use crate::measured::Measured;
use crate::process::Server;

/// As it is asked for.
const ROW: &str = "equal-load";
/// Far more than the keys need: nothing is evicted.
const SIZE: Size = Size { memory_mib: 256, connections_max: 1024 };

/// One cache of the row.
struct Entry<'a> {
    contender: &'a Contender,
    server: Server,
    saturated: Vec<Saturated>,
    waits: Rounds,
}

/// What was found.
pub(super) struct EqualLoad {
    /// The rows of the table.
    pub(super) comparisons: Vec<Comparison>,
    /// Whose response times are none.
    pub(super) invalid: Option<InvalidRow>,
    /// What was measured again, in words.
    pub(super) again: Option<String>,
}

pub(super) fn compare(field: &Field) -> Result<EqualLoad, PeersError> {
    let start = |contender| -> Result<Entry<'_>, PeersError> {
        let server = Contender::start(contender, field.cpus, SIZE)?;
        Ok(Entry { contender, server, saturated: Vec::new(), waits: Rounds::of(field.rounds) })
    };
    let mut entries = field.caches().iter().map(start).collect::<Result<Vec<_>, _>>()?;
    for round in 1..=field.rounds {
        for entry in &mut entries {
            let saturated = Saturated::of(&measure(field, entry.contender, &entry.server, Pace::Closed)?);
            field.progress(&format!(
                "round {round}: equal load: {} can serve {:.0} requests a second",
                entry.contender.name, saturated.per_second
            ));
            entry.saturated.push(saturated);
        }
    }
    let medians: Vec<Saturated> = entries.iter().map(|entry| Saturated::median(&entry.saturated)).collect();
    let pace = half_of_the_slowest(medians.iter());
    for round in 1..=field.rounds {
        for entry in &mut entries {
            let Entry { contender, server, waits, .. } = entry;
            let say = |what: &str| field.progress(&format!("round {round}: equal load: {}: {what}", contender.name));
            waits.take(|| measure(field, contender, server, pace), say)?;
        }
    }
    let figures: Vec<Figures> = entries.iter().map(Figures::of).collect();
    let invalid = entries.iter().zip(&figures).filter(|(_, figures)| figures.waits.invalid > 0);
    let invalid = invalid.map(|(entry, _)| entry.contender.name.clone()).collect();
    let tallies: Vec<_> = entries.iter().map(|entry| (entry.contender.name.as_str(), entry.waits.tally())).collect();
    Ok(EqualLoad {
        comparisons: comparisons(field, &figures),
        invalid: InvalidRow::of(ROW, invalid),
        again: again::note(ROW, &tallies),
    })
}

fn measure(field: &Field, contender: &Contender, server: &Server, pace: Pace) -> Result<Measured, PeersError> {
    let load = CacheLoad { pace, connections: 64, depth: 1, set_share: 0.1, verify: Verify::Sampled };
    load.measure(field, contender, server, "equal load")
}

/// What the row says of one cache.
struct Figures {
    waits: Waits,
    /// Of the server, at the equal load.
    cost: Saturated,
}

impl Figures {
    fn of(entry: &Entry<'_>) -> Figures {
        let costs: Vec<Saturated> = entry.waits.kept().iter().map(Saturated::of).collect();
        Figures { waits: Waits::median(entry.waits.kept()), cost: Saturated::median(&costs) }
    }
}

fn comparisons(field: &Field, figures: &[Figures]) -> Vec<Comparison> {
    let offered = figures.first().map_or(0.0, |figures| figures.waits.offered_per_second);
    let at = format!("at {:.0} k requests a second", offered / 1e3);
    vec![
        Comparison {
            what: format!("response p50 / p99 / p99.9 {at}"),
            purpose: "what a client feels of a cache that is half busy",
            cells: figures.iter().map(waits).collect(),
            against: field.against(figures, |spindle, memcached| {
                match spindle.waits.invalid + memcached.waits.invalid {
                    0 => format!("p99 {:.2} of its", spindle.waits.p99_ns / memcached.waits.p99_ns.max(1.0)),
                    // What the generator did is no figure of theirs.
                    _ => "-".into(),
                }
            }),
        },
        Comparison {
            what: format!("CPU and context switches of a request, memory, {at}"),
            purpose: "what that costs: a server that is not saturated shares less between requests",
            cells: figures.iter().map(cost).collect(),
            against: field.against(figures, |spindle, memcached| {
                format!("{:.2} of its CPU", memcached.cost.per_cpu_second / spindle.cost.per_cpu_second.max(1.0))
            }),
        },
    ]
}

fn waits(Figures { waits, .. }: &Figures) -> String {
    let micros = [waits.p50_ns, waits.p99_ns, waits.p99_9_ns].map(|ns| format!("{:.0}", ns / 1e3));
    let invalid = if waits.invalid > 0 { format!(" (INVALID: {})", waits.reason) } else { String::new() };
    format!("{} µs{invalid}", micros.join(" / "))
}

fn cost(Figures { cost, .. }: &Figures) -> String {
    format!(
        "{:.2} µs, {:.2}, {:.1} MiB",
        1e6 / cost.per_cpu_second.max(1.0),
        cost.context_switches_per_request,
        cost.resident_bytes / 1_048_576.0
    )
}
