//! How a proxy is started and stopped.

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::kit::{Backend, Server, get};

#[test]
fn an_orderly_stop_waits_for_answers_and_not_for_clients() {
    let backend = Backend::start(|peer, _| {
        while peer.try_message().is_some() {
            std::thread::sleep(Duration::from_millis(500));
            peer.answer("ok");
        }
    });
    let mut proxy = Server::proxy(&[backend.address], "");
    let (mut idle, mut busy) = (proxy.client(), proxy.client());
    idle.ask(get("/", ""));
    busy.say(get("/", ""));
    std::thread::sleep(Duration::from_millis(100));
    proxy.signal(Signal::SIGTERM);
    idle.expect_end();
    let answer = busy.message();
    assert_eq!((answer.text(), answer.fields("Connection")), ("ok", vec!["close"]));
    busy.expect_end();
    assert_eq!(proxy.exit_status(), 0);
}

#[test]
fn it_says_where_it_listens_and_before_whom() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "cores = 2");
    let line = format!("proxy: listening on {} (HTTP, to {}, 2 threads)", proxy.address, backend.address);
    crate::kit::eventually(&line, || proxy.said().contains(&line).then_some(()));
    for _ in 0..20 {
        assert_eq!(proxy.client().ask(get("/", "")).status(), "200");
    }
}

#[test]
fn without_backends_it_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("box.toml");
    std::fs::write(&file, "[proxy]\ncores = 1\n").unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_spindle")).arg("serve").arg(file).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("line 1: proxy.backends: no backends"), "{said}");
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn more_clients_than_there_may_be_wait_to_be_let_in() {
    let backend = Backend::echo();
    let proxy = Server::proxy(&[backend.address], "connections_max = 2");
    let mut clients: Vec<_> = (0..5).map(|_| proxy.client()).collect();
    clients.iter_mut().for_each(|client| {
        client.say(get("/", ""));
    });
    for mut client in clients {
        assert_eq!(client.message().status(), "200");
    }
}
