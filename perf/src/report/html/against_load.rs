//! Latency against load: the curve on which a server's knee is seen, from several runs. Where a
//! load was run several times, the line goes through the medians.

use std::fmt;

use super::plot::{Caption, Key, Plot, series};
use super::scale::Axis;
use crate::measured::Loop;
use crate::median::median;
use crate::report::figures::{latency, rate};
use crate::report::summary::Summary;
use crate::sweep::limit::{Limit, Rank};

const HEIGHT: f64 = 280.0;

/// Those that are drawn.
const RANKS: [Rank; 3] = [Rank::P50, Rank::P99, Rank::P99Nine];
/// A line that is no server's.
const LIMIT: &str = "rest dashed";

/// One run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point<'a> {
    /// Whose curve it is on.
    pub(super) label: &'a str,
    /// In requests a second. What was asked for, where that is known: by arrivals of chance, no two runs are offered the same.
    pub(super) load: f64,
    pub(super) summary: &'a Summary,
}

/// The points of one curve, by rising load.
struct Curve<'a> {
    name: String,
    rank: Rank,
    runs: Vec<Point<'a>>,
}

/// Nothing when fewer than two runs had a load of their own: a closed loop has none.
pub(super) fn section<'a>(
    out: &mut String,
    runs: impl Iterator<Item = Point<'a>>,
    limit: Option<&Limit>,
) -> fmt::Result {
    let has_times = |run: &Point<'_>| run.summary.driven == Loop::Open && run.summary.total.response_ns.count > 0;
    let mut runs: Vec<Point<'_>> = runs.filter(has_times).collect();
    if runs.len() < 2 {
        return Ok(());
    }
    let mut labels: Vec<&str> = Vec::new();
    for run in &runs {
        if !labels.contains(&run.label) {
            labels.push(run.label);
        }
    }
    runs.sort_by(|a, b| a.load.total_cmp(&b.load));
    let of = |label: &str| runs.iter().filter(|run| run.label == label).copied().collect::<Vec<_>>();
    match labels.as_slice() {
        // One server: its percentiles in one plot.
        [label] => {
            let curves = RANKS.map(|rank| Curve { name: rank.to_string(), rank, runs: of(label) });
            figure(out, "Latency against load", "load", &curves, limit)
        }
        // Several: a plot for each percentile, so that they are compared like with like.
        _ => RANKS.iter().enumerate().try_for_each(|(at, &rank)| {
            let curves: Vec<Curve<'_>> =
                labels.iter().map(|label| Curve { name: (*label).into(), rank, runs: of(label) }).collect();
            let limit = limit.filter(|limit| limit.percentile == rank);
            figure(out, &format!("Latency against load, {rank}"), &format!("load-{at}"), &curves, limit)
        }),
    }
}

fn figure(out: &mut String, title: &str, id: &str, curves: &[Curve<'_>], limit: Option<&Limit>) -> fmt::Result {
    let runs = || curves.iter().flat_map(|curve| curve.runs.iter().map(|run| (curve.ns(run), run.load)));
    let (load_min, load_max) = runs().fold((f64::MAX, 0.0f64), |(min, max), (_, load)| (min.min(load), max.max(load)));
    let y = Axis::latencies("response time", runs().map(|(ns, _)| ns).chain(limit.map(|limit| limit.ns)));
    let x = Axis::loads("requests offered a second", load_min, load_max);
    let ends = [x.from, x.to];
    let mut plot = Plot::new(x, y, HEIGHT);
    if let Some(limit) = limit {
        plot.line(LIMIT, ends.into_iter().map(|load| Some((load, limit.ns as f64))))?;
    }
    let classes: Vec<String> = (0..curves.len()).map(series).collect();
    for (curve, class) in curves.iter().zip(&classes) {
        plot.line(class, curve.medians().into_iter().map(|(load, ns)| Some((load, ns.max(1) as f64))))?;
        for run in &curve.runs {
            let (class, verdict) =
                if run.summary.valid { (class.clone(), "") } else { (format!("{class} hollow"), ", INVALID") };
            let ns = curve.ns(run);
            let said = format!("{}: {} at {}/s{verdict}", curve.name, latency(ns), rate(run.load));
            plot.dot(&class, run.load, ns.max(1) as f64, &said)?;
        }
    }
    let bound = limit.map(Limit::to_string);
    let keys = curves.iter().zip(&classes).map(|(curve, class)| Key { name: &curve.name, class });
    let legend: Vec<Key<'_>> = keys.chain(bound.iter().map(|name| Key { name, class: LIMIT })).collect();
    let sentences: Vec<String> = curves.iter().map(Curve::sentence).collect();
    let note = "Invalid runs are hollow.";
    let description = format!("{} {note}", sentences.join(" "));
    plot.finish(out, &Caption { id: id.into(), title, description, legend: &legend })
}

impl Curve<'_> {
    fn ns(&self, run: &Point<'_>) -> u64 {
        self.rank.of(&run.summary.total.response_ns)
    }

    /// Of the runs of each load; of two the worse.
    fn medians(&self) -> Vec<(f64, u64)> {
        let of_loads = self.runs.chunk_by(|a, b| a.load == b.load);
        let middle =
            |runs: &[Point<'_>]| Some((runs.first()?.load, median(runs.iter().map(|run| self.ns(run)), u64::cmp)?));
        of_loads.filter_map(middle).collect()
    }

    fn sentence(&self) -> String {
        let medians = self.medians();
        let points = medians.iter().map(|(load, ns)| format!("{} at {} a second", latency(*ns), rate(*load)));
        format!("{}: {}.", self.name, points.collect::<Vec<_>>().join(", "))
    }
}
