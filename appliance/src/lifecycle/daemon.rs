//! `-d` without fork: forking is sound only before there are threads and is `unsafe` to call, so the binary starts
//! itself again instead, with the same arguments, and the second process puts itself into a session of its own.
//!
//! The first process waits until the second one serves, and takes over its exit status if it does not. So, unlike with
//! memcached, a daemon that cannot bind its port is a command that fails, and when the command has succeeded the port
//! is open and the pid file is there.
//!
//! ```text
//! spindle -d ──spawn──> spindle (SPINDLE_DETACHED=<pid of its parent>, stdin = one end of a socket pair)
//!    │                     │ setsid, limits, open everything
//!    │ <── READY ───────── │ ready: one byte, then stdin (and unless -v stdout, stderr) become /dev/null
//!    └─ exit 0             │ serve
//! ```
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};

use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, getppid, setsid, write};

use super::{Entered, LifecycleError};
use crate::settings::ProcessSettings;
use crate::settings::decided::{CoreDumps, Verbosity};

/// Names the parent, so that the variable says nothing to a process that merely inherited it.
const DETACHED: &str = "SPINDLE_DETACHED";

const READY: u8 = b'r';

/// Whether this process is the second one, started by [`detach`] in a parent that still waits.
pub fn is_detached() -> bool {
    std::env::var(DETACHED).is_ok_and(|parent| parent == getppid().to_string()) && {
        // It leads no group (it was just spawned into its parent's), so this fails only where it was done before.
        let _ = setsid();
        true
    }
}

/// Starts the second process and waits until it serves or has ended.
pub(super) fn detach() -> Result<Entered, LifecycleError> {
    let (mut ours, theirs) = UnixStream::pair().map_err(LifecycleError::Detach)?;
    let mut arguments = std::env::args_os();
    let mut command = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env(DETACHED, std::process::id().to_string()).stdin(Stdio::from(OwnedFd::from(theirs)));
    let mut child = command.spawn().map_err(LifecycleError::Detach)?;
    // The command holds our copy of their end; while it is open, a child's death would not be seen.
    drop(command);
    let mut word = [0];
    match ours.read_exact(&mut word) {
        Ok(()) => Ok(Entered::Detached),
        Err(_) => Ok(Entered::DetachedFailed(status_byte(child.wait().map_err(LifecycleError::Detach)?))),
    }
}

/// Says that the service is up, and lets go of the terminal: the standard streams (with `-v` only the input, as with
/// memcached) and the folder (unless core files are wanted, which land there).
pub(super) fn leave_terminal(process: &ProcessSettings) -> io::Result<()> {
    if process.core_dumps == CoreDumps::Inherited {
        std::env::set_current_dir("/")?;
    }
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    // A parent that was killed meanwhile does not read this; the daemon serves all the same.
    let _ = write(io::stdin(), &[READY]);
    dup2_stdin(&nothing)?;
    if process.verbosity == Verbosity::Quiet {
        dup2_stdout(&nothing)?;
        dup2_stderr(&nothing)?;
    }
    Ok(())
}

/// As a shell counts: the exit status, or 128 and the signal.
fn status_byte(status: ExitStatus) -> u8 {
    let number = status.code().or(status.signal().map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).filter(|number| *number != 0).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::{is_detached, status_byte};

    #[test]
    fn a_process_that_nobody_detached_knows_it() {
        assert!(!is_detached());
    }

    #[test]
    fn a_failed_start_never_looks_like_a_success() {
        assert_eq!(status_byte(ExitStatus::from_raw(71 << 8)), 71);
        assert_eq!(status_byte(ExitStatus::from_raw(6)), 134);
        assert_eq!(status_byte(ExitStatus::from_raw(0)), 1);
    }
}
