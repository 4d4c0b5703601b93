//! The pid file: written beside its name and renamed, so that nobody reads half a number.
#![forbid(unsafe_code)]

use std::io;
use std::path::{Path, PathBuf};

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::LifecycleError;
use crate::say;

/// A pid file of ours; it goes when this goes.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes our process id. As with memcached, another one that still runs is worth a warning.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(path: &Path) -> Result<Self, LifecycleError> {
        if let Some(pid) = running(path) {
            say::line(format_args!("WARNING: The pid file contained the following (running) pid: {pid}"));
        }
        let path = path.to_owned();
        match replace(&path) {
            Ok(()) => Ok(Self { path }),
            Err(error) => Err(LifecycleError::PidFile { path, error }),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            say::line(format_args!("Could not remove the pid file {}: {error}", self.path.display()));
        }
    }
}

/// The process that the file names, if it runs and is another one.
fn running(path: &Path) -> Option<Pid> {
    let pid = std::fs::read_to_string(path).ok()?.trim().parse().ok().filter(|pid| *pid > 0).map(Pid::from_raw)?;
    (pid != Pid::this() && kill(pid, None).is_ok()).then_some(pid)
}

fn replace(path: &Path) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    std::fs::write(&beside, format!("{}\n", std::process::id()))?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use nix::unistd::Pid;

    use super::{PidFile, running};

    #[test]
    fn it_holds_our_pid_as_long_as_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let file = PidFile::write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn it_cannot_be_written_where_there_is_no_folder() {
        assert!(PidFile::write("/nonexistent/pid".as_ref()).is_err());
    }

    #[test]
    fn it_tells_the_running_from_the_dead_and_from_nonsense() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        for (text, expected) in [
            (format!("{}\n", std::os::unix::process::parent_id()), Some(Pid::parent())),
            (format!("{}\n", std::process::id()), None),
            ("2147483647\n".to_owned(), None),
            ("-1\n".to_owned(), None),
            ("nonsense".to_owned(), None),
        ] {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(running(&path), expected, "{text}");
        }
    }
}
