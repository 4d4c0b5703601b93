//! Values received straight into the memory that they will be served from.
#![forbid(unsafe_code)]

use crate::arena::{Lent, PAGE_BYTES};
use crate::cache::{Borrower, Cache};
use crate::clock::Seconds;
use crate::draft::Draft;
use crate::item::{ItemRef, KeyForm, Shape};
use crate::key::{KEY_BYTES_MAX, Key, shard_of};
use crate::shard::Shard;
use crate::store::{Outcome, Source, Store, Stored};

/// Why no upload can start or go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Beyond the item limit, or the key is too long. The old item is still there: memcached deletes it for `set`.
    TooLarge,
    /// Nothing can be evicted, or too much memory is lent to pins and uploads already.
    OutOfMemory,
}

/// What it means to an upload's operation that memory is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// Its end, which is counted.
    Refuses,
    /// It has another way to go.
    Diverts,
}

/// A value on its way in: announced, partly received, not yet seen by anybody. Memory is taken as it is filled, so an
/// announced length alone holds none. Dropping it returns all of it. Like a `Pin` it must not be dropped, filled or
/// committed inside a closure that the cache runs.
pub struct Upload {
    cache: Cache,
    key: [u8; KEY_BYTES_MAX],
    key_len: u8,
    form: KeyForm,
    hash: u64,
    store: Store,
    len: usize,
    filled: usize,
    draft: Option<Draft>,
    room: Option<Lent>,
    lent_bytes: usize,
    shortage: Shortage,
}

impl Upload {
    pub(crate) fn new(cache: &Cache, key: &Key<'_>, len: usize, store: &Store, shortage: Shortage) -> Upload {
        let mut bytes = [0; KEY_BYTES_MAX];
        bytes[..key.bytes.len()].copy_from_slice(key.bytes);
        Upload {
            cache: cache.clone(),
            key: bytes,
            key_len: key.bytes.len() as u8,
            form: key.form,
            hash: key.hash,
            store: *store,
            len,
            filled: 0,
            draft: None,
            room: None,
            lent_bytes: 0,
            shortage,
        }
    }

    /// Bytes still to come.
    pub fn remaining(&self) -> usize {
        self.len - self.filled
    }

    /// The next memory to fill, in one piece; empty only when the value is complete. The address stays good, and the
    /// bytes stay the upload's, until they are reported as `filled`.
    pub fn piece(&mut self, now: Seconds) -> Result<&mut [u8], Refusal> {
        if self.remaining() > 0 && self.room.as_ref().is_none_or(|room| room.len == 0) {
            self.extend(now)?;
        }
        Ok(self.room.as_mut().map_or(&mut [], |room| room.bytes_mut()))
    }

    /// The first `len` bytes of the last `piece` are in place.
    ///
    /// # Panics
    /// If the piece is shorter: a fault of the caller's own.
    pub fn filled(&mut self, len: usize) {
        let Some(room) = &mut self.room else { return assert!(len == 0, "filled before any piece was taken") };
        room.advance(len);
        self.filled += len;
        if let Some(draft) = &mut self.draft {
            draft.advance(len);
        }
    }

    /// Copies bytes in; more than `remaining` are left over, and their number is returned.
    pub fn write(&mut self, mut bytes: &[u8], now: Seconds) -> Result<usize, Refusal> {
        while !bytes.is_empty() {
            let piece = self.piece(now)?;
            if piece.is_empty() {
                break;
            }
            let len = piece.len().min(bytes.len());
            piece[..len].copy_from_slice(&bytes[..len]);
            self.filled(len);
            bytes = &bytes[len..];
        }
        Ok(bytes.len())
    }

    /// Stores the complete value by the rules given at `Cache::reserve`.
    ///
    /// # Panics
    /// If bytes are still to come: a fault of the caller's own.
    pub fn commit(mut self, now: Seconds) -> Stored {
        assert!(self.remaining() == 0, "a value was committed before it was complete");
        if self.draft.is_none() && self.extend(now).is_err() {
            return Stored::refused(Outcome::OutOfMemory);
        }
        let store = self.store;
        let stored = self.link(|cache, key, head| Some(cache.store_source(key, Source::Draft(head), &store, now)));
        stored.unwrap_or(Stored::refused(Outcome::OutOfMemory))
    }

    /// Lends the complete draft to `link`, whose it is once it is stored.
    pub(crate) fn link(mut self, link: impl FnOnce(&Cache, &Key<'_>, ItemRef) -> Option<Stored>) -> Option<Stored> {
        let draft = self.draft?;
        let key = Key { bytes: &self.key[..self.key_len as usize], form: self.form, hash: self.hash };
        let stored = link(&self.cache, &key, draft.head)?;
        if stored.outcome == Outcome::Stored {
            self.draft = None;
        }
        Some(stored)
    }

    /// Takes the head, or the next piece.
    fn extend(&mut self, now: Seconds) -> Result<(), Refusal> {
        let key = Key { bytes: &self.key[..self.key_len as usize], form: self.form, hash: self.hash };
        let shape = Shape { key: key.bytes, form: key.form, flags: self.store.flags, len: self.len };
        let wanted = self.draft.map_or(self.len, |draft| draft.unplaced).min(PAGE_BYTES);
        if !self.cache.lend(wanted, Borrower::Writer) {
            return Err(Refusal::OutOfMemory);
        }
        self.lent_bytes += wanted;
        let mut draft = self.draft;
        let take = |shard: &mut Shard| {
            shard.work(now);
            let mut filling = match draft {
                Some(draft) => draft,
                None => shard.draft(&shape, now)?,
            };
            // Kept if the next step starves: another try goes on from here.
            draft = Some(filling);
            let room = shard.room(&mut filling, now);
            draft = Some(filling);
            room
        };
        let room = match self.shortage {
            Shortage::Refuses => self.cache.with_pages(self.hash, now, take),
            Shortage::Diverts => self.cache.seek_pages(self.hash, now, take),
        };
        self.draft = draft;
        let room = room.map_err(|_| Refusal::OutOfMemory)?;
        self.room = Some(Lent::new(self.cache.arena().clone(), room.at, room.len));
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(draft) = self.draft {
            self.cache.shard(shard_of(self.hash, self.cache.shards())).discard(draft.head);
        }
        self.cache.unlend(self.lent_bytes);
    }
}
