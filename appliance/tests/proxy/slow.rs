//! Slow sides: they hold little, and nobody else waits for them.

use std::time::Duration;

use crate::kit::{Backend, Peer, Server, bytes, get};

/// More than there are receive buffers, 64 of 16 KiB.
const SLOW: usize = 100;
const BODY_BYTES: usize = 4 << 20;
/// A parcel each way, what had arrived, and what it takes to keep them.
const HELD_BYTES_MAX: u64 = SLOW as u64 * 300 * 1024;

fn large() -> Backend {
    Backend::start(|peer, _| {
        while let Some(request) = peer.try_message() {
            if request.head.starts_with("GET /large ") {
                // On loopback all of it would arrive with the head.
                peer.say(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY_BYTES}\r\n\r\n"));
                std::thread::sleep(Duration::from_millis(100));
                let _ = std::io::Write::write_all(&mut peer.stream, &bytes(BODY_BYTES));
            } else {
                peer.answer("ok");
            }
        }
    })
}

#[test]
fn readers_that_do_not_read_hold_a_parcel_each_and_delay_nobody() {
    let backend = large();
    let proxy = Server::proxy(&[backend.address], "");
    let mut quick = proxy.client();
    assert_eq!(quick.ask(get("/", "")).text(), "ok");
    let before = proxy.resident_bytes();
    let mut slow: Vec<Peer> = (0..SLOW).map(|_| proxy.narrow_client()).collect();
    slow.iter_mut().for_each(|client| {
        client.say(get("/large", ""));
    });
    std::thread::sleep(Duration::from_millis(1500));
    for _ in 0..20 {
        assert_eq!(quick.ask(get("/", "")).text(), "ok");
    }
    let held = proxy.resident_bytes().saturating_sub(before);
    assert!(held < HELD_BYTES_MAX, "{held} bytes for {SLOW} clients");
    // And they get what they asked for, once they read.
    let expected = bytes(BODY_BYTES);
    assert!(slow[0].message().body == expected);
}

#[test]
fn a_backend_that_does_not_read_holds_no_more_and_is_given_up() {
    let backend = Backend::start(|peer, _| {
        let head = peer.head();
        if head.starts_with("GET ") {
            peer.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
            return;
        }
        std::thread::sleep(Duration::from_secs(8));
    });
    let proxy = Server::proxy(&[backend.address], "backend_timeout_seconds = 3");
    let mut quick = proxy.client();
    assert_eq!(quick.ask(get("/", "")).text(), "ok");
    let before = proxy.resident_bytes();
    let uploads: Vec<_> = (0..20)
        .map(|_| {
            let mut client = proxy.client();
            client.say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 52428800\r\n\r\n");
            let mut stream = client.stream.try_clone().unwrap();
            let writing = std::thread::spawn(move || {
                let piece = bytes(1 << 20);
                // On loopback all that the sockets take would arrive with the head.
                std::thread::sleep(Duration::from_millis(200));
                (0..50).all(|_| std::io::Write::write_all(&mut stream, &piece).is_ok())
            });
            (client, writing)
        })
        .collect();
    std::thread::sleep(Duration::from_millis(1000));
    for _ in 0..20 {
        assert_eq!(quick.ask(get("/", "")).text(), "ok");
    }
    let held = proxy.resident_bytes().saturating_sub(before);
    assert!(held < 20 * 300 * 1024, "{held} bytes for 20 clients");
    for (mut client, writing) in uploads {
        assert_eq!(client.message().status(), "504");
        drop(client);
        writing.join().unwrap();
    }
}

#[test]
fn a_client_that_asks_ahead_of_its_answers_is_not_received_from_for_ever() {
    let backend = Backend::start(|peer, _| {
        peer.message();
        std::thread::sleep(Duration::from_millis(500));
        peer.answer("ok");
        peer.echo_heads();
    });
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.client();
    let mut stream = client.stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        let all = get("/ahead", &format!("A: {}\r\n", "b".repeat(1000))).repeat(3000);
        std::io::Write::write_all(&mut stream, all.as_bytes()).unwrap();
    });
    for _ in 0..3000 {
        assert_eq!(client.message().status(), "200");
    }
    writing.join().unwrap();
    assert!(proxy.resident_bytes() < 64 << 20);
}

#[test]
fn the_last_answer_waits_for_its_reader() {
    let backend = large();
    let proxy = Server::proxy(&[backend.address], "");
    let mut client = proxy.narrow_client();
    client.say(get("/large", "Connection: close\r\n"));
    client.head();
    let mut body = client.read(BODY_BYTES - 100_000);
    std::thread::sleep(Duration::from_millis(1200));
    body.extend(client.rest());
    assert!(body == bytes(BODY_BYTES));
}
