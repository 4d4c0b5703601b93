//! memcached's names for what is counted (doc/protocol.txt, "Statistics").
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use nix::sys::resource::{UsageWho, getrusage};
use spindle_core::Parcel;
use spindle_net::wire::memcached::Refusal;
use spindle_net::wire::memcached::admin::OK;
use spindle_net::wire::memcached::get::END;
use spindle_net::wire::memcached::stats::{RESET, Stats, write_class_number, write_number, write_text};
use spindle_slab::{ClassCounters, Counters};

use super::admin::{self, VERSION};
use super::session::Session;
use crate::settings::decided::{Eviction, Listen, Permission, Protocol, WhenFull};

/// Answers `stats` and its subjects.
pub fn answer(session: &Session<'_>, request: &Stats<'_>, parcel: &mut Parcel) {
    let mut args = request.args;
    let out = &mut parcel.bytes;
    match args.next() {
        None => general(session, out),
        Some(b"reset") => {
            session.service.reset();
            return out.extend_from_slice(RESET);
        }
        Some(b"settings") => settings(session, out),
        Some(b"items") => items(&session.service.cache.counters(), out),
        Some(b"slabs") => slabs(&session.service.cache.counters(), out),
        Some(b"sizes") => write_text(out, "sizes_status", "disabled"),
        Some(b"conns") => conns(session, out),
        // Accepted, and nothing is kept by prefix: there is nothing to dump.
        Some(b"detail") => match args.next() {
            Some(b"on" | b"off") => return out.extend_from_slice(OK),
            Some(b"dump") => {}
            _ => return out.extend_from_slice(Refusal::StatsDetailUsage.line()),
        },
        Some(b"cachedump") if session.service.settings.dump_commands == Permission::Refused => {
            return out.extend_from_slice(Refusal::StatsCachedumpNotAllowed.line());
        }
        // There is no list of a class's items to show the end of, and walking them all would not be O(1): none is shown.
        Some(b"cachedump") if args.next().is_some() && args.next().is_some() => {}
        Some(b"cachedump") => return out.extend_from_slice(Refusal::BadStatsLine.line()),
        Some(_) => return out.extend_from_slice(Refusal::Error.line()),
    }
    out.extend_from_slice(END);
}

fn general(session: &Session<'_>, out: &mut Vec<u8>) {
    process(session, out);
    connections(session, out);
    let counters = session.service.cache.counters();
    commands(session, &counters, out);
    let tally = &counters.tally;
    for (name, value) in [
        ("limit_maxbytes", counters.memory_bytes_max),
        ("accepting_conns", u64::from(session.service.connections.accepting())),
        ("listen_disabled_num", session.service.connections.stops.load(Relaxed)),
        ("threads", u64::from(session.service.settings.cores)),
        ("hash_buckets", counters.hash_buckets),
        ("hash_bytes", counters.hash_bytes),
        ("hash_is_expanding", 0),
        ("slab_reassign_running", 0),
        ("slabs_moved", tally.pages_handed_over),
        ("shards", counters.shards as u64),
        ("memory_bytes_used", counters.memory_bytes_used),
        ("lent_bytes", counters.lent_bytes),
        ("lent_bytes_max", counters.lent_bytes_max),
        ("lent_refused", tally.lent_refused),
        ("held_bytes", session.service.held.used() as u64),
        ("bytes", counters.bytes),
        ("curr_items", counters.items),
        ("total_items", tally.items_total),
        ("expired_unfetched", tally.expired_unfetched),
        ("evicted_unfetched", tally.evicted_unfetched),
        ("evictions", tally.evictions),
        ("reclaimed", tally.reclaimed),
        ("outofmemory", tally.out_of_memory),
    ] {
        write_number(out, name, value);
    }
}

