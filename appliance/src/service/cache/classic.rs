//! The classic protocol's requests, joined to the cache: one function a family, each ends in the exact reply.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_net::wire::memcached::arithmetic::{Arithmetic, Direction, NOT_FOUND, write_number};
use spindle_net::wire::memcached::delete::{Delete, DeleteReply};
use spindle_net::wire::memcached::get::{CasColumn, END, Get, Keys, write_value_head};
use spindle_net::wire::memcached::store::{Store, StoreReply, StoreVerb};
use spindle_net::wire::memcached::touch::{Touch, TouchReply};
use spindle_net::wire::memcached::{Answer, Refusal};
use spindle_slab as slab;
use spindle_slab::{Computed, Deleted, Hit, Key, Outcome, Stored};

use super::ahead::{KEYS_AHEAD, look_ahead};
use super::session::Session;
use crate::service::value_sending::Leaving;

/// How far a multiget came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Done,
    /// The parcel is full: send it, and go on.
    Full(BegunGet),
    /// It had its share of the turn: others first.
    Turn(BegunGet),
    /// The next value is large, and so much is being sent to others that it has to wait.
    Starved(BegunGet),
}

/// A multiget, a part of which is answered. Its line is still at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BegunGet {
    cas: CasColumn,
    exptime: Option<i32>,
    /// Where in the line the next key is.
    next_key_at: usize,
    /// Terminator included.
    pub line_bytes: usize,
}

/// Keys of one line that are answered in one go.
const KEYS_PER_TURN: usize = 512;

/// Answers a `get`, `gets`, `gat` or `gats`, whose line is the first `line_bytes` of `input`.
#[inline]
pub fn get(session: &Session<'_>, get: &Get<'_>, input: &[u8], line_bytes: usize, parcel: &mut Parcel) -> Progress {
    let mut keys = get.keys;
    let mut done = 0;
    while let Some(bytes) = keys.next() {
        let begun = || {
            let next_key_at = bytes.as_ptr() as usize - input.as_ptr() as usize;
            BegunGet { cas: get.cas, exptime: get.exptime, next_key_at, line_bytes }
        };
        if session.is_full(parcel) {
            return Progress::Full(begun());
        }
        if done == KEYS_PER_TURN {
            return Progress::Turn(begun());
        }
        if done % KEYS_AHEAD == 1 {
            look_ahead(&session.service.cache, keys.take(KEYS_AHEAD));
        }
        let key = session.service.cache.key(bytes);
        if session.must_wait_for(&key) {
            return Progress::Starved(begun());
        }
        if get_one(session, get, &key, parcel) == Found::NoMemory {
            parcel.bytes.extend_from_slice(Refusal::OutOfMemoryWritingGet.line());
            return Progress::Done;
        }
        done += 1;
    }
    parcel.bytes.extend_from_slice(END);
    Progress::Done
}

/// Answers more of a multiget that is begun.
pub fn go_on(session: &Session<'_>, begun: &BegunGet, input: &[u8], parcel: &mut Parcel) -> Progress {
    let keys = &input[begun.next_key_at..begun.line_bytes];
    let keys = keys.strip_suffix(b"\n").unwrap_or(keys);
    let keys = keys.strip_suffix(b"\r").unwrap_or(keys);
    let rest = Get { keys: Keys::of(keys), cas: begun.cas, exptime: begun.exptime };
    get(session, &rest, input, begun.line_bytes, parcel)
}

/// What came of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Hit,
    Miss,
    /// It is there, and too many readers keep the memory that it would be sent from: the command ends here.
    NoMemory,
}

#[inline]
fn get_one(session: &Session<'_>, get: &Get<'_>, key: &Key<'_>, parcel: &mut Parcel) -> Found {
    let (cache, counters) = (&session.service.cache, session.counters);
    let show_cas = get.cas == CasColumn::Shown;
    let write = |mut hit: Hit<'_>| {
        let Some(leaving) = Leaving::prepare(&mut hit, &session.service.held) else { return Found::NoMemory };
        let cas = show_cas.then_some(if session.has_cas() { hit.cas } else { 0 });
        write_value_head(&mut parcel.bytes, key.bytes, hit.flags, hit.len as u32, cas);
        leaving.append(&hit, parcel);
        parcel.bytes.extend_from_slice(b"\r\n");
        Found::Hit
    };
    let found = match get.exptime {
        None => cache.get(key, session.now, write),
        Some(exptime) => {
            let touch = Some(session.expiry(exptime));
            let found = cache.fetch(key, &slab::Fetch { touch, ..Default::default() }, session.now, write);
            counters.cmd_touch.add(1);
            if found.is_some() {
                counters.touch_hits.add(1)
            } else {
                counters.touch_misses.add(1)
            }
            found
        }
    };
    counters.cmd_get.add(1);
    if found.is_some() {
        counters.get_hits.add(1)
    } else {
        counters.get_misses.add(1)
    }
    found.unwrap_or(Found::Miss)
}

