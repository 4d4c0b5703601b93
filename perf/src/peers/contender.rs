//! Who competes: binaries, command lines, versions.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::install::Needed;
use super::template::{TemplateError, Values};
use super::{Cpus, Options, PeersError};
use crate::process::{Server, ServerError, free_address};
use crate::talk::Talk;

const MEMCACHED: Needed = Needed { program: "memcached", package: "memcached", modules: &[] };
/// Of every cache.
const ARGUMENTS: &str = include_str!("../../peers/memcached.args");

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
    /// # Errors
    /// A program that cannot be started, ends at once, or does not listen.
    pub(super) fn start(&self, cpus: Cpus, size: Size) -> Result<Server, PeersError> {
        let address = free_address().map_err(ServerError::System)?;
        Ok(Server::start(&self.command(address, size)?, cpus.server, address)?)
    }

    fn command(&self, address: SocketAddr, size: Size) -> Result<Command, TemplateError> {
        let mut command = Command::new(&self.binary);
        if let Some(store) = self.kind.store() {
            command.args(["--listen", &address.to_string(), "--store", store]);
            return Ok(command);
        }
        if self.kind == Kind::Spindle {
            command.arg("memcached");
        }
        command.args(words(&arguments(address, size)?));
        Ok(command)
    }

    pub(super) fn talk(&self, server: &Server) -> Result<Talk, PeersError> {
        Talk::new(server.address).map_err(|error| self.silent(error))
    }

    /// A conversation that failed.
    pub(super) fn silent(&self, error: std::io::Error) -> PeersError {
        PeersError::Talk { contender: self.name.clone(), error }
    }
}

/// With comments still in it.
fn arguments(address: SocketAddr, size: Size) -> Result<String, TemplateError> {
    let mut values = Values::default();
    values.set("host", address.ip())?;
    values.set("port", address.port())?;
    values.set("memory_mib", size.memory_mib)?;
    values.set("connections", size.connections_max)?;
    values.fill(ARGUMENTS)
}

/// Those of every line that is no comment.
fn words(arguments: &str) -> impl Iterator<Item = &str> {
    arguments.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: Kind) -> String {
        let contender = Contender { kind, name: "it".into(), binary: "/bin/it".into(), version: String::new() };
        let size = Size { memory_mib: 256, connections_max: 1024 };
        crate::process::words(&contender.command("127.0.0.1:11411".parse().unwrap(), size).unwrap())
    }

    #[test]
    fn all_caches_are_told_the_same() {
        let told = "-t 1 -u root -U 0 -l 127.0.0.1 -p 11411 -m 256 -c 1024";
        assert_eq!(typed(Kind::Spindle), format!("/bin/it memcached {told}"));
        assert_eq!(typed(Kind::Memcached), format!("/bin/it {told}"));
        assert_eq!(typed(Kind::Other), format!("/bin/it {told}"));
        assert_eq!(typed(Kind::Toy), "/bin/it --listen 127.0.0.1:11411 --store toy");
    }

    #[test]
    fn every_argument_says_why_it_is_fair() {
        let mut explained = false;
        for line in ARGUMENTS.lines() {
            let is_option = line.starts_with('-');
            assert!(!is_option || explained, "{line}");
            // One sentence may be about two that stand together.
            explained = line.starts_with('#') || is_option;
        }
    }
}
