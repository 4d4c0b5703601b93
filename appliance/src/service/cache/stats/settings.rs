//! `stats settings`: what was decided, in memcached's words.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use spindle_net::wire::memcached::stats::{write_number, write_text};

use crate::service::cache::admin;
use crate::service::cache::session::Session;
use crate::settings::decided::{Eviction, Listen, Permission, Protocol, WhenFull};

/// What the settings of memcached's own machinery are where its commands are answered as here: pages are not moved by hand,
/// one list of items a class, nothing crawls, nothing is logged to watchers.
const MACHINERY: &[(&str, &str)] = &[
    ("num_threads_per_udp", "0"),
    ("hashpower_init", "0"),
    ("slab_reassign", "no"),
    ("slab_automove", "0"),
    ("slab_automove_ratio", "0.00"),
    ("slab_automove_window", "0"),
    ("lru_crawler", "no"),
    ("lru_crawler_sleep", "0"),
    ("lru_crawler_tocrawl", "0"),
    ("tail_repair_time", "0"),
    ("lru_maintainer_thread", "no"),
    ("lru_segmented", "no"),
    ("hot_lru_pct", "0"),
    ("warm_lru_pct", "0"),
    ("hot_max_factor", "0.00"),
    ("warm_max_factor", "0.00"),
    ("temp_lru", "no"),
    ("temporary_ttl", "0"),
    ("watcher_logbuf_size", "0"),
    ("worker_logbuf_size", "0"),
    ("read_buf_mem_limit", "0"),
    ("track_sizes", "no"),
    ("inline_ascii_response", "no"),
    ("num_napi_ids", "(null)"),
    ("memory_file", "(null)"),
];

pub fn write(session: &Session<'_>, out: &mut Vec<u8>) {
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
    let counters = session.service.cache.counters();
    write_number(out, "maxbytes", counters.memory_bytes_max);
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
    write_number(out, "slab_chunk_max", counters.classes.last().map_or(0, |class| class.chunk_bytes));
    for (name, value) in MACHINERY {
        write_text(out, name, value);
    }
}
