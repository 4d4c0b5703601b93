//! The memory limit bounds the process, not only the payload.

use crate::kit::client::Client;
use crate::kit::server::Server;
use crate::kit::{hit, set, value};

/// What the process may have beyond `-m`: its code, its cores' rings and receive buffers, connections.
const BESIDE_ITEMS_BYTES: u64 = 24 << 20;

/// Stores values of all sizes, `bytes` of them altogether, in keys that begin with `prefix`.
fn fill(client: &mut Client, prefix: &str, bytes: usize) {
    let (largest, mut stored, mut number) = (value(5, 300_000), 0, 0usize);
    while stored < bytes {
        let mut batch = Vec::new();
        let mut answers = Vec::new();
        for _ in 0..64 {
            let size = [20, 130, 1000, 4000, 15_000, 17_000, 90_000, 300_000][number * 7 % 8].min(largest.len());
            batch.extend_from_slice(&set(&format!("{prefix}{number}"), &largest[..size]));
            answers.extend_from_slice(b"STORED\r\n");
            stored += size;
            number += 1;
        }
        client.converse(&batch, &answers);
    }
}

#[test]
fn filling_far_beyond_the_limit_stays_within_it() {
    let server = Server::start("-m 64");
    let mut client = server.client();
    for prefix in ["a", "b", "c"] {
        fill(&mut client, prefix, 100 << 20);
    }
    for number in 0..100_000 {
        client.say(format!("set small{number} 0 0 10 noreply\r\n0123456789\r\n"));
    }
    client.is_quiet();
    let resident = server.resident_bytes();
    assert!(resident < (64 << 20) + BESIDE_ITEMS_BYTES, "{resident} bytes");
    let stats = server.stats("");
    let number = |name: &str| stats[name].parse::<u64>().unwrap();
    assert!(number("memory_bytes_used") <= number("limit_maxbytes"), "{stats:?}");
    assert!(number("evictions") > 0 && number("outofmemory") == 0, "{stats:?}");
    assert!(number("bytes") > 32 << 20, "most of it holds items: {stats:?}");
    client.say("get small99999\r\n").expect(hit("small99999", b"0123456789"));
}

#[test]
fn without_evictions_a_full_cache_refuses_and_keeps_what_it_has() {
    let server = Server::start("-M -m 16");
    let mut client = server.client();
    let large = value(1, 100_000);
    let refused = (0..1000).find(|number| {
        client.say(set(&format!("k{number}"), &large));
        client.line() == "SERVER_ERROR out of memory storing object"
    });
    let refused = refused.expect("16 MiB hold no 100 MB");
    assert!(refused > 60, "most of the memory was given out: {refused}");
    for number in [0, 1, refused / 2, refused - 1] {
        client.say(format!("get k{number}\r\n")).expect(hit(&format!("k{number}"), &large));
    }
    client.say(format!("get k{refused}\r\n")).expect("END\r\n");
    // A set that is refused leaves no old value behind, as nobody should read what its writer believes replaced.
    client.say(set("k0", &value(2, 900_000))).expect("SERVER_ERROR out of memory storing object\r\n");
    client.say("get k0\r\n").expect("END\r\n");
    client.say(set("k0", &large)).expect("STORED\r\n").is_quiet();
    let stats = server.stats("");
    assert_eq!(stats["evictions"], "0");
    assert!(stats["store_no_memory"].parse::<u32>().unwrap() >= 2);
    assert_eq!(server.stats("settings")["evictions"], "off");
}

#[test]
fn the_limit_can_be_lowered_and_raised_while_it_serves() {
    let server = Server::start("-m 64");
    let mut client = server.client();
    fill(&mut client, "a", 80 << 20);
    client.say("cache_memlimit 16\r\n").expect("OK\r\n");
    assert_eq!(server.stat("limit_maxbytes"), 16 << 20);
    server.until_stat("memory_bytes_used", |used| used <= 16 << 20);
    client.say("cache_memlimit 100\r\n").expect("OK\r\n");
    fill(&mut client, "b", 120 << 20);
    let used = server.stat("memory_bytes_used");
    assert!((60 << 20..=100 << 20).contains(&used), "{used} bytes");
}

#[test]
fn where_nothing_is_evicted_a_lowered_limit_takes_back_what_items_leave() {
    let server = Server::start("-m 64 -M");
    let (mut client, value) = (server.client(), value(1, 100_000));
    for number in 0..300 {
        client.say(set(&format!("k{number}"), &value)).expect("STORED\r\n");
    }
    client.say("cache_memlimit 8\r\n").expect("OK\r\n");
    client.say(set("another", &value)).expect("SERVER_ERROR out of memory storing object\r\n");
    let used = server.stat("memory_bytes_used");
    assert!(used > 30_000_000, "{used}");
    for number in 0..300 {
        client.say(format!("get k{number}\r\n")).expect(hit(&format!("k{number}"), &value));
        client.say(format!("delete k{number}\r\n")).expect("DELETED\r\n");
    }
    server.until_stat("memory_bytes_used", |used| used <= 8 << 20);
    client.say(set("another", &value)).expect("STORED\r\n");
    assert_eq!(server.stat("evictions"), 0);
}
