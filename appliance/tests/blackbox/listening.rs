//! Where it listens, and what it says about it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kit::client::Client;
use crate::kit::server::{Server, spindle, user_arguments};

#[test]
fn on_a_unix_socket_that_goes_when_it_goes() {
    let mut server = Server::listening("-s {}/socket", "-a 0766");
    let path = server.path("socket");
    assert!(server.addresses.is_empty());
    assert!(server.said().contains(path.to_str().unwrap()), "{}", server.said());
    let metadata = std::fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o766);
    // Every core accepts from the one socket.
    for number in 0..20 {
        let mut client = Client::unix(&path);
        client.say(format!("set k{number} 0 0 1\r\nx\r\nget k{number}\r\n"));
        client.expect(format!("STORED\r\nVALUE k{number} 0 1\r\nx\r\nEND\r\n"));
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit_status(), 0);
    assert!(!path.exists());
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let _server = Server::listening(&format!("-s {}", path.display()), "");
    Client::unix(&path).is_quiet();
}

#[test]
fn a_unix_socket_that_another_took_over_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let where_ = format!("-s {}", path.display());
    let mut first = Server::listening(&where_, "");
    let mut second = Server::listening(&where_, "");
    first.signal(Signal::SIGTERM);
    assert_eq!(first.exit_status(), 0);
    Client::unix(&path).is_quiet();
    second.signal(Signal::SIGTERM);
    assert_eq!(second.exit_status(), 0);
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_no_socket_is_not_taken_for_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = format!("memcached {} -s {}", user_arguments(), file.path().display());
    let output = spindle(&line).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.lines().last().unwrap().ends_with(": it exists and is not a socket"), "{said}");
    assert_eq!(output.status.code(), Some(71), "{said}");
    assert!(file.path().exists());
}

#[test]
fn whoever_restarts_right_after_a_kill_gets_its_port_back() {
    let mut server = Server::start("");
    let address = server.addresses[0];
    for _ in 0..5 {
        // What the kernel still has to do for it makes it give the port back late.
        let mut clients: Vec<Client> = (0..20).map(|_| Client::tcp(address)).collect();
        for client in &mut clients {
            client.is_quiet();
        }
        server.kill();
        server = Server::listening(&format!("-l {address}"), "");
        server.client().is_quiet();
    }
}

#[test]
fn nothing_is_announced_before_all_is_well() {
    for arguments in ["-m 999999999", "-d -m 999999999", "-d -P /nonexistent/pid"] {
        let line = format!("memcached {} -t 1 -l 127.0.0.1:-1 {arguments}", user_arguments());
        let output = spindle(&line).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("listening") && !said.is_empty(), "{said}");
        assert_eq!(output.status.code(), Some(71), "{said}");
    }
}

#[test]
fn threads_are_counted_as_threads() {
    for (arguments, words) in [("-t 1", "1 thread)"), ("-t 2", "2 threads)")] {
        for where_ in ["-l 127.0.0.1:-1", "-s {}/socket"] {
            let server = Server::listening(where_, arguments);
            let said = server.said();
            let line = said.lines().find(|line| line.contains("listening")).unwrap();
            assert!(line.ends_with(words), "{line}");
        }
    }
}

#[test]
fn on_every_address_of_a_list() {
    let server = Server::listening("-l 127.0.0.1:-1,[::1]:-1 -l 127.0.0.2:-1", "");
    let families: Vec<bool> = server.addresses.iter().map(|address| address.is_ipv4()).collect();
    assert_eq!(families, [true, false, true]);
    let mut second = server.addresses[2];
    second.set_ip([127, 0, 0, 2].into());
    Client::tcp(server.addresses[0]).say("set k 0 0 1\r\nx\r\n").expect("STORED\r\n");
    for address in [server.addresses[0], server.addresses[1], second] {
        Client::tcp(address).say("get k\r\n").expect("VALUE k 0 1\r\nx\r\nEND\r\n").is_quiet();
        assert!(server.said().contains(&address.to_string()), "{}", server.said());
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let other = Server::start("");
    for address in [address, other.addresses[0]] {
        let output = spindle(&format!("memcached {} -l {address}", user_arguments())).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = said.lines().last().unwrap();
        assert!(last.contains(&address.to_string()) && last.contains("EADDRINUSE"), "{said}");
        assert_eq!(output.status.code(), Some(71), "{said}");
    }
    other.client().is_quiet();
}

#[test]
fn an_address_of_another_machine_is_named() {
    // TEST-NET-1, which nobody has (RFC 5737).
    let output = spindle(&format!("memcached {} -l 192.0.2.1:-1", user_arguments())).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("192.0.2.1") && !output.status.success(), "{said}");
}

#[test]
fn serve_without_arguments_is_a_cache_on_loopback_that_says_so() {
    if let Err(error) = TcpListener::bind("127.0.0.1:11211") {
        return eprintln!("SKIPPED: the default port is not free ({error})");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = spindle("serve").current_dir(folder.path()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let first = said.find(|line| line.contains("listening")).expect("it says where");
    assert!(first.contains("127.0.0.1:11211") && first.contains("memcached protocol"), "{first}");
    let mut client = Client::tcp("127.0.0.1:11211".parse().unwrap());
    client.say("set k 0 0 1\r\nx\r\nget k\r\n").expect("STORED\r\nVALUE k 0 1\r\nx\r\nEND\r\n");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let rest: Vec<String> = said.collect();
    assert!(!rest.iter().any(|line| line.contains("0.0.0.0") || line.contains("panicked")), "{rest:?}");
}
