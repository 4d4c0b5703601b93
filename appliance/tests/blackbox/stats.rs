//! What operators' tools read.

use crate::kit::server::Server;

/// What memcached's `stats` has, but the version of its event library.
const GENERAL: &str = "\
    pid uptime time version pointer_size rusage_user rusage_system max_connections curr_connections
    total_connections rejected_connections connection_structures response_obj_oom response_obj_count
    response_obj_bytes read_buf_count read_buf_bytes read_buf_bytes_free read_buf_oom reserved_fds cmd_get
    cmd_set cmd_flush cmd_touch cmd_meta get_hits get_misses get_expired get_flushed delete_misses delete_hits
    incr_misses incr_hits decr_misses decr_hits cas_misses cas_hits cas_badval touch_hits touch_misses
    store_too_large store_no_memory auth_cmds auth_errors bytes_read bytes_written limit_maxbytes
    accepting_conns listen_disabled_num time_in_listen_disabled_us threads conn_yields hash_power_level
    hash_bytes hash_is_expanding slab_reassign_rescues slab_reassign_chunk_rescues slab_reassign_evictions_nomem
    slab_reassign_inline_reclaim slab_reassign_busy_items slab_reassign_busy_deletes slab_reassign_running
    slabs_moved lru_crawler_running lru_crawler_starts lru_maintainer_juggles malloc_fails log_worker_dropped
    log_worker_written log_watcher_skipped log_watcher_sent log_watchers unexpected_napi_ids
    round_robin_fallback bytes curr_items total_items slab_global_page_pool expired_unfetched evicted_unfetched
    evicted_active evictions reclaimed crawler_reclaimed crawler_items_checked lrutail_reflocked moves_to_cold
    moves_to_warm moves_within_lru direct_reclaims lru_bumps_dropped";

/// What its `stats items` has of a class.
const ITEMS: &str = "\
    number number_hot number_warm number_cold age_hot age_warm age mem_requested evicted evicted_nonzero
    evicted_time outofmemory tailrepairs reclaimed expired_unfetched evicted_unfetched evicted_active
    crawler_reclaimed crawler_items_checked lrutail_reflocked moves_to_cold moves_to_warm moves_within_lru
    direct_reclaims hits_to_hot hits_to_warm hits_to_cold hits_to_temp";

/// What its `stats slabs` has of a class.
const SLABS: &str = "\
    chunk_size chunks_per_page total_pages total_chunks used_chunks free_chunks free_chunks_end get_hits cmd_set
    delete_hits incr_hits decr_hits cas_hits cas_badval touch_hits";

/// What its `stats settings` has, built without the flash tier and TLS.
const SETTINGS: &str = "\
    maxbytes maxconns tcpport udpport inter verbosity oldest evictions domain_socket umask shutdown_command
    growth_factor chunk_size num_threads num_threads_per_udp stat_key_prefix detail_enabled reqs_per_event
    cas_enabled tcp_backlog binding_protocol auth_enabled_sasl auth_enabled_ascii item_size_max maxconns_fast
    hashpower_init slab_reassign slab_automove slab_automove_ratio slab_automove_window slab_chunk_max
    lru_crawler lru_crawler_sleep lru_crawler_tocrawl tail_repair_time flush_enabled dump_enabled hash_algorithm
    lru_maintainer_thread lru_segmented hot_lru_pct warm_lru_pct hot_max_factor warm_max_factor temp_lru
    temporary_ttl idle_timeout watcher_logbuf_size worker_logbuf_size read_buf_mem_limit track_sizes
    inline_ascii_response num_napi_ids memory_file";

