//! Slow clients cannot block others, and cost what they are being sent, within a bound.

use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::kit::client::Client;
use crate::kit::server::Server;
use crate::kit::{hit, set, value};

/// Asks for `key` and reads nothing; returns when the server waits for it, with the value in its hands.
fn reader_that_stops(server: &Server, key: &str) -> Client {
    let lent = server.stat("lent_bytes");
    let mut reader = server.narrow_client();
    reader.say(format!("get {key}\r\n"));
    server.until_stat("lent_bytes", |now| now > lent);
    reader
}

#[test]
fn a_reader_that_stops_keeps_its_version_whatever_others_do() {
    let server = Server::start("-m 64");
    let (old, new) = (value(1, 1 << 20)[..1_040_000].to_vec(), value(2, 900_000));
    let mut writer = server.client();
    writer.say(set("k", &old)).expect("STORED\r\n");
    let mut slow = reader_that_stops(&server, "k");
    for _ in 0..5 {
        writer.say(set("k", &new)).expect("STORED\r\n").say("get k\r\n").expect(hit("k", &new));
        writer.say("delete k\r\n").expect("DELETED\r\n").say("get k\r\n").expect("END\r\n");
    }
    // Everything else is pushed out, too.
    for number in 0..100 {
        writer.say(set(&format!("other{number}"), &new)).expect("STORED\r\n");
    }
    writer.say("flush_all\r\n").expect("OK\r\n");
    assert!(server.stat("lent_bytes") > 0, "the reader still waits");
    slow.expect(hit("k", &old)).is_quiet();
    server.until_stat("lent_bytes", |lent| lent == 0);
}

#[test]
fn what_readers_pin_is_bounded_and_nobody_else_waits() {
    let server = Server::start("-m 64");
    let mut writer = server.client();
    let before = server.resident_bytes();
    let (mut versions, mut refused) = (Vec::new(), Vec::new());
    for seed in 0..70 {
        let version = value(seed, 1_000_000);
        writer.say(set("k", &version)).expect("STORED\r\n");
        let mut slow = server.narrow_client();
        slow.say("get k\r\n");
        match slow.line().as_str() {
            "SERVER_ERROR out of memory writing get response" => refused.push(slow),
            head => {
                assert_eq!(head, "VALUE k 0 1000000");
                versions.push((slow, version));
            }
        }
        assert!(server.stat("lent_bytes") <= server.stat("lent_bytes_max"));
        writer.say("set small 0 0 1\r\nx\r\nget small\r\n").expect("STORED\r\nVALUE small 0 1\r\nx\r\nEND\r\n");
    }
    assert!(server.stat("lent_refused") > 0, "more was asked for than may be pinned");
    assert!(server.stat("held_bytes") > 0, "what could not be pinned was copied, as far as the budget went");
    assert!(versions.len() > 20 && refused.len() > 20, "{} served, {} refused", versions.len(), refused.len());
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 80 << 20, "{grown} bytes more: the limit, the budget for copies, and what sockets hold");
    for (slow, version) in &mut versions {
        slow.expect(&hit("k", version)["VALUE k 0 1000000\r\n".len()..]).is_quiet();
    }
    for slow in &mut refused {
        slow.say("get small\r\n").expect("VALUE small 0 1\r\nx\r\nEND\r\n");
    }
    server.until_stat("lent_bytes", |lent| lent == 0);
}

#[test]
fn a_client_that_dies_with_a_value_in_the_air_gives_it_back() {
    let server = Server::start("");
    server.client().say(set("k", &value(1, 1_000_000))).expect("STORED\r\n");
    for _ in 0..20 {
        drop(reader_that_stops(&server, "k"));
        server.until_stat("lent_bytes", |lent| lent == 0);
    }
    server.until_stat("curr_connections", |open| open == 1);
}

#[test]
fn clients_that_ask_for_ever_and_never_read_cost_a_bounded_share() {
    let server = Server::start("-m 64");
    let (small, large) = (value(1, 100), value(2, 200_000));
    let mut other = server.client();
    other.say(set("small", &small)).expect("STORED\r\n").say(set("large", &large)).expect("STORED\r\n");
    let before = server.resident_bytes();
    let mut stuck = Vec::new();
    for number in 0..16 {
        let mut client = server.narrow_client();
        client.say_until_stuck(&[&b"get small\r\n"[..], b"get large\r\n"][number % 2].repeat(1000));
        stuck.push(client);
        other.say("get small\r\n").expect(hit("small", &small));
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more for {} clients", stuck.len());
    let computed = server.cpu_time();
    other.hears_nothing().hears_nothing().hears_nothing();
    let computed = server.cpu_time() - computed;
    assert!(computed < Duration::from_millis(150), "waiting for them costs {computed:?} in 0.3 s");
    drop(stuck);
    server.until_stat("curr_connections", |open| open == 2);
    server.until_stat("lent_bytes", |lent| lent == 0);
}

#[test]
fn a_value_that_trickles_in_holds_up_nobody() {
    let server = Server::start("-m 64");
    let mut uploads: Vec<Client> = (0..100).map(|_| server.client()).collect();
    for upload in &mut uploads {
        upload.say("set k 0 0 100000\r\n").say(value(1, 5000));
    }
    let mut other = server.client();
    other.say("set s 0 0 1\r\nx\r\nget s\r\n").expect("STORED\r\nVALUE s 0 1\r\nx\r\nEND\r\n");
    assert!(server.stat("lent_bytes") <= server.stat("lent_bytes_max"));
    for upload in &mut uploads {
        upload.say(&value(1, 100_000)[5000..]).say("\r\n").expect("STORED\r\n");
    }
    other.say("get k\r\n").expect(hit("k", &value(1, 100_000)));
}

const SLOW_CLIENTS: usize = 5000;

/// Makes room for the clients' descriptors; false where the machine does not grant it.
fn may_open(wanted: u64) -> bool {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    soft >= wanted || setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard).is_ok() && hard >= wanted
}

#[test]
fn five_thousand_clients_that_send_a_byte_a_second_hold_up_nobody() {
    if !may_open(SLOW_CLIENTS as u64 + 1000) {
        return eprintln!("SKIPPED: {SLOW_CLIENTS} connections need more open files than `ulimit -Hn` allows");
    }
    let server = Server::start("-c 6000");
    let mut fast = server.client();
    fast.say("set k 0 0 1\r\nx\r\n").expect("STORED\r\n");
    let mut slow: Vec<Client> = (0..SLOW_CLIENTS).map(|_| server.client()).collect();
    let request = b"get k\r\n";
    for byte in &request[..3] {
        let second = Instant::now() + Duration::from_secs(1);
        for client in &mut slow {
            client.say([*byte]);
        }
        while Instant::now() < second {
            fast.say("get k\r\n").expect("VALUE k 0 1\r\nx\r\nEND\r\n");
        }
    }
    assert_eq!(server.stat("curr_connections"), SLOW_CLIENTS as u64 + 2);
    for client in &mut slow {
        client.say(&request[3..]).expect("VALUE k 0 1\r\nx\r\nEND\r\n");
    }
    drop(slow);
    server.until_stat("curr_connections", |open| open == 2);
}
