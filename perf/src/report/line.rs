//! A terminal: a line a second while a load runs, and what came of it.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use super::figures::{bytes, count, latency, percent, rate};
use super::summary::{Class, Figures, GeneratorUse, Operation, Percentiles, Summary};
use crate::link::LinkUse;
use crate::load::Spin;
use crate::measured::{Loop, Second};
use crate::slow::SlowMeasured;

/// What a closed loop is for, and what not.
pub const CLOSED_LABEL: &str = "closed loop: throughput only, latency not comparable";

const RED: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";
const BAR_CELLS: u64 = 10;

/// Where the lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Somebody looks: colours and a progress bar.
    Terminal,
    /// A file or a pipe.
    Plain,
}

impl Output {
    pub fn of_stdout() -> Output {
        if std::io::stdout().is_terminal() { Output::Terminal } else { Output::Plain }
    }

    fn red(self, text: &str) -> String {
        match self {
            Output::Terminal => format!("{RED}{text}{PLAIN}"),
            Output::Plain => text.into(),
        }
    }
}

/// What stands above the lines of [`second`].
pub fn head(output: Output) -> String {
    let bar = match output {
        Output::Terminal => " ".repeat(BAR_CELLS as usize + 1),
        Output::Plain => String::new(),
    };
    format!(
        "{bar}{:>6} {:>11} {:>11} {:>9} {:>8} {:>8} {:>8} {:>7} {:>10}",
        "time", "offered/s", "achieved/s", "in flight", "p50", "p99", "p99.9", "errors", "server CPU"
    )
}

/// The second `at` of a load that is to last `planned`. Wrong answers count among the errors.
pub fn second(at: u64, second: &Second, planned: Duration, output: Output) -> String {
    let times = Percentiles::of(&second.response_ns.unpack());
    let time = |ns| if times.count == 0 { "-".into() } else { latency(ns) };
    let bad = second.errors + second.wrong;
    let errors = format!("{:>7}", count(bad));
    let errors = if bad > 0 { output.red(&errors) } else { errors };
    format!(
        "{}{:>4} s {:>11} {:>11} {:>9} {:>8} {:>8} {:>8} {errors} {:>10}",
        bar(at + 1, planned, output),
        at + 1,
        count(second.offered),
        count(second.achieved),
        count(second.in_flight),
        time(times.p50),
        time(times.p99),
        time(times.p99_9),
        second.server_cpu.map_or("-".into(), |cpu| percent(cpu.as_secs_f64())),
    )
}

fn bar(done_s: u64, planned: Duration, output: Output) -> String {
    match output {
        Output::Plain => String::new(),
        Output::Terminal => {
            let planned_s = planned.as_secs().max(1);
            let full = (done_s * BAR_CELLS / planned_s).min(BAR_CELLS);
            format!("{}{} ", "█".repeat(full as usize), "░".repeat((BAR_CELLS - full) as usize))
        }
    }
}

/// All that a terminal has to say when a load has ended; of several lines, without a last line feed.
pub fn closing(summary: &Summary, output: Output) -> String {
    let mut lines = vec![title(summary)];
    lines.push(table_head());
    let is_closed = summary.driven == Loop::Closed;
    lines.push(times(if is_closed { "response*" } else { "response" }, &summary.total.response_ns));
    let several = summary.classes.len() > 1;
    for class in &summary.classes {
        if several {
            lines.push(class_times(class));
        }
        lines.extend(operations(class, if several { "    " } else { "  " }));
    }
    lines.push(times("service", &summary.total.service_ns));
    lines.push(times("lag", &summary.total.lag_ns));
    lines.push(times("  for the server", &summary.total.lag_server_ns));
    lines.push(times("  by the generator", &summary.total.lag_generator_ns));
    if is_closed {
        lines.push(format!("* {CLOSED_LABEL}"));
    } else if summary.closed_beside().next().is_some() {
        lines.push(format!("* {CLOSED_LABEL}, and in no other line above"));
    }
    lines.push(outcome(&summary.total, output));
    if several {
        lines.extend(summary.classes.iter().map(|class| class_outcome(class, output)));
    }
    lines.extend(summary.slow.iter().map(|slow| slow_clients(slow, output)));
    lines.push(cost(summary));
    lines.extend(summary.links.iter().map(link));
    if !summary.valid {
        lines.push(output.red("INVALID"));
        lines.extend(summary.reasons.iter().map(|reason| format!("  {reason}")));
    }
    lines.join("\n")
}

