//! Time: items that end, and the end of all items.

use crate::kit::eventually;
use crate::kit::server::Server;

/// Waits until a `get` of the key misses.
#[track_caller]
fn until_gone(server: &Server, key: &str) {
    let mut client = server.client();
    eventually("the end of an item", || {
        client.say(format!("get {key}\r\n"));
        client.lines_to_end().is_empty().then_some(())
    });
}

#[test]
fn an_item_lives_for_its_seconds_and_no_longer() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("set k 0 2 1\r\nx\r\nget k\r\n").expect("STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n");
    until_gone(&server, "k");
    client.say("add k 0 0 1\r\ny\r\n").expect("STORED\r\n");
    assert_eq!(server.stat("curr_items"), 1);
}

#[test]
fn touching_lengthens_and_shortens_a_life() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("set long 0 1 1\r\nx\r\ntouch long 1000\r\n").expect("STORED\r\nTOUCHED\r\n");
    client.say("set short 0 1000 1\r\nx\r\ngat 1 short\r\n").expect("STORED\r\nVALUE short 0 1\r\nx\r\nEND\r\n");
    until_gone(&server, "short");
    client.say("get long\r\n").expect("VALUE long 0 1\r\nx\r\nEND\r\n");
}

#[test]
fn some_times_are_already_over() {
    let server = Server::start("");
    let mut client = server.client();
    // Negative; 31 days in seconds, which is an absolute time of 1970; 2^32-1, whose low 32 bits are -1.
    for exptime in ["-1", "-2147483648", "2678400", "4294967295"] {
        client.say(format!("set k 0 {exptime} 1\r\nx\r\nget k\r\n")).expect("STORED\r\nEND\r\n");
    }
    for exptime in ["0", "2592000", "2147483647"] {
        client.say(format!("set k 0 {exptime} 1\r\nx\r\nget k\r\n")).expect("STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n");
    }
}

#[test]
fn flushing_ends_what_is_there_and_nothing_that_comes() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("set a 0 0 1\r\nx\r\nflush_all\r\nget a\r\n").expect("STORED\r\nOK\r\nEND\r\n");
    client.say("add a 0 0 1\r\ny\r\nget a\r\n").expect("STORED\r\nVALUE a 0 1\r\ny\r\nEND\r\n");
    client.say("flush_all 0\r\nget a\r\n").expect("OK\r\nEND\r\n");
    client.say("set a 0 0 1\r\nz\r\nflush_all -5\r\nget a\r\n").expect("STORED\r\nOK\r\nEND\r\n");
    assert_eq!(server.stat("cmd_flush"), 3);
    client.say("set a 0 0 1\r\nz\r\nflush_all soon\r\n");
    client.expect("STORED\r\nCLIENT_ERROR invalid exptime argument\r\n");
    client.say("get a\r\n").expect("VALUE a 0 1\r\nz\r\nEND\r\n").is_quiet();
}

#[test]
fn a_delayed_flush_waits_for_its_time() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("set a 0 0 1\r\nx\r\nflush_all 2\r\nget a\r\n").expect("STORED\r\nOK\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    until_gone(&server, "a");
    client.say("set a 0 0 1\r\ny\r\nget a\r\n").expect("STORED\r\nVALUE a 0 1\r\ny\r\nEND\r\n").is_quiet();
}

#[test]
fn flushing_can_be_forbidden() {
    let server = Server::start("-F");
    let mut client = server.client();
    client.say("set a 0 0 1\r\nx\r\nflush_all\r\n").expect("STORED\r\nCLIENT_ERROR flush_all not allowed\r\n");
    client.say("flush_all 5 noreply\r\n").is_quiet();
    client.say("get a\r\n").expect("VALUE a 0 1\r\nx\r\nEND\r\n");
    assert_eq!(server.stats("settings")["flush_enabled"], "no");
}
