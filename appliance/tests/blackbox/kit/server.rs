//! `spindle memcached`, running for one test: on a port that the kernel chose.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use spindle_perf::process::{Pid, cpu_time};
use tempfile::TempDir;

use super::client::{Client, Stats};
use super::eventually;
use super::process::Process;

pub(crate) struct Server {
    process: Process,
    folder: TempDir,
    /// Where it listens, in the order that it says; none for a unix socket.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
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
        let server = Server::spawn(folder, None, where_, arguments);
        // The last thing that it does before it waits for signals.
        eventually("where it listens", || server.said().contains("listening").then_some(()));
        server
    }

    /// On a port of 127.0.0.1, with another standard error than the one that [`Server::said`] reads.
    pub(crate) fn saying_to(stderr: impl Into<Stdio>, arguments: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        Server::spawn(folder, Some(stderr.into()), "-l 127.0.0.1:-1", arguments)
    }

    fn spawn(folder: TempDir, stderr: Option<Stdio>, where_: &str, arguments: &str) -> Server {
        let where_ = where_.replace("{}", folder.path().to_str().unwrap());
        let port_file = folder.path().join("ports");
        let command = format!("memcached {} -t 2 {where_} {arguments}", user_arguments());
        let mut command = spindle(&command);
        command.env("MEMCACHED_PORT_FILENAME", &port_file);
        let mut process = Process::spawn(&mut command, folder.path(), stderr);
        let addresses = process.addresses(&port_file);
        Server { process, folder, addresses }
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

    /// What the process has computed since it started.
    pub(crate) fn cpu_time(&self) -> Duration {
        cpu_time(Pid(self.child.id())).unwrap()
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

    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
        self.ended = true;
    }
}
