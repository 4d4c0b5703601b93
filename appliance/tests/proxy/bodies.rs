//! Bodies, both ways, in every framing.

use crate::kit::{Backend, Message, Peer, Server, bytes, get};

/// Answers a request with its body, in the framing that it came in.
fn echo_body(peer: &mut Peer, request: &Message) {
    let framing = match request.fields("Transfer-Encoding")[..] {
        [] => format!("Content-Length: {}", request.body.len()),
        _ => "Transfer-Encoding: chunked".to_owned(),
    };
    peer.say(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n")).say(&request.body);
}

fn echo() -> Backend {
    Backend::start(|peer, _| {
        while let Some(request) = peer.try_message() {
            echo_body(peer, &request);
        }
    })
}

#[test]
fn five_megabytes_go_both_ways_and_every_byte_is_there() {
    let backend = echo();
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    let body = bytes(5 << 20);
    for _ in 0..2 {
        client.say(format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()));
        let answer = client.ask(&body);
        assert!(answer.body == body);
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn chunks_are_passed_on_as_they_are_wherever_they_are_cut() {
    let backend = Backend::start(|peer, _| {
        while let Some(request) = peer.try_message() {
            peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            peer.say_split(&request.body, &[1, 5, 3, 64]);
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    let data = bytes(300);
    let mut body = Vec::new();
    for piece in data.chunks(37) {
        body.extend_from_slice(format!("{:X};name=\"v\"\r\n", piece.len()).as_bytes());
        body.extend_from_slice(piece);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\nDigest: x\r\n\r\n");
    for sizes in [&[1][..], &[2, 1, 50], &[1000]] {
        client.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n");
        client.say_split(&body, sizes);
        let answer = client.message();
        assert!(answer.body == body && answer.data() == data, "{sizes:?}");
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn large_bodies_in_chunks_go_both_ways() {
    let backend = echo();
    let proxy = Server::proxy(&[backend.address], "");
    let data = bytes(3 << 20);
    let mut body = Vec::new();
    for piece in data.chunks(100_000) {
        body.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        body.extend_from_slice(piece);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    let mut client = proxy.client();
    client.say("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(client.ask(&body).data() == data);
}

#[test]
fn a_body_that_ends_with_its_connection_closes_the_client() {
    let body = bytes(200_000);
    let sent = body.clone();
    let backend = Backend::start(move |peer, _| {
        peer.message();
        peer.say("HTTP/1.1 200 OK\r\n\r\n").say(&sent);
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say(get("/", ""));
    assert_eq!(client.head(), "HTTP/1.1 200 OK\r\nVia: 1.1 spindle\r\nConnection: close\r\n\r\n");
    assert!(client.rest() == body);
}

#[test]
fn answers_without_a_body_end_with_their_heads() {
    let backend = Backend::start(|peer, _| {
        while let Some(request) = peer.try_message() {
            let target = request.head.split(' ').nth(1).unwrap();
            peer.say(match target {
                "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
                "/304" => "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: \"a\"\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
            });
        }
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.head(), "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nVia: 1.1 spindle\r\n\r\n");
    assert_eq!(client.ask(get("/204", "")).head, "HTTP/1.1 204 No Content\r\nVia: 1.1 spindle\r\n\r\n");
    let unchanged = client.ask(get("/304", ""));
    assert_eq!((unchanged.status(), unchanged.fields("Content-Length")), ("304", vec!["10"]));
    client.say("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(client.head().contains("1000000"));
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_piece_of_a_body_is_passed_on_before_the_next_one_comes() {
    let backend = Backend::start(|peer, _| {
        assert!(peer.head().starts_with("PUT "));
        assert_eq!(peer.read(1), b"a");
        peer.say("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
        assert_eq!(peer.read(1), b"b");
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nc");
        assert_eq!(peer.head(), "");
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    client.say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na");
    assert!(client.head().starts_with("HTTP/1.1 103 Early Hints\r\n"));
    client.say("b");
    assert!(client.head().starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(client.read(1), b"c");
}
