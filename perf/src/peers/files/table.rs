//! The comparison as Markdown: one table, and what it needs to be read.

use std::fmt;

use super::place::Places;
use super::rival::{Job, Rival};
use super::rows::FileRow;
use crate::peers::again::{self, Tally};
use crate::peers::cpus::Behind;
use crate::peers::figures::{AT_A_LOAD, Saturated, Waits, at_a_load};
use crate::peers::provenance::Provenance;
use crate::peers::{InvalidRow, Scale};
use crate::report::markdown;

const HEADS: [&str; 5] =
    ["", "server", "requests per second of server CPU", "MB per second of server CPU", "CPU in use, server / load, %"];

/// One server's figures of one row.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) row: FileRow,
    pub(super) rival: Rival,
    pub(super) saturated: Saturated,
    pub(super) waits: Waits,
    pub(super) tally: Tally,
    /// Objects that are parts of two uploads that met.
    pub(super) torn: u64,
}

/// The measured comparison; its `Display` is Markdown.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) provenance: Provenance,
    pub(super) rounds: usize,
    pub(super) measured_s: f64,
    pub(super) connections: usize,
    pub(super) scale: Scale,
    pub(super) behind: Behind,
    pub(super) places: Places,
    pub(super) lines: Vec<Line>,
    pub(super) notes: Vec<String>,
}

impl Line {
    fn name(&self) -> &'static str {
        self.rival.name()
    }

    fn cells(&self) -> Vec<String> {
        let Line { saturated, waits, .. } = self;
        let own = [
            self.row.to_string(),
            self.name().into(),
            format!("{:.1} k", saturated.per_cpu_second / 1e3),
            format!("{:.0}", saturated.per_cpu_second * self.row.bytes() as f64 / 1e6),
            format!("{:.0} / {:.0}", saturated.busy * 100.0, saturated.load_busy * 100.0),
        ];
        own.into_iter().chain(at_a_load(waits, saturated)).collect()
    }

    /// What uploads have done to each other, where they do.
    fn damage(&self) -> Option<String> {
        let Line { row, torn, .. } = self;
        let name = self.name();
        (*torn > 0).then(|| {
            let of = "are parts of two uploads that met, because it writes them in place";
            format!("{row}, {name}: {torn} of the objects that were read back {of}.")
        })
    }

    /// Why its latencies are none, where the lab says so.
    fn doubt(&self) -> Option<String> {
        self.waits.doubt(&self.row.to_string(), self.name())
    }
}

impl Report {
    /// Rows in which the lab says of a server's response times, in a round at least, that they are none.
    pub fn invalid(&self) -> Vec<InvalidRow> {
        let rows = self.lines.chunk_by(|one, next| one.row == next.row);
        rows.filter_map(|lines| {
            let invalid = lines.iter().filter(|line| line.waits.invalid > 0);
            InvalidRow::of(&lines[0].row.to_string(), invalid.map(|line| line.name().into()).collect())
        })
        .collect()
    }

    /// What was measured again, row by row.
    fn again(&self) -> impl Iterator<Item = String> {
        let rows = self.lines.chunk_by(|one, next| one.row == next.row);
        rows.filter_map(|lines| {
            let tallies: Vec<_> = lines.iter().map(|line| (line.name(), line.tally)).collect();
            again::note(&lines[0].row.to_string(), &tallies)
        })
    }

    /// Spindle against the fastest of the others, in every row that has both.
    fn against_the_fastest(&self) -> Option<String> {
        let rows = self.lines.chunk_by(|one, next| one.row == next.row);
        let leads: Vec<String> = rows.filter_map(lead).collect();
        let of = "Spindle against the fastest of the other servers of files, requests per second of server CPU";
        (!leads.is_empty()).then(|| format!("{of}: {}.", leads.join("; ")))
    }

    fn has_proxies(&self) -> bool {
        self.lines.iter().any(|line| line.rival.job() == Job::Proxy)
    }

