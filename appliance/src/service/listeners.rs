//! What a service listens on: opened before root is given up, one TCP listener a core, one UNIX socket for all.
#![forbid(unsafe_code)]

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use spindle_core::Errno;
use spindle_net::listener::{SocketFile, listen_tcp, listen_unix};

use crate::settings::decided::Listen;

/// A process that was killed gives its addresses back only when the kernel has taken its rings down, some ten
/// milliseconds after it is gone. So whoever restarts at once finds them taken, and has to look again.
const TAKEN_PATIENCE: Duration = Duration::from_secs(1);
const TAKEN_PAUSE: Duration = Duration::from_millis(10);

/// Where it cannot listen, and why.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("failed to listen on TCP {address}: {errno}")]
    Tcp { address: SocketAddr, errno: Errno },
    #[error("failed to listen on UNIX socket {path}: {error}")]
    Unix { path: PathBuf, error: std::io::Error },
}

/// Open listeners. Clients may connect, and wait.
pub struct Listeners {
    /// TCP addresses with their true ports.
    pub addresses: Vec<SocketAddr>,
    /// Of each core.
    pub of_cores: Vec<Vec<OwnedFd>>,
    /// The files of UNIX sockets; they go when these go.
    pub files: Vec<SocketFile>,
}

/// Opens all that is named, for so many cores; `backlog` is listen(2)'s.
///
/// # Errors
/// None of the addresses of a name can be had, or a socket file cannot. An address that is taken is tried for a second.
pub fn open(places: &[Listen], backlog: u32, cores: u16) -> Result<Listeners, ListenError> {
    let backlog = backlog.min(i32::MAX as u32) as i32;
    let mut listeners =
        Listeners { addresses: Vec::new(), of_cores: (0..cores).map(|_| Vec::new()).collect(), files: Vec::new() };
    let taken_until = Instant::now() + TAKEN_PATIENCE;
    for place in places {
        match place {
            Listen::Tcp(addresses) => listeners.open_any(addresses, backlog, taken_until)?,
            Listen::Unix { path, mode } => {
                let failed = |error| ListenError::Unix { path: path.clone(), error };
                let (first, file) = listen_unix(path, *mode, backlog).map_err(failed)?;
                for core in &mut listeners.of_cores[1..] {
                    core.push(first.try_clone().map_err(failed)?);
                }
                listeners.of_cores[0].push(first);
                listeners.files.push(file);
            }
        }
    }
    Ok(listeners)
}

impl Listeners {
    /// Listens on the addresses of one name. A family may be missing on this host; all may not.
    fn open_any(&mut self, addresses: &[SocketAddr], backlog: i32, taken_until: Instant) -> Result<(), ListenError> {
        let before = self.addresses.len();
        let mut refused = Ok(());
        for &address in addresses {
            match until_free(taken_until, || listen_for_all(address, backlog, self.of_cores.len())) {
                Ok((bound, sockets)) => {
                    self.addresses.push(bound);
                    self.of_cores.iter_mut().zip(sockets).for_each(|(core, socket)| core.push(socket));
                }
                Err(errno) => refused = Err(ListenError::Tcp { address, errno }),
            }
        }
        if self.addresses.len() == before { refused } else { Ok(()) }
    }
}

/// Tries again while the address is taken.
fn until_free<T>(deadline: Instant, mut attempt: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match attempt() {
            Err(Errno::EADDRINUSE) if Instant::now() < deadline => std::thread::sleep(TAKEN_PAUSE),
            outcome => return outcome,
        }
    }
}

/// One listener a core on the address, and its true port.
fn listen_for_all(address: SocketAddr, backlog: i32, cores: usize) -> Result<(SocketAddr, Vec<OwnedFd>), Errno> {
    let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
    // SO_REUSEPORT shares an address between our own cores, and would share it with a stranger's process too: a listener
    // without it finds out whether somebody else is there.
    drop(TcpListener::bind(address).map_err(errno)?);
    let first = TcpListener::from(listen_tcp(address, backlog)?);
    let bound = first.local_addr().map_err(errno)?;
    let mut listeners = vec![OwnedFd::from(first)];
    for _ in 1..cores {
        listeners.push(listen_tcp(bound, backlog)?);
    }
    Ok((bound, listeners))
}
