//! Pinning a thread to a core.
#![forbid(unsafe_code)]

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::io;

/// Keeps the calling thread on `cpu`.
///
/// # Errors
/// EINVAL when there is no such core.
pub fn to_cpu(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}
