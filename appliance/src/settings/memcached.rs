//! memcached's command line in our words: each option is asked for, named as having no effect here, or refused with
//! what to do. None is dropped in silence.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use super::asked::{Asked, CacheAsked, ProcessAsked};
use super::decided::{
    CoreDumps, Eviction, Memory, Permission, Presence, Protocol, Settings, Switch, Verbosity, WhenFull,
};
use super::error::SettingsError;
use super::ineffective;
use super::size::Bytes;
use super::validator::{Personality, decide};
use crate::arguments::MemcachedArguments;
use crate::arguments::extended::{Absent, Extended, Meaning};

/// Decides what a memcached with these arguments is to do. `port_file` comes from the environment, as memcached's does.
///
/// # Errors
/// Something that is not built was asked for, or a value is out of its bounds.
pub fn from_memcached(typed: &MemcachedArguments, port_file: Option<PathBuf>) -> Result<Settings, SettingsError> {
    refuse_what_is_not_built(typed)?;
    let mut cache = cache_asked(typed)?;
    let ignored = apply_extended(&mut cache, typed.extended.iter().flatten())?;
    let process = process_asked(typed, port_file);
    let mut settings = decide(Asked { cache: Some(cache), files: None, proxy: None, process }, Personality::Memcached)?;
    let ineffective = typed.extended.iter().flatten().filter(|option| option.meaning == Meaning::NoEffect);
    ineffective::check(
        ineffective.map(|option| (option.name(), option.value.as_deref())),
        settings.cache.as_ref().map_or(0, |cache| cache.chunk_bytes_min),
    )?;
    let ignored: Vec<String> = without_effect(typed)?.into_iter().chain(ignored).collect();
    if !ignored.is_empty() {
        settings.notes.insert(0, format!("accepted without effect: {}", ignored.join(", ")));
    }
    Ok(settings)
}

fn cache_asked(typed: &MemcachedArguments) -> Result<CacheAsked, SettingsError> {
    Ok(CacheAsked {
        listen: Some(typed.listen.clone()).filter(|names| !names.is_empty()),
        port: typed.port,
        unix_socket: typed.unix_socket.clone(),
        unix_mask: typed.unix_mask.clone(),
        memory_bytes: typed.memory_limit.as_deref().map(megabytes).transpose()?,
        item_bytes_max: typed.max_item_size.as_deref().map(str::parse).transpose()?,
        connections_max: typed.conn_limit,
        connections_over_max: None,
        cores: typed.threads,
        requests_per_turn: typed.max_reqs_per_event,
        backlog: typed.listen_backlog,
        eviction: typed.disable_evictions.then_some(Eviction::Refuse),
        cas: typed.disable_cas.then_some(Switch::Off),
        protocol: typed.protocol.as_deref().map(protocol).transpose()?,
        shutdown_command: typed.enable_shutdown.then_some(Permission::Allowed),
        flush_command: typed.disable_flush_all.then_some(Permission::Refused),
        dump_commands: typed.disable_dumping.then_some(Permission::Refused),
        watch_command: typed.disable_watch.then_some(Permission::Refused),
        growth_factor: typed.slab_growth_factor,
        chunk_bytes_min: typed.slab_min_size,
        idle_timeout_seconds: None,
        huge_pages: typed.enable_largepages.then_some(Switch::On),
    })
}

fn process_asked(typed: &MemcachedArguments, port_file: Option<PathBuf>) -> ProcessAsked {
    ProcessAsked {
        presence: typed.daemon.then_some(Presence::Daemon),
        user: typed.user.clone(),
        pid_file: typed.pidfile.clone(),
        port_file,
        memory_pages: typed.lock_memory.then_some(Memory::Locked),
        core_dumps: typed.enable_coredumps.then_some(CoreDumps::Largest),
        verbosity: Some(match typed.verbose {
            0 => Verbosity::Quiet,
            1 => Verbosity::Errors,
            2 => Verbosity::Commands,
            _ => Verbosity::Transitions,
        }),
    }
}

