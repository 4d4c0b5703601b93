//! The settings of one run. They hold what was decided and not how: no field is optional because it was "not given",
//! and no two fields contradict each other.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::path::PathBuf;

/// Descriptors that are not connections: the standard ones, logs, listeners; and for each core its ring, its timers,
/// its mailbox and its listeners.
const DESCRIPTORS_OWN: u64 = 32;
const DESCRIPTORS_PER_CORE: u64 = 8;
/// More disks than a box has.
const DISKS_LIKELY_MAX: u64 = 64;

/// Everything that one run of the binary is to do. At least one service is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub cache: Option<CacheSettings>,
    pub files: Option<FilesSettings>,
    pub proxy: Option<ProxySettings>,
    pub process: ProcessSettings,
    /// Lines for the operator, to be printed at start: what was accepted without effect, what looks unwise.
    pub notes: Vec<String>,
}

impl Settings {
    /// Threads: as many as the service that wants most.
    pub fn cores(&self) -> u16 {
        let cache = self.cache.as_ref().map_or(0, |cache| cache.cores);
        let files = self.files.as_ref().map_or(0, |files| files.cores);
        cache.max(files).max(self.proxy.as_ref().map_or(0, |proxy| proxy.cores))
    }

    /// File descriptors that the services need, connections and their own.
    pub fn descriptors(&self) -> u64 {
        let cache = self
            .cache
            .as_ref()
            .map_or(DESCRIPTORS_OWN, |cache| u64::from(cache.connections_max) + cache.descriptors_own());
        let files = self.files.as_ref().map_or(0, FilesSettings::descriptors);
        cache + files + self.proxy.as_ref().map_or(0, ProxySettings::descriptors)
    }
}

/// The cache, as its service runs it.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheSettings {
    /// Never empty.
    pub listen: Vec<Listen>,
    /// What the cache may use; at least twice `item_bytes_max`.
    pub memory_bytes: u64,
    /// The largest item, its header and key included: 1 KiB to 1 GiB.
    pub item_bytes_max: u64,
    /// 1 to 2^31 - 1.
    pub connections_max: u32,
    pub when_full: WhenFull,
    /// Threads, each pinned and with a ring of its own: 1 to 1024.
    pub cores: u16,
    /// Requests of one connection that are served before the others' turn: 1 to 2^31 - 1.
    pub requests_per_turn: u32,
    /// Of listen(2): 1 to 2^31 - 1.
    pub backlog: u32,
    pub eviction: Eviction,
    pub cas: Switch,
    pub protocol: Protocol,
    pub shutdown_command: Permission,
    pub flush_command: Permission,
    /// `stats cachedump` and `lru_crawler metadump`.
    pub dump_commands: Permission,
    pub watch_command: Permission,
    /// Between the sizes of neighbouring size classes: above 1.
    pub growth_factor: f64,
    /// Key, value and flags of the smallest size class: 1 to 2^31 - 1.
    pub chunk_bytes_min: u32,
    /// An idle connection is closed after this, or after twice this in the middle of a large value; 0 is never.
    pub idle_timeout_seconds: u32,
    pub huge_pages: Switch,
    pub verbosity: Verbosity,
}

impl CacheSettings {
    /// File descriptors that are kept for the service itself.
    pub fn descriptors_own(&self) -> u64 {
        DESCRIPTORS_OWN + DESCRIPTORS_PER_CORE * u64::from(self.cores)
    }

    /// When a client is shown out who says nothing from `now_ns` on; `None` is never.
    pub fn idle_deadline_ns(&self, now_ns: u64) -> Option<u64> {
        match self.idle_timeout_seconds {
            0 => None,
            seconds => Some(now_ns + u64::from(seconds) * 1_000_000_000),
        }
    }
}

/// The server of files, as its service runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesSettings {
    /// Never empty.
    pub listen: Vec<Listen>,
    /// The folder beneath which everything is; absolute.
    pub root: PathBuf,
    pub root_folder: RootFolder,
    /// 1 to 2^31 - 1.
    pub connections_max: u32,
    /// Threads, as for the cache: both services share them.
    pub cores: u16,
    /// Of listen(2): 1 to 2^31 - 1.
    pub backlog: u32,
    /// Files that each core keeps open: 1 to 2^31 - 1.
    pub open_files_max: u32,
    /// PUT and DELETE.
    pub writes: Permission,
    pub promise: Promise,
    /// A client that sends or takes nothing for so long is closed: 1 to 2^31 - 1.
    pub idle_timeout_seconds: u32,
}

