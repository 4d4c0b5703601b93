//! The numbers.

use std::fmt::{self, Write};

use super::Run;
use super::text::Text;
use crate::environment::Environment;
use crate::link::LinkUse;
use crate::measured::Loop;
use crate::report::figures::{bytes, count, latency, percent, rate};
use crate::report::summary::{Figures, Operation, Percentiles, Summary};
use crate::slow::SlowMeasured;

/// The percentiles of every class, what failed, and what it cost.
pub(super) fn numbers(out: &mut String, summary: &Summary) -> fmt::Result {
    let is_partly_closed = summary.closed_beside().next().is_some();
    let all = if is_partly_closed { "All requests; times of the open loops" } else { "All requests" };
    // One class is all requests.
    let of_all = if let [only] = summary.classes.as_slice() { only.operations.as_slice() } else { &[] };
    figures(out, all, summary.driven, &summary.total, of_all)?;
    if summary.classes.len() > 1 {
        for class in &summary.classes {
            figures(out, &class.title(), class.driven, &class.figures, &class.operations)?;
        }
    }
    if !summary.slow.is_empty() {
        slow_clients(out, &summary.slow)?;
    }
    writeln!(out, "<div class=\"card\"><dl class=\"facts\">")?;
    for (name, value) in costs(summary) {
        writeln!(out, "<dt>{name}</dt><dd>{value}</dd>")?;
    }
    writeln!(out, "</dl></div>")
}

