//! asked -> decided, of the server of files.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use super::asked::FilesAsked;
use super::decided::{FilesSettings, Listen, Permission, Promise, RootFolder};
use super::error::{Number, SettingsError};
use super::listen;
use super::validator::{CORES_MAX, INT_MAX, absolute, cores_available, number, places};

/// mogstored's.
const PORT: u16 = 7500;
const CONNECTIONS_MAX: i64 = 1024;
const OPEN_FILES_MAX: i64 = 1024;
const BACKLOG: i64 = 1024;
const IDLE_TIMEOUT_SECONDS: i64 = 75;

/// Decides; the first thing that cannot be had is the error.
pub fn decide(asked: FilesAsked) -> Result<FilesSettings, SettingsError> {
    decide_all(asked).map_err(|error| SettingsError::Files(Box::new(error)))
}

fn decide_all(asked: FilesAsked) -> Result<FilesSettings, SettingsError> {
    let listen = match &asked.listen {
        None => vec![Listen::Tcp(listen::loopback(PORT))],
        Some(names) => places(names, PORT)?,
    };
    let (root, root_folder) = match asked.root {
        Some(root) => (absolute(root), RootFolder::Exists),
        None => (own_folder(), RootFolder::Made),
    };
    let cores = number(asked.cores, i64::from(cores_available()), Number::Cores, CORES_MAX)?;
    let idle = asked.idle_timeout_seconds;
    Ok(FilesSettings {
        listen,
        root,
        root_folder,
        connections_max: number(asked.connections_max, CONNECTIONS_MAX, Number::ConnectionsMax, INT_MAX)?,
        cores: u16::try_from(cores).expect("bounded by CORES_MAX"),
        backlog: number(asked.backlog, BACKLOG, Number::Backlog, INT_MAX)?,
        open_files_max: number(asked.open_files_max, OPEN_FILES_MAX, Number::OpenFilesMax, INT_MAX)?,
        writes: asked.writes.unwrap_or(Permission::Allowed),
        promise: asked.promise.unwrap_or(Promise::Durable),
        idle_timeout_seconds: number(idle, IDLE_TIMEOUT_SECONDS, Number::IdleTimeoutSeconds, INT_MAX)?,
    })
}

/// A folder of the service's own: where systemd gives it one, else where its user keeps data (the XDG base directory
/// specification), else where the system does.
fn own_folder() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // systemd may give several; the first one is ours.
    let state = variable("STATE_DIRECTORY").map(|state| match state.to_string_lossy().split_once(':') {
        Some((first, _)) => PathBuf::from(first),
        None => state,
    });
    let data = || variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    let base = state.or_else(|| Some(data()?.join("spindle"))).unwrap_or_else(|| "/var/lib/spindle".into());
    absolute(base.join("files"))
}
