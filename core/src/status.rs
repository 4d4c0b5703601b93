//! What is known of an open file without waiting for its disk: fstat(2), which an open inode answers from memory.

use nix::sys::stat::{SFlag, fstat};
use nix::sys::statvfs::fstatvfs;

use crate::Errno;
use crate::descriptor::Descriptor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    pub kind: FileKind,
    pub bytes: u64,
    /// Since the beginning of 1970.
    pub modified_ns: u64,
    pub inode: u64,
    /// Names; of none the blocks are given back at the last close.
    pub links: u64,
    /// The file system that it is on.
    pub device: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Regular,
    Folder,
    /// A device, a fifo, a socket.
    Other,
}

impl Status {
    /// # Errors
    /// Those of fstat(2).
    pub fn of(file: &Descriptor) -> Result<Status, Errno> {
        if let Descriptor::Simulated(descriptor) = file {
            return descriptor.status();
        }
        let stat = fstat(file.kernel().ok_or(Errno::EBADF)?)?;
        let kind = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => FileKind::Regular,
            SFlag::S_IFDIR => FileKind::Folder,
            _ => FileKind::Other,
        };
        let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
        Ok(Status {
            kind,
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ns: seconds.saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec as u64),
            inode: stat.st_ino,
            links: stat.st_nlink,
            device: stat.st_dev,
        })
    }
}

/// What the file system of an open file has free for those who are not root, in bytes, as far as it knows: fstatvfs(3), which
/// file systems of disks answer from memory.
pub fn bytes_free(file: &Descriptor) -> Option<u64> {
    let status = fstatvfs(file.kernel()?).ok()?;
    Some(status.blocks_available().saturating_mul(status.fragment_size()))
}
