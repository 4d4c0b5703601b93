//! One self-contained page: no scripts, nothing from elsewhere, plots as inline SVG, light and dark.
//!
//! ```text
//! text          escaping
//! scale         values to positions, and where the ticks are
//! plot          one plot: its frame, and what is drawn within
//! percentiles   latency by percentile
//! against_load  latency against load, of several runs
//! ladder        a sweep or a search: that, and the knees
//! timeline      a run, second by second
//! tables        the numbers
//! style.css     how it looks
//! ```

mod against_load;
mod ladder;
mod percentiles;
mod plot;
mod scale;
mod tables;
mod text;
mod timeline;

use std::fmt::{self, Write};

use super::figures::{latency, percent, rate};
use super::line::CLOSED_LABEL;
use super::summary::Summary;
use crate::measured::Loop;
use against_load::Point;
pub use ladder::page_of_ladder;
use text::Text;

const STYLE: &str = include_str!("html/style.css");

/// One run, as a page shows it.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Which server, or what is else told apart: runs of one label are points of one curve against the load.
    pub label: &'a str,
    pub summary: &'a Summary,
}

impl Run<'_> {
    /// Which of several: its label, and its load.
    fn name(&self) -> String {
        let Summary { driven, total, .. } = self.summary;
        let load = match driven {
            Loop::Open => format!("{}/s", rate(total.offered_per_second)),
            Loop::Closed => "closed loop".into(),
        };
        if self.label.is_empty() { load } else { format!("{}, {load}", self.label) }
    }
}

/// The page of a run, or of several beside each other. Its size is bounded for each run, whatever that lasted: about 0.4 MB.
pub fn page(runs: &[Run<'_>]) -> String {
    let mut out = String::new();
    write_page(&mut out, runs).expect("a string takes everything");
    out
}

fn write_page(out: &mut String, runs: &[Run<'_>]) -> fmt::Result {
    let machine = runs.first().map(|run| &run.summary.environment.machine);
    let soft = machine.map(|machine| format!("Spindle load, {}{machine}", driven(runs)));
    head(out, &title(runs), soft.as_deref())?;
    banners(out, runs)?;
    match runs {
        [run] => {
            tiles(out, run.summary)?;
            percentiles::of_run(out, run.summary, 0)?;
            timeline::section(out, run.summary, 0)?;
            writeln!(out, "<h2>Numbers</h2>")?;
            tables::numbers(out, run.summary)?;
            writeln!(out, "<h2>Environment</h2>")?;
            tables::environment(out, &run.summary.environment)?;
        }
        _ => several(out, runs)?,
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

/// Of every page, up to where its own begins.
fn head(out: &mut String, title: &str, soft: Option<&str>) -> fmt::Result {
    let title = Text(title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n"
    )?;
    if let Some(soft) = soft {
        writeln!(out, "<p class=\"soft\">{}</p>", Text(soft))?;
    }
    writeln!(out, "</header>")
}

fn several<'a>(out: &mut String, runs: &[Run<'a>]) -> fmt::Result {
    writeln!(out, "<h2>Runs</h2>")?;
    tables::runs(out, runs)?;
    let point =
        |run: &Run<'a>| Point { label: run.label, load: run.summary.total.offered_per_second, summary: run.summary };
    against_load::section(out, runs.iter().map(point), None)?;
    percentiles::of_runs(out, runs)?;
    writeln!(out, "<h2>Each run</h2>")?;
    for (at, run) in runs.iter().enumerate() {
        writeln!(out, "<details>\n<summary>{}</summary>", Text(&run.name()))?;
        percentiles::of_run(out, run.summary, at)?;
        timeline::section(out, run.summary, at)?;
        tables::numbers(out, run.summary)?;
        tables::environment(out, &run.summary.environment)?;
        writeln!(out, "</details>")?;
    }
    Ok(())
}

fn title(runs: &[Run<'_>]) -> String {
    match runs {
        [Run { label, summary }] => {
            let server = if label.is_empty() { String::new() } else { format!("{label}: ") };
            format!(
                "{server}{} requests a second for {:.0} s",
                rate(summary.total.achieved_per_second),
                summary.seconds
            )
        }
        _ => format!("{} runs", runs.len()),
    }
}

/// Whether the loop was open, where that is the same for all.
fn driven(runs: &[Run<'_>]) -> &'static str {
    if runs.iter().all(|run| run.summary.driven == Loop::Open) {
        "open loop · "
    } else if runs.iter().all(|run| run.summary.driven == Loop::Closed) {
        "closed loop · "
    } else {
        ""
    }
}

/// What must be known before any number is read.
fn banners(out: &mut String, runs: &[Run<'_>]) -> fmt::Result {
    for run in runs.iter().filter(|run| !run.summary.valid) {
        let which = if runs.len() > 1 { format!(": {}", run.name()) } else { String::new() };
        writeln!(out, "<div class=\"banner invalid\" role=\"alert\"><strong>INVALID{}</strong>\n<ul>", Text(&which))?;
        for reason in &run.summary.reasons {
            writeln!(out, "<li>{}</li>", Text(reason))?;
        }
        writeln!(out, "</ul></div>")?;
    }
    if runs.iter().any(|run| run.summary.driven == Loop::Closed) {
        let mut label = CLOSED_LABEL.to_owned();
        label[..1].make_ascii_uppercase();
        writeln!(out, "<div class=\"banner closed\" role=\"note\"><strong>{label}</strong></div>")?;
    }
    runs.iter().try_for_each(|run| closed_beside(out, run.summary))
}

/// Which classes are in the counts of a run, and not in its times.
fn closed_beside(out: &mut String, summary: &Summary) -> fmt::Result {
    let names: Vec<&str> = summary.closed_beside().map(|class| class.name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<div class=\"banner closed\" role=\"note\"><strong>{}: {CLOSED_LABEL}.</strong> In the counts of all requests, \
         and in none of their times.</div>",
        Text(&names.join(", "))
    )
}

/// The eight numbers that people look at first.
fn tiles(out: &mut String, summary: &Summary) -> fmt::Result {
    let total = &summary.total;
    let times = &total.response_ns;
    let time = |ns| if times.count == 0 { "-".into() } else { latency(ns) };
    let offered = match summary.driven {
        Loop::Open => ("offered/s", rate(total.offered_per_second), 0),
        Loop::Closed => ("generator CPU", percent(summary.generator.busy), 0),
    };
    writeln!(out, "<dl class=\"tiles\">")?;
    for (name, value, bad) in [
        offered,
        ("achieved/s", rate(total.achieved_per_second), 0),
        ("p50", time(times.p50), 0),
        ("p99", time(times.p99), 0),
        ("p99.9", time(times.p99_9), 0),
        ("max", time(times.max), 0),
        ("errors", super::figures::count(total.errors), total.errors),
        ("wrong", super::figures::count(total.wrong), total.wrong),
    ] {
        let class = if bad > 0 { " class=\"failed\"" } else { "" };
        writeln!(out, "<div><dt>{name}</dt><dd{class}>{value}</dd></div>")?;
    }
    writeln!(out, "</dl>")
}

#[cfg(test)]
mod tests;
