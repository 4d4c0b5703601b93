//! Arguments as typed: which personality was called, and what it was told. Nothing here is believed, resolved, bounded
//! or defaulted; that is what [`crate::settings`] does.
//!
//! - [`memcached`]: memcached's command line, short, bundled, attached and long
//! - [`extended`]: the table of its `-o` options: which mean something here, which do not, which are not built
//! - [`serve`], [`load`]: the native command lines
#![forbid(unsafe_code)]

pub mod extended;
pub mod load;
pub mod memcached;
pub mod serve;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use load::LoadArguments;
pub use memcached::MemcachedArguments;
pub use serve::ServeArguments;

/// The file name under which the binary is memcached.
const MEMCACHED_NAME: &str = "memcached";

/// The version line of `-V`: ours, and the memcached whose behaviour is matched.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (memcached 1.6.45 compatible)");

/// A command line that was understood.
#[derive(Debug)]
pub enum Typed {
    /// Help, version or licence: print it and leave with success.
    Print(String),
    /// Be a memcached.
    Memcached(Box<MemcachedArguments>),
    /// Be the whole box.
    Serve(ServeArguments),
    /// Put load on servers and measure them.
    Load(LoadArguments),
}

/// A command line that was not understood, with a sentence for its author.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub struct ArgumentError {
    said: String,
    /// Whose scripts read the exit status.
    pub of: Audience,
}

/// Who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Operators,
    PerformanceLabs,
}

/// The data plane of a storage and cache box
#[derive(Debug, Parser)]
#[command(name = "spindle", version = VERSION)]
struct NativeArguments {
    #[command(subcommand)]
    command: Option<NativeCommand>,
}

#[derive(Debug, Subcommand)]
enum NativeCommand {
    /// Serve everything that is configured; without a file, everything that exists, on loopback
    Serve(ServeArguments),
    /// Put load on servers and measure them
    Load(LoadArguments),
    /// Be a cache that takes memcached's command line: its options, its defaults, its protocol
    #[command(version = VERSION, display_name = "spindle")]
    Memcached(Box<MemcachedArguments>),
}

/// Reads `arguments`, the first of which is the name that the binary was called by: under the name `memcached` the
/// rest is memcached's own command line, under every other name it is a native one.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Typed, ArgumentError> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let name = arguments.first().and_then(|path| Path::new(path).file_name());
    if name == Some(OsStr::new(MEMCACHED_NAME)) {
        return read_memcached(MEMCACHED_NAME, &arguments);
    }
    // A cache that runs for years need not hold the command lines of everything else, half a megabyte of them.
    match arguments.get(1) {
        None => return Ok(Typed::Serve(ServeArguments { file: None })),
        Some(word) if word == MEMCACHED_NAME => return read_memcached("spindle memcached", &arguments[1..]),
        Some(_) => {}
    }
    Ok(match parse::<NativeArguments>(NativeArguments::command(), &arguments)? {
        Parsed::Print(text) => Typed::Print(text),
        Parsed::Arguments(NativeArguments { command: None }) => Typed::Serve(ServeArguments { file: None }),
        Parsed::Arguments(NativeArguments { command: Some(NativeCommand::Serve(typed)) }) => Typed::Serve(typed),
        Parsed::Arguments(NativeArguments { command: Some(NativeCommand::Load(typed)) }) => Typed::Load(typed),
        Parsed::Arguments(NativeArguments { command: Some(NativeCommand::Memcached(typed)) }) => {
            memcached_or_license(typed)
        }
    })
}

fn read_memcached(called: &'static str, arguments: &[OsString]) -> Result<Typed, ArgumentError> {
    let command = MemcachedPersonality::command().bin_name(called);
    Ok(match parse::<MemcachedPersonality>(command, arguments)? {
        Parsed::Print(text) => Typed::Print(text),
        Parsed::Arguments(personality) => memcached_or_license(Box::new(personality.arguments)),
    })
}

/// Where memcached's users expect the port numbers to be written: the variable that its own test kit sets.
pub fn port_file_from_environment() -> Option<PathBuf> {
    std::env::var_os("MEMCACHED_PORT_FILENAME").filter(|name| !name.is_empty()).map(PathBuf::from)
}

#[derive(Debug, Parser)]
#[command(name = "spindle", version = VERSION)]
struct MemcachedPersonality {
    #[command(flatten)]
    arguments: MemcachedArguments,
}

fn memcached_or_license(typed: Box<MemcachedArguments>) -> Typed {
    if typed.license { Typed::Print(include_str!("../../LICENSE").to_owned()) } else { Typed::Memcached(typed) }
}

enum Parsed<T> {
    Print(String),
    Arguments(T),
}

/// clap prints and exits by itself; only `main` may do that, so its early ends become values.
fn parse<T: FromArgMatches>(command: Command, arguments: &[OsString]) -> Result<Parsed<T>, ArgumentError> {
    let parsed = command.try_get_matches_from(arguments).and_then(|matches| T::from_arg_matches(&matches));
    match parsed {
        Ok(typed) => Ok(Parsed::Arguments(typed)),
        Err(end) if matches!(end.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Print(end.render().to_string()))
        }
        Err(end) => {
            let labs = arguments.get(1).is_some_and(|word| word == "load");
            let of = if labs { Audience::PerformanceLabs } else { Audience::Operators };
            Err(ArgumentError { said: end.render().to_string().trim_end().to_owned(), of })
        }
    }
}

#[cfg(test)]
mod tests;
