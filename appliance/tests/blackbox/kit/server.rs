//! The binary, running for one test: on a port that the kernel chose, killed when the test lets go of it.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use tempfile::TempDir;

use super::client::{Client, Stats};
use super::eventually;

/// A running `spindle memcached`. Dropping it kills it, and fails the test if it had died or panicked before.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    /// Where it listens, in the order that it says; none for a unix socket.
    pub(crate) addresses: Vec<SocketAddr>,
    ended: Option<i32>,
}

/// The binary with these arguments, parted by spaces.
pub(crate) fn spindle(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spindle"));
    command.args(arguments.split_whitespace()).stdin(Stdio::null()).env_remove("MEMCACHED_PORT_FILENAME");
    command
}

/// memcached's arguments that let root stay root, so that a test may run as root and read what it writes.
pub(crate) fn user_arguments() -> String {
    let user = User::from_uid(geteuid()).unwrap().unwrap().name;
    format!("-u {user}")
}

impl Server {
    /// On a port of 127.0.0.1, with two cores unless the arguments ask for others.
    pub(crate) fn start(arguments: &str) -> Server {
        Server::listening("-l 127.0.0.1:-1", arguments)
    }

    /// Where the first arguments say; `{}` in them is a folder of the server's own.
    pub(crate) fn listening(where_: &str, arguments: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let stderr = File::create(folder.path().join("stderr")).unwrap();
        let server = Server::spawn(folder, stderr.into(), where_, arguments);
        // The last thing that it does before it waits for signals.
        eventually("where it listens", || server.said().contains("listening").then_some(()));
        server
    }

    /// On a port of 127.0.0.1, with another standard error than the one that [`Server::said`] reads.
    pub(crate) fn saying_to(stderr: impl Into<Stdio>, arguments: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("stderr"), "").unwrap();
        Server::spawn(folder, stderr.into(), "-l 127.0.0.1:-1", arguments)
    }

    fn spawn(folder: TempDir, stderr: Stdio, where_: &str, arguments: &str) -> Server {
        let where_ = where_.replace("{}", folder.path().to_str().unwrap());
        let port_file = folder.path().join("ports");
        let command = format!("memcached {} -t 2 {where_} {arguments}", user_arguments());
        let child = spindle(&command)
            .env("MEMCACHED_PORT_FILENAME", &port_file)
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut server = Server { child, folder, addresses: Vec::new(), ended: None };
        let ports = eventually("the port file of a server that started", || {
            assert!(server.child.try_wait().unwrap().is_none(), "{command}: {}", server.said());
            std::fs::read_to_string(&port_file).ok()
        });
        server.addresses = ports.lines().map(address).collect();
        server
    }

    pub(crate) fn client(&self) -> Client {
        Client::tcp(self.addresses[0])
    }

    /// See [`Client::narrow`].
    pub(crate) fn narrow_client(&self) -> Client {
        Client::narrow(self.addresses[0])
    }

    /// One number of the general statistics.
    #[track_caller]
    pub(crate) fn stat(&self, name: &str) -> u64 {
        self.stats("")[name].parse().unwrap()
    }

    /// The statistics of a subject, or the general ones for an empty name.
    #[track_caller]
    pub(crate) fn stats(&self, subject: &str) -> Stats {
        self.client().stats(subject)
    }

    /// Waits until the number of the general statistics is what it should be.
    #[track_caller]
    pub(crate) fn until_stat(&self, name: &str, is: impl Fn(u64) -> bool) -> u64 {
        let mut client = self.client();
        eventually(name, || {
            let number = client.stats("")[name].parse().unwrap();
            is(number).then_some(number)
        })
    }

    /// What the process holds in memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// What the process has computed since it started, in clock ticks (hundredths of a second).
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Lowers the limit, so that the descriptor that was opened last cannot be opened again; false where prlimit(1) is
    /// missing.
    pub(crate) fn forbid_newest_descriptor(&self) -> bool {
        let pid = self.child.id();
        // The kernel gives out the lowest that is free. (Those far above are inherited.)
        let is_open = |number: &u64| Path::new(&format!("/proc/{pid}/fd/{number}")).exists();
        let lowest_free = (0..).find(|number| !is_open(number)).unwrap();
        let arguments = [format!("--pid={pid}"), format!("--nofile={}", lowest_free - 1)];
        Command::new("prlimit").args(arguments).status().is_ok_and(|ran| ran.success())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
        self.ended = Some(128 + Signal::SIGKILL as i32);
    }

    /// Waits for the process to end by itself, and tells its exit status.
    #[track_caller]
    pub(crate) fn exit_status(&mut self) -> i32 {
        let status = eventually("the end of the process", || self.child.try_wait().unwrap());
        let code = status.code().expect("it exits, it is not killed");
        self.ended = Some(code);
        code
    }

    /// What it has written to its standard error so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.path("stderr")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let died = self.ended.is_none() && self.child.try_wait().unwrap().is_some();
        let _ = self.child.kill();
        let _ = self.child.wait();
        let said = self.said();
        if !std::thread::panicking() {
            assert!(!died && !said.contains("panicked"), "the server died: {said}");
        } else if !said.is_empty() {
            eprintln!("the server said: {said}");
        }
    }
}

/// A line of the port file.
fn address(line: &str) -> SocketAddr {
    let (family, port) = line.split_once(": ").unwrap();
    let ip: IpAddr = match family {
        "TCP INET" => Ipv4Addr::LOCALHOST.into(),
        "TCP INET6" => Ipv6Addr::LOCALHOST.into(),
        other => panic!("{other}"),
    };
    SocketAddr::new(ip, port.parse().unwrap())
}
