//! PUT and DELETE, as they should be: whole, under their names, and seen by all at once.

use std::sync::mpsc;

use crate::kit::client::{Content, put_head};
use crate::kit::server::Server;
use crate::kit::{content, eventually};

#[test]
fn uploads_of_every_size_are_there_when_they_are_acknowledged() {
    let server = Server::start("promise = \"durable\"");
    let mut client = server.client();
    for (seed, size) in [0, 1, 16_383, 131_071, 131_072, 131_073, 1 << 20, 20_000_000].into_iter().enumerate() {
        let (path, body) = (format!("/dev1/0/000/{size}.fid"), content(seed as u8, size));
        client.put(&path, &body).is(201);
        assert!(std::fs::read(server.path(&path[1..])).unwrap() == body, "{size}");
        client.get(&path).has(&body);
    }
    client.put("/elsewhere/a", b"on the root's own disk").is(201);
    client.get("/elsewhere/a").has(b"on the root's own disk");
    assert_eq!(server.temporaries(), 0);
}

#[test]
fn bodies_in_chunks_are_put_together() {
    let server = Server::start("");
    let mut client = server.client();
    let head = |path: &str| format!("PUT {path} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: Chunked\r\n\r\n");
    client
        .say(head("/dev1/a"))
        .say("4;a=b;c=\"d\"\r\nfour\r\n00A\r\n and seven\r\n0;x\r\nTrailer: read over\r\nB: c\r\n\r\n");
    client.answer(Content::Follows).is(201);
    client.get("/dev1/a").has(b"four and seven");
    client.say(head("/dev1/b")).spell(b"4;ext\r\nfour\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n").answer(Content::Follows).is(201);
    client.get("/dev1/b").has(b"four!");
    client.say(head("/dev1/empty")).say("0\r\n\r\n").answer(Content::Follows).is(201);
    client.get("/dev1/empty").has(b"");
    let body = content(3, 3_000_000);
    client.say(head("/dev1/large"));
    for chunk in body.chunks(70_001) {
        client.say(format!("{:x}\r\n", chunk.len())).say(chunk).say("\r\n");
    }
    client.say("0\r\n\r\n").answer(Content::Follows).is(201);
    client.get("/dev1/large").has(&body);
}

#[test]
fn a_body_a_byte_at_a_time_arrives() {
    let server = Server::start("");
    let mut client = server.client();
    let body = content(1, 500);
    client.say(put_head("/dev1/a", "", body.len())).spell(&body).answer(Content::Follows).is(201);
    client.get("/dev1/a").has(&body);
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let server = Server::start("");
    let mut client = server.client();
    let body = content(1, 300_000);
    for fields in [format!("Content-Length: {}", body.len()), "Transfer-Encoding: chunked".to_owned()] {
        client.say(format!("PUT /dev1/a HTTP/1.1\r\nHost: here\r\nExpect: 100-Continue\r\n{fields}\r\n\r\n"));
        client.answer(Content::Follows).is(100);
        client.hears_nothing();
        if fields.starts_with('T') {
            client.say(format!("{:x}\r\n", body.len())).say(&body).say("\r\n0\r\n\r\n");
        } else {
            client.say(&body);
        }
        client.answer(Content::Follows).is(201);
        client.get("/dev1/a").has(&body);
    }
    for (path, fields, status) in [
        ("/dev9/a", "", 404),
        ("/dev1/a", "If-None-Match: *\r\n", 412),
        ("/dev1/a", "Content-MD5: x\r\n", 400),
        ("/dev1/a", "Content-Range: bytes 0-4/10\r\n", 400),
        ("/dev1/", "", 403),
    ] {
        let mut client = server.client();
        client.say(put_head(path, &format!("{fields}Expect: 100-continue\r\n"), 5));
        assert_eq!(client.answer(Content::Follows).is(status).field("Connection"), "close", "{path} {fields}");
        client.finish().expect_closed();
    }
    // Nobody waits to send nothing, and HTTP/1.0 cannot wait.
    client.put_with("/dev1/none", "Expect: 100-continue\r\n", b"").is(201);
    client.say("PUT /dev1/old HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nold");
    client.answer(Content::Follows).is(201);
    client.expect_closed();
}

