//! The binary as a process: how it starts, detaches, announces itself and ends.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};

fn spindle(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spindle"));
    command.args(arguments.split_whitespace()).stdin(Stdio::null());
    command
}

/// memcached's personality on a free port; root stays root, so that the test may read what it writes.
fn memcached(arguments: &str) -> Command {
    let user = User::from_uid(geteuid()).unwrap().unwrap().name;
    spindle(&format!("memcached -l 127.0.0.1:-1 -t 1 -u {user} {arguments}"))
}

fn output(mut command: Command) -> Output {
    command.output().unwrap()
}

fn pid_in(path: &Path) -> Pid {
    Pid::from_raw(std::fs::read_to_string(path).unwrap().trim().parse().unwrap())
}

/// Sends the signal and waits for the exit status that it leads to.
fn wait_for_exit(mut child: Child, signal: Signal) -> i32 {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    child.wait().unwrap().code().expect("the signal is taken, it does not kill")
}

#[test]
fn a_daemon_is_ready_when_its_command_returns_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let (mut stderr, theirs) = io::pipe().unwrap();
    // With -v a daemon keeps its standard error, so the end of that stream is the end of the process.
    let mut command = memcached(&format!("-d -v -P {}", pid_file.display()));
    let status = command.stderr(theirs).status().unwrap();
    drop(command);
    assert!(status.success());
    let pid = pid_in(&pid_file);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(session, pid.to_string(), "it leads a session of its own");
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
    kill(pid, Signal::SIGTERM).unwrap();
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert!(!pid_file.exists());
}

#[test]
fn a_daemon_that_cannot_start_is_a_command_that_fails() {
    let failed = output(memcached("-d -c 2147483647"));
    assert_eq!(failed.status.code(), Some(71));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("failed to set rlimit for open files"));
}

#[test]
fn every_stop_signal_ends_the_process_with_success() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGUSR1] {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let fifo = folder.path().join("pid.tmp");
        // The pid file is written through this name: reading the fifo waits exactly until the process has settled.
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let child = memcached(&format!("-P {}", pid_file.display())).spawn().unwrap();
        assert_eq!(std::fs::read_to_string(&fifo).unwrap().trim(), child.id().to_string());
        assert_eq!(wait_for_exit(child, signal), 0, "{signal}");
    }
}

#[test]
fn the_operators_mistakes_have_their_exit_status() {
    for (arguments, status) in [
        ("memcached -z", 64),
        ("memcached -o foo", 64),
        ("memcached -t 0", 64),
        ("memcached -Z", 64),
        ("serve /nonexistent.toml", 66),
        ("-V", 0),
        ("memcached -h", 0),
    ] {
        assert_eq!(output(spindle(arguments)).status.code(), Some(status), "{arguments}");
    }
    if geteuid().is_root() {
        assert_eq!(output(spindle("memcached")).status.code(), Some(64));
        assert_eq!(output(spindle("memcached -u no-such-user")).status.code(), Some(67));
    }
}
