//! What is measured, and what each number is for.

use std::fmt;
use std::str::FromStr;

use crate::closed_loop::Work;

/// Length of the values of the throughput rows, in bytes. The ceiling program answers with as many.
pub(super) const VALUE_BYTES: usize = 100;
const CONNECTIONS_MAX: usize = 10_000;
const DEPTH_MAX: usize = 1024;

/// A row of the report; written `get-64x16`, `items`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Load(LoadRow),
    EqualLoad,
    Generator,
    Items,
    Idle,
    HitRatio,
    WorstCase,
}

/// `get` or `set` over some connections with some requests outstanding on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadRow {
    pub verb: Verb,
    pub connections: usize,
    pub depth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Set,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "no row is called {0:?}: there are equal-load, generator, items, idle, hit-ratio, worst-case, and get-NxD and set-NxD with N connections (to \
     {CONNECTIONS_MAX}) of D requests (to {DEPTH_MAX})"
)]
pub struct UnknownRow(String);

impl Row {
    /// Every row of the standing comparison.
    pub fn all() -> Vec<Row> {
        let get = [(64, 1), (256, 1), (64, 16), (64, 64)].map(|shape| (Verb::Get, shape));
        let set = [(64, 1), (64, 16)].map(|shape| (Verb::Set, shape));
        let loads = get.into_iter().chain(set);
        let loads = loads.map(|(verb, (connections, depth))| Row::Load(LoadRow { verb, connections, depth }));
        loads.chain([Row::EqualLoad, Row::Generator, Row::Items, Row::Idle, Row::HitRatio, Row::WorstCase]).collect()
    }

    pub(super) fn load(&self) -> Option<LoadRow> {
        if let Row::Load(row) = self { Some(*row) } else { None }
    }

    pub(super) fn has_ceiling(&self) -> bool {
        self.load().is_some() || *self == Row::Generator
    }
}

impl LoadRow {
    pub(super) fn work(&self) -> Work {
        match self.verb {
            Verb::Get => Work::Get { value_bytes: VALUE_BYTES },
            Verb::Set => Work::Set { value_bytes: VALUE_BYTES },
        }
    }

    /// What the number is for.
    pub(super) fn purpose(&self) -> &'static str {
        match (self.verb, self.connections, self.depth) {
            (Verb::Get, ..=64, 1) => "one request at a time: what system calls and wake-ups leave of a core",
            (Verb::Get, _, 1) => "the same with more clients: whether a connection costs by being there",
            (Verb::Get, _, ..=16) => "pipelining clients: system calls are shared, parsing and lookup begin to show",
            (Verb::Get, ..) => "hardly any system calls: parser, hash and copy alone",
            (Verb::Set, _, 1) => "one write at a time: allocation and eviction beside the system calls",
            (Verb::Set, ..) => "pipelined writes: what storing an item costs",
        }
    }
}

impl fmt::Display for LoadRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.verb {
            Verb::Get => "get",
            Verb::Set => "set",
        };
        write!(formatter, "{verb}, {} x {}", self.connections, self.depth)
    }
}

impl FromStr for Row {
    type Err = UnknownRow;

    fn from_str(name: &str) -> Result<Row, UnknownRow> {
        let load = |verb, shape: &str| {
            let (connections, depth) = shape.split_once('x')?;
            let (connections, depth) = (connections.parse().ok()?, depth.parse().ok()?);
            let possible = (1..=CONNECTIONS_MAX).contains(&connections) && (1..=DEPTH_MAX).contains(&depth);
            possible.then_some(Row::Load(LoadRow { verb, connections, depth }))
        };
        let row = match (name, name.split_once('-')) {
            ("equal-load", _) => Some(Row::EqualLoad),
            ("generator", _) => Some(Row::Generator),
            ("items", _) => Some(Row::Items),
            ("idle", _) => Some(Row::Idle),
            ("hit-ratio", _) => Some(Row::HitRatio),
            ("worst-case", _) => Some(Row::WorstCase),
            (_, Some(("get", shape))) => load(Verb::Get, shape),
            (_, Some(("set", shape))) => load(Verb::Set, shape),
            _ => None,
        };
        row.ok_or_else(|| UnknownRow(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_by_name() {
        let row: Row = "get-64x16".parse().unwrap();
        assert_eq!(row, Row::Load(LoadRow { verb: Verb::Get, connections: 64, depth: 16 }));
        assert!(Row::all().contains(&row));
        for name in ["equal-load", "generator", "items", "idle", "hit-ratio", "worst-case", "set-1x1"] {
            name.parse::<Row>().unwrap();
        }
        for name in ["", "get", "get-64", "get-0x1", "get-64x0", "get-64x4096", "get-99999x1", "put-64x1", "get--1x1"] {
            assert!(name.parse::<Row>().is_err(), "{name}");
        }
    }
}
