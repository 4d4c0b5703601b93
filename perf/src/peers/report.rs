//! The comparison as Markdown: what matters most by server, then row by row, and what that needs to be read.

use std::fmt;

use super::contender::{Contender, Kind};
use super::equal_load::{self, AtEqualLoad};
use super::provenance::Provenance;
use super::throughput::{Figures, Loaded};
use super::{Field, InvalidRow, Scale, by_server};
use crate::report::markdown;

/// Below this share of its CPU a server was not the bottleneck.
const BUSY_SATURATED: f64 = 0.9;

/// What the columns are that are no caches.
const CEILING_EXPLAINED: &str = "\
    Ceiling: a bare io_uring server that counts lines and answers each with the same bytes; it is what the kernel allows. \
    Toy store: the same server with a hash map behind it, without expiry, eviction, statistics or a bound on memory; it is \
    what the least possible cache makes of the ceiling. It looks nothing up ahead of time, so it is no bound: a cache that \
    does may pass it.";

/// A figure of every cache, in words.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) what: String,
    /// What the number is for.
    pub(super) purpose: &'static str,
    /// In the order of the caches.
    pub(super) cells: Vec<String>,
    /// Spindle against memcached.
    pub(super) against: String,
}

/// What was measured of the field, and what there is to say beside it.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) loads: Vec<Loaded>,
    /// Of every cache, or of none.
    pub(super) equal_load: Vec<AtEqualLoad>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) invalid: Vec<InvalidRow>,
    pub(super) notes: Vec<String>,
}

/// The measured comparison; its `Display` is Markdown.
#[derive(Clone, Debug)]
pub struct Report {
    provenance: Provenance,
    contenders: Vec<Contender>,
    rounds: usize,
    measured_s: f64,
    scale: Scale,
    loads: Vec<Loaded>,
    equal_load: Vec<AtEqualLoad>,
    comparisons: Vec<Comparison>,
    /// Rows of response times in which the lab says of a round that it is none.
    pub invalid: Vec<InvalidRow>,
    notes: Vec<String>,
}

impl Report {
    pub(super) fn new(provenance: Provenance, field: &Field, found: Findings) -> Report {
        let Findings { loads, equal_load, comparisons, invalid, mut notes } = found;
        notes.extend(loads.iter().filter_map(|loaded| idle_servers(loaded, &field.contenders)));
        notes.extend(loads.iter().filter_map(|loaded| lost_keys(loaded, &field.contenders)));
        Report {
            provenance,
            contenders: field.contenders.clone(),
            rounds: field.rounds,
            measured_s: field.measured.as_secs_f64(),
            scale: field.scale,
            loads,
            equal_load,
            comparisons,
            invalid,
            notes,
        }
    }

    fn position(&self, kind: Kind) -> Option<usize> {
        self.contenders.iter().position(|contender| contender.kind == kind)
    }

    fn caches(&self) -> &[Contender] {
        let caches = self.contenders.iter().take_while(|contender| contender.kind.is_cache()).count();
        &self.contenders[..caches]
    }

    /// How Spindle stands to memcached, then to what bounds it: the toy store, and outermost the ceiling. What the caches
    /// can is in the table before.
    fn columns(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        columns.extend(self.ratio_to(Kind::Memcached, "against memcached"));
        for (kind, head) in [(Kind::Toy, "of the toy store's"), (Kind::Ceiling, "of the ceiling's")] {
            columns.extend(self.position(kind).map(Column::Rate));
            columns.extend(self.ratio_to(kind, head));
        }
        columns.extend((0..self.caches().len()).map(Column::Percentiles));
        columns
    }

    fn ratio_to(&self, kind: Kind, head: &'static str) -> Option<Column> {
        Some(Column::Ratio { spindle: self.position(Kind::Spindle)?, other: self.position(kind)?, head })
    }

    fn head(&self, column: &Column) -> String {
        match column {
            Column::Rate(at) => self.contenders[*at].name.clone(),
            Column::Ratio { head, .. } => head.to_string(),
            Column::Percentiles(at) => format!("{} p50 / p99 / p99.9, µs", self.contenders[*at].name),
        }
    }

    fn loads_table(&self) -> String {
        let columns = self.columns();
        let mut heads = vec!["connections x outstanding".to_string()];
        heads.extend(columns.iter().map(|column| self.head(column)));
        let cells = |loaded: &Loaded| {
            let figures = columns.iter().map(|column| column.cell(&loaded.figures));
            std::iter::once(loaded.row.to_string()).chain(figures).collect()
        };
        markdown::unaligned(&heads, &self.loads.iter().map(cells).collect::<Vec<_>>())
    }

    fn comparisons_table(&self) -> String {
        let mut heads = vec![String::new()];
        heads.extend(self.caches().iter().map(|contender| contender.name.clone()));
        heads.push(String::new());
        let cells = |comparison: &Comparison| {
            let Comparison { what, cells, against, .. } = comparison;
            [std::slice::from_ref(what), cells, std::slice::from_ref(against)].concat()
        };
        markdown::unaligned(&heads, &self.comparisons.iter().map(cells).collect::<Vec<_>>())
    }

