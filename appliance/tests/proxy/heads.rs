//! What becomes of heads on their way.

use crate::kit::{Backend, Server, get};

#[test]
fn a_request_and_its_answer_are_passed_on_with_what_a_proxy_adds() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "");
    let answer = proxy.client().ask(get("/a?b", "Accept: */*\r\nX-Forwarded-For: 192.0.2.7\r\n"));
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nVia: 1.1 spindle\r\n\r\n");
    assert_eq!(
        answer.text(),
        "GET /a?b HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.7, 127.0.0.1\r\nVia: 1.1 spindle\r\n\r\n"
    );
}

#[test]
fn an_answer_without_a_date_gets_one_and_no_other() {
    let backend = Backend::start(|peer, _| {
        for date in ["", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"] {
            peer.head();
            peer.say(format!("HTTP/1.1 200 OK\r\n{date}Content-Length: 2\r\n\r\nok"));
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say([get("/", ""), get("/", "Connection: close\r\n")].concat());
    let heads = String::from_utf8(client.rest()).unwrap();
    let dates: Vec<&str> = heads.lines().filter_map(|line| line.strip_prefix("Date: ")).collect();
    assert_eq!((dates.len(), dates[1]), (2, "Sun, 06 Nov 1994 08:49:37 GMT"));
    assert!(dates[0].ends_with(" GMT") && dates[0] != dates[1], "{}", dates[0]);
}

#[test]
fn an_offer_to_upgrade_is_not_passed_on_and_harms_nobody() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "");
    let answer =
        proxy.client().ask(get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"));
    let added = "X-Forwarded-For: 127.0.0.1\r\nVia: 1.1 spindle\r\n";
    assert_eq!((answer.status(), answer.text()), ("200", format!("GET / HTTP/1.1\r\nHost: h\r\n{added}\r\n").as_str()));
}

#[test]
fn what_is_for_the_neighbour_alone_stays_behind() {
    let backend = Backend::start(|peer, _| {
        while let Some(request) = peer.try_message() {
            let (fields, length) =
                ("Connection: X-Own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 2", request.head.len());
            peer.say(format!("HTTP/1.1 200 OK\r\n{fields}\r\nContent-Length: {length}\r\n\r\n{}", request.head));
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let fields =
        "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\n";
    let answer = proxy.client().ask(get("/", fields));
    let added = "X-Forwarded-For: 127.0.0.1\r\nVia: 1.1 spindle\r\n";
    assert_eq!(answer.text(), format!("GET / HTTP/1.1\r\nHost: h\r\n{added}\r\n"));
    let length = answer.body.len();
    assert_eq!(
        answer.head,
        format!("HTTP/1.1 200 OK\r\nX-Kept: 2\r\nContent-Length: {length}\r\nVia: 1.1 spindle\r\n\r\n")
    );
}

#[test]
fn connections_to_both_sides_are_kept() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "");
    let (mut one, mut other) = (proxy.client(), proxy.client());
    for _ in 0..100 {
        assert_eq!(one.ask(get("/1", "")).status(), "200");
        assert_eq!(other.ask(get("/2", "")).status(), "200");
    }
    assert_eq!(backend.connections(), 1, "one after the other, they need no second");
}

#[test]
fn a_client_that_closes_is_closed_and_the_backend_is_not() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "");
    for _ in 0..3 {
        let mut client = proxy.client();
        let answer = client.ask(get("/", "Connection: close\r\n"));
        assert_eq!(answer.fields("Connection"), ["close"]);
        client.expect_end();
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_backend_that_closes_is_left_and_the_client_is_not() {
    let backend = Backend::start(|peer, _| {
        peer.message();
        peer.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    for _ in 0..3 {
        let answer = client.ask(get("/", ""));
        assert_eq!((answer.text(), answer.fields("Connection")), ("ok", vec![]));
    }
    assert_eq!(backend.connections(), 3);
}

#[test]
fn requests_in_a_pipeline_are_answered_in_their_order() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    let all: String = (0..50).map(|number| get(&format!("/{number}"), "")).collect();
    client.say(all);
    for number in 0..50 {
        assert!(client.message().text().starts_with(&format!("GET /{number} ")));
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_client_of_http_1_0_gets_what_it_understands() {
    let backend = Backend::start(|peer, _| {
        while let Some(request) = peer.try_message() {
            if request.head.starts_with("GET /chunked ") {
                peer.say(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n",
                );
            } else {
                peer.answer(request.head);
            }
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    let answer = client.ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(answer.fields("Connection"), ["keep-alive"]);
    let host = format!("GET /a HTTP/1.1\r\nHost: {}\r\n", backend.address);
    assert!(answer.text().starts_with(&host) && answer.text().contains("Via: 1.0 spindle"), "{}", answer.text());
    client.say("GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.head(), "HTTP/1.1 200 OK\r\nVia: 1.1 spindle\r\n\r\n");
    assert_eq!(client.rest(), b"abcde");
    let mut client = proxy.client();
    client.say("GET /a HTTP/1.0\r\n\r\n").message();
    client.expect_end();
    assert_eq!(backend.connections(), 1);
}

#[test]
fn heads_may_be_cut_anywhere() {
    let backend = Backend::start(|peer, _| {
        while let Some(request) = peer.try_message() {
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", request.head.len(), request.head);
            peer.say_split(text.as_bytes(), &[1, 2, 7]);
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say_split(get("/cut", "A: b\r\n").as_bytes(), &[3, 1]);
    assert!(client.message().text().starts_with("GET /cut HTTP/1.1\r\nHost: h\r\nA: b\r\n"));
}
