//! asked -> decided: the only place that has defaults and bounds, for memcached's command line and for the file of
//! `spindle serve` alike. The defaults are memcached 1.6's; a personality changes three of them.
#![forbid(unsafe_code)]

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::asked::{Asked, CacheAsked, FilesAsked, ProcessAsked};
use super::decided::{
    CacheSettings, CoreDumps, Eviction, Listen, Memory, Permission, Presence, ProcessSettings, Protocol, RootRule,
    Settings, Switch, Verbosity, WhenFull,
};
use super::error::{Number, SettingsError};
use super::size::Bytes;
use super::{files, listen, proxy};

const PORT: i64 = 11211;
const MEMORY_BYTES: u64 = 64 << 20;
const ITEM_BYTES_MAX: u64 = 1 << 20;
/// The bounds of `-I`.
const ITEM_BYTES_MAX_LOWEST: u64 = 1 << 10;
const ITEM_BYTES_MAX_HIGHEST: u64 = 1 << 30;
const UNIX_MODE: u32 = 0o700;
/// `sockaddr_un` has 108 bytes, the last of them a zero.
const UNIX_PATH_BYTES_MAX: usize = 107;
/// The kernel's own type for most of these numbers is a signed int.
pub(super) const INT_MAX: u32 = i32::MAX as u32;
pub(super) const CORES_MAX: u32 = 1024;

/// Whose defaults count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personality {
    /// All interfaces, four cores, root must name a user.
    Memcached,
    /// Loopback, every core that this process may run on, root may stay.
    Serve,
}

/// Finer than memcached's 1.25: pages are small here, so more size classes cost little, and less of a chunk is wasted.
const GROWTH_FACTOR: f64 = 1.1;

/// Decides; the first thing that cannot be had is the error.
pub fn decide(asked: Asked, personality: Personality) -> Result<Settings, SettingsError> {
    let verbosity = asked.process.verbosity.unwrap_or(Verbosity::Quiet);
    let (cache, files, proxy) = match (asked.cache, asked.files, asked.proxy) {
        // Nothing was named: everything that can do without being told anything. A proxy cannot.
        (None, None, None) => (Some(CacheAsked::default()), Some(FilesAsked::default()), None),
        named => named,
    };
    let threads_asked = [
        cache.as_ref().and_then(|cache| cache.cores),
        files.as_ref().and_then(|files| files.cores),
        proxy.as_ref().and_then(|proxy| proxy.cores),
    ];
    let cache = cache.map(|cache| decide_cache(cache, personality, verbosity)).transpose()?;
    let files = files.map(files::decide).transpose()?;
    let proxy = proxy.map(proxy::decide).transpose()?;
    let process = decide_process(asked.process, personality, verbosity);
    let mut settings = Settings { cache, files, proxy, process, notes: Vec::new() };
    settings.process.descriptors_max = settings.descriptors();
    let (cores, cores_here) = (settings.cores(), cores_available());
    if threads_asked != [None; 3] && cores > cores_here {
        let of_machine = if cores_here == 1 { "only core".to_owned() } else { format!("{cores_here} cores") };
        settings.notes.push(format!("{cores} threads share the {of_machine} of this machine: fewer would be faster"));
    }
    Ok(settings)
}

fn decide_cache(
    asked: CacheAsked,
    personality: Personality,
    verbosity: Verbosity,
) -> Result<CacheSettings, SettingsError> {
    let (memory_bytes, item_bytes_max) = decide_sizes(asked.memory_bytes, asked.item_bytes_max)?;
    let cores_default = match personality {
        Personality::Memcached => 4,
        Personality::Serve => i64::from(cores_available()),
    };
    let cores = number(asked.cores, cores_default, Number::Cores, CORES_MAX)?;
    let growth_factor = asked.growth_factor.unwrap_or(GROWTH_FACTOR);
    if growth_factor.is_nan() || growth_factor <= 1.0 {
        return Err(SettingsError::TooSmall { what: Number::GrowthFactor, bound: 1 });
    }
    let idle = asked.idle_timeout_seconds.unwrap_or(0);
    Ok(CacheSettings {
        connections_max: number(asked.connections_max, 1024, Number::ConnectionsMax, INT_MAX)?,
        requests_per_turn: number(asked.requests_per_turn, 20, Number::RequestsPerTurn, INT_MAX)?,
        backlog: number(asked.backlog, 1024, Number::Backlog, INT_MAX)?,
        chunk_bytes_min: number(asked.chunk_bytes_min, 48, Number::ChunkBytesMin, INT_MAX)?,
        cores: u16::try_from(cores).expect("bounded by CORES_MAX"),
        idle_timeout_seconds: i32::try_from(idle)
            .ok()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .ok_or_else(|| SettingsError::Seconds(idle.to_string()))?,
        listen: decide_listen(asked.listen, asked.port, asked.unix_socket, asked.unix_mask, personality)?,
        memory_bytes,
        item_bytes_max,
        growth_factor,
        when_full: asked.connections_over_max.unwrap_or(WhenFull::Refuse),
        eviction: asked.eviction.unwrap_or(Eviction::Evict),
        cas: asked.cas.unwrap_or(Switch::On),
        protocol: asked.protocol.unwrap_or(Protocol::Auto),
        shutdown_command: asked.shutdown_command.unwrap_or(Permission::Refused),
        flush_command: asked.flush_command.unwrap_or(Permission::Allowed),
        dump_commands: asked.dump_commands.unwrap_or(Permission::Allowed),
        watch_command: asked.watch_command.unwrap_or(Permission::Allowed),
        // Items lie all over the memory: with small pages most look-ups also miss the TLB (figures in
        // docs/decisions/004-one-request-at-a-time.md). Only advice, so nothing depends on it.
        huge_pages: asked.huge_pages.unwrap_or(Switch::On),
        verbosity,
    })
}

