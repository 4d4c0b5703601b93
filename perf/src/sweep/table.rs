//! A sweep for people: a line a run while it goes on, and one table of the medians in the end, as Markdown.

use std::fmt::Write;

use super::Asked;
use super::limit::Limit;
use super::result::{OneRun, SweepResult, TargetResult};
use super::step::{Medians, fault};
use crate::measured::Reason;
use crate::report::figures::{latency, rate};
use crate::report::markdown;
use crate::report::summary::Summary;

/// Of the runs as they end, a line each.
#[derive(Clone, Copy, Debug)]
pub struct RunLines {
    name_width: usize,
}

impl RunLines {
    /// For targets of these names.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> RunLines {
        const NARROWEST: usize = 16;
        RunLines { name_width: names.map(|name| name.chars().count()).fold(NARROWEST, usize::max) }
    }

    /// What stands above them.
    pub fn head(self) -> String {
        format!(
            "{:<width$} {:>4} {:>11} {:>11} {:>8} {:>8} {:>8} {:>8}  ",
            "server",
            "run",
            "offered/s",
            "achieved/s",
            "p50",
            "p99",
            "p99.9",
            "CPU/req",
            width = self.name_width
        )
    }

    /// One run that has ended, and why it does not hold, if so.
    pub fn run(self, name: &str, asked: &Asked, run: &Summary, limit: Option<&Limit>) -> String {
        let (total, times) = (&run.total, &run.total.response_ns);
        let time = |ns| if times.count == 0 { "-".into() } else { latency(ns) };
        let cpu = run.server.map(|server| server.cpu_ns_per_request(total.requests));
        let mut line = format!(
            "{name:<width$} {:>4} {:>11} {:>11} {:>8} {:>8} {:>8} {:>8}  ",
            asked.repeat + 1,
            rate(asked.per_second),
            rate(total.achieved_per_second),
            time(times.p50),
            time(times.p99),
            time(times.p99_9),
            cpu.map_or("-".into(), latency),
            width = self.name_width
        );
        let unlimited = Limit { percentile: super::limit::Rank::P50, ns: u64::MAX };
        let said = match (fault(run, limit.unwrap_or(&unlimited)), limit) {
            (Some(fault), _) => fault.to_string(),
            (None, Some(_)) => "holds".into(),
            (None, None) => "valid".into(),
        };
        line.push_str(&said);
        line
    }
}

/// The medians of every step, and below them how each ladder ended, and the knees.
pub fn table(result: &SweepResult) -> String {
    let watched = result.targets.iter().flat_map(|target| &target.steps).any(|step| step.server_cpu_ns.is_some());
    let mut heads = vec!["server", "offered/s", "achieved/s", "p50", "p99", "p99.9", "valid"];
    heads.extend(watched.then_some("server CPU a request"));
    let rows: Vec<Vec<String>> = rows(result).map(|(target, step)| cells(target, step, watched)).collect();
    let mut out = markdown::table(&heads, &rows);
    out.push_str("\nEach figure is the median of the runs, of two in the middle the worse; `valid` counts them.\n");
    for target in &result.targets {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "- {}: {}", target.name, ending(target, result.limit.as_ref()));
    }
    for advice in advice(result) {
        let _ = writeln!(out, "{advice}");
    }
    out
}

/// By load and then by server, so that like stands beside like.
pub fn rows(result: &SweepResult) -> impl Iterator<Item = (&TargetResult, &Medians)> {
    let mut rows: Vec<(&TargetResult, &Medians)> =
        result.targets.iter().flat_map(|target| target.steps.iter().map(move |step| (target, step))).collect();
    rows.sort_by(|(_, a), (_, b)| a.offered_per_second.total_cmp(&b.offered_per_second));
    rows.into_iter()
}

fn cells(target: &TargetResult, step: &Medians, watched: bool) -> Vec<String> {
    let mut cells = vec![
        target.name.clone(),
        rate(step.offered_per_second),
        rate(step.achieved_per_second),
        latency(step.p50_ns),
        latency(step.p99_ns),
        latency(step.p99_9_ns),
        format!("{} of {}", step.runs_valid, step.runs),
    ];
    cells.extend(watched.then(|| step.server_cpu_ns.map_or("-".into(), latency)));
    cells
}

/// How the ladder or the search of a server ended.
pub fn ending(target: &TargetResult, limit: Option<&Limit>) -> String {
    match (&target.knee, limit) {
        (Some(knee), Some(limit)) => format!("knee ({limit}): {knee}; {}", target.ended),
        _ => target.ended.to_string(),
    }
}

