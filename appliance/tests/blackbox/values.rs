//! Values at the ends of their range, and values that never arrive.

use crate::kit::client::Client;
use crate::kit::server::Server;
use crate::kit::{hit, set, value};

const TOO_LARGE: &str = "SERVER_ERROR object too large for cache\r\n";

/// memcached's own bounds for items of 1 MiB (t/getset.t).
const STORES_BYTES: usize = 1_047_552;
const FAILS_BYTES: usize = 1_049_600;

#[test]
fn the_largest_item_that_is_stored_can_be_read() {
    for (options, bytes) in [("-I 32m", 33_000_000), ("-m 16 -I 8m", 8_300_000)] {
        let server = Server::start(options);
        let large = value(1, bytes);
        let mut client = server.client();
        client.converse(&set("k", &large), b"STORED\r\n").converse(b"get k\r\n", &hit("k", &large));
        client.converse(b"mg k v\r\n", &[format!("VA {bytes}\r\n").as_bytes(), &large, b"\r\n"].concat());
    }
}

#[test]
fn readers_of_more_than_may_be_lent_wait_for_each_other() {
    let server = Server::start("-I 16m -t 2");
    let large = value(1, 8 << 20);
    for number in 0..5 {
        server.client().converse(&set(&format!("k{number}"), &large), b"STORED\r\n");
    }
    let found = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..5)
            .map(|number| {
                let (server, large) = (&server, &large);
                scope.spawn(move || {
                    let (mut client, key) = (server.client(), format!("k{number}"));
                    let (classic, meta) = (format!("get {key}\r\n"), format!("mg {key} v\r\n"));
                    for _ in 0..5 {
                        client.converse(classic.as_bytes(), &hit(&key, large));
                        client.converse(meta.as_bytes(), &[b"VA 8388608\r\n", &large[..], b"\r\n"].concat());
                    }
                    10
                })
            })
            .collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<i32>()
    });
    assert_eq!(found, 50);
    server.until_stat("lent_bytes", |lent| lent == 0);
}

#[test]
fn a_get_that_waits_in_vain_is_refused() {
    let server = Server::start("-I 16m");
    let large = value(1, 8 << 20);
    let mut stuck = Vec::new();
    for number in 0..3 {
        let key = format!("k{number}");
        server.client().converse(&set(&key, &large), b"STORED\r\n");
        let mut reader = server.narrow_client();
        reader.say(format!("get {key}\r\n"));
        server.until_stat("lent_bytes", |lent| lent > number << 23);
        stuck.push(reader);
    }
    server.client().converse(&set("more", &large), b"STORED\r\n");
    let mut client = server.client();
    client.say("get none more\r\nget none\r\n");
    client.expect("SERVER_ERROR out of memory writing get response\r\nEND\r\n");
    client.say("mg more v\r\nmn\r\n").expect("SERVER_ERROR out of memory writing get response\r\nMN\r\n");
    drop(stuck);
    client.converse(b"get more\r\n", &hit("more", &large));
}

#[test]
fn values_of_every_order_of_size_come_back_as_they_were() {
    let server = Server::start("");
    let mut client = server.client();
    for power in 0..20 {
        for bytes in [(1 << power) - 1, 1 << power, (1 << power) + 1] {
            let value = value(power as u8, bytes);
            client.say(set("k", &value)).expect("STORED\r\n").say("get k\r\n").expect(hit("k", &value));
            client.say([format!("ms m {bytes}\r\n").as_bytes(), &value, b"\r\n"].concat()).expect("HD\r\n");
            client.say("mg m v\r\n").expect(format!("VA {bytes}\r\n")).expect(&value).expect("\r\n");
        }
    }
    client.is_quiet();
    assert_eq!(server.stat("lent_bytes"), 0);
}

#[test]
fn the_largest_value_stores_and_the_next_does_not() {
    let server = Server::start("");
    let mut client = server.client();
    let fits = value(1, STORES_BYTES);
    client.say(set("k", &fits)).expect("STORED\r\n").say("get k\r\n").expect(hit("k", &fits));
    client.say(set("l", &value(2, FAILS_BYTES))).expect(TOO_LARGE).say("get l\r\n").expect("END\r\n").is_quiet();
    assert_eq!(server.stat("store_too_large"), 1);
}