fn figures(out: &mut String, name: &str, driven: Loop, figures: &Figures, operations: &[Operation]) -> fmt::Result {
    let achieved = rate(figures.achieved_per_second);
    let throughput = match driven {
        Loop::Open => format!("{achieved} of {} a second", rate(figures.offered_per_second)),
        Loop::Closed => format!("{achieved} a second"),
    };
    writeln!(out, "<div class=\"card scroll\"><table>\n<caption>{}</caption>", Text(name))?;
    writeln!(out, "<thead><tr><th scope=\"col\"></th>")?;
    for head in ["p50", "p90", "p99", "p99.5", "p99.9", "p99.99", "max", "mean", "count"] {
        writeln!(out, "<th scope=\"col\">{head}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    let responses = operations.iter().map(|one| (one.operation.as_str(), "part", &one.response_ns));
    let all = [
        ("service", "", &figures.service_ns),
        ("lag", "", &figures.lag_ns),
        ("for the server", "part", &figures.lag_server_ns),
        ("by the generator", "part", &figures.lag_generator_ns),
    ];
    for (name, class, times) in [("response", "headline", &figures.response_ns)].into_iter().chain(responses).chain(all)
    {
        write!(out, "<tr class=\"{class}\"><th scope=\"row\">{}</th>", Text(name))?;
        cells(out, times)?;
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>")?;
    let (requests, errors, wrong) =
        (count(figures.requests), failed(&figures.error_kinds()), failed(&figures.wrong_kinds()));
    writeln!(out, "<p class=\"soft\">{requests} requests, {throughput}. Errors: {errors}. Wrong: {wrong}.</p></div>")
}

fn cells(out: &mut String, times: &Percentiles) -> fmt::Result {
    let Percentiles { p50, p90, p99, p99_5, p99_9, p99_99, max, mean, count: recorded } = *times;
    for ns in [p50, p90, p99, p99_5, p99_9, p99_99, max, mean.round() as u64] {
        if recorded == 0 {
            write!(out, "<td>-</td>")?;
        } else {
            write!(out, "<td>{}</td>", latency(ns))?;
        }
    }
    write!(out, "<td>{}</td>", count(recorded))
}

/// The kinds that there were, as markup.
fn failed(kinds: &[(&str, u64)]) -> String {
    let present = kinds.iter().filter(|(_, number)| *number > 0);
    let named: Vec<String> = present.map(|(kind, number)| format!("{} {kind}", count(*number))).collect();
    if named.is_empty() { "none".into() } else { format!("<strong class=\"failed\">{}</strong>", named.join(", ")) }
}

/// A row for every group of slow clients.
fn slow_clients(out: &mut String, groups: &[SlowMeasured]) -> fmt::Result {
    writeln!(out, "<div class=\"card scroll\"><table>\n<caption>Slow clients</caption>\n<thead><tr>")?;
    let heads = [
        "",
        "attached",
        "at most",
        "connections",
        "done",
        "cut off",
        "missing at first",
        "refused",
        "answered otherwise",
        "not connected",
        "sent",
        "received",
    ];
    for head in heads {
        writeln!(out, "<th scope=\"col\">{head}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for slow in groups {
        write!(out, "<tr><th scope=\"row\">{}</th>", Text(&slow.name))?;
        for number in [slow.attached_now, slow.attached_max, slow.begun, slow.completed, slow.cut_by_server] {
            write!(out, "<td>{}</td>", count(number))?;
        }
        for number in [slow.missing_at_begin, slow.refused, slow.unexpected, slow.connect_failed] {
            let class = if number > 0 { " class=\"failed\"" } else { "" };
            write!(out, "<td{class}>{}</td>", count(number))?;
        }
        writeln!(out, "<td>{}</td><td>{}</td></tr>", bytes(slow.bytes_sent), bytes(slow.bytes_received))?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn costs(summary: &Summary) -> Vec<(&'static str, String)> {
    let generator = summary.generator;
    let mut costs =
        vec![("generator", format!("{} of a CPU, {:.2} s in all", percent(generator.busy), generator.cpu_s))];
    if generator.threads > 1 {
        costs.push(("generators", format!("{}, of which the busiest is shown", generator.threads)));
    }
    if let Some(server) = summary.server {
        let each = latency(server.cpu_ns_per_request(summary.total.requests));
        costs.push(("server CPU", format!("{:.2} s, {each} a request", server.cpu_s)));
        costs.push(("server memory", bytes(server.resident_bytes)));
        costs.push(("context switches", count(server.context_switches)));
    }
    for LinkUse { name, received_mbit, sent_mbit, .. } in &summary.links {
        costs.push(("network", format!("{name}: {received_mbit:.0} Mb/s received, {sent_mbit:.0} Mb/s sent")));
    }
    costs
}

/// A row for every run.
pub(super) fn runs(out: &mut String, runs: &[Run<'_>]) -> fmt::Result {
    writeln!(out, "<div class=\"card scroll\"><table>\n<thead><tr>")?;
    let heads =
        ["run", "offered/s", "achieved/s", "p50", "p99", "p99.9", "max", "errors", "wrong", "CPU/request", "valid"];
    for head in heads {
        writeln!(out, "<th scope=\"col\">{head}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for run in runs {
        let Summary { total, server, .. } = run.summary;
        let times = &total.response_ns;
        let offered = match run.summary.driven {
            Loop::Open => rate(total.offered_per_second),
            Loop::Closed => "-".into(),
        };
        let per_request = server.map_or("-".into(), |server| latency(server.cpu_ns_per_request(total.requests)));
        write!(out, "<tr><th scope=\"row\">{}</th><td>{offered}</td>", Text(&run.name()))?;
        write!(out, "<td>{}</td>", rate(total.achieved_per_second))?;
        for ns in [times.p50, times.p99, times.p99_9, times.max] {
            write!(out, "<td>{}</td>", if times.count == 0 { "-".into() } else { latency(ns) })?;
        }
        for number in [total.errors, total.wrong] {
            let class = if number > 0 { " class=\"failed\"" } else { "" };
            write!(out, "<td{class}>{}</td>", count(number))?;
        }
        let valid = if run.summary.valid { "<td>yes</td>" } else { "<td class=\"failed\">INVALID</td>" };
        writeln!(out, "<td>{per_request}</td>{valid}</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}

pub(super) fn environment(out: &mut String, environment: &Environment) -> fmt::Result {
    writeln!(out, "<div class=\"card\"><dl class=\"facts\">")?;
    for fact in environment.facts() {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", fact.name, Text(&fact.value))?;
    }
    writeln!(out, "</dl></div>")
}
