//! Which backend is asked, and over which connection.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::kit::{Backend, Server, get, nowhere};

/// One that says its name.
fn named(name: &'static str) -> Backend {
    Backend::start(move |peer, _| {
        while peer.try_message().is_some() {
            peer.answer(name);
        }
    })
}

#[test]
fn every_request_is_the_next_backends() {
    let backends = [named("a"), named("b"), named("c")];
    let proxy = Server::proxy(&[0, 1, 2].map(|at: usize| backends[at].address), "");
    let mut client = proxy.client();
    let said: String = (0..12).map(|_| client.ask(get("/", "")).text().to_owned()).collect();
    assert_eq!(said, "abcabcabcabc");
    assert!(backends.iter().all(|backend| backend.connections() == 1));
}

#[test]
fn a_backend_that_is_down_is_passed_over() {
    let (one, other) = (named("a"), named("b"));
    let proxy = Server::proxy(&[one.address, nowhere(), other.address], "");
    let mut client = proxy.client();
    let said: String = (0..30).map(|_| client.ask(get("/", "")).text().to_owned()).collect();
    assert!(said.matches('a').count() >= 10 && said.matches('b').count() >= 10, "{said}");
    assert_eq!(proxy.said().matches("cannot be reached").count(), 1, "it is not tried at every turn");
}

#[test]
fn all_that_are_down_are_tried_again() {
    let address = nowhere();
    let proxy = Server::proxy(&[address], "");
    let mut client = proxy.client();
    for _ in 0..3 {
        assert_eq!(client.ask(get("/", "")).status(), "503");
    }
    let listener = TcpListener::bind(address).unwrap();
    let _back = Backend::on(listener, |peer, _| peer.echo_heads());
    assert_eq!(client.ask(get("/", "")).status(), "200");
}

#[test]
fn no_more_connections_are_opened_than_there_may_be() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, seen) = (Arc::clone(&now), Arc::clone(&most));
    let backend = Backend::start(move |peer, _| {
        while peer.try_message().is_some() {
            seen.fetch_max(counted.fetch_add(1, SeqCst) + 1, SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            counted.fetch_sub(1, SeqCst);
            peer.answer("ok");
        }
    });
    let proxy = Server::proxy(&[backend.address], "backend_connections_max = 3");
    let clients = (0..20).map(|_| {
        let mut client = proxy.client();
        std::thread::spawn(move || (0..5).all(|_| client.ask(get("/", "")).text() == "ok"))
    });
    let clients: Vec<_> = clients.collect();
    assert!(clients.into_iter().all(|client| client.join().unwrap()));
    assert_eq!((most.load(SeqCst), backend.connections()), (3, 3));
}

#[test]
fn who_waits_for_a_connection_in_vain_is_told() {
    let backend = Backend::start(|peer, _| {
        peer.message();
        peer.expect_end();
    });
    let proxy = Server::proxy(&[backend.address], "backend_connections_max = 1\nbackend_timeout_seconds = 2");
    let mut first = proxy.client();
    first.say(get("/", ""));
    std::thread::sleep(Duration::from_millis(500));
    let mut second = proxy.client();
    second.say(get("/", ""));
    assert_eq!(first.message().status(), "504");
    // It gets the connection's place, and then nothing more than the first.
    assert_eq!(second.message().status(), "504");
    assert_eq!(backend.connections(), 2);
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_not_used() {
    let backend = Backend::start(|peer, _| {
        peer.message();
        peer.answer("ok");
        // It has enough of each connection, without having said so.
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    for round in 0..20 {
        let request = if round % 2 == 0 {
            get("/", "")
        } else {
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na".into()
        };
        assert_eq!(client.ask(request).text(), "ok");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(backend.connections(), 20);
}

#[test]
fn a_request_that_met_a_closed_connection_is_sent_once_more() {
    // The second request of each connection is read, and never answered.
    let backend = Backend::start(|peer, _| {
        peer.message();
        peer.answer("ok");
        peer.try_message();
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    for _ in 0..5 {
        assert_eq!(client.ask(get("/", "")).text(), "ok");
    }
    assert_eq!(backend.connections(), 5);
    // Nobody knows whether this one was obeyed.
    let post = client.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((post.status(), backend.connections()), ("502", 5));
    assert_eq!(client.ask(get("/", "")).text(), "ok", "the client goes on");
}