#[test]
fn every_byte_received_is_counted_once() {
    let server = Server::start("-m 64 -I 2m");
    let mut client = server.client();
    let mut sent = 0;
    let mut say = |bytes: Vec<u8>, reply: &str| {
        sent += bytes.len() as u64;
        client.say(bytes).expect(reply);
        sent
    };
    say(b"get k\r\n".repeat(50), &"END\r\n".repeat(50));
    say(
        [b"set large 0 0 1000000\r\n".to_vec(), vec![b'v'; 1_000_000], b"\r\nget none\r\n".to_vec()].concat(),
        "STORED\r\nEND\r\n",
    );
    say(
        [b"set huge 0 0 3000000\r\n".to_vec(), vec![b'v'; 3_000_002]].concat(),
        "SERVER_ERROR object too large for cache\r\n",
    );
    let sent = say(b"mn\r\n".to_vec(), "MN\r\n");
    assert_eq!(server.stat("bytes_read"), sent + b"stats \r\n".len() as u64);
}

#[test]
fn the_general_ones_have_memcacheds_names() {
    let server = Server::start("");
    let stats = server.stats("");
    for name in GENERAL.split_whitespace() {
        assert!(stats.contains_key(name), "{name}");
        assert!(name == "version" || stats[name].parse::<f64>().is_ok(), "{name}");
    }
    assert_eq!((stats["version"].as_str(), stats["threads"].as_str()), ("1.6.45", "2"));
    assert_eq!((stats["limit_maxbytes"].as_str(), stats["pointer_size"].as_str()), ("67108864", "64"));
}

#[test]
fn what_clients_do_is_counted_on_all_cores_until_it_is_reset() {
    let server = Server::start("-t 4");
    let mut clients: Vec<_> = (0..16).map(|_| server.client()).collect();
    for client in &mut clients {
        client.say("set k 0 0 1\r\n1\r\nget k k none\r\n").expect("STORED\r\n").lines_to_end();
        client.say("incr k 1\r\nincr none 1\r\ndecr none 1\r\n").line();
        client.expect("NOT_FOUND\r\nNOT_FOUND\r\n");
        client.say("touch k 0\r\ntouch none 0\r\ndelete none\r\n").expect("TOUCHED\r\nNOT_FOUND\r\nNOT_FOUND\r\n");
        client.say("mg k\r\nmg none\r\n").expect("HD\r\nEN\r\n");
    }
    let expected = [
        ("cmd_set", 16),
        ("cmd_get", 80),
        ("get_hits", 48),
        ("get_misses", 32),
        ("incr_hits", 16),
        ("incr_misses", 16),
        ("decr_misses", 16),
        ("touch_hits", 16),
        ("touch_misses", 16),
        ("cmd_touch", 32),
        ("cmd_meta", 32),
        ("delete_misses", 16),
    ];
    let stats = server.stats("");
    for (name, number) in expected {
        assert_eq!(stats[name], number.to_string(), "{name}");
    }
    assert_eq!(stats["curr_connections"], "17");
    clients[0].say("stats reset\r\n").expect("RESET\r\n").is_quiet();
    let stats = server.stats("");
    for (name, _) in expected {
        assert_eq!(stats[name], "0", "{name}");
    }
    assert_eq!(stats["curr_items"], "1");
}

#[test]
fn a_tool_that_knows_memcached_finds_what_it_looks_for() {
    let server = Server::start("");
    server.client().say("set k 0 0 1\r\nx\r\n").expect("STORED\r\n");
    let (items, slabs, settings) = (server.stats("items"), server.stats("slabs"), server.stats("settings"));
    let items_class = items.keys().find_map(|name| name.strip_suffix(":number")).unwrap();
    for name in ITEMS.split_whitespace() {
        assert!(items[&format!("{items_class}:{name}")].parse::<u64>().is_ok(), "{name}");
    }
    let class = items_class.strip_prefix("items:").unwrap();
    for name in SLABS.split_whitespace() {
        assert!(slabs[&format!("{class}:{name}")].parse::<u64>().is_ok(), "{name}");
    }
    for name in SETTINGS.split_whitespace() {
        assert!(settings.contains_key(name), "{name}");
    }
    assert_eq!(items[&format!("{items_class}:number_cold")], "1");
    assert_eq!(server.stats("sizes")["sizes_status"], "disabled");
}

