//! Test only: the whole cache against a plain map with the same rules, over random commands.
//!
//! In a roomy cache both agree exactly. In a tight one the cache may lose an item that the map still has, but only by
//! an eviction that it counted, and never shows a wrong value.
#![forbid(unsafe_code)]

mod commands;

use crate::{
    Arithmetic, Cache, Computed, Delete, DeleteMode, Deleted, Direction, Expiry, Fetch, Hit, KeyForm, Outcome,
    Outdated, Pin, Recency, Settings, Store, StoreMode, Token, Upload,
};
use commands::{Command, Compare, commands, pattern};
use proptest::prelude::*;
use std::collections::HashMap;

#[derive(Clone, Debug)]
struct Item {
    value: Vec<u8>,
    flags: u32,
    expiry: Expiry,
    cas: u64,
    stale: bool,
    token_sent: bool,
    fetched: bool,
    accessed: u32,
    form: KeyForm,
}

struct Receiving {
    upload: Upload,
    key: u8,
    store: Store,
    value: Vec<u8>,
}

struct World {
    cache: Cache,
    map: HashMap<u8, Item>,
    flush_at: Option<u32>,
    now: u32,
    pins: Vec<(Pin, Vec<u8>)>,
    uploads: Vec<Receiving>,
    tight: bool,
}

fn name(key: u8) -> Vec<u8> {
    format!("key-{key}-{}", "x".repeat(key as usize * 3 % 40)).into_bytes()
}

fn whole(hit: &Hit<'_>) -> Vec<u8> {
    let mut value = Vec::new();
    hit.copy_to(&mut value);
    value
}

impl World {
    fn new(tight: bool) -> World {
        let memory_bytes = if tight { 1 << 20 } else { 64 << 20 };
        let settings = Settings {
            memory_bytes,
            reserve_bytes: 64 << 20,
            item_bytes_max: 256 << 10,
            shards: Some(if tight { 1 } else { 4 }),
            hash_seed: 7,
            ..Settings::default()
        };
        let cache = Cache::new(settings).unwrap();
        let (pins, uploads) = (Vec::new(), Vec::new());
        World { cache, map: HashMap::new(), flush_at: None, now: 100, pins, uploads, tight }
    }

    fn flush_if_due(&mut self) {
        if self.flush_at.is_some_and(|at| at <= self.now) {
            self.flush_at = None;
            self.map.clear();
        }
    }

    /// Applies time to the map, and accepts what the cache has legally lost of `key`.
    fn settle(&mut self, key: u8) {
        self.flush_if_due();
        if self.map.get(&key).is_some_and(|item| item.expiry.is_past(self.now)) {
            self.map.remove(&key);
        }
        let name = name(key);
        let there = self.cache.peek(&self.cache.key(&name), self.now, |_| ()).is_some();
        if !there && self.map.contains_key(&key) {
            assert!(self.tight && self.cache.counters().tally.evictions > 0, "an item is lost without an eviction");
            self.map.remove(&key);
        }
        assert_eq!(there, self.map.contains_key(&key), "an item that should be gone");
    }

    fn check(&self) {
        self.cache.check();
        for (pin, value) in &self.pins {
            assert!(pin.pieces().flatten().eq(value), "a pinned value changed");
        }
        let counters = self.cache.counters();
        assert!(counters.memory_bytes_used <= counters.memory_bytes_max);
        if self.pins.is_empty() && self.uploads.is_empty() {
            assert_eq!(counters.lent_bytes, 0);
        }
        if !self.tight {
            assert_eq!(counters.tally.evictions, 0);
        }
    }

    fn compare(&self, key: u8, compare: Compare) -> Option<u64> {
        let cas = self.map.get(&key).map_or(50, |item| item.cas);
        match compare {
            Compare::Nothing => None,
            Compare::Same => Some(cas),
            Compare::Lower => Some(cas.saturating_sub(1).max(1)),
            Compare::Higher => Some(cas + 1),
        }
    }

    fn assert_hit(&self, hit: &Hit<'_>, item: &Item, token: Token) {
        assert_eq!(whole(hit), item.value);
        let facts = (hit.len, hit.flags, hit.cas, hit.expiry, hit.accessed);
        assert_eq!(facts, (item.value.len(), item.flags, item.cas, item.expiry, item.accessed));
        assert_eq!((hit.fetched, hit.stale, hit.token), (item.fetched, item.stale, token));
        assert_eq!(hit.key_form, item.form);
    }

