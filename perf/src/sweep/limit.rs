//! The response time that is still good enough.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::report::figures::latency;
use crate::report::summary::Percentiles;

/// One of the percentiles that a result has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    P50,
    P90,
    P99,
    #[serde(rename = "p99_5")]
    P99Half,
    #[serde(rename = "p99_9")]
    P99Nine,
    #[serde(rename = "p99_99")]
    P99NineNine,
}

const RANKS: [(Rank, &str); 6] = [
    (Rank::P50, "50"),
    (Rank::P90, "90"),
    (Rank::P99, "99"),
    (Rank::P99Half, "99.5"),
    (Rank::P99Nine, "99.9"),
    (Rank::P99NineNine, "99.99"),
];

/// `rank` of the response times is at most `ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub percentile: Rank,
    pub ns: u64,
}

/// What was typed is no such thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    #[error("{0}: the percentiles are 50, 90, 99, 99.5, 99.9 and 99.99")]
    Percentile(String),
    #[error("{0}: a time is a number above 0 and its unit: 500us, 2ms, 1.5s")]
    Time(String),
}

impl Rank {
    pub fn of(self, times: &Percentiles) -> u64 {
        match self {
            Rank::P50 => times.p50,
            Rank::P90 => times.p90,
            Rank::P99 => times.p99,
            Rank::P99Half => times.p99_5,
            Rank::P99Nine => times.p99_9,
            Rank::P99NineNine => times.p99_99,
        }
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = RANKS.iter().find(|(rank, _)| rank == self).map_or("", |(_, percent)| percent);
        write!(formatter, "p{percent}")
    }
}

impl FromStr for Rank {
    type Err = LimitError;

    fn from_str(typed: &str) -> Result<Rank, LimitError> {
        let percent = typed.strip_prefix('p').unwrap_or(typed);
        let known = RANKS.iter().find(|(_, name)| *name == percent);
        known.map(|(rank, _)| *rank).ok_or_else(|| LimitError::Percentile(typed.into()))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} within {}", self.percentile, latency(self.ns))
    }
}

/// A time as it is typed: `500us`, `2ms`, `1.5s`; in nanoseconds, from 1 to an hour's.
///
/// # Errors
/// No number, no unit, or out of these bounds.
pub fn time_ns(typed: &str) -> Result<u64, LimitError> {
    const HOUR_NS: f64 = 3600e9;
    const UNITS: [(&str, f64); 5] = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let parsed = UNITS.iter().find_map(|(unit, ns)| Some(typed.strip_suffix(unit)?.trim().parse::<f64>().ok()? * ns));
    let within = parsed.filter(|ns| (1.0..=HOUR_NS).contains(ns));
    within.map(|ns| ns.round() as u64).ok_or_else(|| LimitError::Time(typed.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let expected =
            [("2ms", 2_000_000), ("500us", 500_000), ("500 µs", 500_000), ("1.5s", 1_500_000_000), ("7ns", 7)];
        for (typed, ns) in expected {
            assert_eq!(time_ns(typed), Ok(ns), "{typed}");
        }
        for wrong in ["", "2", "ms", "-1ms", "0s", "nans", "infs", "1e9s", "2 minutes"] {
            assert!(time_ns(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn percentiles_are_read_as_they_are_written() {
        let times = Percentiles { p50: 1, p90: 2, p99: 3, p99_5: 4, p99_9: 5, p99_99: 6, ..Percentiles::default() };
        for (at, (rank, percent)) in RANKS.into_iter().enumerate() {
            assert_eq!(percent.parse(), Ok(rank));
            assert_eq!(rank.to_string().parse(), Ok(rank));
            assert_eq!(rank.of(&times), at as u64 + 1);
        }
        assert!("99.95".parse::<Rank>().is_err() && "max".parse::<Rank>().is_err());
        let limit = Limit { percentile: Rank::P99Nine, ns: 2_000_000 };
        assert_eq!(limit.to_string(), "p99.9 within 2.00 ms");
        assert_eq!(serde_json::to_string(&limit).unwrap(), "{\"percentile\":\"p99_9\",\"ns\":2000000}");
    }
}
