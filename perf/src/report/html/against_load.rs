//! Latency against load: the curve on which a server's knee is seen, from several runs.

use std::fmt;

use super::Run;
use super::plot::{Caption, Key, Plot, series};
use super::scale::Axis;
use crate::measured::Loop;
use crate::report::figures::{latency, rate};
use crate::report::summary::Percentiles;

const HEIGHT: f64 = 280.0;

/// One of the percentiles that are drawn.
#[derive(Clone, Copy)]
struct Rank {
    name: &'static str,
    of: fn(&Percentiles) -> u64,
}

const RANKS: [Rank; 3] = [
    Rank { name: "p50", of: |times| times.p50 },
    Rank { name: "p99", of: |times| times.p99 },
    Rank { name: "p99.9", of: |times| times.p99_9 },
];

/// The points of one curve, by rising load.
struct Curve<'a> {
    name: String,
    rank: Rank,
    runs: Vec<Run<'a>>,
}

/// Nothing when fewer than two runs had a load of their own: a closed loop has none.
pub(super) fn section(out: &mut String, runs: &[Run<'_>]) -> fmt::Result {
    let mut runs: Vec<Run<'_>> = runs
        .iter()
        .filter(|run| run.summary.driven == Loop::Open && run.summary.total.response_ns.count > 0)
        .copied()
        .collect();
    if runs.len() < 2 {
        return Ok(());
    }
    let mut labels: Vec<&str> = Vec::new();
    for run in &runs {
        if !labels.contains(&run.label) {
            labels.push(run.label);
        }
    }
    runs.sort_by(|a, b| a.summary.total.offered_per_second.total_cmp(&b.summary.total.offered_per_second));
    let of = |label: &str| runs.iter().filter(|run| run.label == label).copied().collect::<Vec<_>>();
    match labels.as_slice() {
        // One server: its percentiles in one plot.
        [label] => {
            let curves = RANKS.map(|rank| Curve { name: rank.name.into(), rank, runs: of(label) });
            figure(out, "Latency against load", "load", &curves)
        }
        // Several: a plot for each percentile, so that they are compared like with like.
        _ => RANKS.iter().enumerate().try_for_each(|(at, &rank)| {
            let curves: Vec<Curve<'_>> =
                labels.iter().map(|label| Curve { name: (*label).into(), rank, runs: of(label) }).collect();
            figure(out, &format!("Latency against load, {}", rank.name), &format!("load-{at}"), &curves)
        }),
    }
}

fn figure(out: &mut String, title: &str, id: &str, curves: &[Curve<'_>]) -> fmt::Result {
    let points = || curves.iter().flat_map(|curve| curve.runs.iter().map(|run| (curve.ns(run), run)));
    let load_max = points().map(|(_, run)| run.summary.total.offered_per_second).fold(0.0, f64::max);
    let y = Axis::latencies("response time", points().map(|(ns, _)| ns));
    let mut plot = Plot::new(Axis::counts("requests offered a second", load_max), y, HEIGHT);
    let classes: Vec<String> = (0..curves.len()).map(series).collect();
    for (curve, class) in curves.iter().zip(&classes) {
        let line = curve.runs.iter().map(|run| (run.summary.total.offered_per_second, curve.ns(run).max(1) as f64));
        plot.line(class, line.clone().map(Some))?;
        for (run, (x, y)) in curve.runs.iter().zip(line) {
            let (class, verdict) =
                if run.summary.valid { (class.clone(), "") } else { (format!("{class} hollow"), ", INVALID") };
            plot.dot(&class, x, y, &format!("{}: {} at {}/s{verdict}", curve.name, latency(y as u64), rate(x)))?;
        }
    }
    let keys = curves.iter().zip(&classes).map(|(curve, class)| Key { name: &curve.name, class });
    let legend: Vec<Key<'_>> = keys.collect();
    let sentences: Vec<String> = curves.iter().map(Curve::sentence).collect();
    let note = "Invalid runs are hollow.";
    let description = format!("{} {note}", sentences.join(" "));
    plot.finish(out, &Caption { id: id.into(), title, description, legend: &legend })
}

impl Curve<'_> {
    fn ns(&self, run: &Run<'_>) -> u64 {
        (self.rank.of)(&run.summary.total.response_ns)
    }

    fn sentence(&self) -> String {
        let points = self
            .runs
            .iter()
            .map(|run| format!("{} at {} a second", latency(self.ns(run)), rate(run.summary.total.offered_per_second)));
        format!("{}: {}.", self.name, points.collect::<Vec<_>>().join(", "))
    }
}