    fn run(&mut self, command: &Command) {
        match command {
            Command::Get(key) => self.fetch(*key, &Fetch::default(), true),
            Command::Fetch(key, fetch) => self.fetch(*key, fetch, false),
            Command::Peek(key) => {
                self.settle(*key);
                let name = name(*key);
                let item = self.map.get(key);
                self.cache.peek(&self.cache.key(&name), self.now, |hit| {
                    let item = item.unwrap();
                    self.assert_hit(&hit, item, if item.token_sent { Token::Taken } else { Token::Idle });
                });
            }
            Command::Store(key, value, store, compare) => {
                self.settle(*key);
                let store = Store { compare: self.compare(*key, *compare), ..*store };
                let name = name(*key);
                let stored = self.cache.store(&self.cache.key(&name), value, &store, self.now);
                let expected = self.store(*key, value, &store, stored.cas);
                assert_eq!(stored.outcome, self.excused(stored.outcome, expected));
                if stored.outcome == Outcome::Stored {
                    assert_eq!(stored.bytes, self.map[key].value.len());
                }
            }
            Command::Delete(key, delete, compare) => self.delete(*key, delete, *compare),
            Command::Sum(key, sum, compare) => self.sum(*key, sum, *compare),
            Command::Touch(key, expiry) => {
                self.settle(*key);
                let name = name(*key);
                let touched = self.cache.touch(&self.cache.key(&name), *expiry, self.now);
                assert_eq!(touched, self.map.contains_key(key));
                if let Some(item) = self.map.get_mut(key) {
                    *item = Item { expiry: *expiry, fetched: true, accessed: self.now, ..item.clone() };
                }
            }
            Command::Flush(after) => {
                self.flush_if_due();
                let at = after.map(|after| self.now + after);
                self.cache.flush(at, self.now);
                self.flush_at = at;
                if at.is_none_or(|at| at <= self.now) {
                    self.flush_at = None;
                    self.map.clear();
                }
            }
            Command::Tick(chunks) => self.cache.tick(self.now, *chunks),
            Command::Wait(seconds) => self.now += seconds,
            _ => self.lend(command),
        }
    }

    /// Commands that hold memory beyond themselves.
    fn lend(&mut self, command: &Command) {
        match command {
            Command::Pin(key) => {
                self.settle(*key);
                let name = name(*key);
                let pin = self.cache.peek(&self.cache.key(&name), self.now, |mut hit| (hit.pin(), whole(&hit)));
                if let Some((Some(pin), value)) = pin {
                    assert_eq!(value, self.map[key].value);
                    self.pins.push((pin, value));
                    self.pins.drain(..self.pins.len().saturating_sub(4));
                }
            }
            Command::Unpin(at) if !self.pins.is_empty() => {
                self.pins.swap_remove(at % self.pins.len());
            }
            Command::Upload(key, len, store, compare) if self.uploads.len() < 3 => {
                let store = Store { compare: self.compare(*key, *compare), ..*store };
                let name = name(*key);
                if let Ok(upload) = self.cache.reserve(&self.cache.key(&name), *len, &store) {
                    let value = pattern(*key + 1, *len);
                    self.uploads.push(Receiving { upload, key: *key, store, value });
                }
            }
            Command::Fill(at, len) if !self.uploads.is_empty() => {
                let at = at % self.uploads.len();
                let receiving = &mut self.uploads[at];
                let from = receiving.value.len() - receiving.upload.remaining();
                let to = (from + len).min(receiving.value.len());
                if receiving.upload.write(&receiving.value[from..to], self.now).is_err() {
                    assert!(self.tight);
                    self.uploads.swap_remove(at);
                }
            }
            Command::Commit(at) if !self.uploads.is_empty() => {
                let at = at % self.uploads.len();
                let mut receiving = self.uploads.swap_remove(at);
                let from = receiving.value.len() - receiving.upload.remaining();
                if receiving.upload.write(&receiving.value[from..], self.now).is_err() {
                    assert!(self.tight);
                    return;
                }
                self.settle(receiving.key);
                let stored = receiving.upload.commit(self.now);
                let expected = self.store(receiving.key, &receiving.value, &receiving.store, stored.cas);
                assert_eq!(stored.outcome, self.excused(stored.outcome, expected));
            }
            Command::Abandon(at) if !self.uploads.is_empty() => {
                self.uploads.swap_remove(at % self.uploads.len());
            }
            _ => {}
        }
    }

