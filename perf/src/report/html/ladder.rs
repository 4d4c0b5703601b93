//! A sweep or a search: how latency grows with load, the knees, and the medians of every step. The seconds of each run are in
//! its JSON.

use std::fmt::{self, Write};

use super::against_load::Point;
use super::text::Text;
use super::{Run, against_load, head, tables};
use crate::report::figures::{latency, rate};
use crate::sweep::result::{SweepResult, TargetResult};
use crate::sweep::step::Medians;
use crate::sweep::table;

/// The page of a sweep or of a search; about 2 kB for each run.
pub fn page_of_ladder(result: &SweepResult) -> String {
    let mut out = String::new();
    write_page(&mut out, result).expect("a string takes everything");
    out
}

fn write_page(out: &mut String, result: &SweepResult) -> fmt::Result {
    let names: Vec<&str> = result.targets.iter().map(|target| target.name.as_str()).collect();
    let environment = result.runs.first().map(|run| &run.result.environment);
    let soft = environment.map(|environment| format!("Spindle load, open loop · {}", environment.machine));
    head(out, &format!("Latency against load: {}", names.join(", ")), soft.as_deref())?;
    writeln!(out, "<h2>Outcome</h2>\n<div class=\"card\"><dl class=\"facts\">")?;
    for target in &result.targets {
        let ending = table::ending(target, result.limit.as_ref());
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", Text(&target.name), Text(&ending))?;
    }
    writeln!(out, "</dl></div>")?;
    for advice in table::advice(result) {
        writeln!(out, "<p>{}</p>", Text(&advice))?;
    }
    writeln!(
        out,
        "<p class=\"soft\">A dot is a run, hollow where it is not valid; the lines go through the medians.</p>"
    )?;
    let runs = result.runs.iter().map(|run| Run { label: &run.target, summary: &run.result });
    let runs: Vec<Run<'_>> = runs.collect();
    against_load::section(out, points(result), result.limit.as_ref())?;
    writeln!(out, "<h2>Steps</h2>")?;
    steps(out, result)?;
    writeln!(out, "<details>\n<summary>Each run</summary>")?;
    tables::runs(out, &runs)?;
    writeln!(out, "</details>")?;
    if let Some(environment) = environment {
        writeln!(out, "<h2>Environment</h2>")?;
        tables::environment(out, environment)?;
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

/// Every run at the load of its step. They are in the order of the steps.
fn points(result: &SweepResult) -> impl Iterator<Item = Point<'_>> {
    let steps = result.targets.iter().flat_map(|target| &target.steps);
    let loads = steps.flat_map(|step| std::iter::repeat_n(step.offered_per_second, step.runs));
    let runs = result.runs.iter().zip(loads);
    runs.map(|(run, load)| Point { label: &run.target, load, summary: &run.result })
}

fn steps(out: &mut String, result: &SweepResult) -> fmt::Result {
    writeln!(out, "<div class=\"card scroll\"><table>\n<caption>Medians of the runs</caption>\n<thead><tr>")?;
    for head in ["server", "offered/s", "achieved/s", "p50", "p99", "p99.9", "CPU/request", "valid"] {
        writeln!(out, "<th scope=\"col\">{head}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for (target, step) in table::rows(result) {
        row(out, target, step)?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn row(out: &mut String, target: &TargetResult, step: &Medians) -> fmt::Result {
    write!(out, "<tr><th scope=\"row\">{}</th>", Text(&target.name))?;
    for per_second in [step.offered_per_second, step.achieved_per_second] {
        write!(out, "<td>{}</td>", rate(per_second))?;
    }
    for ns in [step.p50_ns, step.p99_ns, step.p99_9_ns] {
        write!(out, "<td>{}</td>", latency(ns))?;
    }
    let class = if step.runs_valid < step.runs { " class=\"failed\"" } else { "" };
    let cpu = step.server_cpu_ns.map_or("-".into(), latency);
    writeln!(out, "<td>{cpu}</td><td{class}>{} of {}</td></tr>", step.runs_valid, step.runs)
}
