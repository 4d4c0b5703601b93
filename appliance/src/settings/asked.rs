//! What an operator asks for, whichever way: each optional. As serde sees it, it is the file of `spindle serve`
//! (docs/configuration.md); a name that it does not know is refused with its line.
//!
//! ```toml
//! [cache]
//! listen = ["127.0.0.1:11211", "[::1]"]
//! memory_bytes = "1g"
//! [files]
//! root = "/var/mogdata"
//! [proxy]
//! backends = ["10.0.0.1:80"]
//! [process]
//! user = "cache"
//! ```
#![forbid(unsafe_code)]

use std::path::PathBuf;

use serde::Deserialize;

use super::decided::{
    CoreDumps, Eviction, Memory, Permission, Presence, Promise, Protocol, Switch, Verbosity, WhenFull,
};
use super::size::Bytes;

/// All tables of the file. The services whose tables are there are run; where none is, those that need not be told anything.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    pub cache: Option<CacheAsked>,
    pub files: Option<FilesAsked>,
    pub proxy: Option<ProxyAsked>,
    pub process: ProcessAsked,
}

/// `[cache]`. Numbers keep whatever sign and size they were given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheAsked {
    /// `host`, `host:port`, `[v6]:port`, `v6` or `*`.
    pub listen: Option<Vec<String>>,
    /// For every `listen` without a port; 0 turns TCP off, -1 lets the kernel choose.
    pub port: Option<i64>,
    /// Turns TCP off.
    pub unix_socket: Option<PathBuf>,
    /// Permissions of the socket file, in octal.
    pub unix_mask: Option<String>,
    pub memory_bytes: Option<Bytes>,
    pub item_bytes_max: Option<Bytes>,
    pub connections_max: Option<i64>,
    /// What happens to a connection over the limit.
    pub connections_over_max: Option<WhenFull>,
    pub cores: Option<i64>,
    pub requests_per_turn: Option<i64>,
    pub backlog: Option<i64>,
    pub eviction: Option<Eviction>,
    pub cas: Option<Switch>,
    pub protocol: Option<Protocol>,
    pub shutdown_command: Option<Permission>,
    pub flush_command: Option<Permission>,
    pub dump_commands: Option<Permission>,
    pub watch_command: Option<Permission>,
    pub growth_factor: Option<f64>,
    pub chunk_bytes_min: Option<i64>,
    pub idle_timeout_seconds: Option<i64>,
    pub huge_pages: Option<Switch>,
}

/// `[files]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesAsked {
    pub listen: Option<Vec<String>>,
    pub root: Option<PathBuf>,
    pub connections_max: Option<i64>,
    pub cores: Option<i64>,
    pub backlog: Option<i64>,
    pub open_files_max: Option<i64>,
    pub writes: Option<Permission>,
    pub promise: Option<Promise>,
    pub idle_timeout_seconds: Option<i64>,
}

/// `[proxy]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyAsked {
    pub listen: Option<Vec<String>>,
    /// `host:port`, or `host` for port 80.
    pub backends: Option<Vec<String>>,
    pub connections_max: Option<i64>,
    pub cores: Option<i64>,
    pub backlog: Option<i64>,
    pub idle_timeout_seconds: Option<i64>,
    pub backend_connections_max: Option<i64>,
    pub backend_timeout_seconds: Option<i64>,
}

/// `[process]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessAsked {
    pub presence: Option<Presence>,
    pub user: Option<String>,
    pub pid_file: Option<PathBuf>,
    pub port_file: Option<PathBuf>,
    /// Whether they may be paged out.
    pub memory_pages: Option<Memory>,
    pub core_dumps: Option<CoreDumps>,
    pub verbosity: Option<Verbosity>,
}