fn process(session: &Session<'_>, out: &mut Vec<u8>) {
    let clock = &session.service.clock;
    write_number(out, "pid", std::process::id());
    write_number(out, "uptime", clock.uptime_seconds(session.now));
    write_number(out, "time", clock.unix_seconds(session.now));
    write_text(out, "version", VERSION);
    write_text(out, "spindle_version", env!("CARGO_PKG_VERSION"));
    write_number(out, "pointer_size", usize::BITS);
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        for (name, time) in [("rusage_user", usage.user_time()), ("rusage_system", usage.system_time())] {
            write_text(out, name, &format!("{}.{:06}", time.tv_sec(), time.tv_usec()));
        }
    }
}

fn connections(session: &Session<'_>, out: &mut Vec<u8>) {
    let service = session.service;
    write_number(out, "max_connections", service.connections.max);
    write_number(out, "curr_connections", service.connections.current.load(Relaxed));
    write_number(out, "total_connections", service.connections.total.load(Relaxed));
    write_number(out, "rejected_connections", service.connections.rejected.load(Relaxed));
    let engine = |counter: fn(&spindle_core::counters::CoreCounters) -> u64| {
        service.engines.iter().map(|engine| counter(engine)).sum::<u64>()
    };
    write_number(out, "engine_turns", engine(|engine| engine.turns.get()));
    write_number(out, "engine_completions", engine(|engine| engine.completions.get()));
    write_number(out, "engine_stalls", engine(|engine| engine.stalls.get()));
    write_number(out, "engine_receive_buffers_exhausted", engine(|engine| engine.receive_buffers_exhausted.get()));
    write_number(out, "engine_receives_paused", engine(|engine| engine.receives_paused.get()));
    write_number(out, "engine_sends_short", engine(|engine| engine.sends_short.get()));
    write_number(out, "engine_slots_exhausted", engine(|engine| engine.slots_exhausted.get()));
}

fn commands(session: &Session<'_>, counters: &Counters, out: &mut Vec<u8>) {
    let totals = session.service.totals();
    let tally = &counters.tally;
    for (name, value) in [
        ("cmd_get", totals.cmd_get),
        ("cmd_set", totals.cmd_set),
        ("cmd_flush", totals.cmd_flush),
        ("cmd_touch", totals.cmd_touch),
        ("cmd_meta", totals.cmd_meta),
        ("get_hits", totals.get_hits),
        ("get_misses", totals.get_misses),
        ("get_expired", tally.get_expired),
        ("get_flushed", tally.get_flushed),
        ("delete_misses", totals.delete_misses),
        ("delete_hits", totals.delete_hits),
        ("incr_misses", totals.incr_misses),
        ("incr_hits", totals.incr_hits),
        ("decr_misses", totals.decr_misses),
        ("decr_hits", totals.decr_hits),
        ("cas_misses", totals.cas_misses),
        ("cas_hits", totals.cas_hits),
        ("cas_badval", totals.cas_badval),
        ("touch_hits", totals.touch_hits),
        ("touch_misses", totals.touch_misses),
        ("store_too_large", totals.store_too_large),
        ("store_no_memory", totals.store_no_memory),
        ("auth_cmds", 0),
        ("auth_errors", 0),
        ("idle_kicks", totals.idle_kicks),
        ("refused_requests", totals.refused_requests),
        ("closed_by_bound", totals.closed_by_bound),
        ("bytes_read", totals.bytes_read),
        ("bytes_written", totals.bytes_written),
        ("conn_yields", totals.conn_yields),
    ] {
        write_number(out, name, value);
    }
}