#[test]
fn what_memcached_counts_and_this_cache_does_too_is_true() {
    let server = Server::start("-t 3 -m 64");
    let stats = server.stats("");
    let number = |name: &str| stats[name].parse::<u64>().unwrap();
    assert_eq!(number("connection_structures"), number("curr_connections"));
    assert_eq!(number("reserved_fds"), 32 + 3 * 8);
    assert_eq!(number("read_buf_bytes"), number("read_buf_count") * (16 << 10));
    assert_eq!(1 << number("hash_power_level"), number("hash_buckets").next_power_of_two());
    assert_eq!(number("slab_global_page_pool") * (64 << 10) + number("memory_bytes_used"), 64 << 20);
}

#[test]
fn every_name_of_our_own_is_explained() {
    let server = Server::start("");
    server.client().say("set k 0 0 1\r\nx\r\n").expect("STORED\r\n");
    let explained = include_str!("../../../docs/stats.md");
    for (subject, memcacheds) in [("", GENERAL), ("settings", SETTINGS), ("conns", "")] {
        for name in server.stats(subject).keys() {
            let known = memcacheds.split_whitespace().any(|memcacheds| memcacheds == name);
            assert!(known || explained.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn items_and_slabs_tell_of_the_same_classes() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("set small 0 0 1\r\nx\r\n").expect("STORED\r\n");
    client.say(crate::kit::set("large", &[b'x'; 50_000])).expect("STORED\r\n");
    let (items, slabs) = (server.stats("items"), server.stats("slabs"));
    let counts: Vec<_> = items.iter().filter(|(name, _)| name.ends_with(":number")).collect();
    assert_eq!(counts.iter().map(|(_, count)| count.parse::<u32>().unwrap()).sum::<u32>(), 2, "{counts:?}");
    for (name, _) in counts {
        let class = name.strip_prefix("items:").unwrap().strip_suffix(":number").unwrap();
        for fact in ["chunk_size", "chunks_per_page", "total_pages", "total_chunks", "used_chunks", "free_chunks"] {
            assert!(slabs.contains_key(&format!("{class}:{fact}")), "{class}:{fact}");
        }
        for fact in ["age", "evicted", "evicted_time", "outofmemory", "reclaimed", "evicted_unfetched"] {
            assert!(items.contains_key(&format!("items:{class}:{fact}")), "{class}:{fact}");
        }
    }
    assert!(slabs.contains_key("active_slabs") && slabs.contains_key("total_malloced"));
}

#[test]
fn settings_are_what_was_asked_for() {
    let server = Server::start("-m 100 -c 333 -b 55 -I 2m -R 7 -f 1.5 -A -F -o idle_timeout=9,no_maxconns_fast");
    let settings = server.stats("settings");
    for (name, expected) in [
        ("maxbytes", "104857600"),
        ("maxconns", "333"),
        ("tcp_backlog", "55"),
        ("item_size_max", "2097152"),
        ("reqs_per_event", "7"),
        ("growth_factor", "1.50"),
        ("shutdown_command", "yes"),
        ("flush_enabled", "no"),
        ("idle_timeout", "9"),
        ("maxconns_fast", "no"),
        ("num_threads", "2"),
        ("cas_enabled", "yes"),
        ("evictions", "on"),
        ("verbosity", "0"),
    ] {
        assert_eq!(settings[name], expected, "{name}");
    }
}

#[test]
fn verbosity_is_set_and_capped() {
    let server = Server::start("");
    server.client().say("verbosity 1\r\n").expect("OK\r\n");
    assert_eq!(server.stats("settings")["verbosity"], "1");
    server.client().say("verbosity 4294967295\r\n").expect("OK\r\n");
    assert_eq!(server.stats("settings")["verbosity"], "2");
}

#[test]
fn subjects_that_show_nothing_here_answer_as_memcacheds_do() {
    let server = Server::start("-X -W");
    let mut client = server.client();
    client.say("stats sizes\r\n").expect("STAT sizes_status disabled\r\nEND\r\n");
    client.say("stats cachedump 1 1\r\n").expect("CLIENT_ERROR stats cachedump not allowed\r\n");
    client.is_quiet();
}
