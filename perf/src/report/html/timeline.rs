//! A run, second by second: load, latency, and what went wrong.

use std::fmt;

use super::plot::{Caption, Key, Plot};
use super::scale::Axis;
use crate::report::figures::{count, latency, percent, rate};
use crate::report::summary::{Row, Summary};

const HEIGHT: f64 = 190.0;
/// More than this many would be less than a pixel wide each.
const POINTS_MAX: usize = 900;
/// So that a steady load is no part of the frame.
const HEADROOM: f64 = 1.1;
/// A shorter row is too short for a rate.
const ROW_S_MIN: f64 = 0.2;

/// One of the latencies that are drawn.
struct Rank {
    name: &'static str,
    class: &'static str,
    of: fn(&Row) -> u64,
}

/// In the order of drawing: the one that matters most comes last, above the others.
const RANKS: [Rank; 4] = [
    Rank { name: "max", class: "rest", of: |row| row.max_ns },
    Rank { name: "p99.9", class: "s2", of: |row| row.p99_9_ns },
    Rank { name: "p99", class: "s1", of: |row| row.p99_ns },
    Rank { name: "p50", class: "s0", of: |row| row.p50_ns },
];

/// The figures of the run that has the number `at` in its page.
pub(super) fn section(out: &mut String, summary: &Summary, at: usize) -> fmt::Result {
    if summary.timeline.is_empty() {
        return Ok(());
    }
    let rows = thinned(&summary.timeline);
    rates(out, &rows, at)?;
    latencies(out, &rows, at)?;
    if rows.iter().any(|row| row.errors + row.wrong > 0) {
        failures(out, &rows, at)?;
    }
    if rows.iter().any(|row| row.server_cpu_s.is_some()) {
        server(out, &rows, at)?;
    }
    Ok(())
}

/// Several seconds as one, where there are too many: times are the worst of them, counts their sum.
fn thinned(rows: &[Row]) -> Vec<Row> {
    let seconds_per_point = rows.len().div_ceil(POINTS_MAX).max(1);
    rows.chunks(seconds_per_point).filter_map(|chunk| chunk.iter().cloned().reduce(joined)).collect()
}

fn joined(first: Row, next: Row) -> Row {
    Row {
        at_s: first.at_s,
        seconds: first.seconds + next.seconds,
        offered: first.offered + next.offered,
        achieved: first.achieved + next.achieved,
        in_flight: first.in_flight.max(next.in_flight),
        errors: first.errors + next.errors,
        wrong: first.wrong + next.wrong,
        p50_ns: first.p50_ns.max(next.p50_ns),
        p90_ns: first.p90_ns.max(next.p90_ns),
        p99_ns: first.p99_ns.max(next.p99_ns),
        p99_9_ns: first.p99_9_ns.max(next.p99_9_ns),
        max_ns: first.max_ns.max(next.max_ns),
        server_cpu_s: first.server_cpu_s.zip(next.server_cpu_s).map(|(first, next)| first + next),
    }
}

impl Row {
    fn span(&self) -> (f64, f64) {
        (self.at_s as f64, self.at_s as f64 + self.seconds)
    }

    fn middle(&self) -> f64 {
        self.at_s as f64 + self.seconds / 2.0
    }

    fn per_second(&self, value: f64) -> Option<f64> {
        (self.seconds >= ROW_S_MIN).then(|| value / self.seconds)
    }

    /// For a plot: a rate at its time.
    fn rate(&self, value: f64) -> Option<(f64, f64)> {
        self.per_second(value).map(|rate| (self.middle(), rate))
    }
}

fn time(rows: &[Row]) -> Axis {
    Axis::time(rows.last().map_or(0.0, |row| row.span().1))
}

fn rates(out: &mut String, rows: &[Row], at: usize) -> fmt::Result {
    let values = rows.iter().flat_map(|row| [row.offered, row.achieved].map(|value| row.per_second(value as f64)));
    let max = values.flatten().fold(0.0, f64::max);
    let mut plot = Plot::new(time(rows), Axis::counts("requests a second", max * HEADROOM), HEIGHT);
    plot.line("rest wide", rows.iter().map(|row| row.rate(row.offered as f64)))?;
    plot.line("s3", rows.iter().map(|row| row.rate(row.achieved as f64)))?;
    for row in rows {
        let (offered, achieved) = (count(row.offered), count(row.achieved));
        let in_flight = count(row.in_flight);
        plot.hit(
            row.span(),
            &format!("{} s: {offered} offered, {achieved} achieved, {in_flight} in flight", row.at_s),
        )?;
    }
    let (seconds, achieved) = rows.iter().fold((0.0, 0), |(s, n), row| (s + row.seconds, n + row.achieved));
    let caption = Caption {
        id: format!("rates-{at}"),
        title: "Load",
        description: format!(
            "{} requests a second were achieved over {seconds:.0} seconds.",
            rate(achieved as f64 / seconds)
        ),
        legend: &[Key { name: "offered", class: "rest" }, Key { name: "achieved", class: "s3" }],
    };
    plot.finish(out, &caption)
}

