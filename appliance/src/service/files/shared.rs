//! What all cores share, and what each has.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use spindle_core::Core;
use spindle_disk::files::{SWEEP_NS, VALID_NS};
use spindle_disk::upload::Promise;
use spindle_disk::{Changes, Files, Root};

use crate::service::http::clients::Clients;
use crate::service::http::date::Date;
use crate::settings::decided::{self, FilesSettings};

/// One service, shared by its cores.
pub struct FilesService {
    pub settings: FilesSettings,
    pub changes: Changes,
    pub clients: Arc<Clients>,
}

impl FilesService {
    pub fn new(settings: &FilesSettings) -> Arc<FilesService> {
        Arc::new(FilesService {
            changes: Changes::default(),
            clients: Clients::new(settings.connections_max, settings.idle_timeout_seconds),
            settings: settings.clone(),
        })
    }

    pub fn promise(&self) -> Promise {
        match self.settings.promise {
            decided::Promise::Written => Promise::Written,
            decided::Promise::Durable => Promise::Durable,
        }
    }
}

/// The service on one core.
pub struct FilesCore {
    pub service: Arc<FilesService>,
    pub core: Core,
    pub root: Root,
    pub files: Files,
    pub date: Date,
    silent_until_ns: Cell<u64>,
}

const COMPLAINT_PAUSE_NS: u64 = 1_000_000_000;

impl FilesCore {
    pub fn new(core: &Core, service: &Arc<FilesService>, root: Root) -> Rc<FilesCore> {
        Rc::new(FilesCore {
            files: Files::new(service.changes.clone(), service.settings.open_files_max as usize),
            service: Arc::clone(service),
            core: core.clone(),
            root,
            date: Date::default(),
            silent_until_ns: Cell::default(),
        })
    }

    /// Lets go of files that are kept open and not trusted any more, for ever.
    pub async fn sweep(self: Rc<Self>) {
        loop {
            self.files.sweep(self.core.now_ns());
            let pause_ns = if self.files.kept() == 0 { VALID_NS } else { SWEEP_NS };
            self.core.sleep_until(self.core.now_ns() + pause_ns).await;
        }
    }

    /// Whether a line may be written about something that may happen thousands of times a second: one in a second.
    pub fn may_complain(&self) -> bool {
        let may = self.core.now_ns() >= self.silent_until_ns.get();
        if may {
            self.silent_until_ns.set(self.core.now_ns() + COMPLAINT_PAUSE_NS);
        }
        may
    }
}
