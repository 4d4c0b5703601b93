//! The listeners, opened while root may still be needed; and what the service does on each core.
#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use spindle_core::gate::Gate;
use spindle_core::{Core, Descriptor};

use super::conversation::Conversation;
use super::shared::{ProxyCore, ProxyService};
use crate::service::cores::Part;
use crate::service::http::clients::welcome;
use crate::service::listeners::{self, ListenError, Listeners};
use crate::settings::decided::ProxySettings;

/// Opens the listeners. Clients may connect from now on, and wait. Backends are not asked whether they are there.
///
/// # Errors
/// Nothing can be listened on.
pub fn open(settings: &ProxySettings) -> Result<Listeners, ListenError> {
    listeners::open(&settings.listen, settings.backlog, settings.cores)
}

/// The service's part for each of its cores.
pub fn parts(settings: &ProxySettings, opened: Listeners) -> Vec<Part> {
    let service = ProxyService::new(settings);
    opened.of_cores.into_iter().map(|listeners| part(&service, listeners)).collect()
}

fn part(service: &Arc<ProxyService>, listeners: Vec<OwnedFd>) -> Part {
    let serving = Arc::clone(service);
    let begin = Box::new(move |core: &Core, gate: &Gate| {
        let shared = ProxyCore::new(core, &serving);
        for listener in listeners {
            accept_on(&shared, gate, Rc::new(listener.into()));
        }
        core.spawn("backends", async move { shared.backends.sweep().await });
    });
    Part { begin, stopping: Arc::clone(&service.clients.stopping) }
}

/// Accepts on one listener, for ever. Also how a simulated service is started.
pub fn accept_on(shared: &Rc<ProxyCore>, gate: &Gate, listener: Rc<Descriptor>) {
    let talking = Rc::clone(shared);
    welcome(&shared.core, gate, listener, &shared.service.clients, move |client| Conversation::new(&talking, client));
}
