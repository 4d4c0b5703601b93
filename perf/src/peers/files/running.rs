//! One started server, and the one behind it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::folder::Folder;
use super::rival::{Found, Rival};
use crate::peers::Cpus;
use crate::peers::install::InstallError;
use crate::peers::template::{TemplateError, Values};
use crate::process::{Server, ServerError, free_address};

/// How long a server that listens may take for its first answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// More than these no server here has a use for, and some make tables of that size.
const DESCRIPTORS_MAX: u64 = 65_536;

#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error("{rival} is no package, and no binary of it is named")]
    Unnamed { rival: &'static str },
    #[error("{binary} is not a program that can be run: {error}")]
    Unrunnable { binary: PathBuf, error: io::Error },
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("{name} listens, and does not answer: {error}")]
    Silent { name: &'static str, error: io::Error },
    #[error(transparent)]
    System(#[from] io::Error),
}

/// A server of the files beneath a root, or a proxy before one. All of it ends on drop.
#[derive(Debug)]
pub struct Running {
    pub rival: Rival,
    /// Who is asked, and whose figures are taken.
    pub server: Server,
    /// Of a proxy. It ends after the server that holds connections to it.
    pub behind: Option<Box<Running>>,
    // And after both what they were given to write to.
    _folder: Folder,
}

impl Found {
    /// Starts it with its template and waits until it answers. `root` holds the files; what it writes beside them goes to a
    /// folder of its own in `beside`, which must be on the same file system as `root` and not in it.
    ///
    /// # Errors
    /// A path that no configuration takes, a server that does not start, or does not answer.
    pub fn start(&self, root: &Path, beside: &Path, cpus: Cpus) -> Result<Running, FilesError> {
        let behind_cpus = Cpus { server: cpus.behind, ..cpus };
        let behind = self.behind.as_ref().map(|behind| behind.start(root, beside, behind_cpus)).transpose()?;
        let folder = Folder::new_in(beside)?;
        let spool = folder.path().join("spool");
        std::fs::create_dir(&spool)?;
        let address = free_address()?;
        let mut values = Values::default();
        values.set("root", root.canonicalize()?.display())?;
        values.set("folder", folder.path().display())?;
        values.set("spool", spool.display())?;
        values.set("address", address)?;
        values.set("host", address.ip())?;
        values.set("port", address.port())?;
        if let Some(behind) = &behind {
            values.set("backend", behind.server.address)?;
        }
        set_descriptors(&mut values, allow_descriptors()?)?;
        let configuration = folder.path().join("configuration");
        std::fs::write(&configuration, values.fill(self.template())?)?;
        let server = Server::start_as(&self.command(&configuration), cpus.server, address, self.orphan())?;
        let answered = first_answer(address);
        answered.map_err(|error| FilesError::Silent { name: self.rival.name(), error })?;
        Ok(Running { rival: self.rival, server, behind: behind.map(Box::new), _folder: folder })
    }
}

/// Raises this process's limit as far as it may, for the servers that inherit it.
fn allow_descriptors() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = hard.min(DESCRIPTORS_MAX);
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(wanted.max(soft).min(DESCRIPTORS_MAX))
}

/// A quarter for clients, another for what each client needs beside its connection, a third for files that are kept open;
/// and the last is spare.
fn set_descriptors(values: &mut Values, descriptors: u64) -> Result<(), TemplateError> {
    values.set("descriptors", descriptors)?;
    values.set("clients", descriptors / 4)?;
    values.set("connections", descriptors / 2)?;
    values.set("open_files", descriptors / 4)
}

/// Asks for a file that is not there: whatever the answer is, it comes from a server that is ready.
fn first_answer(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(format!("GET /.absent HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut begin = [0; 5];
    stream.read_exact(&mut begin)?;
    if &begin == b"HTTP/" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}
