//! A process and all its descendants: servers that fork workers cost what all of them cost.

use std::io;

use nix::sys::signal::{Signal, kill};

use super::Pid;

/// The process first, then its children, their children, and so on: as they are now. One that ends meanwhile may be
/// among them, and one that has lost its parent is not. proc_pid_task(5): `children`.
///
/// # Errors
/// No such process, or a kernel without `CONFIG_PROC_CHILDREN`.
pub fn members(root: Pid) -> io::Result<Vec<Pid>> {
    let mut members = vec![root];
    children(root, &mut members)?;
    let mut next = 1;
    while let Some(&member) = members.get(next) {
        // A descendant may end between the listing and the look.
        let _ = children(member, &mut members);
        next += 1;
    }
    Ok(members)
}

/// Appends the children of all threads of a process.
fn children(parent: Pid, found: &mut Vec<Pid>) -> io::Result<()> {
    let tasks = format!("/proc/{}/task", parent.0);
    // The thread that is never gone before its process.
    let first = std::fs::read_to_string(format!("{tasks}/{}/children", parent.0))?;
    found.extend(pids(&first));
    for task in std::fs::read_dir(tasks)? {
        let task = task?;
        if task.file_name().to_str() == Some(&parent.0.to_string()) {
            continue;
        }
        let others = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(pids(&others));
    }
    Ok(())
}

fn pids(line: &str) -> impl Iterator<Item = Pid> {
    line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).map(Pid)
}

/// Resident memory of a process and its descendants, in bytes, with what they share counted about once: the private
/// memory of each, and the most that any of them shares (with another, or with the rest of the machine: libraries). Of a
/// process without children this is its `VmRSS`, as ps(1) and top(1) show it.
///
/// # Errors
/// No such process, one without memory, or one of another user.
pub fn resident_bytes(root: Pid) -> io::Result<u64> {
    let members = members(root)?;
    if members.len() == 1 {
        return super::own_resident_bytes(root);
    }
    let (mut private_bytes, mut shared_bytes_max) = (0, 0);
    for (at, &member) in members.iter().enumerate() {
        let rollup = match std::fs::read_to_string(format!("/proc/{}/smaps_rollup", member.0)) {
            Err(_) if at > 0 => continue,
            read => read?,
        };
        private_bytes += kibibytes(&rollup, "Private_") * 1024;
        shared_bytes_max = shared_bytes_max.max(kibibytes(&rollup, "Shared_") * 1024);
    }
    Ok(private_bytes + shared_bytes_max)
}

/// The sum of all lines that begin with `prefix` and are in kB, of huge pages too. proc_pid_smaps(5).
fn kibibytes(rollup: &str, prefix: &str) -> u64 {
    let lines = rollup.lines().filter(|line| line.starts_with(prefix));
    let values = lines.filter_map(|line| line.split_once(':')?.1.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    values.sum()
}

/// The descendants of a server, remembered so that none survives it.
pub(super) struct Workers(Vec<(Pid, u64)>);

impl Workers {
    pub(super) fn of(server: Pid) -> Workers {
        let descendants = members(server).unwrap_or_default().into_iter().skip(1);
        Workers(descendants.filter_map(|worker| Some((worker, start_tick(worker)?))).collect())
    }

    /// Kills those that are still there. A number that another process has been given since is left alone.
    pub(super) fn end(&self) {
        for &(worker, began) in &self.0 {
            if start_tick(worker) == Some(began) {
                let _ = kill(nix::unistd::Pid::from_raw(worker.0 as i32), Signal::SIGKILL);
            }
        }
    }
}

/// When a process began, in ticks since the machine did. proc_pid_stat(5): field 22, the 20th after the name.
fn start_tick(pid: Pid) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.0)).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLLUP: &str = "\
5589-7ffe ---p 00000000 00:00 0                          [rollup]
Rss:                1000 kB
Pss:                 400 kB
Shared_Clean:        500 kB
Shared_Dirty:        100 kB
Private_Clean:       150 kB
Private_Dirty:       250 kB
Referenced:          900 kB
Private_Hugetlb:       8 kB
Swap:                  0 kB
";

    #[test]
    fn shared_and_private_memory_are_told_apart() {
        assert_eq!((kibibytes(ROLLUP, "Private_"), kibibytes(ROLLUP, "Shared_")), (408, 600));
        assert_eq!(kibibytes("Private_Dirty: many\n", "Private_"), 0);
    }

    #[test]
    fn children_are_listed_in_one_line() {
        assert_eq!(pids("12 345 \n").collect::<Vec<_>>(), [Pid(12), Pid(345)]);
        assert_eq!(pids("").count(), 0);
    }

    #[test]
    fn a_process_that_is_not_there_has_no_members() {
        assert!(members(Pid(0)).is_err() && resident_bytes(Pid(0)).is_err());
        assert_eq!(start_tick(Pid(0)), None);
        assert!(start_tick(Pid(std::process::id())).unwrap() > 0);
    }
}
