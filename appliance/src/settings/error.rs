//! Every refusal of a setting, in memcached's words where it has some.
#![forbid(unsafe_code)]

use std::io;
use std::path::PathBuf;

use super::listen::ListenError;
use super::size::SizeError;

/// A setting that is a number with bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    Cores,
    ConnectionsMax,
    RequestsPerTurn,
    Backlog,
    ChunkBytesMin,
    GrowthFactor,
    OpenFilesMax,
    IdleTimeoutSeconds,
    BackendConnectionsMax,
    BackendTimeoutSeconds,
}

impl Number {
    /// What memcached calls it.
    fn memcacheds(self) -> &'static str {
        match self {
            Number::Cores => "Number of threads",
            Number::ConnectionsMax => "Maximum connections",
            Number::RequestsPerTurn => "Number of requests per event",
            Number::Backlog => "Listen backlog",
            Number::ChunkBytesMin => "Chunk size",
            Number::GrowthFactor => "Factor",
            Number::OpenFilesMax => "Number of open files",
            Number::IdleTimeoutSeconds => "Idle timeout",
            Number::BackendConnectionsMax => "Maximum backend connections",
            Number::BackendTimeoutSeconds => "Backend timeout",
        }
    }

    /// Its key in the file of `spindle serve`.
    pub fn key(self) -> &'static str {
        match self {
            Number::Cores => "cores",
            Number::ConnectionsMax => "connections_max",
            Number::RequestsPerTurn => "requests_per_turn",
            Number::Backlog => "backlog",
            Number::ChunkBytesMin => "chunk_bytes_min",
            Number::GrowthFactor => "growth_factor",
            Number::OpenFilesMax => "open_files_max",
            Number::IdleTimeoutSeconds => "idle_timeout_seconds",
            Number::BackendConnectionsMax => "backend_connections_max",
            Number::BackendTimeoutSeconds => "backend_timeout_seconds",
        }
    }
}

/// Why what was asked for cannot be decided, for memcached's command line; [`super::file_error`] has the words of the file.
/// All of them are the operator's to mend; none is worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{} must be greater than {bound}", what.memcacheds())]
    TooSmall { what: Number, bound: u32 },
    #[error("{} must not be greater than {bound}", what.memcacheds())]
    TooLarge { what: Number, bound: u32 },
    /// Of the table `[files]`, which memcached's command line has no words for.
    #[error("files: {0}")]
    Files(Box<SettingsError>),
    /// The same of `[proxy]`.
    #[error("proxy: {0}")]
    Proxy(Box<SettingsError>),
    #[error("no backends: a proxy has to be told where requests go, as in backends = [\"10.0.0.1:80\"]")]
    NoBackends,
    #[error("\"{name}\" is no backend: {error}")]
    Backend { name: String, error: ListenError },
    #[error("\"{0}\" is no backend: give a host, or host:port")]
    BackendName(String),
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
    /// A value of an extended option, in memcached's words.
    #[error("{0}")]
    Extended(String),
    #[error("\"{0}\" is not a memory limit: give a number of MiB, such as 1024")]
    Megabytes(String),
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
