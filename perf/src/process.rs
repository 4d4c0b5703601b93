//! A server as a child process on a CPU of its own: its CPU time, its memory, its end.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pid(pub u32);

/// How long a server may take to listen, and to stop.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot start {command:?}: {source}")]
    Spawn { command: String, source: std::io::Error },
    #[error("{command:?} ended before it listened: {status}")]
    Ended { command: String, status: ExitStatus },
    #[error("{command:?} does not listen on {address} after {PATIENCE:?}")]
    Deaf { command: String, address: SocketAddr },
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A running server; stopped on drop.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts `command` on one CPU (by taskset(1), of util-linux) and waits until `address` accepts a connection. What the
    /// server writes to standard error is shown. It ends with the calling thread at the latest, frozen or not (by
    /// setpriv(1), of util-linux).
    ///
    /// # Errors
    /// No such program (or no taskset or setpriv), one that ends at once, one that does not listen within ten seconds.
    pub fn start(command: &Command, cpu: usize, address: SocketAddr) -> Result<Server, ServerError> {
        let mut pinned = Command::new("taskset");
        pinned.arg("-c").arg(cpu.to_string()).args(["setpriv", "--pdeathsig", "KILL"]);
        pinned.arg(command.get_program()).args(command.get_args());
        let words = words(command);
        let spawned = pinned.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = spawned.map_err(|source| ServerError::Spawn { command: words.clone(), source })?;
        let mut server = Server { address, child };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(ServerError::Ended { command: words, status });
            }
            if Instant::now() > deadline {
                return Err(ServerError::Deaf { command: words, address });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(server)
    }

    pub fn pid(&self) -> Pid {
        Pid(self.child.id())
    }

    /// Takes the CPU from the server, until [`Server::thaw`]: whatever it does by itself waits too.
    ///
    /// # Errors
    /// Those of kill(2).
    pub fn freeze(&self) -> std::io::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// # Errors
    /// Those of kill(2).
    pub fn thaw(&self) -> std::io::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> std::io::Result<()> {
        Ok(kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal)?)
    }

    /// Asks the server to end (SIGTERM, which a frozen one would not hear), and makes it end when it does not.
    fn stop(&mut self) {
        let _ = self.signal(Signal::SIGTERM);
        let _ = self.thaw();
        let deadline = Instant::now() + PATIENCE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A command as it would be typed.
pub fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A loopback address that nobody listens on now.
///
/// # Errors
/// Those of bind(2).
pub fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// CPU time of all threads of a process, its io_uring workers among them, as the scheduler last looked (a tick ago at
/// worst).
///
/// # Errors
/// No such process.
pub fn cpu_time(pid: Pid) -> std::io::Result<Duration> {
    let mut spent = Duration::ZERO;
    for task in std::fs::read_dir(format!("/proc/{}/task", pid.0))? {
        // A thread may end between the listing and the look.
        spent += time_on_cpu(&task?.path()).unwrap_or_default();
    }
    Ok(spent)
}

/// CPU time of the calling thread.
///
/// # Errors
/// No /proc.
pub fn thread_cpu_time() -> std::io::Result<Duration> {
    time_on_cpu(Path::new("/proc/thread-self"))
}

/// proc_pid_schedstat(5): the first number, in nanoseconds.
fn time_on_cpu(task: &Path) -> std::io::Result<Duration> {
    let line = std::fs::read_to_string(task.join("schedstat"))?;
    let spent_ns = line.split(' ').next().and_then(|first| first.parse().ok());
    spent_ns.map(Duration::from_nanos).ok_or_else(|| std::io::Error::other("no schedstat"))
}

/// Context switches of all threads of a process, wanted or not. proc_pid_status(5).
///
/// # Errors
/// No such process.
pub fn context_switches(pid: Pid) -> std::io::Result<u64> {
    let mut switches = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", pid.0))? {
        // A thread may end between the listing and the look.
        let status = std::fs::read_to_string(task?.path().join("status")).unwrap_or_default();
        let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
        switches += counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum::<u64>();
    }
    Ok(switches)
}

/// Resident memory of a process, in bytes. proc_pid_status(5): `VmRSS`.
///
/// # Errors
/// No such process, or one without memory.
pub fn resident_bytes(pid: Pid) -> std::io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.0))?;
    let kibibytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kibibytes.map(|kibibytes: u64| kibibytes * 1024).ok_or_else(|| std::io::Error::other("no VmRSS"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory_and_time() {
        let this = Pid(std::process::id());
        assert!(resident_bytes(this).unwrap() > 100_000);
        cpu_time(this).unwrap();
        thread_cpu_time().unwrap();
        assert!(cpu_time(Pid(0)).is_err());
    }

    #[test]
    fn a_server_that_ends_at_once_is_named() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        let error = Server::start(&command, 0, free_address().unwrap()).unwrap_err();
        assert!(error.to_string().contains("sh -c exit 3") && error.to_string().contains('3'), "{error}");
    }
}