#[test]
fn a_value_that_is_too_large_takes_the_old_one_with_it_where_it_replaces() {
    let server = Server::start("-I 1k");
    let mut client = server.client();
    let large = value(1, 5000);
    for (request, lost) in [
        ("set k 0 0 5000\r\n", true),
        ("set k 0 0 5000 noreply\r\n", true),
        ("ms k 5000\r\n", true),
        ("add k 0 0 5000\r\n", false),
        ("append k 0 0 5000\r\n", false),
        ("replace k 0 0 5000\r\n", false),
        ("ms k 5000 MA\r\n", false),
    ] {
        client.say("set k 0 0 3\r\nold\r\n").expect("STORED\r\n");
        client.say([request.as_bytes(), &large, b"\r\n"].concat());
        if !request.contains("noreply") {
            client.expect(TOO_LARGE);
        }
        client.say("get k\r\n").expect(if lost { "END\r\n" } else { "VALUE k 0 3\r\nold\r\nEND\r\n" });
    }
}

#[test]
fn a_length_of_two_gigabytes_is_swallowed_and_not_believed() {
    let server = Server::start("");
    let before = server.resident_bytes();
    let mut client = server.client();
    client.say("set k 0 0 3\r\nold\r\nset k 0 0 2147483645\r\n").expect("STORED\r\n").expect(TOO_LARGE);
    client.say(vec![b'x'; 8 << 20]);
    server.client().say("get k\r\n").expect("END\r\n");
    assert!(server.resident_bytes() < before + (16 << 20));
}

#[test]
fn items_of_ten_megabytes_where_the_limit_allows() {
    let server = Server::start("-m 256 -I 16m");
    let mut client = server.client();
    for seed in 0..3 {
        let large = value(seed, 10 << 20);
        client.say(set("k", &large)).expect("STORED\r\n").say("get k\r\n").expect(hit("k", &large));
    }
    client.is_quiet();
    assert_eq!(server.stats("settings")["item_size_max"], "16777216");
}

/// Begins to send a value for `k`, and dies.
fn die_after(server: &Server, announced_bytes: usize, sent_bytes: usize) {
    let mut client = server.client();
    client.say("mn\r\n").expect("MN\r\n");
    client.say(format!("set k 0 0 {announced_bytes}\r\n")).say(value(9, sent_bytes));
}

#[test]
fn a_client_that_dies_mid_value_changes_nothing() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("set k 0 0 3\r\nold\r\n").expect("STORED\r\n");
    for (announced_bytes, sent_bytes) in
        [(100, 0), (100, 99), (100, 100), (20_000, 100), (1_000_000, 0), (1_000_000, 600_000), (1_000_000, 1_000_000)]
    {
        die_after(&server, announced_bytes, sent_bytes);
        server.until_stat("curr_connections", |open| open == 2);
        client.say("get k\r\n").expect("VALUE k 0 3\r\nold\r\nEND\r\n");
        server.until_stat("lent_bytes", |lent| lent == 0);
    }
    assert_eq!(server.stat("curr_items"), 1);
}

#[test]
fn many_clients_that_die_mid_value_leave_all_memory_to_the_others() {
    let server = Server::start("-m 64");
    for _ in 0..150 {
        die_after(&server, 1_000_000, 900_000);
    }
    server.until_stat("curr_connections", |open| open == 1);
    server.until_stat("lent_bytes", |lent| lent == 0);
    let mut client = server.client();
    let large = value(1, 1_000_000);
    for number in 0..40 {
        client.say(set(&format!("k{number}"), &large)).expect("STORED\r\n");
    }
    client.say("get k39\r\n").expect(hit("k39", &large));
}

#[test]
fn a_value_is_seen_whole_or_not_at_all() {
    let server = Server::start("");
    let (old, new) = (value(1, 700_000), value(2, 800_000));
    let mut writer = server.client();
    writer.say(set("k", &old)).expect("STORED\r\n");
    let request = set("k", &new);
    let (front, back) = request.split_at(500_000);
    writer.say(front);
    server.until_stat("lent_bytes", |lent| lent > 0);
    let mut reader = server.client();
    reader.say("get k\r\n").expect(hit("k", &old));
    writer.say(back).expect("STORED\r\n");
    reader.say("get k\r\n").expect(hit("k", &new));
}

#[test]
fn what_two_clients_upload_at_once_is_one_or_the_other() {
    let server = Server::start("");
    let values = [value(1, 900_000), value(2, 900_000)];
    std::thread::scope(|scope| {
        for value in &values {
            let mut client = server.client();
            scope.spawn(move || {
                for _ in 0..10 {
                    client.say(set("k", value)).expect("STORED\r\n");
                }
            });
        }
    });
    let read = |client: &mut Client| {
        client.say("get k\r\n").expect("VALUE k 0 900000\r\n");
        client.read(900_000)
    };
    let found = read(&mut server.client());
    assert!(values.contains(&found), "torn");
}
