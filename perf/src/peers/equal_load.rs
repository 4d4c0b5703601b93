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
    /// In the order of the caches.
    pub(super) figures: Vec<AtEqualLoad>,
    /// A row of the table of comparisons.
    pub(super) cpu: Comparison,
    /// Whose response times are none.
    pub(super) invalid: Option<InvalidRow>,
    /// What was measured again, and what is not valid all the same, in words.
    pub(super) notes: Vec<String>,
}

/// What the row says of one cache.
#[derive(Clone, Debug)]
pub(super) struct AtEqualLoad {
    pub(super) waits: Waits,
    /// Of the server, at the equal load.
    pub(super) cost: Saturated,
}

/// What the row is for.
pub(super) const PURPOSE: &str = "what a client feels of a cache that is half busy, and what that takes";

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
    let figures: Vec<AtEqualLoad> = entries.iter().map(AtEqualLoad::of).collect();
    let named = || entries.iter().map(|entry| entry.contender.name.as_str()).zip(&figures);
    let invalid = named().filter(|(_, figures)| figures.waits.invalid > 0).map(|(name, _)| name.into()).collect();
    let tallies: Vec<_> = entries.iter().map(|entry| (entry.contender.name.as_str(), entry.waits.tally())).collect();
    let doubts = named().filter_map(|(name, figures)| figures.waits.doubt(ROW, name));
    let notes = again::note(ROW, &tallies).into_iter().chain(doubts).collect();
    Ok(EqualLoad { cpu: cpu(field, &figures), invalid: InvalidRow::of(ROW, invalid), notes, figures })
}

fn measure(field: &Field, contender: &Contender, server: &Server, pace: Pace) -> Result<Measured, PeersError> {
    let load = CacheLoad { pace, connections: 64, depth: 1, set_share: 0.1, verify: Verify::Sampled };
    load.measure(field, contender, server, "equal load")
}

impl AtEqualLoad {
    fn of(entry: &Entry<'_>) -> AtEqualLoad {
        let costs: Vec<Saturated> = entry.waits.kept().iter().map(Saturated::of).collect();
        AtEqualLoad { waits: Waits::median(entry.waits.kept()), cost: Saturated::median(&costs) }
    }

    fn cpu_us(&self) -> f64 {
        1e6 / self.cost.per_cpu_second.max(1.0)
    }
}

fn cpu(field: &Field, figures: &[AtEqualLoad]) -> Comparison {
    let offered = figures.first().map_or(0.0, |figures| figures.waits.offered_per_second);
    Comparison {
        what: format!("CPU of a request at {:.0} k requests a second", offered / 1e3),
        purpose: "a server that is not saturated shares less between requests",
        cells: figures.iter().map(|figures| format!("{:.2} µs", figures.cpu_us())).collect(),
        against: field
            .against(figures, |spindle, memcached| format!("{:.2} of its CPU", spindle.cpu_us() / memcached.cpu_us())),
    }
}

/// How Spindle's response times stand to memcached's. What the generator did is no figure of theirs.
pub(super) fn against(spindle: &AtEqualLoad, memcached: &AtEqualLoad) -> Option<String> {
    let ratio = spindle.waits.p99_ns / memcached.waits.p99_ns.max(1.0);
    let valid = spindle.waits.invalid + memcached.waits.invalid == 0;
    valid.then(|| format!("Spindle against memcached at equal load: p99 {ratio:.2} of its."))
}
