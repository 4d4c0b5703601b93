//! Conditional requests, of readers and of writers (RFC 9110, 13).

use crate::kit::client::Content;
use crate::kit::eventually;
use crate::kit::server::Server;

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sat, 06 Nov 2094 08:49:37 GMT";

#[test]
fn a_reader_is_not_sent_what_it_has() {
    let server = Server::start("");
    server.lay("dev1/a", b"content");
    let mut client = server.client();
    let got = client.get("/dev1/a").has(b"content");
    let (tag, modified) = (got.field("ETag"), got.field("Last-Modified"));
    for (field, status) in [
        (format!("If-None-Match: {tag}"), 304),
        (format!("If-None-Match: W/{tag}, \"x\""), 304),
        ("If-None-Match: *".into(), 304),
        ("If-None-Match: \"x\"".into(), 200),
        (format!("If-Modified-Since: {modified}"), 304),
        (format!("If-Modified-Since: {AFTER}"), 304),
        (format!("If-Modified-Since: {BEFORE}"), 200),
        (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {modified}"), 200),
        (format!("If-Match: {tag}"), 200),
        ("If-Match: *".into(), 200),
        ("If-Match: \"x\"".into(), 412),
        (format!("If-Match: W/{tag}"), 412),
        (format!("If-Unmodified-Since: {modified}"), 200),
        (format!("If-Unmodified-Since: {BEFORE}"), 412),
    ] {
        let answer = client.ask("GET", "/dev1/a", &format!("{field}\r\n"));
        assert_eq!(answer.status, status, "{field}");
        match status {
            200 => assert_eq!(answer.body, b"content"),
            304 => {
                assert_eq!((answer.field("ETag"), &answer.body[..]), (tag, &b""[..]), "{field}");
                assert!(answer.get("Content-Length").is_none(), "it would be taken for a body's");
            }
            _ => {}
        }
        let head = client.ask("HEAD", "/dev1/a", &format!("{field}\r\n"));
        assert_eq!(head.status, status, "HEAD {field}");
    }
    client.ask("GET", "/dev1/none", "If-Match: *\r\n").is(404);
    client.get("/dev1/a").has(b"content");
}

#[test]
fn a_part_is_of_the_version_that_the_client_has() {
    let server = Server::start("");
    server.lay("dev1/a", b"0123456789");
    let mut client = server.client();
    let got = client.get("/dev1/a").has(b"0123456789");
    let (tag, modified) = (got.field("ETag"), got.field("Last-Modified"));
    let mut part = |validator: &str| {
        let fields = format!("Range: bytes=2-4\r\nIf-Range: {validator}\r\n");
        client.ask("GET", "/dev1/a", &fields)
    };
    assert_eq!(part(tag).is(206).body, b"234");
    // A date is no strong validator: within its second the file may have been written twice.
    for other in [modified, "\"x\"", &format!("W/{tag}"), BEFORE, AFTER, "nonsense"] {
        part(other).has(b"0123456789");
    }
}

#[test]
fn a_writer_does_not_overwrite_what_it_does_not_know() {
    let server = Server::start("");
    let mut client = server.client();
    client.put_with("/dev1/a", "If-Match: *\r\n", b"none").is(412);
    client.get("/dev1/a").is(404);
    client.put_with("/dev1/a", "If-None-Match: *\r\n", b"first").is(201);
    client.put_with("/dev1/a", "If-None-Match: *\r\n", b"second").is(412);
    // Conditions are held against what is there when the body has come, not when it was begun.
    let mut slow = server.client();
    slow.say("PUT /dev1/new HTTP/1.1\r\nHost: here\r\nIf-None-Match: *\r\nContent-Length: 4\r\n\r\nsl");
    let mut slower = server.client();
    slower.say("PUT /dev1/a HTTP/1.1\r\nHost: here\r\nIf-Match: *\r\nContent-Length: 4\r\n\r\nsl");
    eventually("two uploads", || (server.temporaries() == 2).then_some(()));
    client.put("/dev1/new", b"quick").is(201);
    client.ask("DELETE", "/dev1/a", "").is(204);
    slow.say("ow").answer(Content::Follows).is(412);
    slower.say("ow").answer(Content::Follows).is(412);
    client.get("/dev1/new").has(b"quick");
    client.get("/dev1/a").is(404);
    client.put_with("/dev1/a", "If-None-Match: *\r\n", b"first").is(201);
    let tag = client.get("/dev1/a").has(b"first").field("ETag").to_owned();
    client.put_with("/dev1/a", "If-Match: \"x\"\r\n", b"second").is(412);
    client.put_with("/dev1/a", &format!("If-Unmodified-Since: {BEFORE}\r\n"), b"second").is(412);
    client.get("/dev1/a").has(b"first");
    client.put_with("/dev1/a", &format!("If-Match: {tag}\r\n"), b"third").is(201);
    client.put_with("/dev1/a", &format!("If-Match: {tag}\r\n"), b"fourth").is(412);
    client.get("/dev1/a").has(b"third");
    client.ask("DELETE", "/dev1/a", "If-Match: \"x\"\r\n").is(412);
    client.ask("DELETE", "/dev1/a", "If-Match: *\r\n").is(204);
    client.get("/dev1/a").is(404);
    assert_eq!(server.temporaries(), 0);
}