impl FilesSettings {
    /// Descriptors: a connection, and a file that is being read or written for it; those that are kept open, two folders of
    /// each disk, our own.
    pub fn descriptors(&self) -> u64 {
        2 * u64::from(self.connections_max)
            + u64::from(self.cores) * (u64::from(self.open_files_max) + 2 * DISKS_LIKELY_MAX + DESCRIPTORS_PER_CORE)
    }
}

/// The proxy, as its service runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// Never empty.
    pub listen: Vec<Listen>,
    /// Where requests go, in turn. Never empty; no port is 0.
    pub backends: Vec<SocketAddr>,
    /// Of clients: 1 to 2^31 - 1.
    pub connections_max: u32,
    /// Threads, as for the cache: all services share them.
    pub cores: u16,
    /// Of listen(2): 1 to 2^31 - 1.
    pub backlog: u32,
    /// A client that sends or takes nothing for so long is closed: 1 to 2^31 - 1.
    pub idle_timeout_seconds: u32,
    /// Of each core, to all backends, idle ones among them: 1 to 2^31 - 1.
    pub backend_connections_max: u32,
    /// A backend that sends or takes nothing for so long has failed: 1 to 2^31 - 1.
    pub backend_timeout_seconds: u32,
}

impl ProxySettings {
    /// Descriptors: connections to both sides, and our own.
    pub fn descriptors(&self) -> u64 {
        let per_core = u64::from(self.backend_connections_max) + DESCRIPTORS_PER_CORE;
        u64::from(self.connections_max) + u64::from(self.cores) * per_core
    }
}

/// Whether the folder may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootFolder {
    /// The operator named it: it is there, or something is wrong.
    Exists,
    /// Nobody named one, and this is the service's own.
    Made,
}

/// What the answer to a PUT or DELETE guarantees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// It is done, whatever becomes of the process. A power cut may undo it.
    Written,
    /// A power cut does not undo it.
    Durable,
}

/// One place to listen at, as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Every address that one name stands for, in the resolver's order, never empty. At least one of them must bind;
    /// the others may be families that this host does not have. Port 0 lets the kernel choose, for each address.
    Tcp(Vec<SocketAddr>),
    /// A socket file: its path of at most 107 bytes, and its permissions of at most 0o777.
    Unix { path: PathBuf, mode: u32 },
}

/// What happens to a `set` when the memory is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// The least useful item makes room.
    Evict,
    /// The client is told.
    Refuse,
}

/// What happens to a connection over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is told, and closed.
    Refuse,
    /// It waits in the listener's queue.
    Wait,
}

/// Whether a command exists for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Allowed,
    Refused,
}

/// Whether a mechanism is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    On,
    Off,
}

/// What a connection may speak. `stats settings` tells them apart; on the wire both are ASCII, since the binary
/// protocol is not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Auto,
    Ascii,
}

/// How much is said on standard error; each level says what the one before says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// What stops or endangers the service.
    Quiet,
    /// `-v`: also what becomes of single clients: that they connect, are refused, disconnect, and why.
    Errors,
    /// `-vv`: also the first line of every request and of its reply.
    Commands,
    /// `-vvv`: also what the engine does, such as naming the flows that held a core up.
    Transitions,
}

/// The process around the services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSettings {
    pub presence: Presence,
    /// Becomes this user once everything is open, when started as root.
    pub user: Option<String>,
    pub root: RootRule,
    pub pid_file: Option<PathBuf>,
    /// Gets the numbers of the ports that are listened on.
    pub port_file: Option<PathBuf>,
    pub memory: Memory,
    pub core_dumps: CoreDumps,
    /// File descriptors that the services need, connections and their own.
    pub descriptors_max: u64,
    pub verbosity: Verbosity,
}

/// Where the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Foreground,
    /// In a session of its own, without a terminal.
    Daemon,
}

/// What root may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootRule {
    /// memcached's: root must name the user to become.
    MustNameUser,
    MayStay,
}

/// Whether the process may be paged out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Pageable,
    Locked,
}

/// Whether a crash leaves a core file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreDumps {
    /// As the shell or the service manager set it.
    Inherited,
    /// As large as the limits allow; not to get any is an error.
    Largest,
}