#[test]
fn what_cannot_be_named_is_not_taken() {
    let server = Server::start("");
    server.lay("dev1/file", b"content");
    std::fs::create_dir(server.path("dev1/folder")).unwrap();
    let mut client = server.client();
    for (path, status) in [
        ("/dev9/a", 404),
        ("/dev9", 404),
        ("/dev1", 403),
        ("/dev1/folder", 403),
        ("/dev1/folder/", 403),
        ("/dev1/file/a", 404),
        ("/", 403),
    ] {
        assert_eq!(client.put(path, b"other").status, status, "PUT {path}");
    }
    client.say("PUT /dev1/a HTTP/1.1\r\nHost: here\r\n\r\n").answer(Content::Follows).is(411);
    client.get("/dev1/file").has(b"content");
    for path in ["/dev1", "/dev2", "/dev1/folder", "/dev1/folder/", "/"] {
        assert_eq!(client.ask("DELETE", path, "").status, 403, "DELETE {path}");
    }
    assert!(!server.path("dev9").exists() && server.path("dev1/folder").is_dir());
    eventually("the temporaries' end", || (server.temporaries() == 0).then_some(()));
}

#[test]
fn what_is_deleted_is_gone_and_its_space_is_given_back() {
    let server = Server::start("promise = \"durable\"\ncores = 2");
    let mut clients: Vec<_> = (0..8).map(|_| server.client()).collect();
    for round in 0..5 {
        let body = content(round, 300_000);
        clients[0].put("/dev1/a", &body).is(201);
        clients.iter_mut().for_each(|client| drop(client.get("/dev1/a").has(&body)));
        if round % 2 == 0 {
            clients[1].ask("DELETE", "/dev1/a", "").is(204);
            clients.iter_mut().for_each(|client| drop(client.get("/dev1/a").is(404)));
            clients[2].ask("DELETE", "/dev1/a", "").is(404);
        }
    }
    // A descriptor that is kept of a file without a name keeps its blocks: a disk would stay full.
    eventually("the end of what was deleted", || {
        let kept = server.descriptors().iter().any(|descriptor| descriptor.contains("(deleted)"));
        (!kept).then_some(())
    });
}

#[test]
fn who_is_told_of_an_upload_and_whoever_asks_after_that_sees_it() {
    let server = Server::start("cores = 2");
    let mut readers: Vec<_> = (0..6).map(|_| server.client()).collect();
    let mut writer = server.client();
    for round in 0..200usize {
        let body = content(round as u8, 100 + round * 100);
        writer.put("/dev1/a", &body).is(201);
        let count = readers.len();
        readers[round % count].get("/dev1/a").has(&body);
        server.client().get("/dev1/a").has(&body);
        if round % 20 == 0 {
            readers.iter_mut().for_each(|reader| drop(reader.get("/dev1/a").has(&body)));
        }
    }
}

#[test]
fn many_write_the_same_names_and_every_reader_gets_one_of_them_whole() {
    let server = Server::start("cores = 2");
    let (sent, received) = mpsc::channel();
    std::thread::scope(|scope| {
        for seed in 0..6u8 {
            let (mut client, sent) = (server.client(), sent.clone());
            scope.spawn(move || {
                let body = content(seed, 40_000 + usize::from(seed) * 30_000);
                for round in 0..30 {
                    let path = format!("/dev1/deep/{}/{}", round % 5, round % 3);
                    client.put(&path, &body).is(201);
                    sent.send(client.get(&path).is(200).body).unwrap();
                }
            });
        }
        drop(sent);
        for body in received {
            let seed = ((body.len() - 40_000) / 30_000) as u8;
            assert!(body == content(seed, body.len()), "torn");
        }
    });
    assert_eq!(server.temporaries(), 0);
}
