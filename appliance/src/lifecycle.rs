//! Becoming the process that was asked for, and ending as one.
//!
//! - [`enter`] before anything is opened: [`daemon`], [`limits`], [`signals`]
//! - [`privileges`] once everything is open
//! - [`settle`] and [`ready`] once it serves: [`port_file`], [`pid_file`], and the word to whoever waits for the daemon
//! - [`events`]: what is said on standard error meanwhile
//! - [`signals::wait_for_stop`] in between, on the main thread
#![forbid(unsafe_code)]

pub mod daemon;
pub mod events;
pub mod limits;
pub mod pid_file;
pub mod port_file;
pub mod privileges;
pub mod signals;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::failure::{EXIT_NO_USER, EXIT_SYSTEM, EXIT_USAGE};
use crate::say;
use crate::settings::ProcessSettings;
use crate::settings::decided::{CoreDumps, Presence};
use pid_file::PidFile;

/// What the operating system, or its administrator, refused; in memcached's words where it has some.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    #[error("can't run as root without the -u switch")]
    RootWithoutUser,
    #[error("can't find the user {0} to switch to")]
    NoSuchUser(String),
    #[error("failed to drop supplementary groups: {0}")]
    Groups(Errno),
    #[error("failed to assume identity of user {user}: {error}")]
    Identity { user: String, error: Errno },
    #[error(
        "failed to set rlimit for open files. Try starting as root or requesting smaller maxconns value. \
         ({wanted} wanted, {allowed} allowed)"
    )]
    OpenFiles { wanted: u64, allowed: u64 },
    #[error("failed to ensure corefile creation")]
    CoreDumps,
    #[error("failed to daemon() in order to daemonize: {0}")]
    Detach(io::Error),
    #[error("failed to block signals: {0}")]
    Signals(Errno),
    #[error("Could not open the pid file {path} for writing: {error}")]
    PidFile { path: PathBuf, error: io::Error },
    #[error("cannot write the port file {path}: {error}")]
    PortFile { path: PathBuf, error: io::Error },
}

impl LifecycleError {
    /// The exit status that belongs to the refusal.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::RootWithoutUser => EXIT_USAGE,
            Self::NoSuchUser(_) => EXIT_NO_USER,
            _ => EXIT_SYSTEM,
        }
    }
}

/// Which of the two processes of a daemon's start this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// This process serves.
    Serving,
    /// Another process serves, in the background, and is ready.
    Detached,
    /// Another process tried to serve and ended with this status; it has said why.
    DetachedFailed(u8),
}

/// Takes the process to where it may open things. To be called once, before any other thread exists.
///
/// # Errors
/// Root without `-u` (where memcached's rule holds), an unknown user, limits that cannot be raised, no second process.
pub fn enter(process: &ProcessSettings) -> Result<Entered, LifecycleError> {
    privileges::check(process)?;
    if process.presence == Presence::Daemon && !daemon::is_detached() {
        return daemon::detach();
    }
    limits::raise_open_files(process.descriptors_max)?;
    if process.core_dumps == CoreDumps::Largest {
        limits::raise_core_dumps()?;
    }
    signals::block()?;
    limits::apply_memory(process.memory);
    Ok(Entered::Serving)
}

/// The process as it serves; dropping it takes the pid file away.
#[derive(Debug)]
pub struct Settled {
    _pid_file: Option<PidFile>,
}

/// Writes the files that others find the service by. To be called once, when it serves. `listening` are the TCP addresses
/// with their true ports.
///
/// # Errors
/// The port file cannot be written; or the pid file of a daemon, which nobody could find without it. (In the foreground
/// that is a warning, as memcached's is: the service is up.)
pub fn settle(process: &ProcessSettings, listening: &[SocketAddr]) -> Result<Settled, LifecycleError> {
    if let Some(path) = &process.port_file {
        port_file::write(path, listening).map_err(|error| LifecycleError::PortFile { path: path.clone(), error })?;
    }
    let pid_file = match process.pid_file.as_deref().map(PidFile::write).transpose() {
        Ok(written) => written,
        Err(error) if process.presence == Presence::Daemon => return Err(error),
        Err(error) => {
            say::line(error);
            None
        }
    };
    Ok(Settled { _pid_file: pid_file })
}

/// Gives the word to whoever waits for the daemon.
///
/// # Errors
/// The terminal cannot be left.
pub fn ready(process: &ProcessSettings) -> Result<(), LifecycleError> {
    match process.presence {
        Presence::Daemon => daemon::leave_terminal(process).map_err(LifecycleError::Detach),
        Presence::Foreground => Ok(()),
    }
}