/// What to do about runs in which the generator was measured, and not a server.
pub fn advice(result: &SweepResult) -> impl Iterator<Item = String> {
    let spoilt_by = |reason: &str| {
        let is_spoilt = |run: &&OneRun| run.result.reasons.iter().any(|said| said.starts_with(reason));
        result.runs.iter().filter(is_spoilt).count()
    };
    let cures = [
        (Reason::LATE, "try again on an idle machine, or give it a CPU of its own with --cpu"),
        (Reason::SATURATED, "give it a CPU of its own with --cpu, or less to check with --verify sampled"),
    ];
    let spoilt = cures.map(|(reason, cure)| (spoilt_by(reason), reason, cure));
    let all = result.runs.len();
    let said = move |(runs, reason, cure)| format!("In {runs} of {all} runs {reason}, not the server: {cure}.");
    spoilt.into_iter().filter(|(runs, ..)| *runs > 0).map(said)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::OnceLock;

    use super::*;
    use crate::report::specimen;
    use crate::sweep::ladder::{INVALID_STEPS_MAX, climb};
    use crate::sweep::limit::Rank;

    /// A made-up run of an offer.
    pub(crate) fn run(per_second: f64, p99_9_ns: u64) -> Summary {
        static MADE_UP: OnceLock<Summary> = OnceLock::new();
        let mut run = MADE_UP.get_or_init(|| Summary::of(&specimen::run(2))).clone();
        run.total.offered_per_second = per_second;
        run.total.achieved_per_second = per_second;
        let times = &mut run.total.response_ns;
        (times.p50, times.p99, times.p99_9) = (p99_9_ns / 4, p99_9_ns / 2, p99_9_ns);
        run
    }

    /// A made-up sweep: one server climbs to the top, the other one gives in at 8,000 a second.
    pub(crate) fn sweep() -> SweepResult {
        let loads = [1000.0, 2000.0, 4000.0, 8000.0, 16_000.0];
        let limit = Limit { percentile: Rank::P99Nine, ns: 2_000_000 };
        let climbs = climb(&loads, 2, 3, |asked| {
            let strained = asked.per_second * (asked.target + 1) as f64 / 20_000.0;
            let noise = 1.0 + 0.2 * f64::from(asked.repeat);
            let mut run = run(asked.per_second, (300e3 * noise / (1.0 - strained).max(0.02)) as u64);
            if strained > 0.75 && asked.target == 1 {
                (run.valid, run.reasons) = (false, vec!["achieved 7000 of the 8000 requests offered a second".into()]);
            }
            Ok::<_, String>(run)
        });
        SweepResult::of_climbs(&["spindle".into(), "memcached".into()], climbs, Some(limit), 3)
    }

    #[test]
    fn a_run_is_a_line_below_its_head() {
        let asked = Asked { target: 0, per_second: 1000.0, repeat: 1 };
        let limit = Limit { percentile: Rank::P99Nine, ns: 2_000_000 };
        for names in [&["spindle"][..], &["spindle", "http://192.168.100.100:7500/dev1/"]] {
            let lines = RunLines::of(names.iter().copied());
            for name in names {
                let line = lines.run(name, &asked, &run(1000.0, 2_000_000), Some(&limit));
                assert!(line.ends_with("  holds"), "{line}");
                assert_eq!(line.chars().count(), lines.head().chars().count() + "holds".len());
            }
            let line = lines.run("spindle", &asked, &run(1000.0, 2_100_000), Some(&limit));
            assert!(line.ends_with("  p99.9 is 2.10 ms"), "{line}");
            assert!(lines.run("spindle", &asked, &run(1000.0, 2_100_000), None).ends_with("  valid"));
        }
    }

    #[test]
    fn runs_that_measured_the_generator_are_told_of_with_a_cure() {
        let mut result = sweep();
        assert_eq!(advice(&result).count(), 0);
        let late = Reason::GeneratorLate { class: None, p99_9_ns: 812_000, bound_ns: 50_000 }.to_string();
        let saturated = Reason::GeneratorSaturated { busy: 0.95 }.to_string();
        result.runs[0].result.reasons = vec![late.clone(), saturated];
        result.runs[1].result.reasons = vec![late];
        let said: Vec<String> = advice(&result).collect();
        let all = result.runs.len();
        assert!(said[0].starts_with(&format!("In 2 of {all} runs the generator was late, not the server: try")));
        assert!(said[1].starts_with(&format!("In 1 of {all} runs the generator was saturated, not the server: ")));
        assert!(table(&result).ends_with(&format!("{}\n{}\n", said[0], said[1])));
    }

    #[test]
    fn the_table_has_a_row_a_step_and_an_end_a_server() {
        let result = sweep();
        let text = table(&result);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(rows.len(), 2 + 5 + 5, "{text}");
        assert!(rows[2].starts_with("| spindle ") && rows[3].starts_with("| memcached "), "{text}");
        assert!(rows[0].contains("server CPU a request") && rows[9].contains("0 of 3"), "{text}");
        assert!(text.contains("- spindle: knee (p99.9 within 2.00 ms): at or above 16,000 requests"), "{text}");
        assert!(text.contains(&format!("{INVALID_STEPS_MAX} steps in a row were not valid")), "{text}");
        assert!(text.contains("- memcached: knee (p99.9 within 2.00 ms): 4,000 requests a second; at 8,000 invalid:"));
    }
}
