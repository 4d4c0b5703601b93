//! What every request needs to know: the service, whose counters, and the second that it is.
#![forbid(unsafe_code)]

use spindle_core::{Core, Parcel};
use spindle_net::wire::memcached::Refusal;
use spindle_slab::{Expiry, Key, Outcome, Seconds};

use super::counters::ClientCounters;
use super::shared::CacheService;
use crate::service::value_sending::COPIED_BYTES_MAX;
use crate::settings::decided::Switch;

/// A parcel of this size is sent before more is added: what one client can hold of the core's memory, and what it can hold
/// when too many hold much.
const PARCEL_BYTES_MAX: usize = 128 * 1024;
const PARCEL_BYTES_LEAST: usize = 4 * 1024;

/// Whether a get may still wait for memory that others are being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Left,
    Over,
}

pub struct Session<'a> {
    pub patience: Patience,
    pub service: &'a CacheService,
    pub counters: &'a ClientCounters,
    pub now: Seconds,
}

impl<'a> Session<'a> {
    /// `index`: which core's counters.
    #[inline]
    pub fn new(service: &'a CacheService, index: u32, core: &Core, patience: Patience) -> Session<'a> {
        Session {
            patience,
            service,
            counters: &service.clients[index as usize],
            now: service.clock.seconds(core.now_ns()),
        }
    }

    #[inline]
    pub fn expiry(&self, exptime: i32) -> Expiry {
        self.service.clock.expiry(exptime, self.now)
    }

    #[inline]
    pub fn is_full(&self, parcel: &Parcel) -> bool {
        let bytes = parcel.len();
        bytes >= PARCEL_BYTES_MAX || bytes >= PARCEL_BYTES_LEAST && self.service.held.is_used_up()
    }

    #[inline]
    pub fn has_cas(&self) -> bool {
        self.service.settings.cas == Switch::On
    }

    /// Whether a get of this key would be refused now for want of memory to send its value from, and may wait instead.
    #[inline]
    pub fn must_wait_for(&self, key: &Key<'_>) -> bool {
        self.patience == Patience::Left && self.service.cache.lacks_memory_to_lend(key, COPIED_BYTES_MAX, self.now)
    }

    /// What a client is told whose value does not fit. A set that fails leaves no old value behind either, so that nobody
    /// reads what its writer believes to be replaced.
    pub fn refuse_value(&self, key: &Key<'_>, outcome: Outcome, replaces: bool) -> Refusal {
        if replaces {
            self.service.cache.delete(key, &Default::default(), self.now);
        }
        if outcome == Outcome::TooLarge {
            self.counters.store_too_large.add(1);
            Refusal::TooLarge
        } else {
            self.counters.store_no_memory.add(1);
            Refusal::OutOfMemoryStoring
        }
    }
}
