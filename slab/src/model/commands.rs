//! The commands that the model test runs, and how they are drawn.
#![forbid(unsafe_code)]

use crate::{Arithmetic, Delete, DeleteMode, Direction, Expiry, Fetch, Outdated, Recency, Store, StoreMode};
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(super) enum Command {
    Get(u8),
    Peek(u8),
    Fetch(u8, Fetch),
    Store(u8, Vec<u8>, Store, Compare),
    Upload(u8, usize, Store, Compare),
    Fill(usize, usize),
    Commit(usize),
    Abandon(usize),
    Delete(u8, Delete, Compare),
    Sum(u8, Arithmetic, Compare),
    Touch(u8, Expiry),
    Flush(Option<u32>),
    Pin(u8),
    Unpin(usize),
    Tick(usize),
    Wait(u32),
}

/// Which id a command compares with, relative to the item's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compare {
    Nothing,
    Same,
    Lower,
    Higher,
}

/// Letters only, so that no pattern is a number.
pub(super) fn pattern(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| b'a' + (at as u8).wrapping_mul(31).wrapping_add(seed) % 26).collect()
}

fn expiries() -> impl Strategy<Value = Expiry> {
    prop_oneof![6 => Just(Expiry::NEVER), 2 => (101u32..140).prop_map(Expiry::at), 1 => Just(Expiry::PAST)]
}

fn compares() -> impl Strategy<Value = Compare> {
    prop_oneof![6 => Just(Compare::Nothing), 2 => Just(Compare::Same), 1 => Just(Compare::Lower), 1 => Just(Compare::Higher)]
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0usize..300, 4 => 300usize..5000, 3 => 5000usize..40_000, 1 => 40_000usize..262_144]
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    let number =
        prop_oneof![any::<u64>(), 0u64..200, Just(u64::MAX)].prop_map(|number| number.to_string().into_bytes());
    prop_oneof![3 => (any::<u8>(), lengths()).prop_map(|(seed, len)| pattern(seed, len)), 1 => number]
}

fn stores() -> impl Strategy<Value = Store> {
    let modes = prop_oneof![
        4 => Just(StoreMode::Set),
        1 => Just(StoreMode::Add),
        1 => Just(StoreMode::Replace),
        2 => Just(StoreMode::Append),
        2 => Just(StoreMode::Prepend),
    ];
    let flags = prop_oneof![Just(0u32), Just(7)];
    let outdated = prop_oneof![Just(Outdated::Refuse), Just(Outdated::StoreStale)];
    let (cas, vivify) = (proptest::option::weighted(0.1, 1u64..1000), proptest::option::weighted(0.3, expiries()));
    (modes, flags, expiries(), outdated, cas, vivify).prop_map(|(mode, flags, expiry, outdated, cas, vivify)| Store {
        mode,
        flags,
        expiry,
        compare: None,
        cas,
        outdated,
        vivify,
    })
}

fn fetches() -> impl Strategy<Value = Fetch> {
    let (touch, vivify) = (proptest::option::weighted(0.3, expiries()), proptest::option::weighted(0.3, expiries()));
    let recache = proptest::option::weighted(0.3, 0u32..40);
    let recency = prop_oneof![3 => Just(Recency::Count), 1 => Just(Recency::Ignore)];
    (touch, vivify, recache, recency).prop_map(|(touch, vivify, recache_before, recency)| Fetch {
        touch,
        vivify,
        recache_before,
        cas: None,
        recency,
    })
}

fn deletes() -> impl Strategy<Value = Delete> {
    let mode = prop_oneof![
        2 => Just(DeleteMode::Remove),
        1 => proptest::option::of(expiries()).prop_map(|expiry| DeleteMode::MarkStale { expiry }),
        1 => (expiries(), any::<bool>()).prop_map(|(expiry, stale)| DeleteMode::Empty { expiry, stale }),
    ];
    (mode, proptest::option::weighted(0.1, 1u64..1000)).prop_map(|(mode, cas)| Delete { compare: None, cas, mode })
}

fn sums() -> impl Strategy<Value = Arithmetic> {
    let direction = prop_oneof![Just(Direction::Increment), Just(Direction::Decrement)];
    let initial = proptest::option::weighted(0.3, (any::<u64>(), expiries()));
    let touch = proptest::option::weighted(0.3, expiries());
    (direction, prop_oneof![0u64..100, any::<u64>()], initial, touch).prop_map(|(direction, delta, initial, touch)| {
        Arithmetic { direction, delta, compare: None, cas: None, initial, touch }
    })
}

pub(super) fn commands() -> impl Strategy<Value = Command> {
    let key = 0u8..24;
    prop_oneof![
        4 => key.clone().prop_map(Command::Get),
        1 => key.clone().prop_map(Command::Peek),
        4 => (key.clone(), fetches()).prop_map(|(key, fetch)| Command::Fetch(key, fetch)),
        12 => (key.clone(), values(), stores(), compares()).prop_map(|(key, value, store, compare)| Command::Store(key, value, store, compare)),
        3 => (key.clone(), lengths(), stores(), compares()).prop_map(|(key, len, store, compare)| Command::Upload(key, len, store, compare)),
        3 => (any::<usize>(), lengths()).prop_map(|(at, len)| Command::Fill(at, len)),
        2 => any::<usize>().prop_map(Command::Commit),
        1 => any::<usize>().prop_map(Command::Abandon),
        4 => (key.clone(), deletes(), compares()).prop_map(|(key, delete, compare)| Command::Delete(key, delete, compare)),
        4 => (key.clone(), sums(), compares()).prop_map(|(key, sum, compare)| Command::Sum(key, sum, compare)),
        1 => (key.clone(), expiries()).prop_map(|(key, expiry)| Command::Touch(key, expiry)),
        1 => proptest::option::of(0u32..10).prop_map(Command::Flush),
        3 => key.prop_map(Command::Pin),
        2 => any::<usize>().prop_map(Command::Unpin),
        1 => (1usize..500).prop_map(Command::Tick),
        2 => (1u32..6).prop_map(Command::Wait),
    ]
}
