//! Looking ahead: in a pipeline the index lines and the items of the next requests are asked for before the first of them
//! is served, so that the processor waits for memory once for many instead of once for each.
//!
//! docs/decisions/004-one-request-at-a-time.md has the figures. Asking for index lines one batch earlier than for items
//! was no better.
#![forbid(unsafe_code)]

use spindle_net::wire::memcached::{Limits, Parsed, Request, data_block, parse};
use spindle_slab::{Cache, Key};

/// Keys looked at in one go: as many as a processor has misses in flight, and few enough that nothing asked for is gone
/// again before it is used.
pub const KEYS_AHEAD: usize = 16;

/// Asks for what these keys, [`KEYS_AHEAD`] at most, will touch. Changes nothing but the processor's caches.
#[inline]
pub fn look_ahead<'a>(cache: &Cache, keys: impl Iterator<Item = &'a [u8]>) {
    let mut wanted: [Option<Key<'_>>; KEYS_AHEAD] = [None; KEYS_AHEAD];
    for (wanted, key) in wanted.iter_mut().zip(keys) {
        let key = cache.key(key);
        cache.prefetch(&key);
        *wanted = Some(key);
    }
    wanted.iter().map_while(Option::as_ref).for_each(|key| cache.prefetch_item(key));
}

/// The first keys of the requests at the front of `input`, as far as looking at them is worth it.
pub struct RequestKeys<'a> {
    pub input: &'a [u8],
    pub limits: &'a Limits,
}

impl<'a> Iterator for RequestKeys<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (key, bytes) = first_key(self.input, self.limits)?;
        self.input = self.input.get(bytes..).unwrap_or_default();
        Some(key)
    }
}

/// The first key of the request at the front of `input` and the length of the whole request; `None` at the end, and where
/// looking further is not worth it.
fn first_key<'a>(input: &'a [u8], limits: &Limits) -> Option<(&'a [u8], usize)> {
    let Parsed::Request { request, consumed } = parse(input, limits) else { return None };
    let block_bytes = request.data_bytes().map_or(0, |data_bytes| data_block::bytes(data_bytes) as usize);
    let key = match request {
        Request::Get(mut get) => get.keys.next()?,
        Request::Store(store) => store.key,
        Request::Delete(delete) => delete.key,
        Request::Arithmetic(arithmetic) => arithmetic.key,
        Request::MetaGet(get) => get.key.text(),
        Request::MetaSet(set) => set.key.text(),
        _ => return None,
    };
    Some((key, consumed + block_bytes))
}
