//! A comparison in words: what differs around it first, then the table, then what it can tell and what not.

use std::fmt;

use super::interval::Interval;
use super::sample::{Basis, Figure, SECONDS_MIN};
use super::{Comparison, Verdict};
use crate::report::figures::{latency, rate};
use crate::report::markdown;

impl fmt::Display for Comparison {
    /// As Markdown, without a last line feed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.setting(formatter)?;
        let rows: Vec<Vec<String>> = self
            .differences
            .iter()
            .map(|difference| {
                vec![
                    self.basis.name(difference.figure),
                    value(difference.figure, difference.a),
                    value(difference.figure, difference.b),
                    difference.change.map_or("-".into(), |change| signed(change.estimate)),
                    difference.change.map_or("-".into(), between),
                    difference.verdict.to_string(),
                ]
            })
            .chain(self.whole.iter().map(|whole| {
                let change = signed(whole.b / whole.a - 1.0);
                let (a, b) = (value(whole.figure, whole.a), value(whole.figure, whole.b));
                vec![format!("{}, whole run", name(whole.figure)), a, b, change, "-".into(), "one run each".into()]
            }))
            .collect();
        let heads = ["", "A", "B", "B against A", "95 % interval", "B is"];
        writeln!(formatter, "{}", markdown::table(&heads, &rows))?;
        write!(formatter, "{}", self.basis.explained())
    }
}

impl Comparison {
    fn setting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.setting.differences.iter().map(|difference| difference.name).collect();
        if names.is_empty() {
            writeln!(formatter, "The environments do not differ.\n")?;
        } else {
            writeln!(formatter, "Differs in: {}.\n", names.join(", "))?;
        }
        for warning in &self.setting.warnings {
            writeln!(formatter, "- WARNING: {warning}")?;
        }
        for difference in &self.setting.differences {
            writeln!(formatter, "- {}: {} | {}", difference.name, difference.left, difference.right)?;
        }
        if names.is_empty() && self.setting.warnings.is_empty() { Ok(()) } else { writeln!(formatter) }
    }
}

impl Basis {
    fn name(&self, figure: Figure) -> String {
        match self {
            Basis::Runs { .. } => name(figure).into(),
            Basis::Seconds { .. } => format!("{} of a second", name(figure)),
        }
    }

    fn explained(&self) -> String {
        match self {
            Basis::Runs { a, b } => format!(
                "The intervals are from {a} runs of A and {b} of B, by a bootstrap over the runs: they hold what differs from run \
                 to run. Figures are means over the runs. Each interval misses the truth once in 20 times, so of five figures of \
                 equal servers one may well seem to differ."
            ),
            Basis::Seconds { a, b } if !self.is_enough() => format!(
                "One run of {a} whole seconds against one of {b} is too short for an interval: it takes {SECONDS_MIN} of each, or \
                 several runs of each side. Nothing is known of how far apart such figures are by chance."
            ),
            Basis::Seconds { a, b } => format!(
                "The intervals are from the {a} whole seconds of one run of A and the {b} of one of B, by a bootstrap over \
                 blocks of seconds. They tell how the seconds scatter within these two runs, and nothing of what \
                 differs from run to run (another start, another layout of memory), which is often more: several \
                 runs of each side tell that. The percentile of a second is not the percentile of the run: a stall \
                 of one second in sixty is all of p99.9 of the run, and one second among sixty here; the lines of \
                 the whole run show it, without an interval. Each interval misses the truth once in 20 times."
            ),
        }
    }
}

fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Throughput => "achieved/s",
        Figure::P50 => "p50",
        Figure::P99 => "p99",
        Figure::P99Nine => "p99.9",
        Figure::ServerCpu => "server CPU a request",
    }
}

fn value(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Throughput => rate(value),
        _ => latency(value.round() as u64),
    }
}

fn signed(share: f64) -> String {
    format!("{} %", percent(share))
}

fn between(interval: Interval) -> String {
    format!("{} to {} %", percent(interval.low), percent(interval.high))
}

/// With its sign, but for what rounds to nought.
fn percent(share: f64) -> String {
    let percent = format!("{:+.1}", share * 100.0);
    if percent == "-0.0" || percent == "+0.0" { "0.0".into() } else { percent }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::NoDifferenceShown => "no difference shown",
            Verdict::AsOffered => "as offered",
            Verdict::TooLittleToTell => "too little to tell",
        })
    }
}
