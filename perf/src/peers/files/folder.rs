//! A folder of one's own for as long as it is needed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Of all folders of this process.
static MADE: AtomicU32 = AtomicU32::new(0);

/// Removed on drop, with everything in it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A new one in an existing folder.
    ///
    /// # Errors
    /// Those of mkdir(2).
    pub fn new_in(parent: &Path) -> io::Result<Folder> {
        let parent = parent.canonicalize()?;
        loop {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("spindle-peers-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Folder { path }),
                // Left behind by a process of the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_differ_and_go() {
        let parent = tempfile::tempdir().unwrap();
        let (one, other) = (Folder::new_in(parent.path()).unwrap(), Folder::new_in(parent.path()).unwrap());
        assert_ne!(one.path(), other.path());
        std::fs::write(one.path().join("file"), "").unwrap();
        drop((one, other));
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        assert!(Folder::new_in(&parent.path().join("absent")).is_err());
    }
}
