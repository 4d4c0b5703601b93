//! What the client is told when a backend fails.

use std::time::Duration;

use crate::kit::{Backend, Server, get, nowhere};

/// The status of the final answer of a client whose backend says this and closes.
fn told(answer: &'static str) -> String {
    let backend = Backend::start(move |peer, _| {
        peer.message();
        peer.say(answer);
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    let mut answer = client.ask(get("/", ""));
    if answer.status() == "100" {
        answer = client.message();
    }
    answer.status().to_owned()
}

#[test]
fn nobody_there_is_a_503_and_the_client_may_ask_again() {
    let proxy = Server::proxy(&[nowhere(), nowhere()], "");
    let mut client = proxy.client();
    for _ in 0..2 {
        let answer = client.ask(get("/", ""));
        assert_eq!((answer.status(), answer.text()), ("503", "503 Service Unavailable\n"));
        assert!(answer.fields("Connection").is_empty() && answer.fields("Retry-After").is_empty());
    }
    let answer = client.ask("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    assert_eq!((answer.status(), answer.fields("Connection")), ("503", vec!["close"]), "its body is not waited for");
    client.expect_end();
}

#[test]
fn a_backend_that_hangs_is_a_504() {
    let backend = Backend::start(|peer, _| {
        peer.message();
        peer.expect_end();
    });
    let proxy = Server::proxy(&[backend.address], "backend_timeout_seconds = 1");
    let mut client = proxy.client();
    let began = std::time::Instant::now();
    assert_eq!(client.ask(get("/", "")).status(), "504");
    assert!((Duration::from_millis(900)..Duration::from_secs(10)).contains(&began.elapsed()));
    assert_eq!(client.ask(get("/", "")).status(), "504", "the client goes on");
}

#[test]
fn answers_that_are_none_are_a_502() {
    for answer in [
        "",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        assert_eq!(told(answer), "502", "{answer:?}");
    }
}

#[test]
fn an_answer_that_is_cut_is_a_connection_that_is_cut() {
    let backend = Backend::start(|peer, _| {
        let request = peer.message().head;
        peer.say(if request.starts_with("GET /sized ") {
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"
        });
        std::thread::sleep(Duration::from_millis(50));
        peer.say("llo");
        std::thread::sleep(Duration::from_millis(50));
    });
    let proxy = Server::proxy(&[backend.address], "");
    for (target, body) in [("/sized", "llo"), ("/chunked", "5\r\nhello")] {
        let mut client = proxy.client();
        client.say(get(target, ""));
        assert!(client.head().starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(String::from_utf8(client.rest()).unwrap(), body);
    }
}

#[test]
fn a_body_without_a_length_that_breaks_off_does_not_look_whole() {
    let backend = Backend::start(|peer, _| {
        peer.message();
        peer.say("HTTP/1.1 200 OK\r\n\r\nhello");
        std::thread::sleep(Duration::from_millis(50));
        peer.reset();
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say(get("/", ""));
    client.head();
    let mut text = Vec::new();
    let ended = std::io::Read::read_to_end(&mut client.stream, &mut text);
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_backend_that_falls_silent_in_its_answer_is_a_connection_that_is_cut() {
    let backend = Backend::start(|peer, _| {
        peer.message();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        peer.expect_end();
    });
    let proxy = Server::proxy(&[backend.address], "backend_timeout_seconds = 1");
    let mut client = proxy.client();
    client.say(get("/", ""));
    client.head();
    assert_eq!(client.rest(), b"hello");
}

#[test]
fn what_a_backend_says_unasked_is_nobodys_answer() {
    let backend = Backend::start(|peer, number| {
        while peer.try_message().is_some() {
            peer.answer(format!("right {number}"));
            peer.answer("wrong");
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    for _ in 0..10 {
        assert!(client.ask(get("/", "")).text().starts_with("right "));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(backend.connections(), 10);
}

#[test]
fn a_client_that_is_silent_is_closed() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "idle_timeout_seconds = 1");
    let mut client = proxy.client();
    client.ask(get("/", ""));
    client.expect_end();
    let mut client = proxy.client();
    client.say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    client.expect_end();
}
