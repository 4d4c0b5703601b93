//! What a disk answers when it does not do what was asked.

use spindle_core::Errno;

/// Whose fault it is decides what is done: a client's is told to the client, a disk's is also noted with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no such file, or what is there is none.
    #[error("there is no such file")]
    Absent,
    /// It is there and may not be touched, or its name leads out of the root.
    #[error("it may not be touched")]
    Forbidden,
    /// No space, no inodes, no quota, or too large for the file system.
    #[error("the disk is full")]
    Full,
    /// As many wait for the disk as may, or have waited for as long as they may. To be tried again.
    #[error("the disk has too much to do")]
    Busy,
    /// An op on the disk did not come back in time, and nobody else is kept waiting for it.
    #[error("the disk does not answer")]
    Hung,
    /// A file shrank while it was being sent.
    #[error("the file became shorter")]
    Shrunk,
    #[error("{0}")]
    Disk(Errno),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        match errno {
            Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG | Errno::ENXIO => Failure::Absent,
            Errno::EACCES | Errno::EPERM | Errno::EXDEV | Errno::ELOOP | Errno::EISDIR => Failure::Forbidden,
            Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG => Failure::Full,
            // No descriptor, no slot, no memory: it passes.
            Errno::EMFILE | Errno::ENFILE | Errno::EAGAIN | Errno::ENOMEM => Failure::Busy,
            errno => Failure::Disk(errno),
        }
    }
}
