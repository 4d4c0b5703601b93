//! What all cores share.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use spindle_core::counters::CoreCounters;
use spindle_slab::{Cache, Eviction, HugePages, RESERVE_BYTES_MAX, Settings as SlabSettings, SettingsError};

use super::clock::CacheClock;
use super::counters::{ClientCounters, ClientTotals};
use crate::service::connections::Connections;
use crate::service::value_sending::HeldBudget;
use crate::settings::decided::{self, CacheSettings, Switch};

/// Address space for a memory limit that is raised later: virtual only.
const RESERVE_FACTOR: u64 = 8;

/// This part of the memory limit may be held beside the cache for clients who are slow: see [`HeldBudget`].
const HELD_SHARE: u64 = 16;

/// What the slab takes for its smallest chunk.
const CHUNK_BYTES_MIN: usize = 40;
const CHUNK_BYTES_MAX: usize = 4096;

/// One cache service, shared by its cores.
pub struct CacheService {
    pub cache: Cache,
    pub settings: CacheSettings,
    pub clock: CacheClock,
    /// One set per core.
    pub clients: Vec<ClientCounters>,
    pub engines: Vec<Arc<CoreCounters>>,
    pub connections: Connections,
    /// What clients make the service hold beside the cache.
    pub held: Arc<HeldBudget>,
    pub verbosity: AtomicU32,
    /// Set once; conversations end when they would wait for their client, at the latest when the patience for them is over.
    pub stopping: Arc<AtomicBool>,
    /// What had been counted at the last `stats reset`.
    base: Mutex<ClientTotals>,
}

impl CacheService {
    /// Makes the cache. `clock` starts now.
    pub fn new(settings: &CacheSettings, clock: CacheClock) -> Result<Arc<CacheService>, SettingsError> {
        let cores = usize::from(settings.cores);
        let memory_bytes = settings.memory_bytes;
        // Less than the memory itself only where that is refused below.
        let reserve_bytes = memory_bytes.saturating_mul(RESERVE_FACTOR).min(RESERVE_BYTES_MAX as u64);
        let cache = Cache::new(SlabSettings {
            memory_bytes: memory_bytes as usize,
            reserve_bytes: reserve_bytes as usize,
            item_bytes_max: settings.item_bytes_max as usize,
            threads: cores,
            growth_factor: settings.growth_factor,
            chunk_bytes_min: (settings.chunk_bytes_min as usize).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX),
            eviction: match settings.eviction {
                decided::Eviction::Evict => Eviction::Evict,
                decided::Eviction::Refuse => Eviction::Refuse,
            },
            huge_pages: match settings.huge_pages {
                Switch::On => HugePages::Advise,
                Switch::Off => HugePages::System,
            },
            ..SlabSettings::default()
        })?;
        let connections = Connections::new(settings.connections_max);
        Ok(Arc::new(CacheService {
            cache,
            clock,
            clients: (0..cores).map(|_| ClientCounters::default()).collect(),
            engines: (0..cores).map(|_| Arc::default()).collect(),
            connections,
            held: HeldBudget::new((memory_bytes / HELD_SHARE) as usize),
            verbosity: AtomicU32::new(settings.verbosity as u32),
            stopping: Arc::default(),
            base: Mutex::default(),
            settings: settings.clone(),
        }))
    }

    /// What clients did on all cores since the last reset.
    pub fn totals(&self) -> ClientTotals {
        self.sum().since(&self.base.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `stats reset`. Counters have one writer each, so they are not cleared: a base is remembered.
    pub fn reset(&self) {
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = self.sum();
        self.connections.total.store(0, Relaxed);
        self.connections.rejected.store(0, Relaxed);
        self.connections.stops.store(0, Relaxed);
        self.cache.reset_counters();
    }

    fn sum(&self) -> ClientTotals {
        let mut totals = ClientTotals::default();
        self.clients.iter().for_each(|counters| totals.add(counters));
        totals
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }
}
