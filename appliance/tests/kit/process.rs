//! The binary, running for one test, killed when the test lets go of it.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use spindle_perf::process::{Pid, resident_bytes};

use super::waiting::eventually;

/// Dropping it kills it, and fails the test if it had died or panicked before. The folder is its owner's, and outlives it.
pub(crate) struct Process {
    pub(crate) child: Child,
    folder: PathBuf,
    pub(crate) ended: bool,
}

impl Process {
    /// What it says to its standard error goes to a file of the folder, unless the command has another.
    pub(crate) fn spawn(command: &mut Command, folder: &Path, stderr: Option<Stdio>) -> Process {
        let file = File::create(folder.join("stderr")).unwrap();
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr.unwrap_or(file.into()));
        Process { child: command.spawn().unwrap(), folder: folder.to_owned(), ended: false }
    }

    /// Waits until it has told where it listens, in the order of its port file.
    #[track_caller]
    pub(crate) fn addresses(&mut self, port_file: &Path) -> Vec<SocketAddr> {
        let ports = eventually("the port file of a server that started", || {
            assert!(self.child.try_wait().unwrap().is_none(), "{}", self.said());
            std::fs::read_to_string(port_file).ok()
        });
        ports.lines().map(address).collect()
    }

    /// What the process holds in memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        resident_bytes(Pid(self.child.id())).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Waits for the process to end by itself, and tells its exit status.
    #[track_caller]
    pub(crate) fn exit_status(&mut self) -> i32 {
        let status = eventually("the end of the process", || self.child.try_wait().unwrap());
        self.ended = true;
        status.code().expect("it exits, it is not killed")
    }

    /// What it has written to its standard error so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr")).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let died = !self.ended && self.child.try_wait().unwrap().is_some();
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
