//! What all cores share, and what each has.
#![forbid(unsafe_code)]

use std::rc::Rc;
use std::sync::Arc;

use spindle_core::Core;

use super::backends::Backends;
use crate::service::http::clients::Clients;
use crate::service::http::date::Date;
use crate::settings::decided::ProxySettings;

/// One service, shared by its cores.
pub struct ProxyService {
    pub settings: ProxySettings,
    pub clients: Arc<Clients>,
    /// What a request without a Host is for.
    pub host: String,
}

impl ProxyService {
    pub fn new(settings: &ProxySettings) -> Arc<ProxyService> {
        Arc::new(ProxyService {
            clients: Clients::new(settings.connections_max, settings.idle_timeout_seconds),
            host: settings.backends.first().map(ToString::to_string).unwrap_or_default(),
            settings: settings.clone(),
        })
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
    pub date: Date,
}

impl ProxyCore {
    pub fn new(core: &Core, service: &Arc<ProxyService>) -> Rc<ProxyCore> {
        Rc::new(ProxyCore {
            backends: Backends::new(core, &service.settings),
            service: Arc::clone(service),
            core: core.clone(),
            date: Date::default(),
        })
    }
}
