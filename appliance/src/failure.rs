//! Every way in which a start fails, and the exit status (sysexits.h, as memcached uses it) that tells a script whose
//! fault it was. memcached answers most mistyped options with 1 and the others with 64; here a mistyped option is
//! always 64.
#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

use crate::arguments::{ArgumentError, Audience};
use crate::lifecycle::LifecycleError;
use crate::load::{EXIT_LOAD_USAGE, LoadFailure};
use crate::service::ServiceError;
use crate::settings::SettingsError;

/// The command line was wrong, or asks for what does not exist (`EX_USAGE`).
pub const EXIT_USAGE: u8 = 64;
/// The configuration file cannot be read (`EX_NOINPUT`).
pub const EXIT_NO_INPUT: u8 = 66;
/// The user to become does not exist (`EX_NOUSER`).
pub const EXIT_NO_USER: u8 = 67;
/// The operating system refused (`EX_OSERR`).
pub const EXIT_SYSTEM: u8 = 71;

/// What was to be printed could not be written (`EX_IOERR`).
pub const EXIT_OUTPUT: u8 = 74;

/// Why the process ends without having served, or before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The operator's command line, as typed.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// The operator's wishes, as decided.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The operating system, while becoming the process that was asked for.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    /// The service itself.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// What was to be printed cannot be.
    #[error("write error: {0}")]
    Output(io::Error),
    /// A measurement.
    #[error(transparent)]
    Load(#[from] LoadFailure),
    /// The detached process failed before it served; it has said why itself.
    #[error("the detached process ended before it was ready")]
    Detached(u8),
}

impl Failure {
    /// The exit status that belongs to the failure.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Arguments(ArgumentError { of: Audience::PerformanceLabs, .. }) => EXIT_LOAD_USAGE,
            Self::Arguments(_) => EXIT_USAGE,
            Self::Settings(SettingsError::Unreadable { .. }) => EXIT_NO_INPUT,
            Self::Settings(_) => EXIT_USAGE,
            Self::Lifecycle(error) => error.exit_status(),
            Self::Service(error) => error.exit_status(),
            Self::Output(_) => EXIT_OUTPUT,
            Self::Load(failure) => failure.exit_status(),
            Self::Detached(status) => *status,
        })
    }
}