    /// With memory held by pins and uploads a tight cache may refuse; the map then forgets what it stored.
    fn excused(&mut self, outcome: Outcome, expected: Outcome) -> Outcome {
        let held = !self.pins.is_empty() || !self.uploads.is_empty();
        if outcome == Outcome::OutOfMemory && self.tight && held { outcome } else { expected }
    }

    fn fits(&self, key: u8, flags: u32, len: usize) -> bool {
        let name = name(key);
        self.cache.item_fits(&self.cache.key(&name), flags, len)
    }

    fn store(&mut self, key: u8, value: &[u8], store: &Store, cas: u64) -> Outcome {
        if !self.fits(key, store.flags, value.len()) {
            return Outcome::TooLarge;
        }
        let old = self.map.get(&key).cloned();
        let join = matches!(store.mode, StoreMode::Append | StoreMode::Prepend);
        let (mut expiry, mut stale, mut token_sent) = (store.expiry, false, false);
        match &old {
            None if store.compare.is_some() && matches!(store.mode, StoreMode::Set | StoreMode::Replace) => {
                return Outcome::NotFound;
            }
            None if store.mode == StoreMode::Replace || join && store.vivify.is_none() => return Outcome::NotStored,
            None if join => expiry = store.vivify.unwrap(),
            None => {}
            Some(_) if store.mode == StoreMode::Add => {
                self.map.get_mut(&key).unwrap().accessed = self.now;
                return Outcome::NotStored;
            }
            Some(item) => match store.compare {
                Some(compare) if compare == item.cas => {}
                Some(compare) if !join && store.outdated == Outdated::StoreStale && compare < item.cas => {
                    (expiry, stale, token_sent) = (item.expiry, true, item.token_sent);
                }
                Some(_) => return Outcome::Exists,
                None => {}
            },
        }
        let mut item = Item {
            value: value.to_vec(),
            flags: store.flags,
            expiry,
            cas,
            stale,
            token_sent,
            fetched: false,
            accessed: self.now,
            form: KeyForm::Text,
        };
        if let Some(old) = old.filter(|_| join) {
            item.value = match store.mode {
                StoreMode::Append => [&old.value[..], value].concat(),
                _ => [value, &old.value[..]].concat(),
            };
            (item.flags, item.expiry) = (old.flags, old.expiry);
            if !self.fits(key, item.flags, item.value.len()) {
                return Outcome::TooLarge;
            }
        }
        if cas != 0 {
            self.map.insert(key, item);
        }
        Outcome::Stored
    }

