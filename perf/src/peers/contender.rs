//! Who competes: binaries, command lines, versions.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::install::Needed;
use super::{Cpus, Options, PeersError};
use crate::process::{Server, ServerError, free_address};
use crate::talk::Talk;

const MEMCACHED: Needed = Needed { program: "memcached", package: "memcached", modules: &[] };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Spindle,
    /// Debian's: what the ratios are against.
    Memcached,
    /// Any other that takes memcached's options.
    Other,
    /// The ceiling program with a hash map: the least that a cache must do.
    Toy,
    /// The ceiling program with canned replies: what the kernel allows.
    Ceiling,
    /// The same, with answers that go with what was asked: a server that does nothing, for who measures the load.
    Mirror,
}

impl Kind {
    /// Whether it has bounded memory, statistics and everything else that is measured of a cache.
    pub(super) fn is_cache(self) -> bool {
        match self {
            Kind::Spindle | Kind::Memcached | Kind::Other => true,
            Kind::Toy | Kind::Ceiling | Kind::Mirror => false,
        }
    }

    /// Of the ceiling program, what answers the requests.
    fn store(self) -> Option<&'static str> {
        match self {
            Kind::Spindle | Kind::Memcached | Kind::Other => None,
            Kind::Toy => Some("toy"),
            Kind::Ceiling => Some("canned"),
            Kind::Mirror => Some("mirror"),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Contender {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) binary: PathBuf,
    /// What the binary says of itself; empty when it says nothing.
    pub(super) version: String,
}

/// How large a cache is started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) memory_mib: u64,
    pub(super) connections_max: usize,
}

impl Contender {
    pub(super) fn start(&self, cpus: Cpus, size: Size) -> Result<Server, ServerError> {
        let address = free_address()?;
        Server::start(&self.command(address, size), cpus.server, address)
    }

    fn command(&self, address: SocketAddr, size: Size) -> Command {
        let mut command = Command::new(&self.binary);
        if let Some(store) = self.kind.store() {
            command.args(["--listen", &address.to_string(), "--store", store]);
            return command;
        }
        if self.kind == Kind::Spindle {
            command.arg("memcached");
        }
        command.args(["-t", "1", "-u", "root", "-U", "0", "-l", &address.ip().to_string()]);
        command.args(["-p", &address.port().to_string(), "-m", &size.memory_mib.to_string()]);
        command.args(["-c", &size.connections_max.to_string()]);
        command
    }

    pub(super) fn talk(&self, server: &Server) -> Result<Talk, PeersError> {
        Talk::new(server.address).map_err(|error| self.silent(error))
    }

    /// A conversation that failed.
    pub(super) fn silent(&self, error: std::io::Error) -> PeersError {
        PeersError::Talk { contender: self.name.clone(), error }
    }
}

/// Spindle, memcached and the others, in this order.
pub(super) fn line_up(options: &Options) -> Result<Vec<Contender>, PeersError> {
    let memcached = match &options.memcached {
        Some(named) => named.clone(),
        None => MEMCACHED.find_or_install(&|line| options.progress.say(line))?,
    };
    let mut contenders = Vec::new();
    if let Some(spindle) = &options.spindle {
        contenders.push(contender(Kind::Spindle, "Spindle", spindle, "--version")?);
    }
    contenders.push(contender(Kind::Memcached, "memcached", &memcached, "-V")?);
    for other in &options.others {
        contenders.push(contender(Kind::Other, &other.name, &other.binary, "-V")?);
    }
    Ok(contenders)
}

fn contender(kind: Kind, name: &str, binary: &Path, version_flag: &str) -> Result<Contender, PeersError> {
    let said = Command::new(binary).arg(version_flag).output();
    let said = said.map_err(|error| PeersError::Unrunnable(binary.into(), error))?;
    let version = String::from_utf8_lossy(&said.stdout).lines().next().unwrap_or_default().trim().to_owned();
    Ok(Contender { kind, name: name.into(), binary: binary.into(), version })
}
