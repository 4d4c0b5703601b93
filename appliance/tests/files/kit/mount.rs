//! Disks of one's own, beneath a root: small ones that fill up, and ones that can be made to hang.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;

/// Mounted until it is dropped, which is after the server that uses it.
pub(crate) struct Mount {
    folder: PathBuf,
}

/// Runs a command, which has to succeed.
#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether this test may mount; where it may not it says so.
pub(crate) fn is_allowed(test: &str) -> bool {
    let probe = tempfile::tempdir().unwrap();
    let path = probe.path().display().to_string();
    let mounted = geteuid().is_root()
        && Command::new("mount").args(["-t", "tmpfs", "tmpfs", &path]).output().is_ok_and(|ran| ran.status.success());
    if mounted {
        run("umount", &[&path]);
    } else {
        eprintln!("SKIPPED, NOTHING WAS TESTED: {test} has to mount, and only root may");
    }
    mounted
}

impl Mount {
    /// Memory of that size at the folder, which is there.
    pub(crate) fn memory(folder: &Path, size: &str) -> Mount {
        run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", &folder.display().to_string()]);
        Mount { folder: folder.to_owned() }
    }

    /// An ext4 in an image beside the folder; it can be frozen. None where this machine has no such disks.
    pub(crate) fn image(folder: &Path, image: &Path) -> Option<Mount> {
        let (folder_text, image_text) = (folder.display().to_string(), image.display().to_string());
        std::fs::File::create(image).unwrap().set_len(16 << 20).unwrap();
        let made = Command::new("mkfs.ext4").args(["-q", &image_text]).output();
        let mounted = made.and_then(|_| Command::new("mount").args(["-o", "loop", &image_text, &folder_text]).output());
        if mounted.is_ok_and(|ran| ran.status.success()) {
            return Some(Mount { folder: folder.to_owned() });
        }
        eprintln!("SKIPPED, NOTHING WAS TESTED: no ext4 can be mounted from an image here");
        None
    }

    /// From now on writes, renames and the making of names hang; reads go on.
    pub(crate) fn freeze(&self) -> Frozen<'_> {
        run("fsfreeze", &["-f", &self.folder.display().to_string()]);
        Frozen(self)
    }
}

/// Thaws when it is dropped: nobody could end the server otherwise.
pub(crate) struct Frozen<'a>(&'a Mount);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").args(["-u", &self.0.folder.display().to_string()]).status();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.folder).status();
    }
}
