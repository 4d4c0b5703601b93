//! get, gat, touch and the meta get, each one access under one lock.
#![forbid(unsafe_code)]

use crate::clock::{Expiry, Seconds};
use crate::item::{ItemRef, Mark, Shape};
use crate::key::Key;
use crate::shard::{Shard, Starved};
use crate::store::Birth;

/// Whether an access counts for the item: as a fetch, in its popularity and in its time of access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recency {
    #[default]
    Count,
    /// Leaves no trace (meta `u`).
    Ignore,
}

/// What an access does besides reading. The default is a classic `get`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetch {
    /// The new expiry (gat, meta `T`).
    pub touch: Option<Expiry>,
    /// On a miss make an empty item with this expiry, whose maker has won the right to fill it (meta `N`).
    pub vivify: Option<Expiry>,
    /// The one who asks wins if the item ends before this second and nobody has won yet (meta `R`).
    pub recache_before: Option<Seconds>,
    /// The id of an item made on a miss (meta `E`); none: the cache's next.
    pub cas: Option<u64>,
    pub recency: Recency,
}

/// The right to refresh a value, which one client at a time gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Nobody has it, and nobody needs it.
    Idle,
    /// This access won it (meta `W`).
    Won,
    /// An earlier one did (meta `Z`).
    Taken,
}

/// An item as an access found it, before its own effects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) item: ItemRef,
    pub(crate) expiry: Expiry,
    pub(crate) accessed: Seconds,
    pub(crate) fetched: bool,
    pub(crate) token: Token,
    /// Made by this access.
    pub(crate) created: bool,
}

impl Shard {
    /// Reads without any effect.
    pub(crate) fn look(&mut self, key: &Key<'_>, now: Seconds) -> Option<Seen> {
        let (_, item) = self.find(key, now)?;
        Some(self.seen(item))
    }

    #[inline]
    fn seen(&self, item: ItemRef) -> Seen {
        let header = self.slabs.heap.header(item);
        Seen {
            item,
            expiry: Expiry(header.expiry),
            accessed: header.accessed,
            fetched: header.meta.has(Mark::Fetched),
            token: if header.meta.has(Mark::TokenSent) { Token::Taken } else { Token::Idle },
            created: false,
        }
    }

    /// A classic get.
    #[inline]
    pub(crate) fn get(&mut self, key: &Key<'_>, now: Seconds) -> Option<Seen> {
        let (_, item) = self.find(key, now)?;
        let seen = self.seen(item);
        self.visit(item, now);
        Some(seen)
    }

    /// The rules of memcached's `process_mget_command`. Starves only while it makes an item.
    pub(crate) fn fetch(&mut self, key: &Key<'_>, fetch: &Fetch, now: Seconds) -> Result<Option<Seen>, Starved> {
        let (mut seen, mut won) = match (self.find(key, now), fetch.vivify) {
            (Some((_, item)), _) => (self.seen(item), false),
            (None, None) => return Ok(None),
            (None, Some(expiry)) => (Seen { created: true, ..self.vivify(key, expiry, fetch.cas, now)? }, true),
        };
        let header = self.slabs.heap.header_mut(seen.item);
        if seen.token == Token::Idle {
            let ends_soon = fetch.recache_before.is_some_and(|before| header.expiry != 0 && header.expiry < before);
            won |= ends_soon || header.meta.has(Mark::Stale);
        }
        if let Some(expiry) = fetch.touch {
            header.expiry = expiry.0;
        }
        if won {
            header.meta = header.meta.with(Mark::TokenSent, true);
            seen.token = Token::Won;
        }
        if fetch.recency == Recency::Count {
            self.visit(seen.item, now);
        }
        Ok(Some(seen))
    }

    fn vivify(&mut self, key: &Key<'_>, expiry: Expiry, cas: Option<u64>, now: Seconds) -> Result<Seen, Starved> {
        self.work(now);
        let shape = Shape { key: key.bytes, form: key.form, flags: 0, len: 0 };
        let birth = Birth { cas: self.new_cas(cas), expiry, stale: false, token_sent: false };
        let item = self.put(key.hash, None, &shape, &[], birth, now)?;
        Ok(self.seen(item))
    }

    /// Gives the key's item a new expiry; counts as a fetch, as there.
    pub(crate) fn touch(&mut self, key: &Key<'_>, expiry: Expiry, now: Seconds) -> bool {
        let Some((_, item)) = self.find(key, now) else { return false };
        self.slabs.heap.header_mut(item).expiry = expiry.0;
        self.visit(item, now);
        true
    }
}
