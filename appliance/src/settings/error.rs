//! Every refusal of a setting, in memcached's words where it has some.
#![forbid(unsafe_code)]

use std::io;
use std::path::PathBuf;

use super::listen::ListenError;
use super::size::SizeError;

/// Why what was asked for cannot be decided. All of them are the operator's to mend; none is worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{what} must be greater than {bound}")]
    TooSmall { what: &'static str, bound: u32 },
    #[error("{what} must not be greater than {bound}")]
    TooLarge { what: &'static str, bound: u32 },
    #[error("Item max size cannot be less than 1024 bytes.")]
    ItemTooSmall,
    #[error("Cannot set item size limit higher than 1/2 of memory max.")]
    ItemOverHalfOfMemory,
    #[error("Cannot set item size limit higher than a gigabyte.")]
    ItemTooLarge,
    #[error("ERROR: Invalid port number {0}.")]
    Port(i64),
    #[error("\"{0}\" is not an access mask: give octal digits, at most 777")]
    UnixMask(String),
    #[error("the path of the UNIX socket {0} has more than the 107 bytes that the kernel allows")]
    UnixPath(PathBuf),
    #[error("nothing to listen on: the port is 0 or the list is empty, and there is no UNIX socket")]
    Nowhere,
    #[error("{0} is not a number of seconds: give 0 for never, or at most 2147483647")]
    Seconds(String),
    #[error("Invalid value for binding protocol: {0}\n -- should be one of auto, binary, or ascii")]
    Protocol(String),
    #[error("No delimiter specified")]
    NoDelimiter,
    #[error("{option}: {service} is not built into this release; {advice}")]
    NotBuilt { option: String, service: &'static str, advice: &'static str },
    #[error(transparent)]
    Size(#[from] SizeError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("cannot read {path}: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{path}: {message}")]
    File { path: PathBuf, message: String },
}
