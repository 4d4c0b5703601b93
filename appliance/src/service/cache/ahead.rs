//! Looking ahead: in a pipeline the next requests are parsed, and their index lines and items asked for, before the first
//! of them is served, so that the processor waits for memory once for many instead of once for each.
//!
//! docs/decisions/004-one-request-at-a-time.md has the figures. Asking for index lines one batch earlier than for items
//! was no better, nor was a window that rolls from request to request.
#![forbid(unsafe_code)]

use spindle_net::wire::memcached::{Limits, Parsed, Request, data_block, parse};
use spindle_slab::{Ahead, Cache};

/// Keys looked at in one go: as many as a processor has misses in flight, and few enough that nothing asked for is gone
/// again before it is used.
pub const KEYS_AHEAD: usize = 16;

/// Asks for what these keys, [`KEYS_AHEAD`] at most, will touch. Changes nothing but the processor's caches.
#[inline]
pub fn look_ahead<'a>(cache: &Cache, keys: impl Iterator<Item = &'a [u8]>) {
    let mut asked: [Option<Ahead>; KEYS_AHEAD] = [None; KEYS_AHEAD];
    for (asked, key) in asked.iter_mut().zip(keys) {
        *asked = Some(cache.prefetch(key));
    }
    asked.iter().map_while(|asked| *asked).for_each(|ahead| cache.prefetch_item(ahead));
}

/// A pipeline's next requests, up to the first that is not whole or not obeyed.
pub struct Batch<'a> {
    parsed: [Parsed<'a>; KEYS_AHEAD],
    len: usize,
}

impl<'a> Batch<'a> {
    /// `first`, and the requests at the front of `input`, which follow it: `requests_max` in all.
    pub fn read(
        cache: &Cache,
        first: Parsed<'a>,
        mut input: &'a [u8],
        requests_max: usize,
        limits: &Limits,
    ) -> Batch<'a> {
        let mut batch = Batch { parsed: [const { Parsed::Incomplete }; KEYS_AHEAD], len: 1 };
        batch.parsed[0] = first;
        while batch.len < requests_max.min(KEYS_AHEAD) {
            let parsed = parse(input, limits);
            batch.parsed[batch.len] = parsed;
            batch.len += 1;
            match following(&parsed, input) {
                [] => break,
                rest => input = rest,
            }
        }
        look_ahead(cache, batch.requests().iter().filter_map(first_key));
        batch
    }

    #[inline]
    pub fn requests(&self) -> &[Parsed<'a>] {
        &self.parsed[..self.len]
    }
}

/// What follows a request and its data block; nothing after what is not a whole request.
#[inline]
pub fn following<'a>(parsed: &Parsed<'_>, input: &'a [u8]) -> &'a [u8] {
    let Parsed::Request { request, consumed } = parsed else { return &[] };
    let block_bytes = request.data_bytes().map_or(0, |data_bytes| data_block::bytes(data_bytes) as usize);
    input.get(consumed + block_bytes..).unwrap_or_default()
}

/// The first key of a request; `None` where looking further is not worth it.
#[inline]
pub fn first_key<'a>(parsed: &Parsed<'a>) -> Option<&'a [u8]> {
    let Parsed::Request { request, .. } = parsed else { return None };
    match request {
        Request::Get(get) => get.keys.clone().next(),
        Request::Store(store) => Some(store.key),
        Request::Delete(delete) => Some(delete.key),
        Request::Arithmetic(arithmetic) => Some(arithmetic.key),
        Request::MetaGet(get) => Some(get.key.text()),
        Request::MetaSet(set) => Some(set.key.text()),
        _ => None,
    }
}
