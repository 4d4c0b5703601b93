//! Requests that are refused, each with its status, and what becomes of the connection.

use crate::kit::client::Content;
use crate::kit::server::Server;

#[test]
fn heads_that_cannot_be_obeyed_end_the_connection() {
    let server = Server::start("");
    server.lay("dev1/a", b"content");
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: here\r\n\r\n", "a".repeat(9000));
    let long_name = format!("GET /dev1/{} HTTP/1.1\r\nHost: here\r\n\r\n", "a".repeat(256));
    let long_head = format!("GET /dev1/a HTTP/1.1\r\nHost: here\r\nX: {}\r\n\r\n", "a".repeat(17_000));
    let many_fields = format!("GET /dev1/a HTTP/1.1\r\nHost: here\r\n{}\r\n", "X: y\r\n".repeat(100));
    let put = |fields: &str| format!("PUT /dev1/a HTTP/1.1\r\nHost: here\r\n{fields}\r\n\r\nother");
    for (request, status) in [
        ("\0\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("GET /dev1/a\r\n\r\n", 400),
        ("GET  /dev1/a HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        ("GET /dev1/a HTTP/1.1\r\n\r\n", 400),
        ("GET /dev1/a HTTP/1.1\r\nHost: here\r\nHost: here\r\n\r\n", 400),
        ("GET /dev1/a HTTP/1.1\r\nHost: he/re\r\n\r\n", 400),
        ("GET /dev1/a HTTP/1.1\r\nHost : here\r\n\r\n", 400),
        ("GET /dev1/a HTTP/1.1\r\nHost: here\r\n folded\r\n\r\n", 400),
        ("GET /dev1/a HTTP/1.1\r\nHost: here\r\nRange: bytes=0-1\r\nRange: bytes=0-1\r\n\r\n", 400),
        ("GET /dev1/a HTTP/2.0\r\nHost: here\r\n\r\n", 505),
        ("GET /dev1/a HTTP/0.9\r\nHost: here\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (&long_target, 414),
        (&long_name, 414),
        (&long_head, 431),
        (&many_fields, 431),
        (&put("Content-Length: 5\r\nContent-Length: 6"), 400),
        (&put("Content-Length: 5, 6"), 400),
        (&put("Content-Length: -5"), 400),
        (&put("Content-Length: +5"), 400),
        (&put("Content-Length: 99999999999999999999"), 400),
        (&put("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400),
        (&put("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400),
        (&put("Transfer-Encoding: gzip, chunked"), 501),
        (&put("Transfer-Encoding: identity"), 501),
        (&put("Content-Length: 5\r\nExpect: miracles"), 417),
        ("PUT /dev1/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ] {
        let mut client = server.client();
        let shown = &request[..request.len().min(100)];
        client.say(request);
        let answer = client.answer(Content::Follows);
        assert_eq!(answer.status, status, "{shown:?}");
        assert_eq!(answer.field("Connection"), "close", "{shown:?}");
        client.finish().expect_closed();
    }
    server.client().get("/dev1/a").has(b"content");
    assert_eq!(server.temporaries(), 0);
}

#[test]
fn a_refusal_comes_through_though_its_client_goes_on_sending() {
    let server = Server::start("");
    let mut client = server.client();
    client.say("NONSENSE\r\n\r\n");
    client.say_what_it_takes(&[b'x'; 500_000]);
    assert_eq!(client.answer(Content::Follows).is(400).field("Connection"), "close");
    client.finish().expect_closed();
}

#[test]
fn methods_that_are_not_served_are_named_and_the_connection_goes_on() {
    let server = Server::start("");
    server.lay("dev1/a", b"content");
    let mut client = server.client();
    let all = "GET, HEAD, PUT, DELETE, OPTIONS";
    for method in ["POST", "MKCOL", "PATCH", "TRACE", "get", "PROPFIND"] {
        let answer = client.ask(method, "/dev1/a", "");
        assert_eq!((answer.status, answer.field("Allow")), (405, all), "{method}");
    }
    for target in ["/dev1/a", "/", "/dev1/none", "*"] {
        let answer = client.ask("OPTIONS", target, "");
        assert_eq!((answer.status, answer.get("Allow"), &answer.body[..]), (200, Some(all), &b""[..]), "{target}");
    }
    client.get("/dev1/a").has(b"content");
}

#[test]
fn a_server_for_readers_takes_nothing() {
    let server = Server::start("writes = \"refused\"");
    server.lay("dev1/a", b"content");
    let mut client = server.client();
    let reading = "GET, HEAD, OPTIONS";
    assert_eq!(client.put("/dev1/a", b"other").is(405).field("Allow"), reading);
    assert_eq!(client.put("/dev1/b", b"other").is(405).field("Allow"), reading);
    assert_eq!(client.ask("DELETE", "/dev1/a", "").is(405).field("Allow"), reading);
    assert_eq!(client.ask("OPTIONS", "/dev1/a", "").is(200).field("Allow"), reading);
    client.get("/dev1/a").has(b"content");
    client.get("/dev1/b").is(404);
    assert_eq!(server.temporaries(), 0);
}
