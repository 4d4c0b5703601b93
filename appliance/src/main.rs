//! The binary `spindle`. `main` decides exit codes; `run` says what is done in which order; everything else is in the
//! library (see its map in lib.rs):
//!
//! 1. arguments are read as typed,
//! 2. settings are decided from them,
//! 3. the process becomes what was asked for,
//! 4. the service runs until a signal.
#![forbid(unsafe_code)]
#![deny(clippy::print_stderr, clippy::print_stdout)]

use std::process::ExitCode;

use spindle_appliance::arguments::{self, Typed};
use spindle_appliance::failure::Failure;
use spindle_appliance::lifecycle::{self, Entered};
use spindle_appliance::load;
use spindle_appliance::say;
use spindle_appliance::service;
use spindle_appliance::settings::{self, Settings};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::line(&failure);
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    match arguments::read(std::env::args_os())? {
        Typed::Print(text) => say::print(&text).map_err(Failure::Output),
        Typed::Memcached(typed) => start(settings::from_memcached(&typed, arguments::port_file_from_environment())?),
        Typed::Serve(typed) => start(settings::from_serve(&typed)?),
        Typed::Load(typed) => Ok(load::run(&typed)?),
    }
}

fn start(settings: Settings) -> Result<(), Failure> {
    match lifecycle::enter(&settings.process)? {
        Entered::Serving => {
            settings.notes.iter().for_each(say::line);
            Ok(service::run(&settings)?)
        }
        Entered::Detached => Ok(()),
        Entered::DetachedFailed(status) => Err(Failure::Detached(status)),
    }
}
