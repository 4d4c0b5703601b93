//! What all cores share, and what each has.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use spindle_core::Core;
use spindle_net::wire::http::DateLine;

use super::backends::Backends;
use crate::service::connections::Connections;
use crate::settings::decided::ProxySettings;

/// One service, shared by its cores.
pub struct ProxyService {
    pub settings: ProxySettings,
    /// Of clients.
    pub connections: Connections,
    /// Set once; conversations end when they would wait for their client.
    pub stopping: Arc<AtomicBool>,
    /// What a request without a Host is for.
    pub host: String,
}

impl ProxyService {
    pub fn new(settings: &ProxySettings) -> Arc<ProxyService> {
        Arc::new(ProxyService {
            connections: Connections::new(settings.connections_max),
            stopping: Arc::default(),
            host: settings.backends.first().map(ToString::to_string).unwrap_or_default(),
            settings: settings.clone(),
        })
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// How long a client may say or take nothing.
    pub fn idle_ns(&self) -> u64 {
        u64::from(self.settings.idle_timeout_seconds) * 1_000_000_000
    }

    /// How long a backend may say or take nothing.
    pub fn backend_ns(&self) -> u64 {
        u64::from(self.settings.backend_timeout_seconds) * 1_000_000_000
    }
}

/// The service on one core.
pub struct ProxyCore {
    pub service: Arc<ProxyService>,
    pub core: Core,
    pub backends: Backends,
    date: RefCell<DateLine>,
}

impl ProxyCore {
    pub fn new(core: &Core, service: &Arc<ProxyService>) -> Rc<ProxyCore> {
        Rc::new(ProxyCore {
            backends: Backends::new(core, &service.settings),
            service: Arc::clone(service),
            core: core.clone(),
            date: RefCell::default(),
        })
    }

    /// Does something with the Date field of now, terminator included.
    pub fn with_date<T>(&self, then: impl FnOnce(&str) -> T) -> T {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        then(self.date.borrow_mut().at(now))
    }
}
