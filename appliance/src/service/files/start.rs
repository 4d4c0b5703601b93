//! The root and the listeners, opened while root may still be needed; and what the service does on each core.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use spindle_core::gate::Gate;
use spindle_core::{Core, Descriptor};
use spindle_disk::{DiskLimits, Root, RootFolders, upload};

use super::conversation::Conversation;
use super::shared::{FilesCore, FilesService};
use crate::lifecycle::privileges;
use crate::service::cores::Part;
use crate::service::http::clients::welcome;
use crate::service::listeners::{self, ListenError, Listeners};
use crate::settings::decided::{FilesSettings, ProcessSettings, RootFolder};

/// The kernel's workers of one core beside those that all disks at their bound can hold.
const WORKERS_SPARE: u32 = 16;

/// Why the folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    #[error("cannot serve the folder {path}: {error}")]
    Open { path: PathBuf, error: io::Error },
}

/// What is open before root is given up.
pub struct FilesOpened {
    pub listeners: Listeners,
    folders: RootFolders,
}

impl FilesOpened {
    /// How many of the kernel's threads may wait for the disks of one core: all disks at their bound leave some over.
    pub fn workers(&self) -> u32 {
        (self.folders.disks() * DiskLimits::default().ops_max) as u32 + WORKERS_SPARE
    }
}

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Root(#[from] RootError),
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// Opens the folder, its disks, and the listeners. Clients may connect from now on, and wait.
///
/// # Errors
/// The folder is not there or may not be entered, or nothing can be listened on.
pub fn open(settings: &FilesSettings, process: &ProcessSettings) -> Result<FilesOpened, OpenError> {
    let failed = |error| RootError::Open { path: settings.root.clone(), error };
    if settings.root_folder == RootFolder::Made && !settings.root.exists() {
        std::fs::create_dir_all(&settings.root).map_err(failed)?;
        // Whoever serves it must be able to write to it.
        privileges::give_to(process, &settings.root).map_err(failed)?;
        // A durable upload stands in it. Folders that may not be opened were not made just now.
        for folder in settings.root.ancestors() {
            let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
        }
    }
    let folders = RootFolders::open(&settings.root).map_err(failed)?;
    let listeners = listeners::open(&settings.listen, settings.backlog, settings.cores)?;
    Ok(FilesOpened { listeners, folders })
}

/// The service's part for each of its cores.
///
/// # Errors
/// There are no descriptors left.
pub fn parts(settings: &FilesSettings, opened: FilesOpened) -> Result<Vec<Part>, RootError> {
    let service = FilesService::new(settings);
    let root = settings.root.clone();
    // A disk that hangs must not keep the others from being served.
    std::thread::spawn(move || {
        let removed = upload::sweep(&root);
        if removed > 0 {
            tracing::info!(removed, "uploads that a former process did not finish are gone");
        }
    });
    let mut parts = Vec::new();
    for listeners in opened.listeners.of_cores {
        let folders = opened.folders.try_clone();
        let folders = folders.map_err(|error| RootError::Open { path: settings.root.clone(), error })?;
        parts.push(part(&service, folders, listeners));
    }
    Ok(parts)
}

fn part(service: &Arc<FilesService>, folders: RootFolders, listeners: Vec<OwnedFd>) -> Part {
    let serving = Arc::clone(service);
    let begin = Box::new(move |core: &Core, gate: &Gate| {
        let root = Root::new(core, folders, DiskLimits::default());
        let shared = FilesCore::new(core, &serving, root);
        core.spawn("sweep", Rc::clone(&shared).sweep());
        for listener in listeners {
            accept_on(&shared, gate, Rc::new(listener.into()));
        }
    });
    Part { begin, stopping: Arc::clone(&service.clients.stopping) }
}

/// Accepts on one listener, for ever. Also how a simulated service is started.
pub fn accept_on(shared: &Rc<FilesCore>, gate: &Gate, listener: Rc<Descriptor>) {
    let talking = Rc::clone(shared);
    welcome(&shared.core, gate, listener, &shared.service.clients, move |client| Conversation::new(&talking, client));
}
