//! What every request needs to know: the service, whose counters, the second that it is, and who wants to hear of it.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_net::connection::Connection;
use spindle_net::wire::memcached::Refusal;
use spindle_slab::{Expiry, Key, Outcome, Seconds};
use tracing::level_filters::LevelFilter;

use super::counters::ClientCounters;
use super::shared::CacheService;
use crate::service::value_sending::COPIED_BYTES_MAX;
use crate::settings::decided::Switch;

/// A parcel of this size is sent before more is added: what one client can hold of the core's memory, and what it can hold
/// when too many hold much.
const PARCEL_BYTES_MAX: usize = 128 * 1024;
const PARCEL_BYTES_LEAST: usize = 4 * 1024;

/// Of a request or a reply that is said.
const SAID_BYTES_MAX: usize = 300;

/// Whether a get may still wait for memory that others are being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Left,
    Over,
}

pub struct Session<'a> {
    /// The client's number, when every request of his is to be said (`-vv`).
    pub said_of: Option<i32>,
    pub patience: Patience,
    pub service: &'a CacheService,
    pub counters: &'a ClientCounters,
    pub now: Seconds,
}

impl<'a> Session<'a> {
    /// `index`: which core's counters.
    #[inline]
    pub fn new(service: &'a CacheService, index: u32, connection: &Connection, patience: Patience) -> Session<'a> {
        let aloud = LevelFilter::current() >= LevelFilter::DEBUG;
        Session {
            said_of: aloud.then(|| connection.socket().number()),
            patience,
            service,
            counters: &service.clients[index as usize],
            now: service.clock.seconds(connection.core().now_ns()),
        }
    }

    /// Says a request and its reply, the first line of each.
    #[cold]
    pub fn say(&self, client: i32, request: &[u8], reply: &[u8]) {
        let line = |bytes: &[u8]| {
            let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len()).min(SAID_BYTES_MAX);
            String::from_utf8_lossy(&bytes[..end]).trim_end().to_owned()
        };
        tracing::debug!(client, request = line(request), reply = line(reply));
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