fn title(summary: &Summary) -> String {
    let (total, seconds) = (&summary.total, summary.seconds);
    let achieved = rate(total.achieved_per_second);
    match summary.driven {
        Loop::Open => {
            let offered = rate(total.offered_per_second);
            let closed = summary.closed_beside().map(|class| class.figures.achieved_per_second);
            let beside = closed.reduce(|sum, more| sum + more).map(|sum| format!(", {} by closed loops", rate(sum)));
            let beside = beside.unwrap_or_default();
            format!("open loop, {seconds:.1} s: {offered} requests a second offered, {achieved} achieved{beside}")
        }
        Loop::Closed => format!("{CLOSED_LABEL}\n{seconds:.1} s: {achieved} requests a second achieved"),
    }
}

fn table_head() -> String {
    format!(
        "{:<20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>13}",
        "", "p50", "p90", "p99", "p99.9", "p99.99", "max", "count"
    )
}

fn times(name: &str, times: &Percentiles) -> String {
    let mut line = format!("{name:<20}");
    for ns in [times.p50, times.p90, times.p99, times.p99_9, times.p99_99, times.max] {
        let text = if times.count == 0 { "-".into() } else { latency(ns) };
        // Writing to a string cannot fail.
        let _ = write!(line, " {text:>9}");
    }
    let _ = write!(line, " {:>13}", count(times.count));
    line
}

fn class_times(class: &Class) -> String {
    times(&format!("  {}{}", class.name, mark(class)), &class.figures.response_ns)
}

/// The response of each, where there are several; no line of those that did not happen.
fn operations(class: &Class, indent: &str) -> Vec<String> {
    let timed = class.operations.iter().filter(|operation| operation.has_times());
    timed
        .map(|Operation { operation, response_ns, .. }| {
            times(&format!("{indent}{operation}{}", mark(class)), response_ns)
        })
        .collect()
}

fn mark(class: &Class) -> &'static str {
    if class.driven == Loop::Closed { "*" } else { "" }
}

fn outcome(total: &Figures, output: Output) -> String {
    let kinds = |kinds: &[(&str, u64)]| {
        let present = kinds.iter().filter(|(_, number)| *number > 0);
        let named: Vec<String> = present.map(|(name, number)| format!("{} {name}", count(*number))).collect();
        if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
    };
    let bad = |number: u64, text: String| if number > 0 { output.red(&text) } else { text };
    let errors = format!("{} errors{}", count(total.errors), kinds(&total.error_kinds()));
    let wrong = format!("{} wrong{}", count(total.wrong), kinds(&total.wrong_kinds()));
    format!("{} requests, {}, {}", count(total.requests), bad(total.errors, errors), bad(total.wrong, wrong))
}

/// Its share of the load, and of what went wrong.
fn class_outcome(class: &Class, output: Output) -> String {
    let Class { name, driven, figures, .. } = class;
    let achieved = rate(figures.achieved_per_second);
    let share = match driven {
        Loop::Open => format!("{achieved} of {} a second", rate(figures.offered_per_second)),
        Loop::Closed => format!("closed loop, {achieved} a second"),
    };
    format!("  {name}: {share}; {}", outcome(figures, output))
}

/// Only what there was of the rarer ends.
fn slow_clients(slow: &SlowMeasured, output: Output) -> String {
    let mut line = format!(
        "slow {}: {} attached, {} at most; {} connections, {} done, {} cut off",
        slow.name,
        count(slow.attached_now),
        count(slow.attached_max),
        count(slow.begun),
        count(slow.completed),
        count(slow.cut_by_server)
    );
    for (number, kind) in [
        (slow.missing_at_begin, "missing at the beginning"),
        (slow.refused, "refused"),
        (slow.unexpected, "answered otherwise"),
        (slow.connect_failed, "not connected"),
    ] {
        if number > 0 {
            line.push_str(", ");
            line.push_str(&output.red(&format!("{} {kind}", count(number))));
        }
    }
    let _ = write!(line, "; {} sent, {} received", bytes(slow.bytes_sent), bytes(slow.bytes_received));
    line
}

fn generator(used: &GeneratorUse) -> String {
    let busy = percent(used.busy);
    let sleeps = if used.spin == Spin::Near { ", asleep in between" } else { "" };
    match used.threads {
        1 => format!("generator {busy} of a CPU{sleeps}"),
        threads => format!("{threads} generators, the busiest {busy} of a CPU{sleeps}"),
    }
}

fn link(used: &LinkUse) -> String {
    let LinkUse { name, speed_mbit, received_mbit, sent_mbit } = used;
    let of = speed_mbit.map_or("a speed that is not known".into(), |speed| format!("{speed} Mb/s"));
    format!("{name}: {received_mbit:.0} Mb/s received, {sent_mbit:.0} Mb/s sent, of {of}")
}