    fn explanation(&self) -> String {
        let whole_cpu = match (self.has_proxies(), self.behind) {
            (true, Behind::TheProxys) => "a server of files",
            _ => "a server",
        };
        format!(
            "Requests per second of server CPU: {} connections with one request outstanding on each, as fast as they are \
             answered (a closed loop); {whole_cpu} that had less than nine tenths of its CPU in use was not the bottleneck, and \
             would batch more if it were. Equal load: half of what the slowest server of the same job achieved, sent when it is \
             due whatever the server does (an open loop, Poisson), and the response times of that. Memory and context \
             switches are those of the closed loop; all figures are of a server's processes together. Files are in the page \
             cache, a sample of the answers is checked byte by byte, and of uploads every object is \
             read back afterwards, one server thread on one CPU, the load on another, \
             loopback. Median of {} interleaved rounds of {} s.",
            self.connections, self.rounds, self.measured_s
        )
    }

    fn purposes(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "\nWhat the rows are for:\n")?;
        let mut explained = Vec::new();
        for Line { row, .. } in &self.lines {
            if !explained.contains(row) {
                explained.push(*row);
                writeln!(out, "- {row}: {}", row.purpose())?;
            }
        }
        Ok(())
    }
}

/// Of one row.
fn lead(lines: &[Line]) -> Option<String> {
    let of = |line: &Line| line.saturated.per_cpu_second;
    let files = || lines.iter().filter(|line| line.rival.job() == Job::Files);
    let spindle = files().find(|line| line.rival == Rival::Spindle)?;
    let others = files().filter(|line| line.rival != Rival::Spindle && of(line) > 0.0);
    let fastest = others.max_by(|one, other| of(one).total_cmp(&of(other)))?;
    Some(format!("{} {:.2} times {}", spindle.row, of(spindle) / of(fastest), fastest.name()))
}

