//! Requests that two readers could read in two ways: refused, and never seen by a backend.

use std::sync::{Arc, Mutex};

use crate::kit::{Backend, Server, get};

#[test]
fn what_is_ambiguous_is_refused_and_reaches_nobody() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let backend = Backend::start(move |peer, _| {
        while let Some(request) = peer.try_message() {
            notes.lock().unwrap().push(request.head);
            peer.answer("ok");
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let evil = "GET /evil HTTP/1.1\r\nHost: h\r\n\r\n";
    let of = |fields: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n0\r\n\r\n{evil}");
    for (request, status) in [
        (of("Content-Length: 5\r\nTransfer-Encoding: chunked"), "400"),
        (of("Transfer-Encoding: chunked\r\nContent-Length: 5"), "400"),
        (of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "400"),
        (of("Transfer-Encoding: identity, chunked"), "501"),
        (of("Transfer-Encoding: xchunked"), "501"),
        (of("Transfer-Encoding : chunked"), "400"),
        (of("Transfer-Encoding:\r\n chunked"), "400"),
        (of("Content-Length: 5\r\nContent-Length: 6"), "400"),
        (of("Content-Length: +5"), "400"),
        (of("Content-Length: 5, 5"), "400"),
        (of("Content-Length: 0x5"), "400"),
        (of("Host: other"), "400"),
        (of("A: b\rContent-Length: 5"), "400"),
        (format!("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{evil}"), "400"),
        (format!("POST http://h/ evil HTTP/1.1\r\nHost: h\r\n\r\n{evil}"), "400"),
        (format!("POST a/b HTTP/1.1\r\nHost: h\r\n\r\n{evil}"), "400"),
        (format!("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n{evil}"), "501"),
    ] {
        let mut client = proxy.client();
        let answer = client.ask(&request);
        assert_eq!((answer.status(), answer.fields("Connection")), (status, vec!["close"]), "{request:?}");
        client.expect_end();
    }
    assert_eq!((seen.lock().unwrap().len(), backend.connections()), (0, 0));
    assert_eq!(proxy.client().ask(get("/", "")).text(), "ok");
}

#[test]
fn a_body_that_stops_being_one_ends_with_a_refusal_and_the_backends_connection() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let backend = Backend::start(move |peer, _| {
        peer.head();
        notes.lock().unwrap().extend(peer.rest());
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    std::thread::sleep(std::time::Duration::from_millis(50));
    let answer = client.ask("1\r\nbGET /evil HTTP/1.1\r\n\r\n");
    assert_eq!((answer.status(), answer.fields("Connection")), ("400", vec!["close"]));
    client.expect_end();
    let sent = crate::kit::eventually("the end at the backend", || {
        let seen = seen.lock().unwrap();
        (!seen.is_empty()).then(|| seen.clone())
    });
    assert_eq!(String::from_utf8(sent).unwrap(), "1\r\na\r\n");
}

#[test]
fn one_length_is_said_however_often_it_came() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    let fields = "Content-Length: 3\r\nConnection: content-length, host\r\ncontent-length: 003";
    let answer = client.ask(format!("PUT / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\nabc"));
    assert!(answer.text().starts_with("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"), "{}", answer.text());
    assert_eq!(answer.text().matches("ength").count(), 1);
    assert_eq!(client.ask(get("/", "")).status(), "200");
}
