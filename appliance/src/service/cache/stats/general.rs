//! `stats`: the process, its connections, what clients asked for and what the cache did about it.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use nix::sys::resource::{UsageWho, getrusage};
use spindle_core::Limits;
use spindle_core::counters::CoreCounters;
use spindle_net::wire::memcached::stats::{write_number, write_text};
use spindle_slab::{Counters, PAGE_BYTES};

use crate::service::cache::admin::VERSION;
use crate::service::cache::session::Session;

pub fn write(session: &Session<'_>, out: &mut Vec<u8>) {
    let counters = session.service.cache.counters();
    process(session, out);
    connections(session, out);
    buffers(session, out);
    commands(session, &counters, out);
    listeners(session, out);
    index(&counters, out);
    machinery(&counters, out);
    memory(session, &counters, out);
    engine(session, out);
}

fn write_all(out: &mut Vec<u8>, numbers: &[(&str, u64)]) {
    for (name, value) in numbers {
        write_number(out, name, *value);
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
    let connections = &session.service.connections;
    let current = connections.current.load(Relaxed) as u64;
    write_all(
        out,
        &[
            ("max_connections", connections.max as u64),
            ("curr_connections", current),
            ("total_connections", connections.total.load(Relaxed)),
            ("rejected_connections", connections.rejected.load(Relaxed)),
            ("connection_structures", current),
            ("reserved_fds", session.service.settings.descriptors_own()),
        ],
    );
}

/// Replies are written into what a core has at hand: there are no objects to count. Receive buffers belong to the cores;
/// a client who finds none waits, and fails at nothing.
fn buffers(session: &Session<'_>, out: &mut Vec<u8>) {
    let limits = Limits::default();
    let count = u64::from(limits.receive_buffers) * u64::from(session.service.settings.cores);
    write_all(
        out,
        &[
            ("response_obj_oom", 0),
            ("response_obj_count", 0),
            ("response_obj_bytes", 0),
            ("read_buf_count", count),
            ("read_buf_bytes", count * u64::from(limits.receive_buffer_bytes)),
            ("read_buf_bytes_free", 0),
            ("read_buf_oom", 0),
        ],
    );
}

fn commands(session: &Session<'_>, counters: &Counters, out: &mut Vec<u8>) {
    let totals = session.service.totals();
    let tally = &counters.tally;
    write_all(
        out,
        &[
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
            ("bytes_read", totals.bytes_read),
            ("bytes_written", totals.bytes_written),
            ("conn_yields", totals.conn_yields),
            ("gets_delayed", totals.gets_delayed),
            ("refused_requests", totals.refused_requests),
            ("closed_by_bound", totals.closed_by_bound),
        ],
    );
}

fn listeners(session: &Session<'_>, out: &mut Vec<u8>) {
    let connections = &session.service.connections;
    write_all(
        out,
        &[
            ("accepting_conns", u64::from(connections.accepting())),
            ("listen_disabled_num", connections.stops.load(Relaxed)),
            ("time_in_listen_disabled_us", 0),
            ("threads", u64::from(session.service.settings.cores)),
        ],
    );
}

fn index(counters: &Counters, out: &mut Vec<u8>) {
    write_all(
        out,
        &[
            ("hash_power_level", u64::from(counters.hash_buckets.checked_ilog2().unwrap_or(0))),
            ("hash_buckets", counters.hash_buckets),
            ("hash_bytes", counters.hash_bytes),
            ("hash_is_expanding", 0),
        ],
    );
}

/// memcached's own machinery, which is not here: a page mover, a crawler, a maintainer of lists, and logs to watch.
fn machinery(counters: &Counters, out: &mut Vec<u8>) {
    write_number(out, "slabs_moved", counters.tally.pages_handed_over);
    for name in [
        "slab_reassign_rescues",
        "slab_reassign_chunk_rescues",
        "slab_reassign_evictions_nomem",
        "slab_reassign_inline_reclaim",
        "slab_reassign_busy_items",
        "slab_reassign_busy_deletes",
        "slab_reassign_running",
        "lru_crawler_running",
        "lru_crawler_starts",
        "lru_maintainer_juggles",
        "malloc_fails",
        "log_worker_dropped",
        "log_worker_written",
        "log_watcher_skipped",
        "log_watcher_sent",
        "log_watchers",
        "unexpected_napi_ids",
        "round_robin_fallback",
        "evicted_active",
        "crawler_reclaimed",
        "crawler_items_checked",
        "lrutail_reflocked",
        "moves_to_cold",
        "moves_to_warm",
        "moves_within_lru",
        "direct_reclaims",
        "lru_bumps_dropped",
    ] {
        write_number(out, name, 0);
    }
}

fn memory(session: &Session<'_>, counters: &Counters, out: &mut Vec<u8>) {
    let tally = &counters.tally;
    let pooled_bytes = counters.memory_bytes_max.saturating_sub(counters.memory_bytes_used);
    write_all(
        out,
        &[
            ("limit_maxbytes", counters.memory_bytes_max),
            ("bytes", counters.bytes),
            ("curr_items", counters.items),
            ("total_items", tally.items_total),
            ("slab_global_page_pool", pooled_bytes / PAGE_BYTES as u64),
            ("expired_unfetched", tally.expired_unfetched),
            ("evicted_unfetched", tally.evicted_unfetched),
            ("evictions", tally.evictions),
            ("reclaimed", tally.reclaimed),
            ("outofmemory", tally.out_of_memory),
            ("shards", counters.shards as u64),
            ("memory_bytes_used", counters.memory_bytes_used),
            ("lent_bytes", counters.lent_bytes),
            ("lent_bytes_max", counters.lent_bytes_max),
            ("lent_refused", tally.lent_refused),
            ("held_bytes", session.service.held.used() as u64),
        ],
    );
}

fn engine(session: &Session<'_>, out: &mut Vec<u8>) {
    let sum = |counter: fn(&CoreCounters) -> u64| session.service.engines.iter().map(|engine| counter(engine)).sum();
    write_all(
        out,
        &[
            ("engine_turns", sum(|engine| engine.turns.get())),
            ("engine_completions", sum(|engine| engine.completions.get())),
            ("engine_stalls", sum(|engine| engine.stalls.get())),
            ("engine_receive_buffers_exhausted", sum(|engine| engine.receive_buffers_exhausted.get())),
            ("engine_receives_paused", sum(|engine| engine.receives_paused.get())),
            ("engine_sends_short", sum(|engine| engine.sends_short.get())),
            ("engine_slots_exhausted", sum(|engine| engine.slots_exhausted.get())),
        ],
    );
}
