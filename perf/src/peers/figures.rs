//! What a measurement says of a server, and the median of several.

use crate::arrivals::Arrivals;
use crate::load::Pace;
use crate::measured::Measured;
use crate::median::median;

/// What a server does as fast as it can.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Saturated {
    /// Requests per second of server CPU.
    pub(super) per_cpu_second: f64,
    pub(super) per_second: f64,
    /// Share of its CPU that the server used, 0 to 1.
    pub(super) busy: f64,
    /// The same of the load.
    pub(super) load_busy: f64,
    pub(super) context_switches_per_request: f64,
    pub(super) resident_bytes: f64,
}

/// How long its clients wait at an offered load.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    pub(super) offered_per_second: f64,
    pub(super) p50_ns: f64,
    pub(super) p99_ns: f64,
    pub(super) p99_9_ns: f64,
    /// Measurements of which the lab says that they are none.
    pub(super) invalid: usize,
    /// Why the last of those is none.
    pub(super) reason: String,
}

impl Saturated {
    pub(super) fn of(measured: &Measured) -> Saturated {
        let class = &measured.classes[0];
        let (seconds, cost) = (measured.lasted.as_secs_f64(), measured.server.unwrap_or_default());
        let cpu_seconds = cost.cpu.as_secs_f64();
        let requests = class.achieved as f64;
        Saturated {
            // A server that has used no time at all has not been measured, rather than being infinitely fast.
            per_cpu_second: if cpu_seconds > 0.0 { requests / cpu_seconds } else { 0.0 },
            per_second: requests / seconds,
            busy: cpu_seconds / seconds,
            load_busy: measured.generator.busy,
            context_switches_per_request: cost.context_switches as f64 / requests.max(1.0),
            resident_bytes: cost.resident_bytes as f64,
        }
    }

    /// Of each figure by itself; zeros of nothing.
    pub(super) fn median(rounds: &[Saturated]) -> Saturated {
        let of = |figure: fn(&Saturated) -> f64| median(rounds.iter().map(figure), f64::total_cmp).unwrap_or_default();
        Saturated {
            per_cpu_second: of(|round| round.per_cpu_second),
            per_second: of(|round| round.per_second),
            busy: of(|round| round.busy),
            load_busy: of(|round| round.load_busy),
            context_switches_per_request: of(|round| round.context_switches_per_request),
            resident_bytes: of(|round| round.resident_bytes),
        }
    }
}

impl Waits {
    /// Why they are none, of a row and a server, where the lab says so.
    pub(super) fn doubt(&self, row: &str, server: &str) -> Option<String> {
        let Waits { invalid, reason, .. } = self;
        (*invalid > 0)
            .then(|| format!("{row}, {server}: rounds at equal load that are not valid: {invalid} ({reason})."))
    }

    /// Of each figure by itself; zeros of nothing.
    pub(super) fn median(rounds: &[Measured]) -> Waits {
        let of =
            |figure: &dyn Fn(&Measured) -> f64| median(rounds.iter().map(figure), f64::total_cmp).unwrap_or_default();
        let at = |quantile| of(&|round| round.classes[0].response_ns.value_at_quantile(quantile) as f64);
        let invalid: Vec<&Measured> = rounds.iter().filter(|round| !round.is_valid()).collect();
        let reasons = invalid.last().map(|round| round.reasons.iter().map(ToString::to_string).collect::<Vec<_>>());
        Waits {
            offered_per_second: of(&|round| round.classes[0].offered_per_second),
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            p99_9_ns: at(0.999),
            invalid: invalid.len(),
            reason: reasons.unwrap_or_default().join("; "),
        }
    }
}

/// Heads of the columns of [`at_a_load`].
pub(super) const AT_A_LOAD: [&str; 4] = [
    "equal load, requests per second",
    "p50 / p99 / p99.9 at equal load, µs",
    "memory, MiB",
    "context switches per request",
];

/// How long clients wait at an equal load, which says it itself when it is none, and what else the server takes.
pub(super) fn at_a_load(waits: &Waits, cost: &Saturated) -> [String; 4] {
    let micros = [waits.p50_ns, waits.p99_ns, waits.p99_9_ns].map(|ns| format!("{:.0}", ns / 1e3));
    let invalid = if waits.invalid > 0 { " (INVALID)" } else { "" };
    [
        format!("{:.0}", waits.offered_per_second),
        format!("{}{invalid}", micros.join(" / ")),
        format!("{:.1}", cost.resident_bytes / 1_048_576.0),
        format!("{:.2}", cost.context_switches_per_request),
    ]
}

/// A load that everybody can bear.
pub(super) fn half_of_the_slowest<'a>(saturated: impl Iterator<Item = &'a Saturated>) -> Pace {
    let slowest = saturated.map(|saturated| saturated.per_second).fold(f64::INFINITY, f64::min);
    Pace::Open { per_second: (slowest / 2.0).clamp(1.0, 1e6), arrivals: Arrivals::Poisson }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_each_figure() {
        let round = |per_cpu_second, busy| Saturated { per_cpu_second, busy, ..Saturated::default() };
        let median = Saturated::median(&[round(3.0, 0.1), round(1.0, 0.3), round(2.0, 0.2)]);
        assert_eq!((median.per_cpu_second, median.busy), (2.0, 0.2));
        assert_eq!(Saturated::median(&[]).per_cpu_second, 0.0);
        assert_eq!(Waits::median(&[]).invalid, 0);
    }
}
