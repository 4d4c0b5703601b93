//! The meta protocol's requests, joined to the cache.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_net::wire::memcached::Refusal;
use spindle_net::wire::memcached::arithmetic::Direction;
use spindle_net::wire::memcached::flags::Flag;
use spindle_net::wire::memcached::key::{KeyEncoding, MetaKey};
use spindle_net::wire::memcached::ma::{self, MetaArithmetic, MetaNumber};
use spindle_net::wire::memcached::md::{self, MetaDelete};
use spindle_net::wire::memcached::me::{self, DebugFacts, MetaDebug};
use spindle_net::wire::memcached::mg::{self, Marks, MetaGet, MetaItem, Ttl};
use spindle_net::wire::memcached::ms::{self, MetaSet, MetaStatus, SetMode};
use spindle_slab as slab;
use spindle_slab::{Computed, DeleteMode, Deleted, Expiry, Hit, Key, KeyForm, Outcome, Outdated, Stored, Token};

use super::session::Session;
use crate::service::value_sending::Leaving;

/// A key as the cache knows it. The slab remembers how the key came, so that answers can show it the same way.
pub fn key<'a>(session: &Session<'_>, meta: &MetaKey<'a>, scratch: &'a mut [u8; 250]) -> Key<'a> {
    let mut key = session.service.cache.key(meta.bytes(scratch));
    key.form = match meta.encoding() {
        KeyEncoding::Plain => KeyForm::Text,
        KeyEncoding::Base64 => KeyForm::Binary,
    };
    key
}

fn encoding(form: KeyForm) -> KeyEncoding {
    match form {
        KeyForm::Text => KeyEncoding::Plain,
        KeyForm::Binary => KeyEncoding::Base64,
    }
}

/// Answers an `mg`; false, and nothing is done, when its value has to wait until others have been sent theirs.
pub fn get(session: &Session<'_>, request: &MetaGet<'_>, parcel: &mut Parcel) -> bool {
    let (service, flags, now) = (session.service, &request.flags, session.now);
    let fetch = slab::Fetch {
        touch: flags.exptime(Flag::Ttl).map(|exptime| session.expiry(exptime)),
        vivify: flags.exptime(Flag::Vivify).map(|exptime| session.expiry(exptime)),
        recache_before: flags.exptime(Flag::Recache).and_then(|exptime| session.expiry(exptime).seconds()),
        cas: flags.number(Flag::NewCas),
        recency: if flags.has(Flag::NoBump) { slab::Recency::Ignore } else { slab::Recency::Count },
    };
    let mut scratch = [0; 250];
    let key = key(session, &request.key, &mut scratch);
    if flags.has(Flag::ReturnValue) && session.must_wait_for(&key) {
        return false;
    }
    let created = std::cell::Cell::new(false);
    let found = service.cache.fetch(&key, &fetch, now, |mut hit| {
        let item = meta_item(session, &hit);
        created.set(item.ttl.created);
        if !request.wants_value(item.cas) {
            return mg::write_hit(&mut parcel.bytes, request, &item);
        }
        let Some(leaving) = Leaving::prepare(&mut hit, &service.held) else {
            return parcel.bytes.extend_from_slice(Refusal::OutOfMemoryWritingGet.line());
        };
        mg::write_hit(&mut parcel.bytes, request, &item);
        leaving.append(&hit, parcel);
        parcel.bytes.extend_from_slice(b"\r\n");
    });
    let counters = session.counters;
    counters.cmd_get.add(1);
    counters.cmd_meta.add(1);
    if flags.has(Flag::Ttl) {
        counters.cmd_touch.add(1);
        if found.is_some() { counters.touch_hits.add(1) } else { counters.touch_misses.add(1) }
    }
    match found {
        Some(()) if !created.get() => counters.get_hits.add(1),
        Some(()) => counters.get_misses.add(1),
        None => {
            counters.get_misses.add(1);
            mg::write_miss(&mut parcel.bytes, request);
        }
    }
    true
}

