//! Latency by percentile: of every class of one run, or of several runs.

use std::fmt;

use super::Run;
use super::plot::{Caption, Key, Plot, series};
use super::scale::{Axis, nines};
use crate::report::figures::latency;
use crate::report::summary::{CurvePoint, Figures, Summary};

const HEIGHT: f64 = 340.0;

struct Curve<'a> {
    name: String,
    figures: &'a Figures,
}

/// More curves than these are not told apart.
const CURVES_MAX: usize = 12;
/// With more, their points would hide them.
const DOTTED_CURVES_MAX: usize = 6;

/// All requests that are timed of the run that has the number `at` in its page, and each of its classes.
pub(super) fn of_run(out: &mut String, summary: &Summary, at: usize) -> fmt::Result {
    let all = if summary.closed_beside().next().is_some() { "open loops" } else { "all requests" };
    let mut curves = vec![Curve { name: all.into(), figures: &summary.total }];
    if summary.classes.len() > 1 {
        let classes = summary.classes.iter();
        curves.extend(classes.map(|class| Curve { name: class.title(), figures: &class.figures }));
    }
    figure(out, curves, format!("percentiles-{at}"))
}

/// Several runs in one plot; nothing when they are too many for that.
pub(super) fn of_runs(out: &mut String, runs: &[Run<'_>]) -> fmt::Result {
    if runs.len() > CURVES_MAX {
        return Ok(());
    }
    let curves = runs.iter().map(|run| Curve { name: run.name(), figures: &run.summary.total }).collect();
    figure(out, curves, "percentiles".into())
}

fn figure(out: &mut String, mut curves: Vec<Curve<'_>>, id: String) -> fmt::Result {
    curves.retain(|curve| !curve.figures.response_curve.is_empty());
    if curves.is_empty() {
        return Ok(());
    }
    let points = || curves.iter().flat_map(|curve| &curve.figures.response_curve);
    let nines_max = curves.iter().map(|curve| last_nines(curve.figures)).fold(0.0, f64::max);
    let y = Axis::latencies("response time", points().map(|point| point.ns));
    let mut plot = Plot::new(Axis::quantiles(nines_max), y, HEIGHT);
    let classes: Vec<String> = (0..curves.len()).map(series).collect();
    for (curve, class) in curves.iter().zip(&classes) {
        let end = last_nines(curve.figures);
        let at = |point: &CurvePoint| (point.ns > 0).then(|| (nines(point.quantile).min(end), point.ns as f64));
        plot.line(class, curve.figures.response_curve.iter().map(at))?;
    }
    if curves.len() <= DOTTED_CURVES_MAX {
        for (curve, class) in curves.iter().zip(&classes) {
            dots(&mut plot, class, curve)?;
        }
    }
    let sentences: Vec<String> = curves.iter().map(sentence).collect();
    let keys = curves.iter().zip(&classes).map(|(curve, class)| Key { name: &curve.name, class });
    let legend: Vec<Key<'_>> = keys.collect();
    let caption = Caption {
        id,
        title: "Latency by percentile",
        description: sentences.join(" "),
        legend: if legend.len() > 1 { &legend } else { &[] },
    };
    plot.finish(out, &caption)
}

/// Where a curve ends: its slowest request is one of all.
fn last_nines(figures: &Figures) -> f64 {
    (figures.response_ns.count.max(1) as f64).log10()
}

/// The percentiles that have names.
fn dots(plot: &mut Plot, class: &str, curve: &Curve<'_>) -> fmt::Result {
    let times = &curve.figures.response_ns;
    let end = last_nines(curve.figures);
    for (name, quantile, ns) in [
        ("p50", 0.5, times.p50),
        ("p90", 0.9, times.p90),
        ("p99", 0.99, times.p99),
        ("p99.9", 0.999, times.p99_9),
        ("p99.99", 0.9999, times.p99_99),
        ("max", 1.0, times.max),
    ] {
        let at = nines(quantile);
        if ns > 0 && (at <= end || quantile == 1.0) {
            plot.dot(class, at.min(end), ns as f64, &format!("{}: {name} {}", curve.name, latency(ns)))?;
        }
    }
    Ok(())
}

fn sentence(curve: &Curve<'_>) -> String {
    let times = &curve.figures.response_ns;
    format!(
        "{}: half within {}, 99 % within {}, 99.9 % within {}, all within {}.",
        curve.name,
        latency(times.p50),
        latency(times.p99),
        latency(times.p99_9),
        latency(times.max)
    )
}
