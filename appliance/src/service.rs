//! The services that the binary runs.
#![forbid(unsafe_code)]

use crate::lifecycle::{self, LifecycleError};
use crate::settings::Settings;

/// Why the service could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
}

impl ServiceError {
    /// The exit status that belongs to the error.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Lifecycle(error) => error.exit_status(),
        }
    }
}

/// Serves until a signal asks for the end.
pub fn run(settings: &Settings) -> Result<(), ServiceError> {
    let settled = lifecycle::settle(&settings.process, &[])?;
    lifecycle::signals::wait_for_stop();
    drop(settled);
    Ok(())
}
