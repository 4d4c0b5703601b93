//! Too many at once: connections, and clients that each take their time.

use crate::kit::client::{Client, Content, put_head};
use crate::kit::server::Server;
use crate::kit::{content, eventually};

#[test]
fn who_comes_at_the_limit_waits_until_somebody_leaves() {
    let server = Server::start("connections_max = 3\ncores = 2");
    server.lay("dev1/a", b"content");
    let mut clients: Vec<Client> = (0..3).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| drop(client.get("/dev1/a").has(b"content")));
    let mut next: Vec<Client> = (0..4).map(|_| server.client()).collect();
    for client in &mut next {
        client.say("GET /dev1/a HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").hears_nothing();
    }
    clients.iter_mut().for_each(|client| drop(client.get("/dev1/a").has(b"content")));
    drop(clients.pop());
    // Each makes room for the next.
    for client in &mut next {
        client.answer(Content::Follows).has(b"content");
        client.expect_closed();
    }
}

#[test]
fn descriptors_go_with_their_connections() {
    let server = Server::start("cores = 2");
    server.lay("dev1/a", &content(1, 100_000));
    server.client().get("/dev1/a").is(200);
    let sockets = || server.descriptors().iter().filter(|descriptor| descriptor.starts_with("socket:")).count();
    let before = sockets();
    for round in 0..3 {
        let mut clients: Vec<Client> = (0..100).map(|_| server.client()).collect();
        for (at, client) in clients.iter_mut().enumerate() {
            match at % 4 {
                0 => drop(client.get("/dev1/a").is(200)),
                1 => drop(client.say("GET /dev1/a HTTP/1.1\r\nHost: here\r\n\r\n")),
                2 => drop(client.say(put_head(&format!("/dev1/{round}-{at}"), "", 1000)).say("half")),
                _ => drop(client.say("GET /dev")),
            }
        }
    }
    eventually("as few sockets as before", || (sockets() <= before).then_some(()));
    eventually("no temporaries", || (server.temporaries() == 0).then_some(()));
}

#[test]
fn two_hundred_slow_uploads_stop_nobody() {
    let server = Server::start("cores = 1");
    let file = content(9, 40_000);
    server.lay("dev1/a", &file);
    let body = content(1, 24);
    let mut slow: Vec<Client> = (0..200).map(|_| server.client()).collect();
    for (at, client) in slow.iter_mut().enumerate() {
        if at % 2 == 0 {
            client.say(put_head(&format!("/dev1/slow/{at}"), "", body.len()));
        } else {
            client
                .say(format!("PUT /dev1/slow/{at} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n18\r\n"));
        }
    }
    let (mut reader, mut writer) = (server.client(), server.client());
    for byte in &body {
        for client in &mut slow {
            client.say([*byte]);
        }
        reader.get("/dev1/a").has(&file);
        writer.put("/dev1/b", &file).is(201);
    }
    for (at, client) in slow.iter_mut().enumerate() {
        if at % 2 == 1 {
            client.say("\r\n0\r\n\r\n");
        }
        client.answer(Content::Follows).is(201);
        client.get(&format!("/dev1/slow/{at}")).has(&body);
    }
}

#[test]
fn two_hundred_heads_that_do_not_end_stop_nobody() {
    let server = Server::start("cores = 1");
    server.lay("dev1/a", b"content");
    let mut slow: Vec<Client> = (0..200).map(|_| server.client()).collect();
    let head = format!("GET /dev1/a HTTP/1.1\r\nHost: here\r\nX: {}\r\n\r\n", "x".repeat(12_000));
    let mut reader = server.client();
    for piece in head.as_bytes().chunks(1500) {
        for client in &mut slow {
            client.say(piece);
        }
        reader.get("/dev1/a").has(b"content");
    }
    slow.iter_mut().for_each(|client| drop(client.answer(Content::Follows).has(b"content")));
}