/// `-m` counts MiB. memcached reads `64m` as 64 too, and such lines exist; it also reads `64g` as 64, which nobody means.
fn megabytes(text: &str) -> Result<Bytes, SettingsError> {
    let digits = text.strip_suffix(['m', 'M']).unwrap_or(text);
    let number = digits.parse().ok().and_then(|number: u64| number.checked_mul(1 << 20));
    Ok(Bytes(number.ok_or_else(|| SettingsError::Megabytes(text.to_owned()))?))
}

fn protocol(name: &str) -> Result<Protocol, SettingsError> {
    match name {
        "auto" => Ok(Protocol::Auto),
        "ascii" => Ok(Protocol::Ascii),
        "binary" => Err(not_built("-B binary", "the binary protocol", "use -B auto or -B ascii")),
        _ => Err(SettingsError::Protocol(name.to_owned())),
    }
}

/// Applies what has a meaning, in the order typed, and returns the names of what has none.
fn apply_extended<'a>(
    cache: &mut CacheAsked,
    options: impl Iterator<Item = &'a Extended>,
) -> Result<Vec<String>, SettingsError> {
    let mut ignored = Vec::new();
    for Extended { text, value, meaning } in options {
        match meaning {
            Meaning::RefuseOverLimit => cache.connections_over_max = Some(WhenFull::Refuse),
            Meaning::WaitOverLimit => cache.connections_over_max = Some(WhenFull::Wait),
            Meaning::IdleTimeout => {
                let seconds = value.as_deref().unwrap_or_default();
                let number = seconds.parse().map_err(|_| SettingsError::Seconds(format!("\"{seconds}\"")))?;
                cache.idle_timeout_seconds = Some(number);
            }
            Meaning::NoEffect => ignored.push(format!("-o {text}")),
            Meaning::NotBuilt(absent) => {
                let (service, advice) = match absent {
                    Absent::Extstore => ("the flash tier (extstore)", "leave the ext_ options out"),
                    Absent::Tls => TLS,
                    Absent::Proxy => ("the proxy", "leave the proxy_ options out"),
                };
                return Err(not_built(&format!("-o {text}"), service, advice));
            }
        }
    }
    Ok(ignored)
}

const TLS: (&str, &str) = ("TLS", "leave it out and listen where the network is trusted, or put a TLS proxy in front");

fn refuse_what_is_not_built(typed: &MemcachedArguments) -> Result<(), SettingsError> {
    if typed.udp_port.is_some_and(|port| port != 0) {
        return Err(not_built("-U", "UDP", "use -U 0 or leave it out"));
    }
    if typed.enable_sasl {
        return Err(not_built("-S", "SASL authentication", "leave it out and listen where the network is trusted"));
    }
    if typed.auth_file.is_some() {
        return Err(not_built("-Y", "authentication", "leave it out and listen where the network is trusted"));
    }
    if typed.memory_file.is_some() {
        return Err(not_built("-e", "restartable memory", "leave it out; the cache starts empty"));
    }
    if typed.enable_ssl {
        return Err(not_built("-Z", TLS.0, TLS.1));
    }
    Ok(())
}

/// Options, other than `-o`, that tune what does not exist here.
fn without_effect(typed: &MemcachedArguments) -> Result<Vec<String>, SettingsError> {
    let mut ignored = Vec::new();
    if let Some(number) = typed.napi_ids {
        ignored.push(format!("-N {number}"));
    }
    if let Some(delimiter) = &typed.prefix_delimiter {
        ignored.push(format!("-D {}", delimiter.chars().next().ok_or(SettingsError::NoDelimiter)?));
    }
    let tagged = typed.listen.iter().flat_map(|list| list.split(',')).filter(|name| name.contains("tag["));
    ignored.extend(tagged.map(|name| format!("the tag of -l {name}")));
    if typed.unix_socket.is_some() && (typed.port.is_some() || !typed.listen.is_empty()) {
        ignored.push("-p and -l beside -s".to_owned());
    }
    if typed.unix_mask.is_some() && typed.unix_socket.is_none() {
        ignored.push("-a without -s".to_owned());
    }
    if typed.user.is_some() && !nix::unistd::geteuid().is_root() {
        ignored.push("-u without being root".to_owned());
    }
    Ok(ignored)
}

fn not_built(option: &str, service: &'static str, advice: &'static str) -> SettingsError {
    SettingsError::NotBuilt { option: option.to_owned(), service, advice }
}
