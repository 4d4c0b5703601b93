//! What many clients together can make the service hold.

use crate::kit::client::Client;
use crate::kit::server::Server;
use crate::kit::{set, value};

#[test]
fn many_readers_of_small_values_who_do_not_read_hold_a_bounded_share() {
    let server = Server::start("-m 64");
    let small = value(1, 15_000);
    server.client().say(set("k", &small)).expect("STORED\r\n");
    let before = server.resident_bytes();
    let mut stuck: Vec<Client> = (0..300).map(|_| server.narrow_client()).collect();
    for client in &mut stuck {
        client.say(b"get k\r\n".repeat(200));
    }
    server.until_stat("held_bytes", |held| held > 4 << 20);
    server.until_stat("cmd_get", |gets| gets >= 300);
    server.client().say("set other 0 0 1\r\nx\r\nget other\r\n").expect("STORED\r\nVALUE other 0 1\r\nx\r\nEND\r\n");
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more for {} clients", stuck.len());
    drop(stuck);
    server.until_stat("held_bytes", |held| held == 0);
}

#[test]
fn many_unfinished_lines_hold_a_bounded_share() {
    let server = Server::start("-m 64");
    let before = server.resident_bytes();
    let line = [b"get ".to_vec(), b"k ".repeat(150_000)].concat();
    let mut clients: Vec<Client> = (0..60).map(|_| server.client()).collect();
    for client in &mut clients {
        client.say_what_it_takes(&line);
    }
    server.until_stat("closed_by_bound", |closed| closed > 30);
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more for {} lines", clients.len());
    drop(clients);
    server.until_stat("held_bytes", |held| held == 0);
    server.client().say([&line[..], b"\r\n"].concat()).expect("END\r\n").is_quiet();
}

#[test]
fn a_long_line_that_is_answered_holds_nothing_any_more() {
    let server = Server::start("-m 64");
    let mut clients: Vec<Client> = (0..20).map(|_| server.client()).collect();
    let keys = (0..2000).map(|number| format!(" key-{number:016}")).collect::<String>();
    for client in &mut clients {
        client.say(format!("get{keys}\r\n")).expect("END\r\n");
    }
    let mut refused = server.client();
    refused.say([b"get ".to_vec(), b"k ".repeat(50_000), vec![b'x'; 251], b"\r\n".to_vec()].concat());
    refused.expect("CLIENT_ERROR bad command line format\r\n");
    assert_eq!(server.stat("held_bytes"), 0, "everybody is answered, and still here");
    refused.say("get k\r\n").expect("END\r\n");
}

#[test]
fn a_long_multiget_looks_for_its_last_key_as_it_came() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("set k 0 0 1\r\nx\r\nset k\t 0 0 1\r\ny\r\n").expect("STORED\r\nSTORED\r\n");
    client.say([b"get".to_vec(), b" none".repeat(600), b" k\t\r\n".to_vec()].concat());
    client.expect("VALUE k\t 0 1\r\ny\r\nEND\r\n");
}

#[test]
fn a_pipeline_that_is_answered_whole_does_not_yield() {
    let server = Server::start("-R 20");
    server.client().say(b"get k\r\n".repeat(20)).expect("END\r\n".repeat(20)).is_quiet();
    assert_eq!(server.stat("conn_yields"), 0);
    server.client().say(b"get k\r\n".repeat(60)).expect("END\r\n".repeat(60)).is_quiet();
    assert!(server.stat("conn_yields") >= 1);
}

#[test]
fn a_client_that_asks_for_many_keys_lets_others_go_first() {
    let server = Server::start("-t 1");
    let keys = 100_000;
    let mut greedy = server.client();
    server.client().say("set k 0 0 1\r\nx\r\n").expect("STORED\r\n");
    greedy.converse(&[b"get".to_vec(), b" k".repeat(keys), b"\r\n".to_vec()].concat(), &{
        [b"VALUE k 0 1\r\nx\r\n".repeat(keys), b"END\r\n".to_vec()].concat()
    });
    assert!(server.stat("conn_yields") > 100, "it had one turn after the other");
    greedy.is_quiet();
}

#[test]
fn who_says_the_last_word_and_stays_is_closed() {
    let server = Server::start("");
    for last in [&b"quit\r\n"[..], b"\x80", &[b'x'; 3000]] {
        let mut client = server.client();
        client.say(last);
        server.until_stat("curr_connections", |open| open == 1);
        drop(client);
    }
}

#[test]
fn locking_memory_locks_what_is_touched() {
    let server = Server::start("-k -m 64");
    server.client().say("set k 0 0 1\r\nx\r\n").expect("STORED\r\n");
    let resident = server.resident_bytes();
    assert!(resident < 128 << 20, "{resident} bytes: address space that is only set aside was locked, too");
}

#[test]
fn the_memory_limit_may_be_larger_than_any_machine() {
    for megabytes in [131_072, 1_000_000] {
        let server = Server::start(&format!("-m {megabytes}"));
        assert_eq!(server.stat("limit_maxbytes"), megabytes << 20);
        server.client().say("set k 0 0 1\r\nx\r\nget k\r\n").expect("STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n");
    }
}

#[test]
fn growth_factor_and_smallest_chunk_are_what_was_asked_for() {
    let server = Server::start("-f 2 -n 200");
    let mut client = server.client();
    client.say(set("small", &[b'x'; 10])).expect("STORED\r\n").say(set("larger", &[b'x'; 300])).expect("STORED\r\n");
    let slabs = server.stats("slabs");
    let sizes: Vec<&String> = slabs.iter().filter(|(name, _)| name.ends_with("chunk_size")).map(|row| row.1).collect();
    assert_eq!(sizes, ["200", "400"]);
    let settings = server.stats("settings");
    assert_eq!((settings["growth_factor"].as_str(), settings["chunk_size"].as_str()), ("2.00", "200"));
}