/// What the slab is to do for a store of the classic protocol.
pub fn how(session: &Session<'_>, store: &Store<'_>) -> slab::Store {
    let (mode, compare) = match store.verb {
        StoreVerb::Set => (slab::StoreMode::Set, None),
        StoreVerb::Add => (slab::StoreMode::Add, None),
        StoreVerb::Replace => (slab::StoreMode::Replace, None),
        StoreVerb::Append => (slab::StoreMode::Append, None),
        StoreVerb::Prepend => (slab::StoreMode::Prepend, None),
        StoreVerb::Cas(cas) => (slab::StoreMode::Set, Some(cas)),
    };
    slab::Store { mode, flags: store.flags, expiry: session.expiry(store.exptime), compare, ..Default::default() }
}

/// Stores a value that is at hand, and answers.
#[inline]
pub fn store(session: &Session<'_>, store: &Store<'_>, value: &[u8], parcel: &mut Parcel) {
    let key = session.service.cache.key(store.key);
    let stored = session.service.cache.store(&key, value, &how(session, store), session.now);
    answer_store(session, &key, store, stored, parcel);
}

/// Counts a store and answers it.
#[inline]
pub fn answer_store(session: &Session<'_>, key: &Key<'_>, store: &Store<'_>, stored: Stored, parcel: &mut Parcel) {
    session.counters.cmd_set.add(1);
    let line = match stored.outcome {
        Outcome::Stored => StoreReply::Stored.line(),
        Outcome::NotStored => StoreReply::NotStored.line(),
        Outcome::Exists => StoreReply::Exists.line(),
        Outcome::NotFound => StoreReply::NotFound.line(),
        Outcome::TooLarge | Outcome::OutOfMemory => {
            let replaces = matches!(store.verb, StoreVerb::Set);
            session.refuse_value(key, stored.outcome, replaces).line()
        }
    };
    if let StoreVerb::Cas(_) = store.verb {
        match stored.outcome {
            Outcome::Stored => session.counters.cas_hits.add(1),
            Outcome::Exists => session.counters.cas_badval.add(1),
            Outcome::NotFound => session.counters.cas_misses.add(1),
            _ => {}
        }
    }
    reply(parcel, store.answer, line);
}

pub fn delete(session: &Session<'_>, delete: &Delete<'_>, parcel: &mut Parcel) {
    let key = session.service.cache.key(delete.key);
    let line = match session.service.cache.delete(&key, &slab::Delete::default(), session.now) {
        Deleted::Deleted => {
            session.counters.delete_hits.add(1);
            DeleteReply::Deleted.line()
        }
        Deleted::NotFound | Deleted::Exists | Deleted::OutOfMemory => {
            session.counters.delete_misses.add(1);
            DeleteReply::NotFound.line()
        }
    };
    reply(parcel, delete.answer, line);
}

pub fn arithmetic(session: &Session<'_>, request: &Arithmetic<'_>, parcel: &mut Parcel) {
    let counters = session.counters;
    let (direction, hits, misses) = match request.direction {
        Direction::Up => (slab::Direction::Increment, &counters.incr_hits, &counters.incr_misses),
        Direction::Down => (slab::Direction::Decrement, &counters.decr_hits, &counters.decr_misses),
    };
    let sum = slab::Arithmetic { direction, delta: request.delta, ..Default::default() };
    let key = session.service.cache.key(request.key);
    match session.service.cache.arithmetic(&key, &sum, session.now) {
        Computed::Value { value, .. } => {
            hits.add(1);
            if request.answer == Answer::Wanted {
                write_number(&mut parcel.bytes, value);
            }
        }
        Computed::NotFound | Computed::Exists => {
            misses.add(1);
            reply(parcel, request.answer, NOT_FOUND);
        }
        Computed::NonNumeric => reply(parcel, request.answer, Refusal::NonNumericValue.line()),
        Computed::OutOfMemory => reply(parcel, request.answer, Refusal::OutOfMemory.line()),
    }
}

pub fn touch(session: &Session<'_>, touch: &Touch<'_>, parcel: &mut Parcel) {
    let key = session.service.cache.key(touch.key);
    session.counters.cmd_touch.add(1);
    let line = if session.service.cache.touch(&key, session.expiry(touch.exptime), session.now) {
        session.counters.touch_hits.add(1);
        TouchReply::Touched.line()
    } else {
        session.counters.touch_misses.add(1);
        TouchReply::NotFound.line()
    };
    reply(parcel, touch.answer, line);
}

/// Appends a line that the client wants to see.
#[inline]
pub fn reply(parcel: &mut Parcel, answer: Answer, line: &[u8]) {
    if answer == Answer::Wanted {
        parcel.bytes.extend_from_slice(line);
    }
}