    fn purposes(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loads = self.loads.iter().map(|loaded| (loaded.row.to_string(), loaded.row.purpose()));
        let equal_load = self.equal_load.first().map(|_| ("equal load".to_string(), equal_load::PURPOSE));
        let comparisons = self.comparisons.iter().map(|comparison| (comparison.what.clone(), comparison.purpose));
        writeln!(out, "What the rows are for:\n")?;
        loads.chain(equal_load).chain(comparisons).try_for_each(|(what, purpose)| writeln!(out, "- {what}: {purpose}"))
    }

    /// The first table, with a line feed after all.
    fn servers(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(table) = by_server::table(self.caches(), &self.loads, &self.equal_load) else { return Ok(()) };
        writeln!(out, "{table}")?;
        if !self.loads.is_empty() {
            writeln!(
                out,
                "Requests per second of server CPU at N x D: N connections with D requests outstanding on each, as fast as \
                 they are answered (a closed loop).\n"
            )?;
        }
        if !self.equal_load.is_empty() {
            writeln!(
                out,
                "Equal load: half of what the slowest cache achieved over 64 connections, a tenth of it sets, sent when it is \
                 due whatever the server does (an open loop, Poisson). Response times, memory and context switches are of \
                 that.\n"
            )?;
        }
        if let Some(against) = self.waits_against_memcached() {
            writeln!(out, "{against}\n")?;
        }
        writeln!(
            out,
            "Keys of 10 bytes, values of 100, one server thread on one CPU, the load on another, loopback. Median of {} \
             interleaved rounds of {} s.\n",
            self.rounds, self.measured_s
        )
    }

    fn waits_against_memcached(&self) -> Option<String> {
        let of = |kind| self.equal_load.get(self.position(kind)?);
        equal_load::against(of(Kind::Spindle)?, of(Kind::Memcached)?)
    }

    fn bounds(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loads.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.loads_table())?;
        writeln!(
            out,
            "The same loads: requests per second of server CPU again, Spindle's in parts of the others', and response times, which \
             compare servers under the same number of outstanding requests, not at the same rate.\n"
        )?;
        if self.position(Kind::Ceiling).is_some() {
            writeln!(out, "{CEILING_EXPLAINED}\n")?;
        }
        Ok(())
    }
}