fn latencies(out: &mut String, rows: &[Row], at: usize) -> fmt::Result {
    let values = rows.iter().flat_map(|row| [row.p50_ns, row.max_ns]);
    let mut plot = Plot::new(time(rows), Axis::latencies("response time", values), HEIGHT);
    for Rank { class, of, .. } in RANKS {
        plot.line(class, rows.iter().map(|row| (of(row) > 0).then(|| (row.middle(), of(row) as f64))))?;
    }
    for row in rows {
        let [p50, p99, p99_9, max] = [row.p50_ns, row.p99_ns, row.p99_9_ns, row.max_ns].map(latency);
        plot.hit(row.span(), &format!("{} s: p50 {p50}, p99 {p99}, p99.9 {p99_9}, max {max}", row.at_s))?;
    }
    let worst = rows.iter().max_by_key(|row| row.max_ns);
    let description = worst.map_or(String::new(), |row| {
        format!("The slowest answer took {} and came in second {}.", latency(row.max_ns), row.at_s)
    });
    let legend: Vec<Key<'_>> = RANKS.iter().rev().map(|Rank { name, class, .. }| Key { name, class }).collect();
    plot.finish(out, &Caption { id: format!("latencies-{at}"), title: "Latency", description, legend: &legend })
}

fn failures(out: &mut String, rows: &[Row], at: usize) -> fmt::Result {
    let max = rows.iter().map(|row| row.errors + row.wrong).max().unwrap_or(0);
    let mut plot = Plot::new(time(rows), Axis::counts("a second", max as f64), HEIGHT / 2.0);
    for row in rows.iter().filter(|row| row.errors + row.wrong > 0) {
        // Wrong answers stand on the errors.
        plot.bar("s4", row.span(), (row.errors + row.wrong) as f64)?;
        plot.bar("bad", row.span(), row.errors as f64)?;
        plot.hit(row.span(), &format!("{} s: {} errors, {} wrong", row.at_s, count(row.errors), count(row.wrong)))?;
    }
    let (errors, wrong) = rows.iter().fold((0, 0), |(errors, wrong), row| (errors + row.errors, wrong + row.wrong));
    let caption = Caption {
        id: format!("failures-{at}"),
        title: "Errors",
        description: format!("{} errors and {} wrong answers.", count(errors), count(wrong)),
        legend: &[Key { name: "errors", class: "bad" }, Key { name: "wrong answers", class: "s4" }],
    };
    plot.finish(out, &caption)
}

fn server(out: &mut String, rows: &[Row], at: usize) -> fmt::Result {
    let cpu = |row: &Row| row.per_second(row.server_cpu_s?);
    let max = rows.iter().filter_map(cpu).fold(0.0, f64::max);
    let mut plot = Plot::new(time(rows), Axis::counts("% of one CPU", (max * 100.0).max(100.0)), HEIGHT / 2.0);
    plot.line("s5", rows.iter().map(|row| Some((row.middle(), cpu(row)? * 100.0))))?;
    let caption = Caption {
        id: format!("server-{at}"),
        title: "CPU of the server",
        description: format!("The server used {} of a CPU at most.", percent(max)),
        legend: &[],
    };
    plot.finish(out, &caption)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen;

    #[test]
    fn a_long_run_keeps_its_worst_second() {
        let timeline = Summary::of(&specimen::run(2)).timeline;
        let mut rows: Vec<Row> = (0..2000u64).map(|at_s| Row { at_s, ..timeline[0].clone() }).collect();
        rows[1234].max_ns = u64::MAX;
        let thin = thinned(&rows);
        assert_eq!(thin.len(), 667);
        assert_eq!(thin.iter().map(|row| row.max_ns).max(), Some(u64::MAX));
        assert_eq!(thin.iter().map(|row| row.offered).sum::<u64>(), rows.iter().map(|row| row.offered).sum::<u64>());
        assert_eq!(thin.last().map(|row| (row.at_s, row.seconds)), Some((1998, 2.0)));
    }
}