/// Where the server behind the proxies was, and what follows.
fn of_proxies(behind: Behind) -> &'static str {
    match behind {
        Behind::ItsOwn => {
            "Proxies stand before nginx, whose figures are not theirs, and which has a CPU of its own: proxies are to be compared \
             with each other."
        }
        Behind::TheProxys => {
            "Proxies stand before nginx, whose figures are not theirs. There are two CPUs only, and nginx shares the proxy's: so a \
             proxy has never all of its CPU in use, and may have been the bottleneck all the same. Only the time of its own \
             processes is counted. Response times are those of proxy and nginx on one CPU: proxies are to be compared with each \
             other."
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.provenance)?;
        if self.scale == Scale::Quick {
            writeln!(out, "**A quick run: it shows that everything works, and its figures mean nothing.**\n")?;
        }
        let heads: Vec<String> = HEADS.iter().chain(&AT_A_LOAD).map(ToString::to_string).collect();
        let cells: Vec<Vec<String>> = self.lines.iter().map(Line::cells).collect();
        out.write_str(&markdown::unaligned(&heads, &cells))?;
        if let Some(against) = self.against_the_fastest() {
            writeln!(out, "\n{against}")?;
        }
        writeln!(out, "\n{}", self.explanation())?;
        writeln!(out, "\n{}", self.places.explain(self.lines.iter().map(|line| line.row)))?;
        if self.has_proxies() {
            writeln!(out, "\n{}", of_proxies(self.behind))?;
        }
        self.purposes(out)?;
        let doubts = self.lines.iter().flat_map(|line| line.damage().into_iter().chain(line.doubt()));
        let doubts: Vec<String> = self.again().chain(doubts).collect();
        if !self.notes.is_empty() || !doubts.is_empty() {
            writeln!(out)?;
        }
        self.notes.iter().chain(&doubts).try_for_each(|note| writeln!(out, "- {note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specimen() -> Report {
        let saturated = |per_cpu_second, busy| Saturated {
            per_cpu_second,
            per_second: 140_000.0,
            busy,
            load_busy: 0.8,
            context_switches_per_request: 0.125,
            resident_bytes: 12.5 * 1_048_576.0,
        };
        let waits = |invalid| Waits {
            offered_per_second: 2500.0,
            p50_ns: 50_400.0,
            p99_ns: 90_000.0,
            p99_9_ns: 400_000.0,
            invalid,
            reason: "the generator was late".into(),
        };
        let line = |rival, per_cpu_second, busy, invalid| Line {
            row: FileRow::Get { bytes: 4096 },
            rival,
            saturated: saturated(per_cpu_second, busy),
            waits: waits(invalid),
            tally: Tally { kept: 3, late: invalid, saturated: 0 },
            torn: invalid as u64,
        };
        Report {
            provenance: Provenance::specimen(&["nginx 1.22.1", "haproxy 2.6.12"], "spindle load peers files"),
            rounds: 3,
            measured_s: 2.0,
            connections: 32,
            scale: Scale::Full,
            behind: Behind::TheProxys,
            places: Places::specimen(),
            lines: vec![
                line(Rival::Spindle, 216_000.0, 0.99, 0),
                line(Rival::Nginx, 144_000.0, 0.99, 0),
                line(Rival::Perlbal, 7000.0, 0.99, 0),
                // No server of files, however fast.
                line(Rival::HaproxyProxy, 288_000.0, 0.5, 2),
            ],
            notes: vec!["Measured without lighttpd.".into()],
        }
    }

    #[test]
    fn a_whole_report() {
        let report = specimen();
        let text = report.to_string();
        for expected in [
            "(virtual machine), governor unknown. nginx 1.22.1, haproxy 2.6.12. Load lab 0.1.0 and Spindle of commit 0123456789ab.\n",
            "\n    spindle load peers files\n\n| ",
            "| get-4k | nginx | 144.0 k | 590 | 99 / 80 | 2500 | 50 / 90 / 400 | 12.5 | 0.12 |\n",
            "| get-4k | haproxy | 288.0 k | 1180 | 50 / 80 | 2500 | 50 / 90 / 400 (INVALID) | 12.5 | 0.12 |\n",
            "\nSpindle against the fastest of the other servers of files, requests per second of server CPU: get-4k 1.50 times nginx.\n",
            "Median of 3 interleaved rounds of 2 s.",
            "; a server of files that had less than nine tenths of its CPU in use was not the bottleneck",
            "\nAll files were in /tmp (ext4).\n",
            "Proxies stand before nginx, whose figures are not theirs. There are two CPUs only, and nginx shares the proxy's",
            "- get-4k: small files",
            "- Measured without lighttpd.\n",
            "- get-4k: 2 of 14 rounds at equal load were measured again, because the generator was late (haproxy 2).\n",
            "- get-4k, haproxy: 2 of the objects that were read back are parts of two uploads that met",
            "- get-4k, haproxy: rounds at equal load that are not valid: 2 (the generator was late).\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
        assert_eq!(text.matches("small files").count(), 1);
        assert_eq!(report.invalid().iter().map(ToString::to_string).collect::<Vec<_>>(), ["get-4k (haproxy)"]);
        assert!(!text.contains("A quick run") && !text.contains("get-4k, nginx:"));
        assert_eq!(lead(&report.lines[1..]), None, "without Spindle there is nothing to say of it");
        assert_eq!(lead(&[report.lines[0].clone(), report.lines[3].clone()]), None, "nobody does the same");
    }

    #[test]
    fn proxies_are_told_whose_cpu_the_server_behind_has() {
        let report = specimen();
        let roomy = Report { behind: Behind::ItsOwn, ..report.clone() }.to_string();
        assert!(roomy.contains("; a server that had less than nine tenths") && roomy.contains("has a CPU of its own"));
        let alone = Report { lines: report.lines[..3].to_vec(), ..report.clone() }.to_string();
        assert!(alone.contains("; a server that had less than nine tenths") && !alone.contains("nginx shares"));
    }
}