/// What a column shows of a row; the numbers are places among the contenders.
enum Column {
    Rate(usize),
    Ratio { spindle: usize, other: usize, head: &'static str },
    Percentiles(usize),
}

impl Column {
    fn cell(&self, figures: &[Option<Figures>]) -> String {
        match *self {
            Column::Rate(at) => rate(&figures[at]),
            Column::Ratio { spindle, other, .. } => ratio(&figures[spindle], &figures[other]),
            Column::Percentiles(at) => percentiles(&figures[at]),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.provenance)?;
        if self.scale == Scale::Quick {
            writeln!(out, "**A quick run: it shows that everything works, and its figures mean nothing.**\n")?;
        }
        self.servers(out)?;
        self.bounds(out)?;
        if !self.comparisons.is_empty() {
            writeln!(out, "{}", self.comparisons_table())?;
        }
        self.purposes(out)?;
        if !self.notes.is_empty() {
            writeln!(out)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(out, "- {note}"))
    }
}

pub(super) fn rate(figures: &Option<Figures>) -> String {
    match figures {
        None => "-".into(),
        Some(figures) if figures.per_cpu_second >= 1e6 => format!("{:.2} M", figures.per_cpu_second / 1e6),
        Some(figures) => format!("{:.0} k", figures.per_cpu_second / 1e3),
    }
}

fn ratio(one: &Option<Figures>, other: &Option<Figures>) -> String {
    match (one, other) {
        (Some(one), Some(other)) if other.per_cpu_second > 0.0 => {
            format!("{:.2}", one.per_cpu_second / other.per_cpu_second)
        }
        _ => "-".into(),
    }
}

fn percentiles(figures: &Option<Figures>) -> String {
    let Some(figures) = figures else { return "-".into() };
    let micros = [figures.p50_ns, figures.p99_ns, figures.p99_9_ns].map(|ns| format!("{:.0}", ns as f64 / 1e3));
    micros.join(" / ")
}

/// Says which servers did not have all of their CPU to do, and whether the load had all of its own.
fn idle_servers(loaded: &Loaded, contenders: &[Contender]) -> Option<String> {
    let idle = named(loaded, contenders, |figures| {
        let (busy, load_busy) = (figures.busy * 100.0, figures.load_busy * 100.0);
        (figures.busy < BUSY_SATURATED).then(|| format!("{busy:.0} / {load_busy:.0} %"))
    })?;
    Some(format!("{}: not saturated (CPU in use, server / load: {idle}).", loaded.row))
}

/// Says which caches did not have every key that was stored, though there was room.
fn lost_keys(loaded: &Loaded, contenders: &[Contender]) -> Option<String> {
    let lost = named(loaded, contenders, |figures| {
        (figures.missed > 0.0).then(|| format!("{:.3} %", figures.missed * 100.0))
    })?;
    Some(format!("{}: NOT EVERY ANSWER WAS A HIT (missed: {lost}).", loaded.row))
}

/// What there is to say, each with its contender's name.
fn named(loaded: &Loaded, contenders: &[Contender], say: impl Fn(&Figures) -> Option<String>) -> Option<String> {
    let said = contenders
        .iter()
        .zip(&loaded.figures)
        .filter_map(|(contender, figures)| Some(format!("{} {}", contender.name, say(figures.as_ref()?)?)));
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::figures::{Saturated, Waits};
    use crate::peers::rows::{LoadRow, Verb};

    fn contender(kind: Kind, name: &str, version: &str) -> Contender {
        Contender { kind, name: name.into(), binary: name.into(), version: version.into() }
    }

    #[test]
    fn a_whole_report() {
        let figures =
            |per_cpu_second, busy| Some(Figures { per_cpu_second, busy, missed: 1.0 - busy, ..Figures::specimen() });
        let at_equal_load = |p99_ns, invalid| AtEqualLoad {
            waits: Waits { offered_per_second: 68_000.0, p99_ns, invalid, ..Waits::default() },
            cost: Saturated::default(),
        };
        let row = LoadRow { verb: Verb::Get, connections: 64, depth: 1 };
        let report = Report {
            provenance: Provenance::specimen(&["spindle 0.1.0", "memcached 1.6.18"], "spindle load peers cache"),
            contenders: vec![
                contender(Kind::Spindle, "Spindle", "spindle 0.1.0"),
                contender(Kind::Memcached, "memcached", "memcached 1.6.18"),
                contender(Kind::Toy, "toy store", ""),
                contender(Kind::Ceiling, "ceiling", ""),
            ],
            rounds: 3,
            measured_s: 2.0,
            scale: Scale::Full,
            loads: vec![Loaded {
                row,
                figures: vec![figures(280_000.0, 0.8), figures(2e5, 1.0), figures(5.6e5, 1.0), figures(1.4e6, 1.0)],
            }],
            equal_load: vec![at_equal_load(300_000.0, 0), at_equal_load(600_000.0, 0)],
            comparisons: vec![Comparison {
                what: "hit ratio".into(),
                purpose: "eviction",
                cells: vec!["51.00 %".into(), "50.00 %".into()],
                against: "+1.00 points".into(),
            }],
            invalid: Vec::new(),
            notes: vec!["A note.".into()],
        };
        let text = report.to_string();
        for expected in [
            "(virtual machine), governor unknown. spindle 0.1.0, memcached 1.6.18. Load lab 0.1.0 and Spindle of commit 0123456789ab.\n",
            "\n    spindle load peers cache\n\n| server | get, 64 x 1: requests per second of server CPU | equal load, requests",
            "| Spindle | 280 k | 68000 | 0 / 300 / 0 | 0.0 | 0.00 |\n| memcached | 200 k | 68000 | 0 / 600 / 0 | 0.0 | 0.00 |\n\n",
            "\nSpindle against memcached at equal load: p99 0.50 of its.\n",
            "| against memcached | toy store | of the toy store's | ceiling | of the ceiling's | Spindle p50",
            "| get, 64 x 1 | 1.40 | 560 k | 0.50 | 1.40 M | 0.20 | 210 / 300 / 1000 | 210 / 300 / 1000 |\n",
            "| hit ratio | 51.00 % | 50.00 % | +1.00 points |\n",
            "- equal load: what a client feels",
            "- hit ratio: eviction\n",
            "Median of 3 interleaved rounds of 2 s.",
            "Ceiling: a bare io_uring server",
            "A note.",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
        let idle = idle_servers(&report.loads[0], &report.contenders).unwrap();
        assert!(idle.contains("Spindle 80 / 50 %") && !idle.contains("memcached"), "{idle}");
        let lost = lost_keys(&report.loads[0], &report.contenders).unwrap();
        assert!(lost.contains("Spindle 20.000 %") && !lost.contains("memcached"), "{lost}");
        let widths: Vec<usize> =
            text.lines().filter(|line| line.starts_with('|')).map(|l| l.matches('|').count()).collect();
        assert_eq!(widths, [7, 7, 7, 7, 9, 9, 9, 5, 5, 5]);
        assert!(!text.contains("\n\n\n"), "{text}");
        let mut doubtful = report.clone();
        doubtful.equal_load[1].waits.invalid = 1;
        assert!(!doubtful.to_string().contains("Spindle against memcached"), "what the generator did is no figure");
        let neither = Report { loads: Vec::new(), equal_load: Vec::new(), ..report }.to_string();
        assert!(neither.contains("spindle load peers cache\n\n|  | Spindle | memcached |  |\n"), "{neither}");
    }
}