fn cost(summary: &Summary) -> String {
    let mut line = generator(&summary.generator);
    if let Some(server) = &summary.server {
        let each = latency(server.cpu_ns_per_request(summary.total.requests));
        let _ = write!(
            line,
            "; server {:.2} s of CPU ({each} a request), {}, {} context switches",
            server.cpu_s,
            bytes(server.resident_bytes),
            count(server.context_switches)
        );
    }
    line
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;
    use crate::measured::Packed;
    use crate::report::specimen;

    const PLANNED: Duration = Duration::from_secs(20);

    #[test]
    fn lines_stand_below_their_head() {
        let measured = specimen::run(10);
        for output in [Output::Plain, Output::Terminal] {
            let line = second(9, &measured.seconds[9], PLANNED, output);
            assert_eq!(line.chars().count(), head(output).chars().count(), "{line}");
            assert!(line.contains("  10 s "), "{line}");
        }
        assert!(second(9, &measured.seconds[9], PLANNED, Output::Terminal).starts_with("█████░░░░░ "));
    }

    #[test]
    fn a_silent_second_has_no_percentiles() {
        let mut silent = specimen::run(1).seconds.remove(0);
        silent.response_ns = Packed::of(&Histogram::new(3).unwrap());
        silent.server_cpu = None;
        let line = second(0, &silent, PLANNED, Output::Plain);
        assert_eq!(line.split_whitespace().filter(|column| *column == "-").count(), 4, "{line}");
    }

    #[test]
    fn red_is_for_terminals() {
        let invalid = Summary::of(&specimen::invalid_run(3));
        let plain = closing(&invalid, Output::Plain);
        assert!(plain.contains("\nINVALID\n  the generator was late"), "{plain}");
        assert!(!plain.contains('\x1b'), "{plain}");
        assert!(closing(&invalid, Output::Terminal).contains("\x1b[1;31mINVALID\x1b[0m"));
        assert!(
            plain.contains("10 errors (1 refused, 2 unfinished, 3 broken, 4 malformed), 21 wrong (1 corrupt"),
            "{plain}"
        );
        let mut clean = specimen::run(3);
        clean.slow.clear();
        let valid = closing(&Summary::of(&clean), Output::Terminal);
        assert!(!valid.contains("INVALID") && !valid.contains(RED), "{valid}");
    }

    #[test]
    fn classes_and_slow_clients_have_lines_of_their_own() {
        let mut measured = specimen::invalid_run(3);
        let text = closing(&Summary::of(&measured), Output::Plain);
        let class = "\n  get: 1,000 of 1,000 a second; 3,000 requests, 10 errors (1 refused";
        assert!(text.contains(class), "{text}");
        let slow = "\nslow <uploads>: 1,990 attached, 2,000 at most; 2,400 connections, 400 done, 6 cut off, \
                    1 missing at the beginning, 3 refused, 1 not connected; 4.77 MiB sent, 78.1 KiB received";
        assert!(text.contains(slow), "{text}");
        measured.classes.truncate(1);
        assert!(!closing(&Summary::of(&measured), Output::Plain).contains("  get: "), "one class is all requests");
    }

    #[test]
    fn operations_have_lines_of_their_own_below_the_response_of_their_class() {
        let mut measured = specimen::mixed_run(3);
        let names = |text: &str| -> Vec<String> {
            let table = text.lines().skip_while(|line| !line.starts_with("response")).take(6);
            table.map(|line| line.chars().take(20).collect::<String>().trim_end().to_owned()).collect()
        };
        let text = closing(&Summary::of(&measured), Output::Plain);
        assert_eq!(names(&text)[..4], ["response", "  get", "  set", "service"], "{text}");
        measured.classes.push(specimen::run(3).classes.remove(1));
        measured.classes[0].name = "mix".into();
        let text = closing(&Summary::of(&measured), Output::Plain);
        let of_classes = ["response", "  mix", "    get", "    set", "  <script>\"&'", "service"];
        assert_eq!(names(&text), of_classes, "{text}");
        let set = text.lines().find(|line| line.starts_with("    set")).unwrap();
        assert!(set.ends_with(" 300"), "{set}");
    }

    #[test]
    fn a_closed_loop_says_so() {
        assert!(!closing(&Summary::of(&specimen::run(3)), Output::Plain).contains("closed"));
        let text = closing(&Summary::of(&specimen::closed_run(3)), Output::Plain);
        assert!(text.starts_with(CLOSED_LABEL) && text.contains("\nresponse* "), "{text}");
        assert!(!text.contains("offered"), "{text}");
    }

    #[test]
    fn times_of_a_closed_class_are_marked_and_not_those_of_the_run() {
        let text = closing(&Summary::of(&specimen::partly_closed_run(3)), Output::Plain);
        let title = "open loop, 3.0 s: 2,000 requests a second offered, 2,000 achieved, 1,000 by closed loops\n";
        assert!(text.starts_with(title), "{text}");
        assert!(text.contains("\nresponse  ") && text.contains("\n  get  "), "{text}");
        assert!(text.contains("\n  <script>\"&'* "), "{text}");
        assert!(text.contains(&format!("\n* {CLOSED_LABEL}, and in no other line above\n")), "{text}");
    }
}
