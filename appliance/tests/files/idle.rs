//! Clients that say or take nothing are closed after a while, whatever they were at.

use std::time::{Duration, Instant};

use crate::kit::client::{Content, put_head};
use crate::kit::server::Server;
use crate::kit::{content, eventually};

#[test]
fn who_says_nothing_is_closed() {
    let server = Server::start("idle_timeout_seconds = 1");
    server.lay("dev1/a", b"content");
    let began = Instant::now();
    let mut clients: Vec<_> = (0..6).map(|_| server.client()).collect();
    clients[1].get("/dev1/a").has(b"content");
    clients[2].say("GET /dev1/a HTTP/1.1\r\nHo");
    clients[3].say(put_head("/dev1/b", "", 10)).say("half");
    clients[4].say(put_head("/dev1/b", "Expect: 100-continue\r\n", 10)).answer(Content::Follows).is(100);
    clients[5].say("PUT /dev1/b HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal");
    for client in &mut clients {
        client.expect_closed();
    }
    assert!(began.elapsed() > Duration::from_millis(900), "it was closed early: {:?}", began.elapsed());
    eventually("the end of the temporaries", || (server.temporaries() == 0).then_some(()));
    assert!(!server.path("dev1/b").exists());
}

#[test]
fn a_head_has_to_end_in_time_however_it_trickles() {
    let server = Server::start("idle_timeout_seconds = 1");
    let mut client = server.client();
    let began = Instant::now();
    client.say("GET /dev1/a HTTP/1.1\r\nX: ");
    while began.elapsed() < Duration::from_millis(2500) {
        client.say_what_it_takes(b"x");
        std::thread::sleep(Duration::from_millis(50));
    }
    client.expect_closed();
}

#[test]
fn who_goes_on_is_not_closed() {
    let server = Server::start("idle_timeout_seconds = 1");
    let body = content(1, 30);
    let (mut writer, mut reader) = (server.client(), server.client());
    writer.put("/dev1/a", b"content").is(201);
    writer.say(put_head("/dev1/b", "", body.len()));
    for byte in &body {
        writer.say([*byte]);
        reader.get("/dev1/a").has(b"content");
        std::thread::sleep(Duration::from_millis(70));
    }
    writer.answer(Content::Follows).is(201);
    reader.get("/dev1/b").has(&body);
}

/// Whoever is there holds the only place: the next is served once it is closed.
#[track_caller]
fn the_next_is_served(server: &Server) {
    server.client().get("/dev1/small").has(b"small");
}

#[test]
fn who_takes_nothing_is_closed() {
    let server = Server::start("idle_timeout_seconds = 1\nconnections_max = 1\ncores = 1");
    let large = content(1, 20_000_000);
    for (path, content) in [("large", &large[..]), ("middle", &large[..16_000]), ("small", b"small")] {
        server.lay(&format!("dev1/{path}"), content);
    }
    for request in [
        "GET /dev1/large HTTP/1.1\r\nHost: here\r\n\r\n",
        "GET /dev1/middle HTTP/1.1\r\nHost: here\r\n\r\n",
        "GET /dev1/none HTTP/1.1\r\nHost: here\r\n\r\n",
        "HEAD /dev1/large HTTP/1.1\r\nHost: here\r\n\r\n",
        "OPTIONS /dev1/large HTTP/1.1\r\nHost: here\r\n\r\n",
        "DELETE /dev1/none HTTP/1.1\r\nHost: here\r\n\r\n",
        "PUT /dev1/a HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\na",
        "GET /dev1/none HTTP/1.1\r\nHost: here\r\n\r\nGET /dev1/large HTTP/1.1\r\nHost: here\r\n\r\n",
        "GET /dev1/small HTTP/1.1\r\nHost: here\r\nRange: bytes=9-\r\n\r\n",
    ] {
        let mut client = server.narrow_client();
        client.say_until_stuck(request.repeat(50).as_bytes());
        the_next_is_served(&server);
    }
}

#[test]
fn who_takes_nothing_is_closed_though_it_has_said_all() {
    let server = Server::start("idle_timeout_seconds = 1\nconnections_max = 1\ncores = 1");
    server.lay("dev1/small", b"small");
    server.lay("dev1/middle", &content(1, 16_000));
    server.lay("dev1/large", &content(1, 20_000_000));
    for path in ["middle", "large"] {
        for last in ["Host: here", "Host: here\r\nConnection: close"] {
            let mut client = server.narrow_client();
            client.say(format!("GET /dev1/{path} HTTP/1.1\r\n{last}\r\n\r\n")).finish();
            the_next_is_served(&server);
        }
    }
}
