//! `spindle serve FILE`, running for one test: on a port that the kernel chose, with a root of its own.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use spindle_perf::process::{Pid, cpu_time};
use tempfile::TempDir;

use super::client::Client;
use super::mount::Mount;
use super::process::Process;

pub(crate) struct Server {
    process: Process,
    /// Beneath the folder: they go first.
    pub(crate) mounts: Vec<Mount>,
    folder: TempDir,
    pub(crate) address: SocketAddr,
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
        let mut process = Process::spawn(&mut serve(&path("spindle.toml")), folder.path(), None);
        let address = process.addresses(&path("ports"))[0];
        Server { process, mounts, folder, address }
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

    /// Its own, and the kernel's workers that wait in its stead.
    pub(crate) fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    /// What its open descriptors are of.
    pub(crate) fn descriptors(&self) -> Vec<String> {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let links = folder.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links.map(|link| link.display().to_string()).collect()
    }

    /// What the process has computed since it started.
    pub(crate) fn cpu_time(&self) -> Duration {
        cpu_time(Pid(self.child.id())).unwrap()
    }
}