fn settings(session: &Session<'_>, out: &mut Vec<u8>) {
    let settings = &session.service.settings;
    let (mut port, mut socket, mut mode, mut interfaces) = (0, String::from("NULL"), 0o700, Vec::new());
    for listen in &settings.listen {
        match listen {
            Listen::Tcp(addresses) => {
                port = addresses.first().map_or(port, |address| address.port());
                interfaces.extend(addresses.iter().map(|address| address.ip().to_string()));
            }
            Listen::Unix { path, mode: bits } => (socket, mode) = (path.display().to_string(), *bits),
        }
    }
    let yes = |allowed: bool| if allowed { "yes" } else { "no" };
    write_number(out, "maxbytes", session.service.cache.counters().memory_bytes_max);
    write_number(out, "maxconns", settings.connections_max);
    write_number(out, "tcpport", port);
    write_number(out, "udpport", 0);
    write_text(out, "inter", &interfaces.join(","));
    write_number(out, "verbosity", session.service.verbosity.load(Relaxed));
    write_number(out, "oldest", 0);
    write_text(out, "evictions", if settings.eviction == Eviction::Evict { "on" } else { "off" });
    write_text(out, "domain_socket", &socket);
    write_text(out, "umask", &format!("{mode:o}"));
    write_text(out, "shutdown_command", yes(settings.shutdown_command == Permission::Allowed));
    write_text(out, "growth_factor", &format!("{:.2}", settings.growth_factor));
    write_number(out, "chunk_size", settings.chunk_bytes_min);
    write_number(out, "num_threads", settings.cores);
    write_text(out, "stat_key_prefix", ":");
    write_text(out, "detail_enabled", "no");
    write_number(out, "reqs_per_event", settings.requests_per_turn);
    write_text(out, "cas_enabled", admin::cas_enabled(session));
    write_number(out, "tcp_backlog", settings.backlog);
    write_text(
        out,
        "binding_protocol",
        match settings.protocol {
            Protocol::Auto => "auto-negotiate",
            Protocol::Ascii => "ascii",
        },
    );
    write_text(out, "auth_enabled_sasl", "no");
    write_text(out, "auth_enabled_ascii", "no");
    write_number(out, "item_size_max", settings.item_bytes_max);
    write_text(out, "maxconns_fast", yes(settings.when_full == WhenFull::Refuse));
    write_number(out, "idle_timeout", settings.idle_timeout_seconds);
    write_text(out, "dump_enabled", yes(settings.dump_commands == Permission::Allowed));
    write_text(out, "hash_algorithm", "rapidhash");
    write_text(out, "flush_enabled", yes(settings.flush_command == Permission::Allowed));
    write_number(out, "client_flags_size", 4);
}

/// Classes that hold memory, with the number that clients know them by.
fn classes(counters: &Counters) -> impl Iterator<Item = (u32, &ClassCounters)> {
    counters.classes.iter().zip(1u32..).filter(|(class, _)| class.pages > 0).map(|(class, number)| (number, class))
}

fn items(counters: &Counters, out: &mut Vec<u8>) {
    for (number, class) in classes(counters) {
        let tally = &class.tally;
        for (name, value) in [
            ("number", tally.items),
            ("age", u64::from(tally.idle_seconds)),
            ("mem_requested", tally.bytes),
            ("evicted", tally.evictions),
            ("evicted_nonzero", 0),
            ("evicted_time", u64::from(tally.evicted_idle_seconds)),
            ("outofmemory", tally.out_of_memory),
            ("tailrepairs", 0),
            ("reclaimed", tally.reclaimed),
            ("expired_unfetched", tally.expired_unfetched),
            ("evicted_unfetched", tally.evicted_unfetched),
        ] {
            write_class_number(out, "items:", number, name, value);
        }
    }
}

fn slabs(counters: &Counters, out: &mut Vec<u8>) {
    let mut active = 0;
    for (number, class) in classes(counters) {
        active += 1;
        for (name, value) in [
            ("chunk_size", u64::from(class.chunk_bytes)),
            ("chunks_per_page", u64::from(class.chunks_per_page)),
            ("total_pages", class.pages),
            ("total_chunks", class.used_chunks + class.free_chunks),
            ("used_chunks", class.used_chunks),
            ("free_chunks", class.free_chunks),
            ("free_chunks_end", 0),
        ] {
            write_class_number(out, "", number, name, value);
        }
    }
    write_number(out, "active_slabs", active);
    write_number(out, "total_malloced", counters.memory_bytes_used);
}

/// How many, not which: the connections of other cores cannot be looked at without stopping them.
fn conns(session: &Session<'_>, out: &mut Vec<u8>) {
    write_number(out, "curr_connections", session.service.connections.current.load(Relaxed));
}
