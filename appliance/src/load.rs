//! Running the load lab from the command line.
#![forbid(unsafe_code)]

use spindle_perf::peers::{self, PeersError, UnknownRow};

use crate::arguments::LoadArguments;
use crate::arguments::load::LoadWork;
use crate::say;

/// Why a measurement gave no table.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    #[error(transparent)]
    Row(#[from] UnknownRow),
    #[error("cannot find this very binary: {0}")]
    Binary(std::io::Error),
    #[error("write error: {0}")]
    Output(std::io::Error),
    #[error(transparent)]
    Peers(#[from] PeersError),
}

/// Measures, and prints what came of it.
pub fn run(typed: &LoadArguments) -> Result<(), LoadFailure> {
    match &typed.work {
        LoadWork::Peers(typed) => {
            let options = typed.decide(std::env::current_exe().map_err(LoadFailure::Binary)?)?;
            say::print(&format!("{}\n", peers::run(&options)?)).map_err(LoadFailure::Output)
        }
    }
}