/// The facts of an item as this access found it.
fn meta_item(session: &Session<'_>, hit: &Hit<'_>) -> MetaItem {
    let (clock, now) = (&session.service.clock, session.now);
    let created = hit.created;
    MetaItem {
        value_bytes: hit.len as u32,
        client_flags: hit.flags,
        cas: if session.has_cas() { hit.cas } else { 0 },
        ttl: Ttl {
            before_secs: if created { None } else { clock.ttl(hit.expiry, now) },
            after_secs: clock.ttl(hit.expiry_now(), now),
            created,
        },
        last_access_secs: now.saturating_sub(hit.accessed),
        fetched: hit.fetched,
        key_encoding: encoding(hit.key_form),
        marks: Marks { token_sent: hit.token == Token::Taken, stale: hit.stale, won: hit.token == Token::Won },
    }
}

/// What the slab is to do for an `ms`.
pub fn how(session: &Session<'_>, request: &MetaSet<'_>) -> slab::Store {
    let flags = &request.flags;
    slab::Store {
        mode: match request.mode {
            SetMode::Set => slab::StoreMode::Set,
            SetMode::Add => slab::StoreMode::Add,
            SetMode::Replace => slab::StoreMode::Replace,
            SetMode::Append => slab::StoreMode::Append,
            SetMode::Prepend => slab::StoreMode::Prepend,
        },
        flags: flags.client_flags(),
        expiry: flags.exptime(Flag::Ttl).map_or(Expiry::NEVER, |exptime| session.expiry(exptime)),
        compare: flags.number(Flag::CompareCas),
        cas: flags.number(Flag::NewCas),
        outdated: if flags.has(Flag::Invalidate) { Outdated::StoreStale } else { Outdated::Refuse },
        vivify: flags.exptime(Flag::Vivify).map(|exptime| session.expiry(exptime)),
    }
}

/// Stores a value that is at hand, and answers.
pub fn set(session: &Session<'_>, request: &MetaSet<'_>, value: &[u8], parcel: &mut Parcel) {
    let mut scratch = [0; 250];
    let key = key(session, &request.key, &mut scratch);
    let stored = session.service.cache.store(&key, value, &how(session, request), session.now);
    answer_set(session, &key, request, stored, parcel);
}

/// Counts an `ms` and answers it.
pub fn answer_set(session: &Session<'_>, key: &Key<'_>, request: &MetaSet<'_>, stored: Stored, parcel: &mut Parcel) {
    session.counters.cmd_set.add(1);
    session.counters.cmd_meta.add(1);
    let status = match stored.outcome {
        Outcome::Stored => MetaStatus::Hd,
        Outcome::NotStored => MetaStatus::Ns,
        Outcome::Exists => MetaStatus::Ex,
        Outcome::NotFound => MetaStatus::Nf,
        Outcome::TooLarge | Outcome::OutOfMemory => {
            let replaces = request.mode == SetMode::Set;
            let refusal = session.refuse_value(key, stored.outcome, replaces);
            return parcel.bytes.extend_from_slice(refusal.line());
        }
    };
    let cas = if session.has_cas() { stored.cas } else { 0 };
    let bytes = if status == MetaStatus::Hd { stored.bytes as u32 } else { request.data_bytes };
    ms::write_reply(&mut parcel.bytes, request, status, cas, bytes);
}

