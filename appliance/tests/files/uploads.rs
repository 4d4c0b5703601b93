//! Uploads that go wrong: wrong digests, clients that die, readers who are at the file meanwhile. The name stays what it was,
//! and nothing else is left.

use std::time::Duration;

use crate::kit::client::{Content, put_head};
use crate::kit::server::Server;
use crate::kit::{content, eventually};

/// Of `four`.
const MD5: &str = "Content-MD5: jLrZas7UCzg43Z8H9u9Xcg==\r\n";

fn until_nothing_is_left(server: &Server) {
    eventually("the end of the temporaries", || (server.temporaries() == 0).then_some(()));
}

#[test]
fn a_body_is_what_its_digest_says_or_it_is_not_taken() {
    let server = Server::start("");
    let mut client = server.client();
    client.put_with("/dev1/a", MD5, b"four").is(201);
    client.put_with("/dev1/a", MD5, b"five").is(400);
    client.get("/dev1/a").has(b"four");
    client.put_with("/dev1/b", MD5, b"five").is(400);
    client.get("/dev1/b").is(404);
    for not_a_digest in ["x", "", "jLrZas7UCzg43Z8H9u9X", "jLrZas7UCzg43Z8H9u9Xcg"] {
        client.put_with("/dev1/a", &format!("Content-MD5: {not_a_digest}\r\n"), b"five").is(400);
    }
    client.say(format!("PUT /dev1/c HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n{MD5}\r\n"));
    client.say("2\r\nfo\r\n2\r\nur\r\n0\r\n\r\n").answer(Content::Follows).is(201);
    client.get("/dev1/c").has(b"four");
    client.get("/dev1/a").has(b"four");
    until_nothing_is_left(&server);
}

#[test]
fn a_part_does_not_take_the_place_of_the_whole() {
    let server = Server::start("");
    server.lay("dev1/a", b"content");
    let mut client = server.client();
    client.put_with("/dev1/a", "Content-Range: bytes 0-3/7\r\n", b"part").is(400);
    client.get("/dev1/a").has(b"content");
}

#[test]
fn bodies_that_do_not_end_leave_nothing() {
    let server = Server::start("");
    server.lay("dev1/old", b"old");
    let chunked = |path: &str| format!("PUT {path} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n");
    for path in ["/dev1/old", "/dev1/new", "/dev1/made/new"] {
        let mut clients: Vec<_> = (0..5).map(|_| server.client()).collect();
        clients[0].say(put_head(path, "", 500_000)).say(content(1, 499_999)).finish().expect_closed();
        clients[1].say(put_head(path, "", 5_000_000)).say(content(1, 700_000));
        clients[2].say(chunked(path)).say("5\r\nfive!\r\n").finish().expect_closed();
        clients[3].say(chunked(path)).say("5\r\nfive!\r\n0\r\n");
        clients[4].say(put_head(path, "", 10));
        eventually("all three that are still at it", || (server.temporaries() == 3).then_some(()));
        drop(clients);
        until_nothing_is_left(&server);
    }
    let mut client = server.client();
    client.get("/dev1/old").has(b"old");
    client.get("/dev1/new").is(404);
    client.get("/dev1/made/new").is(404);
}

#[test]
fn chunks_that_are_none_are_refused_and_leave_nothing() {
    let server = Server::start("");
    server.lay("dev1/a", b"old");
    for body in [
        "x\r\n",
        "-1\r\n",
        "5\r\nfive!more\r\n",
        "\r\n",
        "5\nfive!\r\n0\r\n\r\n",
        "5\r\nfive!\r\n0\r\nno field\r\n\r\n",
    ] {
        let mut client = server.client();
        client.say(format!("PUT /dev1/a HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        assert_eq!(client.answer(Content::Follows).is(400).field("Connection"), "close", "{body:?}");
        client.finish().expect_closed();
    }
    server.client().get("/dev1/a").has(b"old");
    until_nothing_is_left(&server);
}

#[test]
fn a_reader_gets_the_file_whole_that_is_overwritten_meanwhile() {
    let server = Server::start("cores = 2");
    let (old, new) = (content(1, 5 << 20), content(2, 6 << 20));
    let mut writer = server.client();
    writer.put("/dev1/a", &old).is(201);
    let mut readers: Vec<_> = (0..4).map(|_| server.narrow_client()).collect();
    for reader in &mut readers {
        reader.say("GET /dev1/a HTTP/1.1\r\nHost: here\r\n\r\n");
    }
    std::thread::sleep(Duration::from_millis(200));
    writer.put("/dev1/a", &new).is(201);
    writer.get("/dev1/a").has(&new);
    writer.ask("DELETE", "/dev1/a", "").is(204);
    for reader in &mut readers {
        reader.answer(Content::Follows).has(&old);
        reader.get("/dev1/a").is(404);
    }
}

#[test]
fn what_a_former_process_left_is_swept() {
    let folder = crate::kit::server::folder();
    let spool = folder.path().join("root/dev1/.spindle-uploads");
    std::fs::create_dir(&spool).unwrap();
    // No process has a number like this.
    std::fs::write(spool.join("99999999-7"), b"half").unwrap();
    let file = std::fs::File::options().write(true).open(spool.join("99999999-7")).unwrap();
    file.set_modified(std::time::SystemTime::now() - 2 * Duration::from_secs(60 * 60)).unwrap();
    std::fs::write(spool.join("not ours"), b"kept").unwrap();
    let server = Server::in_folder(folder, Vec::new(), "");
    eventually("the sweep", || (server.temporaries() == 1).then_some(()));
    assert!(spool.join("not ours").exists());
}
