//! Disks that are full, and disks that hang.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::kit::client::{Client, Content, put_head};
use crate::kit::mount::{self, Mount};
use crate::kit::server::{Server, folder};
use crate::kit::{content, eventually};

#[test]
fn a_full_disk_takes_nothing_and_keeps_what_it_has() {
    if !mount::is_allowed("a full disk") {
        return;
    }
    let folder = folder();
    let memory = Mount::memory(&folder.path().join("root/dev1"), "2m");
    let server = Server::in_folder(folder, vec![memory], "promise = \"durable\"");
    let mut client = server.client();
    let (kept, other) = (content(1, 900_000), content(2, 900_000));
    client.put("/dev1/a", &kept).is(201);
    client.put("/dev1/b", &kept).is(201);
    // Room is asked for beforehand where the length is known.
    for (path, bytes) in [("/dev1/a", 1_100_000), ("/dev1/c", 1_100_000), ("/dev1/c", 100_000_000)] {
        let mut client = server.client();
        client.say(put_head(path, "Expect: 100-continue\r\n", bytes)).answer(Content::Follows).is(507);
        client.finish().expect_closed();
    }
    // Elsewhere it is found out in the middle.
    for head in [
        put_head("/dev1/a", "", other.len()),
        format!("PUT /dev1/c HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", other.len()),
    ] {
        let mut client = server.client();
        client.say(head).say_what_it_takes(&other);
        client.answer(Content::Follows).is(507);
    }
    eventually("the end of the temporaries", || (server.temporaries() == 0).then_some(()));
    client.get("/dev1/a").has(&kept);
    client.get("/dev1/c").is(404);
    client.put("/dev2/c", &other).is(201);
    client.ask("DELETE", "/dev1/b", "").is(204);
    eventually("room again", || (client.put("/dev1/c", &other).status == 201).then_some(()));
    client.get("/dev1/c").has(&other);
}

#[test]
fn a_disk_that_hangs_keeps_nobody_waiting_who_needs_another() {
    if !mount::is_allowed("a disk that hangs") {
        return;
    }
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let Some(image) = Mount::image(&path("root/dev1"), &path("image")) else { return };
    let server = Server::in_folder(folder, vec![image], "cores = 1");
    let body = content(1, 60_000);
    let mut client = server.client();
    client.put("/dev1/old", &body).is(201);
    client.put("/dev2/old", &body).is(201);
    let frozen = server.mounts[0].freeze();
    let began = Instant::now();
    // Many more than the disk may have ops, each with a body that has been sent already.
    let mut hung: Vec<Client> = (0..100).map(|_| server.client()).collect();
    for (at, client) in hung.iter_mut().enumerate() {
        let body = content(at as u8, 1 + at % 5 * 15_000);
        client.say(put_head(&format!("/dev1/{at}"), "", body.len())).say(&body);
    }
    let mut slowest = Duration::ZERO;
    while began.elapsed() < Duration::from_secs(3) {
        let asked = Instant::now();
        client.put("/dev2/new", &body).is(201);
        client.get("/dev2/new").has(&body);
        server.client().get("/dev2/old").has(&body);
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "the other disk's client waited for {slowest:?}");
    hung.iter_mut().for_each(|client| drop(client.answer(Content::Follows).is(503)));
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    // Newcomers are told at once.
    let asked = Instant::now();
    client.put("/dev1/new", &body).is(503);
    client.put("/dev2/new", &body).is(201);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    drop(frozen);
    eventually("the disk's return", || (client.put("/dev1/new", &body).status == 201).then_some(()));
    client.get("/dev1/new").has(&body);
    client.get("/dev1/old").has(&body);
    for client in &mut hung {
        client.put("/dev1/again", &body).is(201);
    }
}

#[test]
fn a_file_that_may_not_be_as_large_is_refused_and_nobody_dies_of_it() {
    let server = Server::start("cores = 1");
    let limit = [format!("--pid={}", server.child.id()), "--fsize=1000000".to_owned()];
    if !Command::new("prlimit").args(limit).status().is_ok_and(|ran| ran.success()) {
        eprintln!("SKIPPED: no prlimit(1)");
        return;
    }
    let body = content(1, 1_500_000);
    for head in [
        put_head("/dev1/a", "", body.len()),
        format!("PUT /dev1/a HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()),
    ] {
        let mut client = server.client();
        client.say(head).say_what_it_takes(&body);
        client.answer(Content::Follows).is(507);
    }
    server.client().put("/dev1/a", &body[..900_000]).is(201);
    server.client().get("/dev1/a").has(&body[..900_000]);
}

#[test]
fn writes_that_wait_for_a_disk_that_hangs_are_in_nobody_elses_way() {
    if !mount::is_allowed("a disk that hangs") {
        return;
    }
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let Some(image) = Mount::image(&path("root/dev1"), &path("image")) else { return };
    let server = Server::in_folder(folder, vec![image], "cores = 1");
    let body = content(1, 300_000);
    // In the middle of their bodies, with all that was to be opened open: what hangs now is writing.
    let mut begun: Vec<Client> = (0..8).map(|_| server.client()).collect();
    for (at, client) in begun.iter_mut().enumerate() {
        client.say(put_head(&format!("/dev1/{at}"), "", body.len())).say(&body[..1000]);
    }
    eventually("their temporaries", || (server.temporaries() == begun.len()).then_some(()));
    let frozen = server.mounts[0].freeze();
    for client in &mut begun {
        client.say(&body[1000..]);
    }
    let mut client = server.client();
    let (began, mut slowest, mut uploads) = (Instant::now(), Duration::ZERO, 0);
    while began.elapsed() < Duration::from_secs(3) {
        let asked = Instant::now();
        client.put(&format!("/dev2/{uploads}"), &body).is(201);
        (slowest, uploads) = (slowest.max(asked.elapsed()), uploads + 1);
    }
    assert!(slowest < Duration::from_secs(1), "of {uploads} uploads to the other disk one took {slowest:?}");
    drop(frozen);
    for (at, client) in begun.iter_mut().enumerate() {
        client.answer(Content::Follows).is(201);
        client.get(&format!("/dev1/{at}")).has(&body);
    }
}
