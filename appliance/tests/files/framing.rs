//! Where a request ends and the next begins: cut anywhere, many in one write, kept alive or not.

use std::time::Duration;

use crate::kit::client::{Client, Content};
use crate::kit::content;
use crate::kit::server::Server;

#[test]
fn a_hundred_requests_in_one_write_are_answered_in_order() {
    let server = Server::start("");
    let sizes = [10, 0, 20_000, 300, 200_000];
    let files: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(seed, size)| content(seed as u8, *size)).collect();
    for (at, file) in files.iter().enumerate() {
        server.lay(&format!("dev1/{at}"), file);
    }
    let one = |at: usize| match at % 10 {
        7 => "GET /dev1/none HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(),
        8 => "HEAD /dev1/4 HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(),
        9 => "\r\nDELETE /dev1/none HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nGET".to_owned(),
        _ => format!("GET /dev1/{} HTTP/1.1\r\nHost: here\r\n\r\n", at % 5),
    };
    let mut client = server.client();
    client.say((0..100).map(one).collect::<String>());
    for at in 0..100 {
        match at % 10 {
            7 | 9 => drop(client.answer(Content::Follows).is(404)),
            8 => assert_eq!(client.answer(Content::Withheld).is(200).field("Content-Length"), "200000"),
            _ => drop(client.answer(Content::Follows).has(&files[at % 5])),
        }
    }
    client.hears_nothing();
}

#[test]
fn uploads_and_what_reads_them_fit_into_one_write() {
    let server = Server::start("");
    let mut client = server.client();
    let (mut said, mut bodies) = (Vec::new(), Vec::new());
    for at in 0..30 {
        let body = content(at, usize::from(at) * 3000);
        let fields = format!("Host: here\r\nContent-Length: {}", body.len());
        said.extend(format!("PUT /dev1/x HTTP/1.1\r\n{fields}\r\n\r\n").bytes());
        said.extend(&body);
        said.extend(b"GET /dev1/x HTTP/1.1\r\nHost: here\r\n\r\n");
        bodies.push(body);
    }
    // Neither side waits for the other: the answers of one burst fit into the sockets' buffers.
    for (at, burst) in said.chunks(said.len() / 20).enumerate() {
        client.say(burst);
        if at % 7 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    for body in &bodies {
        client.answer(Content::Follows).is(201);
        client.answer(Content::Follows).has(body);
    }
}

#[test]
fn a_head_may_be_cut_anywhere() {
    let server = Server::start("");
    server.lay("dev1/a", b"content");
    let head = "\r\nGET /dev1/a?b#c HTTP/1.1\r\nHost: here\r\nRange: bytes=1-2\r\nX:  y \r\n\r\n".as_bytes();
    let mut client = server.client();
    for at in 1..head.len() {
        client.say(&head[..at]);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(client.say(&head[at..]).answer(Content::Follows).is(206).body, b"on", "cut at {at}");
    }
    assert_eq!(client.spell(head).answer(Content::Follows).is(206).body, b"on");
    let put = b"PUT /dev1/b HTTP/1.1\r\nHost: here\r\nContent-Length: 7\r\n\r\nwritten";
    for at in 1..put.len() {
        client.say(&put[..at]);
        std::thread::sleep(Duration::from_millis(1));
        client.say(&put[at..]).answer(Content::Follows).is(201);
        client.get("/dev1/b").has(b"written");
    }
}

/// Whether the connection lives on after an answer.
fn lives(client: &mut Client) -> bool {
    client.say_what_it_takes(b"GET /dev1/a HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    let lives = client.hears_answer();
    client.expect_closed();
    lives
}

#[test]
fn a_connection_lives_for_as_long_as_both_want() {
    let server = Server::start("");
    server.lay("dev1/a", b"content");
    for (request, said, lived) in [
        ("GET /dev1/a HTTP/1.1\r\nHost: here\r\n\r\n", None, true),
        ("GET /dev1/a HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n", Some("close"), false),
        ("GET /dev1/a HTTP/1.1\r\nHost: here\r\nConnection: x, Close\r\n\r\n", Some("close"), false),
        ("GET /dev1/a HTTP/1.0\r\n\r\n", None, false),
        ("GET /dev1/a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", Some("keep-alive"), true),
        ("GET /dev1/a HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", None, false),
        ("GET http://elsewhere/dev1/a HTTP/1.1\r\nHost: here\r\n\r\n", None, true),
    ] {
        let mut client = server.client();
        let answer = client.say(request).answer(Content::Follows).has(b"content");
        assert_eq!(answer.get("Connection"), said, "{request}");
        assert_eq!(lives(&mut client), lived, "{request}");
    }
    let mut client = server.client();
    client.put_with("/dev1/b", "Connection: close\r\n", b"content").is(201);
    assert!(!lives(&mut client));
}

#[test]
fn a_client_that_finishes_is_answered_to_its_end() {
    let server = Server::start("");
    let file = content(1, 3 << 20);
    server.lay("dev1/a", &file);
    let mut client = server.client();
    client.say("GET /dev1/a HTTP/1.1\r\nHost: here\r\n\r\n".repeat(3)).finish();
    for _ in 0..3 {
        client.answer(Content::Follows).has(&file);
    }
    client.expect_closed();
}

#[test]
fn bodies_that_nobody_wants_are_read_over_or_end_the_connection() {
    let server = Server::start("");
    server.lay("dev1/a", b"content");
    let mut client = server.client();
    for (request, status) in [
        ("GET /dev1/a HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nGET /", 200),
        (
            "GET /dev1/a HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nGET /\r\n0\r\nA: b\r\n\r\n",
            200,
        ),
        ("HEAD /dev1/none HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nGET /", 404),
        ("POST /dev1/a HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nGET /", 405),
        ("PUT /dev9/a HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nGET /", 404),
        ("PUT /../a HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nGET /", 400),
        ("OPTIONS / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nGET /", 200),
    ] {
        let content = if request.starts_with("HEAD") { Content::Withheld } else { Content::Follows };
        client.say(request).answer(content).is(status);
        client.get("/dev1/a").has(b"content");
    }
    let mut client = server.client();
    client.say("DELETE /dev1/none HTTP/1.1\r\nHost: here\r\nContent-Length: 9999999999\r\n\r\n");
    assert_eq!(client.answer(Content::Follows).is(404).field("Connection"), "close");
    client.finish().expect_closed();
    client = server.client();
    // Who waits to be told to send a body and gets another answer may send it or not: nobody can know.
    client.say("GET /dev1/a HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer(Content::Follows).has(b"content").field("Connection"), "close");
    client.finish().expect_closed();
}