fn decide_process(asked: ProcessAsked, personality: Personality, verbosity: Verbosity) -> ProcessSettings {
    ProcessSettings {
        presence: asked.presence.unwrap_or(Presence::Foreground),
        user: asked.user.filter(|user| !user.is_empty()),
        root: match personality {
            Personality::Memcached => RootRule::MustNameUser,
            Personality::Serve => RootRule::MayStay,
        },
        pid_file: asked.pid_file.map(absolute),
        port_file: asked.port_file.map(absolute),
        memory: asked.memory_pages.unwrap_or(Memory::Pageable),
        core_dumps: asked.core_dumps.unwrap_or(CoreDumps::Inherited),
        descriptors_max: 0,
        verbosity,
    }
}

/// memcached's order of checks: the lower bound, half of the memory, the upper bound.
fn decide_sizes(memory: Option<Bytes>, item_max: Option<Bytes>) -> Result<(u64, u64), SettingsError> {
    let memory_bytes = memory.map_or(MEMORY_BYTES, |Bytes(bytes)| bytes);
    let item_bytes_max = item_max.map_or(ITEM_BYTES_MAX, |Bytes(bytes)| bytes);
    if item_bytes_max < ITEM_BYTES_MAX_LOWEST {
        Err(SettingsError::ItemTooSmall)
    } else if item_bytes_max > memory_bytes / 2 {
        Err(SettingsError::ItemOverHalfOfMemory)
    } else if item_bytes_max > ITEM_BYTES_MAX_HIGHEST {
        Err(SettingsError::ItemTooLarge)
    } else {
        Ok((memory_bytes, item_bytes_max))
    }
}

fn decide_listen(
    names: Option<Vec<String>>,
    port: Option<i64>,
    unix_socket: Option<PathBuf>,
    unix_mask: Option<String>,
    personality: Personality,
) -> Result<Vec<Listen>, SettingsError> {
    let mode = unix_mask.as_deref().map_or(Ok(UNIX_MODE), unix_mode)?;
    if let Some(path) = unix_socket.map(absolute) {
        if path.as_os_str().as_bytes().len() > UNIX_PATH_BYTES_MAX {
            return Err(SettingsError::UnixPath(path));
        }
        return Ok(vec![Listen::Unix { path, mode }]);
    }
    let port = match port.unwrap_or(PORT) {
        0 => return Err(SettingsError::Nowhere),
        -1 => 0,
        other => u16::try_from(other).map_err(|_| SettingsError::Port(other))?,
    };
    let Some(names) = names else {
        return Ok(vec![Listen::Tcp(match personality {
            Personality::Memcached => listen::everywhere(port),
            Personality::Serve => listen::loopback(port),
        })]);
    };
    places(&names, port)
}

/// Where a list of names says to listen; `port` is for those without one.
pub(super) fn places(names: &[String], port: u16) -> Result<Vec<Listen>, SettingsError> {
    let mut places = Vec::new();
    for name in names.iter().flat_map(|list| list.split(',')).filter(|name| !name.is_empty()) {
        places.push(Listen::Tcp(listen::resolve(&listen::parse(name, port)?)?));
    }
    if places.is_empty() { Err(SettingsError::Nowhere) } else { Ok(places) }
}

fn unix_mode(text: &str) -> Result<u32, SettingsError> {
    let octal = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let mode = octal.and_then(|text| u32::from_str_radix(text, 8).ok()).filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| SettingsError::UnixMask(text.to_owned()))
}

/// From the folder that the operator is in: a daemon leaves it.
pub(super) fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// A number from 1 to `bound`.
pub(super) fn number(asked: Option<i64>, default: i64, what: Number, bound: u32) -> Result<u32, SettingsError> {
    match u32::try_from(asked.unwrap_or(default)) {
        Ok(0) => Err(SettingsError::TooSmall { what, bound: 0 }),
        Ok(number) if number <= bound => Ok(number),
        Err(_) if asked.is_some_and(i64::is_negative) => Err(SettingsError::TooSmall { what, bound: 0 }),
        _ => Err(SettingsError::TooLarge { what, bound }),
    }
}

/// The cores that this process may run on, by affinity and control group.
pub(super) fn cores_available() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(cores).unwrap_or(u16::MAX).min(CORES_MAX as u16)
}
