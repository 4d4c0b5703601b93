//! A server as a child process on a CPU of its own: its CPU time, its memory, its end; of all processes that it consists
//! of, when it forks.
//!
//! What the kernel does in a server's name is in its CPU time: system calls, and the softirqs that run in them. On loopback
//! these are the receiving half of whatever it sends, up to its client's socket, just as the requests' receiving half is
//! paid by the load, of every server alike. What the kernel puts off to ksoftirqd is in nobody's account.
//!
//! ```text
//! tree    a process and its descendants
//! ```

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

pub mod tree;

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

/// What becomes of a server whose starter died without stopping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphan {
    /// It ends at once, frozen or not.
    Killed,
    /// It is asked to end, and so can take along the workers that it has forked.
    Told,
}

/// A running server; stopped on drop, with all its descendants.
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
        Server::start_as(command, cpu, address, Orphan::Killed)
    }

    /// The same, with a choice of what becomes of it when the calling thread ends first.
    ///
    /// # Errors
    /// Those of [`Server::start`].
    pub fn start_as(command: &Command, cpu: usize, address: SocketAddr, orphan: Orphan) -> Result<Server, ServerError> {
        let signal = match orphan {
            Orphan::Killed => "KILL",
            Orphan::Told => "TERM",
        };
        let mut pinned = Command::new("taskset");
        pinned.arg("-c").arg(cpu.to_string()).args(["setpriv", "--pdeathsig", signal]);
        pinned.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            value.map(|value| pinned.env(name, value));
        }
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
        self.signal_all(Signal::SIGSTOP)
    }

    /// # Errors
    /// Those of kill(2).
    pub fn thaw(&self) -> std::io::Result<()> {
        self.signal_all(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> std::io::Result<()> {
        Ok(kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal)?)
    }

    /// Its workers first: they would notice that it has stopped.
    fn signal_all(&self, signal: Signal) -> std::io::Result<()> {
        for worker in tree::members(self.pid())?.iter().skip(1).rev() {
            // One may have ended since.
            let _ = kill(nix::unistd::Pid::from_raw(worker.0 as i32), signal);
        }
        self.signal(signal)
    }

    /// Asks the server to end (SIGTERM, which a frozen one would not hear), and makes it end when it does not. Workers that
    /// it leaves behind are made to end too: nobody else would.
    fn stop(&mut self) {
        let workers = tree::Workers::of(self.pid());
        let _ = self.signal(Signal::SIGTERM);
        let _ = self.thaw();
        let deadline = Instant::now() + PATIENCE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        workers.end();
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

/// CPU time of all threads of a process and its descendants, io_uring workers among them, as the scheduler last looked (a
/// tick ago at worst). What a descendant used that has ended since is not in it.
///
/// # Errors
/// No such process.
pub fn cpu_time(pid: Pid) -> std::io::Result<Duration> {
    of_all_threads(pid, |task| time_on_cpu(task).unwrap_or_default())
}

/// The sum over all threads of a process and its descendants, by a look into each thread's folder. A thread may end
/// between the listing and the look.
fn of_all_threads<T: std::iter::Sum>(pid: Pid, look: impl Fn(&Path) -> T) -> std::io::Result<T> {
    let mut looks = Vec::new();
    for (at, member) in tree::members(pid)?.into_iter().enumerate() {
        match std::fs::read_dir(format!("/proc/{}/task", member.0)) {
            Ok(tasks) => looks.extend(tasks.flatten().map(|task| look(&task.path()))),
            Err(error) if at == 0 => return Err(error),
            Err(_) => {}
        }
    }
    Ok(looks.into_iter().sum())
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

/// Context switches of all threads of a process and its descendants, wanted or not. proc_pid_status(5).
///
/// # Errors
/// No such process.
pub fn context_switches(pid: Pid) -> std::io::Result<u64> {
    of_all_threads(pid, |task| {
        let status = std::fs::read_to_string(task.join("status")).unwrap_or_default();
        let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
        counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum()
    })
}

/// Resident memory of a process and its descendants, in bytes: [`tree::resident_bytes`].
///
/// # Errors
/// No such process, or one without memory.
pub fn resident_bytes(pid: Pid) -> std::io::Result<u64> {
    tree::resident_bytes(pid)
}

/// Resident memory of one process, in bytes. proc_pid_status(5): `VmRSS`.
fn own_resident_bytes(pid: Pid) -> std::io::Result<u64> {
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

    /// proc_pid_stat(5): its third field; none when it is gone.
    fn state(pid: Pid) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.0)).unwrap_or_default();
        stat.rsplit_once(") ")?.1.chars().next()
    }

    #[test]
    fn what_a_descendant_uses_is_counted_and_it_ends_with_the_server() {
        // The test listens in its stead. The shell forks, and waits: only its child works.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "sh -c 'while :; do :; done'; exit 0"]);
        let server = Server::start(&command, 0, listener.local_addr().unwrap()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while cpu_time(server.pid()).unwrap() < Duration::from_millis(100) {
            assert!(Instant::now() < deadline, "the child's time does not rise");
            std::thread::yield_now();
        }
        let members = tree::members(server.pid()).unwrap();
        assert_eq!(members.len(), 2);
        let child = members[1];
        assert!(cpu_time(child).unwrap() > cpu_time(server.pid()).unwrap() / 2);
        let (both, each) = (resident_bytes(server.pid()).unwrap(), resident_bytes(child).unwrap());
        assert!(both > each && both < 2 * each, "{both} of both, {each} of one: the shell itself is in both");
        assert!(context_switches(server.pid()).unwrap() >= context_switches(child).unwrap());
        server.freeze().unwrap();
        while state(child) != Some('T') {
            assert!(Instant::now() < deadline, "the child runs on");
            std::thread::yield_now();
        }
        drop(server);
        // As an orphan it may never be waited for.
        while !matches!(state(child), None | Some('Z')) {
            assert!(Instant::now() < deadline, "the child lives on");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_server_that_ends_at_once_is_named() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        let error = Server::start(&command, 0, free_address().unwrap()).unwrap_err();
        assert!(error.to_string().contains("sh -c exit 3") && error.to_string().contains('3'), "{error}");
    }
}
