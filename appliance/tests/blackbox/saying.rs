//! What it says to its operator, and what becomes of it when nobody reads that.

use std::fs::File;
use std::io;
use std::process::{Output, Stdio};

use nix::sys::signal::Signal;

use crate::kit::eventually;
use crate::kit::server::{Server, spindle, user_arguments};

fn full_disk() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// Makes it speak, and asks whether it still lives.
fn makes_it_speak(mut server: Server) {
    for _ in 0..4 {
        server.client().say("version\r\nquit\r\n").expect("VERSION 1.6.45\r\n").expect_closed();
    }
    server.client().is_quiet();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit_status(), 0);
}

#[test]
fn a_reader_of_its_errors_who_goes_does_not_take_it_along() {
    let (reader, writer) = io::pipe().unwrap();
    let server = Server::saying_to(writer, "-vvv");
    drop(reader);
    makes_it_speak(server);
}

#[test]
fn a_full_disk_under_its_errors_does_not_keep_it_from_serving() {
    makes_it_speak(Server::saying_to(full_disk(), "-vvv -o modern -P /nonexistent/pid"));
}

#[test]
fn a_reader_of_its_help_may_have_seen_enough() {
    for arguments in ["-V", "-h", "memcached -h", "memcached -i"] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let Output { status, stderr, .. } = spindle(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(0), ""), "{arguments}");
        let Output { status, stderr, .. } =
            spindle(arguments).stdout(full_disk()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&stderr);
        assert!(said.starts_with("write error: ") && said.lines().count() == 1, "{said}");
        assert_eq!(status.code(), Some(74), "{arguments}");
    }
}

#[test]
fn an_error_that_nobody_can_read_still_has_its_status() {
    let refused = spindle(&format!("memcached {} -t 0", user_arguments())).stderr(full_disk()).status().unwrap();
    assert_eq!(refused.code(), Some(64));
}

#[test]
fn with_v_every_client_is_seen_to_come_and_go() {
    let server = Server::start("-v -t 1 -c 2");
    let mut stays = server.client();
    stays.is_quiet();
    server.client().say("quit\r\n").expect_closed();
    let lines = |words: &str| server.said().lines().filter(|line| line.contains(words)).count();
    // Its place is free a moment after its stream is over.
    eventually("a client that left", || (lines(" disconnected client=") == 1).then_some(()));
    let mut second = server.client();
    second.is_quiet();
    server.client().expect("ERROR Too many open connections\r\n");
    assert_eq!(lines(" connected client="), 3, "{}", server.said());
    assert_eq!(lines(" refused: "), 1, "{}", server.said());
    assert!(server.said().contains("from=\"127.0.0.1:"), "{}", server.said());
    assert!(server.said().contains("why=Quit"), "{}", server.said());
}

#[test]
fn without_v_no_client_is_seen() {
    let server = Server::start("-t 1");
    server.client().say("quit\r\n").expect_closed();
    server.until_stat("curr_connections", |connections| connections == 1);
    assert_eq!(server.said().lines().count(), 1, "{}", server.said());
}

#[test]
fn the_verbosity_command_changes_what_is_said() {
    let server = Server::start("-t 1");
    let mut operator = server.client();
    let left = || server.said().matches(" disconnected client=").count();
    operator.say("verbosity 1\r\n").expect("OK\r\n");
    server.client().say("quit\r\n").expect_closed();
    eventually("a client that left", || (left() == 1).then_some(()));
    operator.say("verbosity 0\r\n").expect("OK\r\n");
    server.client().say("quit\r\n").expect_closed();
    server.until_stat("curr_connections", |connections| connections == 2);
    assert_eq!(left(), 1, "{}", server.said());
}

#[test]
fn requests_and_replies_are_said_when_asked_for() {
    let server = Server::start("-vv");
    let mut client = server.client();
    client.say("set k 0 0 5\r\nhello\r\nget k\r\nnonsense\r\n");
    client.expect("STORED\r\nVALUE k 0 5\r\nhello\r\nEND\r\nERROR\r\n");
    client.converse(
        &[b"set large 0 0 100000\r\n".to_vec(), vec![b'x'; 100_000], b"\r\n".to_vec()].concat(),
        b"STORED\r\n",
    );
    for said in [
        r#"request="set k 0 0 5" reply="STORED""#,
        r#"request="get k" reply="VALUE k 0 5""#,
        r#"request="nonsense" reply="ERROR""#,
        r#"request="set large 0 0 100000" reply="STORED""#,
    ] {
        eventually(said, || server.said().contains(said).then_some(()));
    }
    let quiet = Server::start("-v");
    quiet.client().say("get k\r\n").expect("END\r\n");
    assert!(!quiet.said().contains("request"), "{}", quiet.said());
}