    fn fetch(&mut self, key: u8, fetch: &Fetch, classic: bool) {
        self.settle(key);
        let fetch = Fetch { recache_before: fetch.recache_before.map(|after| self.now + after), ..*fetch };
        let name = name(key);
        let hashed = self.cache.key(&name);
        let mut expected = self.map.get(&key).cloned();
        let vivified = expected.is_none() && fetch.vivify.is_some();
        let mut made_cas = 0;
        let seen = |hit: Hit<'_>| {
            assert_eq!(hit.created, vivified);
            let token = match &mut expected {
                Some(item) => {
                    let ends_soon =
                        fetch.recache_before.is_some_and(|at| item.expiry != Expiry::NEVER && item.expiry.0 < at);
                    let won = !classic && !item.token_sent && (ends_soon || item.stale);
                    if won {
                        Token::Won
                    } else if item.token_sent {
                        Token::Taken
                    } else {
                        Token::Idle
                    }
                }
                None => Token::Won,
            };
            made_cas = hit.cas;
            match &expected {
                Some(item) => self.assert_hit(&hit, item, token),
                None => assert_eq!((hit.len, hit.token, Some(hit.expiry)), (0, Token::Won, fetch.vivify)),
            }
            token
        };
        let token = match classic {
            true => self.cache.get(&hashed, self.now, seen),
            false => self.cache.fetch(&hashed, &fetch, self.now, seen),
        };
        let Some(token) = token else {
            return assert!(expected.is_none() && (!vivified || self.tight));
        };
        let mut item = expected.unwrap_or(Item {
            value: Vec::new(),
            flags: 0,
            expiry: fetch.vivify.unwrap_or_default(),
            cas: made_cas,
            stale: false,
            token_sent: true,
            fetched: false,
            accessed: self.now,
            form: KeyForm::Text,
        });
        item.token_sent |= token == Token::Won;
        item.expiry = fetch.touch.unwrap_or(item.expiry);
        if fetch.recency == Recency::Count {
            (item.fetched, item.accessed) = (true, self.now);
        }
        self.map.insert(key, item);
    }

    fn delete(&mut self, key: u8, delete: &Delete, compare: Compare) {
        self.settle(key);
        let delete = Delete { compare: self.compare(key, compare), ..*delete };
        let name = name(key);
        let hashed = self.cache.key(&name);
        let deleted = self.cache.delete(&hashed, &delete, self.now);
        let Some(item) = self.map.get_mut(&key) else { return assert_eq!(deleted, Deleted::NotFound) };
        if delete.compare.is_some_and(|compare| compare != item.cas) {
            return assert_eq!(deleted, Deleted::Exists);
        }
        if deleted == Deleted::OutOfMemory {
            return assert!(self.tight);
        }
        assert_eq!(deleted, Deleted::Deleted);
        let cas = self.cache.peek(&hashed, self.now, |hit| hit.cas);
        match delete.mode {
            DeleteMode::Remove => {
                assert_eq!(cas, None);
                self.map.remove(&key);
            }
            DeleteMode::MarkStale { expiry } => {
                let cas = cas.or(delete.cas).unwrap_or(0);
                assert!(delete.cas.is_none_or(|given| given == cas));
                let expiry = expiry.unwrap_or(item.expiry);
                *item = Item { cas, expiry, stale: true, token_sent: false, ..item.clone() };
            }
            DeleteMode::Empty { expiry, stale } => {
                let cas = cas.unwrap_or(0);
                let (value, accessed) = (Vec::new(), self.now);
                let old = item.cas;
                *item = Item {
                    value,
                    flags: 0,
                    expiry,
                    cas,
                    stale,
                    token_sent: false,
                    fetched: false,
                    accessed,
                    ..item.clone()
                };
                assert!(stale || expiry.is_past(self.now) || cas == delete.cas.unwrap_or(old));
            }
        }
    }

    fn sum(&mut self, key: u8, sum: &Arithmetic, compare: Compare) {
        self.settle(key);
        let sum = Arithmetic { compare: self.compare(key, compare), ..*sum };
        let name = name(key);
        let computed = self.cache.arithmetic(&self.cache.key(&name), &sum, self.now);
        let Some(item) = self.map.get_mut(&key) else {
            match (computed, sum.initial) {
                (Computed::Value { value, cas, expiry, created: true }, Some(initial)) => {
                    assert_eq!((value, expiry), initial);
                    let store = Store { expiry, ..Store::default() };
                    self.store(key, value.to_string().as_bytes(), &store, cas);
                }
                (Computed::OutOfMemory, Some(_)) => assert!(self.tight),
                (computed, initial) => assert!(computed == Computed::NotFound && initial.is_none()),
            }
            return;
        };
        let text = String::from_utf8_lossy(&item.value).into_owned();
        let number = text.split(' ').next().and_then(|text| text.parse::<u64>().ok());
        let around = 24 + 4 + name.len() + if item.flags == 0 { 0 } else { 4 };
        if item.value.is_empty() || around + item.value.len() > 16_384 {
            return assert_eq!(computed, Computed::NonNumeric);
        }
        if sum.compare.is_some_and(|compare| compare != item.cas) {
            return assert_eq!(computed, Computed::Exists);
        }
        let Some(number) = number else { return assert_eq!(computed, Computed::NonNumeric) };
        let expected = match sum.direction {
            Direction::Increment => number.wrapping_add(sum.delta),
            Direction::Decrement => number.saturating_sub(sum.delta),
        };
        let Computed::Value { value, cas, expiry, created: false } = computed else {
            return assert!(self.tight && computed == Computed::OutOfMemory);
        };
        assert_eq!((value, expiry), (expected, item.expiry));
        let digits = expected.to_string();
        if digits.len() > item.value.len() {
            (item.stale, item.token_sent, item.fetched) = (false, false, false);
        }
        item.value = format!("{digits:<0$}", item.value.len()).into_bytes();
        (item.cas, item.accessed) = (cas, self.now);
        item.expiry = sum.touch.unwrap_or(item.expiry);
    }
}

fn run(commands: &[Command], tight: bool) {
    let mut world = World::new(tight);
    for command in commands {
        world.run(command);
        world.check();
    }
    world.uploads.clear();
    world.pins.clear();
    world.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_roomy_cache_is_the_map(commands in proptest::collection::vec(commands(), 1..120)) {
        run(&commands, false);
    }

    #[test]
    fn a_tight_cache_only_forgets(commands in proptest::collection::vec(commands(), 1..200)) {
        run(&commands, true);
    }
}
