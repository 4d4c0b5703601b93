//! Starting and stopping it.

use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

use crate::kit::client::Client;
use crate::kit::server::{Server, spindle, user_arguments};
use crate::kit::{hit, set, value};

#[test]
fn every_stop_finishes_the_reply_that_is_being_sent() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGUSR1] {
        let mut server = Server::start("");
        let large = value(1, 1_000_000);
        server.client().say(set("k", &large)).expect("STORED\r\n");
        let mut idle = server.client();
        idle.is_quiet();
        let mut reader = server.narrow_client();
        reader.say("get k\r\n").expect("VALUE");
        server.until_stat("lent_bytes", |lent| lent > 0);
        server.signal(signal);
        reader.expect(&hit("k", &large)["VALUE".len()..]).expect_closed();
        idle.expect_closed();
        assert_eq!(server.exit_status(), 0, "{signal}");
    }
}

#[test]
fn a_client_that_never_reads_cannot_prevent_the_end() {
    let mut server = Server::start("");
    server.client().say(set("k", &value(1, 1_000_000))).expect("STORED\r\n");
    let mut stuck: Vec<Client> = (0..5).map(|_| server.narrow_client()).collect();
    for client in &mut stuck {
        client.say_until_stuck(&b"get k\r\n".repeat(1000));
    }
    let mut uploading = server.client();
    uploading.say("set u 0 0 1000000\r\nonly the beginning");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit_status(), 0);
}

#[test]
fn the_shutdown_command_stops_where_it_is_enabled() {
    for line in ["shutdown\r\n", "shutdown graceful\r\n"] {
        let mut server = Server::start("-A");
        let mut client = server.client();
        client.say("shutdown now\r\n").expect("CLIENT_ERROR invalid shutdown mode\r\n").is_quiet();
        client.say(line).expect_closed();
        assert_eq!(server.exit_status(), 0, "{line}");
    }
}

#[test]
fn the_shutdown_command_is_refused_where_it_is_not() {
    let server = Server::start("");
    server.client().say("shutdown\r\n").expect("SERVER_ERROR: shutdown not enabled\r\n").is_quiet();
    server.client().is_quiet();
}

#[test]
fn a_name_of_memcached_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("memcached");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_spindle"), &link).unwrap();
    let output = Command::new(link).arg("-V").output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("1.6.45"), "{output:?}");
}

#[test]
fn options_without_a_meaning_here_are_named_and_unknown_ones_are_errors() {
    let server = Server::start("-o hashpower=20,lru_crawler,slab_automove=1 -o modern");
    let said = server.said();
    let line = said.lines().next().unwrap();
    for option in ["hashpower=20", "lru_crawler", "slab_automove=1", "modern"] {
        assert!(line.contains(option), "{said}");
    }
    server.client().is_quiet();
    let output = spindle(&format!("memcached {} -o turbo", user_arguments())).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
}

#[test]
fn the_last_of_an_option_counts() {
    let server = Server::start("-c 10 -c 20 -t 3");
    assert_eq!(server.stats("settings")["maxconns"], "20");
    assert_eq!(server.stats("settings")["num_threads"], "3");
}

/// A filter of system calls (seccomp(2), in classic BPF) under which `io_uring_setup`, 425 on every machine, answers the
/// error number of the first argument; then it becomes the command of the others.
const SANDBOX: &str = r#"
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, 0x00050000 | int(sys.argv[1])), (0x06, 0, 0, 0x7fff0000)]
filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(filter)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[2], sys.argv[2:])
"#;

#[test]
fn a_sandbox_or_a_kernel_without_io_uring_is_one_clear_line() {
    if Command::new("python3").arg("-V").output().is_err() {
        return eprintln!("SKIPPED: no python3 to set up a sandbox with");
    }
    for (errno, words) in [
        (Errno::EPERM, "io_uring_setup"),
        (Errno::EACCES, "io_uring_setup"),
        (Errno::ENOSYS, "Linux 6.1"),
        (Errno::ENOMEM, "LimitMEMLOCK"),
        (Errno::EINVAL, "too old"),
    ] {
        let server = spindle(&format!("memcached {} -l 127.0.0.1:-1 -t 1", user_arguments()));
        let output = Command::new("python3")
            .args(["-c", SANDBOX, &(errno as i32).to_string()])
            .arg(server.get_program())
            .args(server.get_args())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(words), "{said}");
        assert_eq!(output.status.code(), Some(71), "{said}");
    }
}

#[test]
fn a_memory_lock_limit_that_is_too_low_is_one_clear_line() {
    let mut limited = Command::new(if geteuid().is_root() { "setpriv" } else { "env" });
    if geteuid().is_root() {
        limited.arg("--bounding-set=-ipc_lock");
    }
    // An address of no machine, so that it ends in any case.
    let server = spindle(&format!("memcached {} -l 192.0.2.1:1", user_arguments()));
    let output = limited.args(["prlimit", "--memlock=0"]).arg(server.get_program()).args(server.get_args()).output();
    let said = match output {
        Ok(output) if output.status.code() == Some(71) => String::from_utf8_lossy(&output.stderr).into_owned(),
        other => return eprintln!("SKIPPED: no setpriv(1) and prlimit(1) to limit it with: {other:?}"),
    };
    if said.contains("192.0.2.1") {
        return eprintln!("SKIPPED: this kernel does not count rings against the limit");
    }
    assert!(said.lines().last().unwrap().contains("LimitMEMLOCK"), "{said}");
}
