//! What all cores share, and what each has.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use spindle_core::Core;
use spindle_disk::files::{SWEEP_NS, VALID_NS};
use spindle_disk::upload::Promise;
use spindle_disk::{Changes, Files, Root};
use spindle_net::wire::http::DateLine;

use crate::service::connections::Connections;
use crate::settings::decided::{self, FilesSettings};

/// One service, shared by its cores.
pub struct FilesService {
    pub settings: FilesSettings,
    pub changes: Changes,
    pub connections: Connections,
    /// Set once; conversations end when they would wait for their client.
    pub stopping: Arc<AtomicBool>,
}

impl FilesService {
    pub fn new(settings: &FilesSettings) -> Arc<FilesService> {
        Arc::new(FilesService {
            changes: Changes::default(),
            connections: Connections::new(settings.connections_max),
            stopping: Arc::default(),
            settings: settings.clone(),
        })
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    pub fn promise(&self) -> Promise {
        match self.settings.promise {
            decided::Promise::Written => Promise::Written,
            decided::Promise::Durable => Promise::Durable,
        }
    }

    /// How long a client may say or take nothing.
    pub fn idle_ns(&self) -> u64 {
        u64::from(self.settings.idle_timeout_seconds) * 1_000_000_000
    }
}

/// The service on one core.
pub struct FilesCore {
    pub service: Arc<FilesService>,
    pub core: Core,
    pub root: Root,
    pub files: Files,
    date: RefCell<DateLine>,
    silent_until_ns: Cell<u64>,
}

const COMPLAINT_PAUSE_NS: u64 = 1_000_000_000;

/// The wall clock, in seconds since 1970.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl FilesCore {
    pub fn new(core: &Core, service: &Arc<FilesService>, root: Root) -> Rc<FilesCore> {
        Rc::new(FilesCore {
            files: Files::new(service.changes.clone(), service.settings.open_files_max as usize),
            service: Arc::clone(service),
            core: core.clone(),
            root,
            date: RefCell::default(),
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

    /// Does something with the Date field of now, terminator included.
    pub fn with_date<T>(&self, then: impl FnOnce(&str) -> T) -> T {
        then(self.date.borrow_mut().at(unix_seconds()))
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