pub fn delete(session: &Session<'_>, request: &MetaDelete<'_>, parcel: &mut Parcel) {
    let flags = &request.flags;
    let ttl = flags.exptime(Flag::Ttl).map(|exptime| session.expiry(exptime));
    let stale = flags.has(Flag::Invalidate);
    let mode = if flags.has(Flag::RemoveValue) {
        DeleteMode::Empty { expiry: ttl.unwrap_or(Expiry::NEVER), stale }
    } else if stale {
        DeleteMode::MarkStale { expiry: ttl }
    } else {
        DeleteMode::Remove
    };
    let delete = slab::Delete { compare: flags.number(Flag::CompareCas), cas: flags.number(Flag::NewCas), mode };
    let mut scratch = [0; 250];
    let key = key(session, &request.key, &mut scratch);
    let counters = session.counters;
    counters.cmd_meta.add(1);
    let status = match session.service.cache.delete(&key, &delete, session.now) {
        Deleted::Deleted => {
            counters.delete_hits.add(1);
            MetaStatus::Hd
        }
        Deleted::Exists => MetaStatus::Ex,
        Deleted::NotFound => {
            counters.delete_misses.add(1);
            MetaStatus::Nf
        }
        Deleted::OutOfMemory => MetaStatus::Ns,
    };
    md::write_reply(&mut parcel.bytes, request, status);
}

pub fn arithmetic(session: &Session<'_>, request: &MetaArithmetic<'_>, parcel: &mut Parcel) {
    let (flags, counters, clock, now) = (&request.flags, session.counters, &session.service.clock, session.now);
    let (direction, hits, misses) = match request.direction {
        Direction::Up => (slab::Direction::Increment, &counters.incr_hits, &counters.incr_misses),
        Direction::Down => (slab::Direction::Decrement, &counters.decr_hits, &counters.decr_misses),
    };
    let vivify = flags.exptime(Flag::Vivify).map(|exptime| (request.initial, session.expiry(exptime)));
    let sum = slab::Arithmetic {
        direction,
        delta: request.delta,
        compare: flags.number(Flag::CompareCas),
        cas: flags.number(Flag::NewCas),
        initial: vivify,
        touch: flags.exptime(Flag::Ttl).map(|exptime| session.expiry(exptime)),
    };
    let mut scratch = [0; 250];
    let key = key(session, &request.key, &mut scratch);
    counters.cmd_meta.add(1);
    let failed = match session.service.cache.arithmetic(&key, &sum, now) {
        Computed::Value { value, cas, expiry, created } => {
            if created {
                misses.add(1)
            } else {
                hits.add(1)
            }
            let before_secs = if created { None } else { clock.ttl(expiry, now) };
            let after = if created { expiry } else { sum.touch.unwrap_or(expiry) };
            let ttl = Ttl { before_secs, after_secs: clock.ttl(after, now), created };
            let cas = if session.has_cas() { cas } else { 0 };
            return ma::write_number(&mut parcel.bytes, request, &MetaNumber { value, cas, ttl });
        }
        Computed::NotFound => {
            misses.add(1);
            MetaStatus::Nf
        }
        Computed::Exists => MetaStatus::Ex,
        Computed::NonNumeric => return parcel.bytes.extend_from_slice(Refusal::NonNumericValue.line()),
        Computed::OutOfMemory => return parcel.bytes.extend_from_slice(Refusal::OutOfMemory.line()),
    };
    ma::write_failure(&mut parcel.bytes, request, failed);
}

pub fn debug(session: &Session<'_>, request: &MetaDebug<'_>, parcel: &mut Parcel) {
    let (clock, now) = (&session.service.clock, session.now);
    let mut scratch = [0; 250];
    let key = key(session, &request.key, &mut scratch);
    session.counters.cmd_meta.add(1);
    let found = session.service.cache.peek(&key, now, |hit| {
        let facts = DebugFacts {
            ttl_secs: clock.ttl(hit.expiry, now),
            last_access_secs: u64::from(now.saturating_sub(hit.accessed)),
            cas: if session.has_cas() { hit.cas } else { 0 },
            fetched: hit.fetched,
            class: hit.class() as u32 + 1,
            item_bytes: hit.item_bytes() as u64,
            key_encoding: encoding(hit.key_form),
        };
        me::write_facts(&mut parcel.bytes, request, &facts);
    });
    if found.is_none() {
        parcel.bytes.extend_from_slice(me::MISS);
    }
}
