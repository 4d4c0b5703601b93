//! The native command line: a file, or nothing.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::Args;

/// What was typed after `spindle serve`. It must not read the file: a path is not yet a configuration.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The configuration; without it, everything that exists is served on loopback
    #[arg(value_name = "FILE.toml")]
    pub file: Option<PathBuf>,
}
