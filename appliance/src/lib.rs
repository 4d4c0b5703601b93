//! The appliance: what an operator meets. One binary, `spindle`, that takes arguments, decides settings, becomes a
//! well-behaved process and runs the services.
//!
//! The path of a start, one folder a step:
//!
//! ```text
//! argv ──> arguments/ ──────────> Asked ──┐
//!          as typed, per personality      ├──> settings/ ──> Settings ──> lifecycle/ ──> service/
//! file.toml ──> settings/asked ─> Asked ──┘    as decided                 as a process   as a server
//! ```
//!
//! - [`arguments`]: the command lines (`spindle serve`, `spindle memcached`), read and not yet believed
//! - [`settings`]: one validator for command lines and files; what it returns is complete, bounded and final
//! - [`lifecycle`]: daemon, limits, user, pid file, signals
//! - [`load`]: the load lab, instead of a service
//! - [`service`]: what runs between the start and the stop
//! - [`say`]: lines to a person, who may have gone
//! - [`failure`]: every way in which a start fails, whose fault it is, and the exit status that says so
#![deny(unsafe_code)]
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod arguments;
pub mod failure;
pub mod lifecycle;
pub mod load;
pub mod say;
pub mod service;
pub mod settings;
