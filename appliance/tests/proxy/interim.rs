//! Answers that are not the last, and those that come early.

use std::sync::mpsc::channel;

use crate::kit::{Backend, PATIENCE, Server, bytes, get};

#[test]
fn who_waits_to_be_told_to_go_on_is_told_by_the_backend() {
    let backend = Backend::start(|peer, _| {
        while let Some(head) = peer.try_head() {
            assert!(head.contains("\r\nExpect: 100-continue\r\n"), "{head}");
            peer.say("HTTP/1.1 100 Continue\r\n\r\n");
            let body = peer.read(5);
            peer.answer(body);
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    for _ in 0..2 {
        client.say("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\nVia: 1.1 spindle\r\n\r\n");
        assert_eq!(client.ask("hello").text(), "hello");
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn who_is_refused_instead_sends_no_body() {
    let backend = Backend::start(|peer, _| {
        peer.head();
        peer.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
        peer.expect_end();
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    let answer = client.ask("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!((answer.status(), answer.text(), answer.fields("Connection")), ("413", "big", vec!["close"]));
    client.expect_end();
}

#[test]
fn an_answer_in_the_middle_of_a_body_is_the_last() {
    let backend = Backend::start(|peer, _| {
        peer.head();
        peer.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
        // It reads no more, and does not go away either.
        std::thread::sleep(PATIENCE);
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n");
    // More than the backend's socket takes, and than is read after the last word.
    let mut stream = client.stream.try_clone().unwrap();
    let piece = bytes(1_000_000);
    let writing =
        std::thread::spawn(move || (0..100_000).all(|_| std::io::Write::write_all(&mut stream, &piece).is_ok()));
    let answer = client.message();
    assert_eq!((answer.status(), answer.text(), answer.fields("Connection")), ("413", "big", vec!["close"]));
    assert!(!writing.join().unwrap(), "nobody takes the whole of it");
}

#[test]
fn interim_answers_are_passed_on_to_those_who_know_them() {
    let backend = Backend::start(|peer, _| {
        while peer.try_message().is_some() {
            let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
            peer.say(format!("{early}{early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say(get("/", ""));
    for _ in 0..2 {
        assert_eq!(client.head(), "HTTP/1.1 103 Early Hints\r\nLink: x\r\nVia: 1.1 spindle\r\n\r\n");
    }
    assert_eq!(client.message().text(), "ok");
    assert_eq!(client.ask("GET / HTTP/1.0\r\n\r\n").status(), "200");
}

#[test]
fn a_client_that_goes_takes_its_request_with_it() {
    let (said, heard) = channel();
    let said = std::sync::Mutex::new(said);
    let backend = Backend::start(move |peer, _| {
        let target = peer.message().head;
        peer.expect_end();
        said.lock().unwrap().send(target).unwrap();
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say(get("/finished", ""));
    // The backend has the request once it has the connection's first bytes; the client leaves while it is thought about.
    std::thread::sleep(std::time::Duration::from_millis(50));
    drop(client);
    assert!(heard.recv_timeout(PATIENCE).unwrap().starts_with("GET /finished "));
    let mut client = proxy.client();
    client.say(get("/reset", ""));
    std::thread::sleep(std::time::Duration::from_millis(50));
    client.reset();
    drop(client);
    assert!(heard.recv_timeout(PATIENCE).unwrap().starts_with("GET /reset "));
}
