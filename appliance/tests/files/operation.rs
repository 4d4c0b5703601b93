//! Starts that cannot be, and orderly ends.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::kit::client::{Content, put_head};
use crate::kit::content;
use crate::kit::server::{Server, refused};

/// Of sysexits.h: the operating system refused.
const EX_OSERR: i32 = 71;

#[test]
fn a_root_that_cannot_be_served_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"no folder").unwrap();
    for root in [folder.path().join("none"), file] {
        let output = refused(&format!("[files]\nlisten = [\"127.0.0.1:-1\"]\nroot = {root:?}\n"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(EX_OSERR), "{said}");
        assert!(said.contains(root.to_str().unwrap()) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let output = refused(&format!("[files]\nlisten = [{place:?}]\nroot = {:?}\n", folder.path()));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(EX_OSERR), "{said}");
    assert!(said.contains(&place), "{said}");
}

#[test]
fn it_says_what_listens_where() {
    let server = Server::start("cores = 1");
    let place = format!("files: listening on {} (HTTP, ", server.address);
    assert!(server.said().contains(&place), "{}", server.said());
}

#[test]
fn an_end_waits_for_nobody_for_long() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Server::start("cores = 2");
        server.lay("dev1/large", &content(1, 20_000_000));
        let mut clients: Vec<_> = (0..4).map(|_| server.client()).collect();
        clients[1].get("/dev1/none").is(404);
        clients[2].say(put_head("/dev1/a", "", 1_000_000)).say(content(1, 400_000));
        clients[3].say("GET /dev1/a HTTP/1.1\r\nHo");
        let mut narrow = server.narrow_client();
        narrow.say("GET /dev1/large HTTP/1.1\r\nHost: here\r\n\r\n");
        std::thread::sleep(Duration::from_millis(100));
        let began = Instant::now();
        server.signal(signal);
        assert_eq!(server.exit_status(), 0, "{}", server.said());
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(!server.path("dev1/a").exists());
        clients.iter_mut().for_each(|client| client.expect_closed());
    }
}

#[test]
fn an_end_comes_at_once_when_nobody_is_at_anything() {
    let mut server = Server::start("cores = 2");
    let mut client = server.client();
    client.get("/dev1/none").is(404);
    let began = Instant::now();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit_status(), 0);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    client.expect_closed();
}

#[test]
fn a_graceful_end_lets_an_upload_finish() {
    let mut server = Server::start("");
    let mut client = server.client();
    let body = content(1, 100_000);
    client.say(put_head("/dev1/a", "", body.len())).say(&body[..50_000]);
    std::thread::sleep(Duration::from_millis(100));
    server.signal(Signal::SIGUSR1);
    std::thread::sleep(Duration::from_millis(300));
    client.say(&body[50_000..]).answer(Content::Follows).is(201);
    client.expect_closed();
    assert_eq!(server.exit_status(), 0);
    assert!(std::fs::read(server.path("dev1/a")).unwrap() == body);
}
