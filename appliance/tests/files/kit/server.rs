//! `spindle serve FILE`, running for one test: on a port that the kernel chose, with a root of its own, killed when the test
//! lets go of it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::client::Client;
use super::eventually;
use super::mount::Mount;

/// Dropping it kills it, and fails the test if it had died or panicked before.
pub(crate) struct Server {
    child: Child,
    /// Beneath the folder: they go first.
    pub(crate) mounts: Vec<Mount>,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    ended: Option<i32>,
}

/// A folder with the root, in which there are `dev1` and `dev2`.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for disk in ["dev1", "dev2"] {
        std::fs::create_dir_all(folder.path().join("root").join(disk)).unwrap();
    }
    folder
}

/// Ends by itself, since it cannot start: what it says, and its status.
pub(crate) fn refused(file: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spindle.toml");
    std::fs::write(&path, file).unwrap();
    serve(&path).output().unwrap()
}

fn serve(file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spindle"));
    command.arg("serve").arg(file).stdin(Stdio::null());
    command
}

impl Server {
    /// With these keys of `[files]`, a line each.
    pub(crate) fn start(keys: &str) -> Server {
        Server::in_folder(folder(), Vec::new(), keys)
    }

    /// Whose root is `root` in the folder, with these mounts in it.
    pub(crate) fn in_folder(folder: TempDir, mounts: Vec<Mount>, keys: &str) -> Server {
        let path = |name: &str| folder.path().join(name);
        // What a power cut would leave is of no interest but to the tests that ask for it.
        let promise = if keys.contains("promise") { "" } else { "promise = \"written\"" };
        let file = format!(
            "[files]\nlisten = [\"127.0.0.1:-1\"]\nroot = {:?}\n{keys}\n{promise}\n[process]\nport_file = {:?}\n",
            path("root"),
            path("ports"),
        );
        std::fs::write(path("spindle.toml"), file).unwrap();
        let stderr = File::create(path("stderr")).unwrap();
        let child = serve(&path("spindle.toml")).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        let mut server = Server { child, mounts, folder, address: (Ipv4Addr::LOCALHOST, 0).into(), ended: None };
        let ports = eventually("the port file of a server that started", || {
            assert!(server.child.try_wait().unwrap().is_none(), "{}", server.said());
            std::fs::read_to_string(server.folder.path().join("ports")).ok()
        });
        server.address.set_port(ports.trim().strip_prefix("TCP INET: ").unwrap().parse().unwrap());
        server
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// See [`Client::narrow`].
    pub(crate) fn narrow_client(&self) -> Client {
        Client::narrow(self.address)
    }

    /// A path beneath the root.
    pub(crate) fn path(&self, beneath: &str) -> PathBuf {
        self.folder.path().join("root").join(beneath)
    }

    /// Puts a file there, past the server.
    pub(crate) fn lay(&self, beneath: &str, content: &[u8]) {
        let path = self.path(beneath);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Temporaries of uploads, of all disks.
    pub(crate) fn temporaries(&self) -> usize {
        let count =
            |disk: &&str| std::fs::read_dir(self.path(disk).join(".spindle-uploads")).map_or(0, Iterator::count);
        ["", "dev1", "dev2"].iter().map(count).sum()
    }

    /// What its open descriptors are of.
    pub(crate) fn descriptors(&self) -> Vec<String> {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let links = folder.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links.map(|link| link.display().to_string()).collect()
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

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
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
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap()
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
