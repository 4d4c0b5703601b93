//! How many may talk at once, and for how long in silence.

use std::time::Duration;

use crate::kit::client::{Client, Stats};
use crate::kit::server::Server;
use crate::kit::{eventually, hit, set, value};

const REFUSAL: &str = "ERROR Too many open connections\r\n";

/// Connections that are known to be served.
fn served(server: &Server, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| server.client()).collect();
    for client in &mut clients {
        client.is_quiet();
    }
    clients
}

#[test]
fn one_more_than_the_limit_is_told_and_closed() {
    let server = Server::start("-c 5");
    let mut clients = served(&server, 5);
    for _ in 0..20 {
        server.client().expect(REFUSAL).expect_closed();
    }
    for client in &mut clients {
        client.is_quiet();
    }
    clients.pop();
    let mut newcomer = eventually("a free place", || {
        let mut client = server.client();
        client.say("mn\r\n");
        (client.line() == "MN").then_some(client)
    });
    server.client().expect(REFUSAL).expect_closed();
    newcomer.say("stats\r\n");
    let stats = newcomer.lines_to_end();
    assert!(stats.contains(&"STAT curr_connections 5".to_owned()), "{stats:?}");
    assert!(stats.contains(&"STAT max_connections 5".to_owned()), "{stats:?}");
    let rejected = stats.iter().find_map(|line| line.strip_prefix("STAT rejected_connections ")).unwrap();
    assert!(rejected.parse::<u32>().unwrap() >= 21, "{rejected}");
}

#[test]
fn the_limit_counts_connections_and_not_descriptors() {
    let server = Server::start("-c 3 -l [::1]:-1 -t 8");
    let mut clients = served(&server, 3);
    server.client().expect(REFUSAL).expect_closed();
    clients[0].say("stats settings\r\n");
    assert!(clients[0].lines_to_end().contains(&"STAT maxconns 3".to_owned()));
}

#[test]
fn where_it_is_asked_for_newcomers_wait_for_a_place() {
    let server = Server::start("-c 2 -o no_maxconns_fast");
    let mut clients = served(&server, 2);
    let mut waiting: Vec<Client> = (0..20).map(|_| server.client()).collect();
    for client in &mut waiting {
        client.say("mn\r\n");
    }
    waiting[0].hears_nothing();
    clients[0].is_quiet();
    drop(clients);
    // Whose turn it is, is not promised: each leaves when it was served.
    while !waiting.is_empty() {
        let served = eventually("the next that is served", || waiting.iter_mut().position(Client::has_news));
        waiting.swap_remove(served).expect("MN\r\n");
    }
    server.until_stat("curr_connections", |open| open == 1);
    assert!(server.stat("listen_disabled_num") > 0);
    server.until_stat("accepting_conns", |accepting| accepting == 1);
    server.until_stat("rejected_connections", |rejected| rejected == 0);
}

#[test]
fn when_descriptors_run_out_newcomers_wait_for_one() {
    let server = Server::start("-t 1 -c 20 -o no_maxconns_fast");
    let mut clients = served(&server, 20);
    // The kernel remembers the limit from when accepting began. It stopped with the last client; with the next place it
    // begins again, and there is no descriptor for it.
    if !server.forbid_newest_descriptor() {
        return eprintln!("SKIPPED: no prlimit(1) to take descriptors away with");
    }
    clients.pop();
    let is = |stats: &Stats, accepting: &str, open: &str| {
        (stats["accepting_conns"].as_str(), stats["curr_connections"].as_str()) == (accepting, open)
    };
    let stats = eventually("accepting to stop with a free place", || {
        Some(clients[0].stats("")).filter(|stats| is(stats, "0", "19"))
    });
    assert_eq!((stats["listen_disabled_num"].as_str(), stats["rejected_connections"].as_str()), ("2", "0"));
    let mut waiting: Vec<Client> = (0..5).map(|_| server.client()).collect();
    for client in &mut waiting {
        client.say("mn\r\n");
    }
    let computed = server.cpu_time();
    waiting[0].hears_nothing().hears_nothing().hears_nothing();
    let computed = server.cpu_time() - computed;
    assert!(computed < Duration::from_millis(150), "waiting costs {computed:?} in 0.3 s");
    assert!(server.said().contains("cannot accept"), "{}", server.said());
    clients.truncate(10);
    for client in &mut waiting {
        client.expect("MN\r\n");
    }
    eventually("accepting to go on", || is(&clients[0].stats(""), "1", "15").then_some(()));
}

#[test]
fn who_is_silent_for_too_long_is_shown_out() {
    let server = Server::start("-o idle_timeout=1");
    let mut silent = server.client();
    silent.say("get k").expect_closed();
    server.client().say("mn\r\n").expect("MN\r\n").expect_closed();
    assert_eq!(server.stat("idle_kicks"), 2);
}

#[test]
fn who_stops_in_the_middle_of_a_value_is_shown_out_and_its_memory_comes_back() {
    let server = Server::start("-o idle_timeout=1");
    let mut stalled = server.client();
    stalled.say("set k 0 0 1000000\r\n").say(value(1, 300_000));
    server.until_stat("lent_bytes", |lent| lent > 0);
    stalled.expect_closed();
    server.until_stat("lent_bytes", |lent| lent == 0);
    assert_eq!(server.stat("idle_kicks"), 1);
    let mut at_the_end = server.client();
    at_the_end.say(&set("k", &value(1, 1_000_000))[..1_000_000]).expect_closed();
    server.until_stat("idle_kicks", |kicks| kicks == 2);
    server.client().say("get k\r\n").expect("END\r\n");
}

#[test]
fn who_sends_a_value_slowly_is_not_silent() {
    let server = Server::start("-o idle_timeout=1");
    let (mut slow, whole) = (server.client(), value(1, 1_000_000));
    slow.say("set k 0 0 1000000\r\n").say(&whole[..500_000]);
    for at in 0..9 {
        // Each silence is shorter than the timeout, and together they are longer.
        slow.hears_nothing().hears_nothing().hears_nothing();
        slow.say(&whole[500_000 + at..][..1]);
    }
    slow.say(&whole[500_009..]).say("\r\n").expect("STORED\r\n").say("get k\r\n").expect(hit("k", &whole));
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let server = Server::start("");
    let resident = |rounds: usize| {
        for _ in 0..rounds {
            let mut clients = served(&server, 50);
            clients[0].say("get k").finish();
            clients[1].say("set k 0 0 100\r\nabc").finish();
        }
        server.until_stat("curr_connections", |open| open == 1);
        server.resident_bytes()
    };
    let before = resident(20);
    let after = resident(60);
    assert!(after < before + (2 << 20), "{before} bytes became {after}");
}
