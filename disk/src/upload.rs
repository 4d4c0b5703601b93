//! A body on its way to its name.
//!
//! ```text
//! begin ──> push, write out ... ──> finish:  whole?  ──>  synced (durable)  ──>  renamed  ──>  folders synced (durable)
//!   └───────────────┴──────────────── dropped: the temporary is removed, and the name is what it was
//! ```
//!
//! The temporary is on the same disk, in a folder of its own ([`SPOOL_FOLDER`]), so that the rename is one; what a crash
//! leaves there is removed at the next start.

use std::ffi::CString;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use md5::{Digest, Md5};
use spindle_core::buffers::lend::Tail;
use spindle_core::op::{Access, Existing, Synced};
use spindle_core::{Descriptor, Errno, LendMut, Op};

use crate::changes::Changes;
use crate::disk::Disk;
use crate::failure::Failure;
use crate::folder::{self, c_name, split};
use crate::lasting::sync_way;
use crate::root::is_device;

/// In the top folder of every disk. Nothing beneath it is served.
pub const SPOOL_FOLDER: &str = ".spindle-uploads";

/// What is written at once. What arrives in smaller pieces is collected.
const WRITE_BYTES: usize = 128 * 1024;
/// From this length on the disk is asked for room before the body is read.
const RESERVE_BYTES_MIN: u64 = 1 << 20;

/// Between two tries to remove a temporary from a disk that does not answer.
const REMOVAL_PAUSE_NS: u64 = 1_000_000_000;

/// Uploads of this process, so that each has a name of its own.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// What is written to a durable upload before it is synced: a disk that has gigabytes to write would not answer in time.
const UNSYNCED_BYTES_MAX: u64 = 64 << 20;

/// What an acknowledgement guarantees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// The whole file bears its name, and survives this process. A power cut may take it.
    Written,
    /// It survives a power cut: fdatasync, rename, fsync of the folder, and of those above it that were not synced yet.
    Durable,
}

/// What the body, and what is there, must be for it to be taken.
#[derive(Clone, Debug)]
pub struct Expected {
    /// In bytes, where the client has said it beforehand.
    pub length: Option<u64>,
    pub md5: Option<[u8; 16]>,
    pub existing: Existing,
}

impl Default for Expected {
    fn default() -> Self {
        Expected { length: None, md5: None, existing: Existing::Replaced }
    }
}

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Disk(#[from] Failure),
    #[error("the body is not as long as was said")]
    Length,
    #[error("the body is not what its digest says")]
    Digest,
    /// There is a file already, and it was to be kept.
    #[error("there is a file already")]
    Exists,
}

/// A new temporary, and the folder that it is in, which is opened once for all uploads to the disk.
async fn create(disk: &Rc<Disk>) -> Result<(Rc<Descriptor>, CString, Rc<Descriptor>), Failure> {
    let known = disk.spool.borrow().clone();
    let spool = match known {
        Some(spool) => spool,
        None => folder::open_or_make(disk, SPOOL_FOLDER.as_bytes()).await?,
    };
    disk.spool.replace(Some(Rc::clone(&spool)));
    loop {
        let name = format!("{}-{}", std::process::id(), BEGUN.fetch_add(1, Ordering::Relaxed));
        let name = c_name(name.as_bytes())?;
        match disk.open(Op::open(&spool, name.clone(), Access::Create)).await {
            Ok(file) => return Ok((spool, name, Rc::new(file.into_shared()))),
            // Left behind by a process of the same number.
            Err(Failure::Disk(Errno::EEXIST)) => {}
            Err(failure) => {
                if failure == Failure::Hung {
                    // It may yet be made.
                    remove_temporary(disk, spool, name);
                }
                return Err(failure);
            }
        }
    }
}

/// Whether an upload takes more before it is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Left,
    None,
}

pub struct Upload {
    disk: Rc<Disk>,
    /// Beneath the root, and beneath the disk's top folder.
    path: Vec<u8>,
    beneath: Vec<u8>,
    expected: Expected,
    file: Rc<Descriptor>,
    spool: Rc<Descriptor>,
    /// None once it has its own name.
    temporary: Option<CString>,
    promise: Promise,
    written_bytes: u64,
    synced_bytes: u64,
    unwritten: Vec<u8>,
    digest: Option<Md5>,
}

impl Upload {
    /// Opens a temporary, and asks for room where the body is large. `path` is beneath the root, `beneath` the same path
    /// beneath the disk's top folder.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] for that folder itself, [`Failure::Absent`] for a `devN` that is not there, [`Failure::Full`], or
    /// the disk's.
    pub async fn begin(
        disk: &Rc<Disk>,
        path: &[u8],
        beneath: &[u8],
        expected: Expected,
        promise: Promise,
    ) -> Result<Upload, Failure> {
        if beneath.is_empty() {
            return Err(Failure::Forbidden);
        }
        let first = beneath.split(|byte| *byte == b'/').next().unwrap_or_default();
        if disk.name.is_empty() && is_device(first) {
            // It is never made: a disk that is missing must not be looked for on another.
            folder::open(disk, first).await?;
        }
        let (spool, temporary, file) = match create(disk).await {
            // The folder was taken away since it was opened.
            Err(Failure::Absent) => {
                disk.spool.take();
                create(disk).await?
            }
            created => created?,
        };
        let upload = Upload {
            disk: Rc::clone(disk),
            path: path.to_vec(),
            beneath: beneath.to_vec(),
            digest: expected.md5.map(|_| Md5::new()),
            expected,
            file,
            spool,
            temporary: Some(temporary),
            promise,
            written_bytes: 0,
            synced_bytes: 0,
            unwritten: Vec::new(),
        };
        if let Some(bytes) = upload.expected.length.filter(|bytes| *bytes >= RESERVE_BYTES_MIN) {
            match disk.reserve(&upload.file, bytes).await {
                Ok(()) | Err(Failure::Disk(Errno::EOPNOTSUPP)) => {}
                // Longer than any file.
                Err(Failure::Disk(Errno::EINVAL)) => return Err(Failure::Full),
                Err(failure) => return Err(failure),
            }
        }
        Ok(upload)
    }

    /// Memory for a body of so many bytes, which need not be known: for what comes of it before its upload has begun.
    pub fn memory(disk: &Disk, length: Option<u64>) -> Vec<u8> {
        let mut memory = disk.take_buffer();
        memory.reserve_exact(length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0).min(WRITE_BYTES));
        memory
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.written_bytes + self.unwritten.len() as u64
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// More bytes than were said.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Room, Refused> {
        self.expect(bytes.len())?;
        if self.unwritten.capacity() == 0 {
            self.unwritten = self.disk.take_buffer();
        }
        self.unwritten.extend_from_slice(bytes);
        self.pushed(self.unwritten.len() - bytes.len());
        Ok(self.room())
    }

    /// [`Upload::push`] of the body's first bytes, and of the memory that they are in; there may be none.
    ///
    /// # Errors
    /// More bytes than were said.
    pub fn push_first(&mut self, bytes: Vec<u8>) -> Result<Room, Refused> {
        assert!(self.bytes() == 0, "nothing comes before the first bytes");
        self.expect(bytes.len())?;
        self.disk.keep_buffer(std::mem::replace(&mut self.unwritten, bytes));
        self.pushed(0);
        Ok(self.room())
    }

    fn expect(&self, more: usize) -> Result<(), Refused> {
        let too_many = self.expected.length.is_some_and(|length| self.bytes() + more as u64 > length);
        if too_many { Err(Refused::Length) } else { Ok(()) }
    }

    /// Memory to receive up to `count` of the next bytes into; they come back with [`Upload::push_received`]. `count` is no
    /// more than the body has left, and not 0.
    pub fn lend(&mut self, count: u64) -> Box<Tail> {
        let room = WRITE_BYTES.saturating_sub(self.unwritten.len()).max(1);
        let count = usize::try_from(count).map_or(room, |count| count.min(room));
        if self.unwritten.capacity() == 0 {
            self.unwritten = self.disk.take_buffer();
        }
        Box::new(Tail::new(std::mem::take(&mut self.unwritten), count))
    }

    /// Takes the memory back, with `received` bytes in it.
    pub fn push_received(&mut self, lent: Box<dyn LendMut>, received: usize) -> Room {
        if let Some((bytes, from)) = Tail::finish(lent, received) {
            self.unwritten = bytes;
            self.pushed(from);
        }
        self.room()
    }

    fn pushed(&mut self, from: usize) {
        if let Some(digest) = &mut self.digest {
            digest.update(&self.unwritten[from..]);
        }
    }

    fn room(&self) -> Room {
        if self.unwritten.len() < WRITE_BYTES { Room::Left } else { Room::None }
    }

    /// Writes what was taken and is not written yet: whenever there is no room, before more is taken.
    ///
    /// # Errors
    /// The disk's.
    pub async fn write_out(&mut self) -> Result<(), Failure> {
        let mut buffer = std::mem::take(&mut self.unwritten);
        while !buffer.is_empty() {
            let (count, back) = self.disk.write(&self.file, buffer, self.written_bytes).await?;
            if count == 0 {
                return Err(Failure::Full);
            }
            self.written_bytes += count as u64;
            buffer = back;
            if count == buffer.len() {
                buffer.clear();
            } else {
                buffer.drain(..count);
            }
        }
        self.unwritten = buffer;
        if self.promise == Promise::Durable && self.written_bytes - self.synced_bytes >= UNSYNCED_BYTES_MAX {
            self.sync().await?;
        }
        Ok(())
    }

    async fn sync(&mut self) -> Result<(), Failure> {
        self.disk.perform(Op::Sync { file: Rc::clone(&self.file), what: Synced::Data }).await?;
        self.synced_bytes = self.written_bytes;
        Ok(())
    }

    /// Checks the body, and gives it its name. When this is `Ok` the promise holds; otherwise the name is what it was
    /// (but for a durable one whose folder could not be synced: it may be either, and the client was told of a failure).
    ///
    /// # Errors
    /// The body is not what was said, its folder cannot be made, or the disk's.
    pub async fn finish(mut self, changes: &Changes) -> Result<(), Refused> {
        self.write_out().await?;
        if self.expected.length.is_some_and(|length| length != self.written_bytes) {
            return Err(Refused::Length);
        }
        if let (Some(digest), Some(md5)) = (self.digest.take(), self.expected.md5)
            && digest.finalize()[..] != md5
        {
            return Err(Refused::Digest);
        }
        if self.promise == Promise::Durable {
            self.sync().await?;
        }
        let (parent, name) = split(&self.beneath);
        let name = c_name(name)?;
        let folder = folder::open_or_make(&self.disk, parent).await?;
        let Some(from) = self.temporary.take() else { return Err(Failure::Absent.into()) };
        let rename = Op::Rename {
            from_folder: Rc::clone(&self.spool),
            from: from.clone(),
            to_folder: Rc::clone(&folder),
            to: name,
            existing: self.expected.existing,
        };
        let renamed = self.disk.perform(rename).await;
        // Also of a rename that failed: one that hangs may yet be done.
        changes.note(&self.path);
        if let Err(failure) = renamed {
            self.temporary = Some(from);
            return Err(match (failure, self.expected.existing) {
                (Failure::Disk(Errno::EEXIST), Existing::Kept) => Refused::Exists,
                (failure, _) => failure.into(),
            });
        }
        if self.promise == Promise::Durable {
            sync_way(&self.disk, parent, &folder).await?;
            self.disk.perform(Op::Sync { file: folder, what: Synced::All }).await?;
        }
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.disk.keep_buffer(std::mem::take(&mut self.unwritten));
        let Some(name) = self.temporary.take() else { return };
        remove_temporary(&self.disk, Rc::clone(&self.spool), name);
    }
}

/// Removes it behind the client's back, when the disk answers.
fn remove_temporary(disk: &Rc<Disk>, folder: Rc<Descriptor>, name: CString) {
    let disk = Rc::clone(disk);
    disk.core().clone().spawn("remove temporary", async move {
        loop {
            match disk.perform(Op::Unlink { folder: Rc::clone(&folder), name: name.clone() }).await {
                Ok(_) | Err(Failure::Absent) => return,
                // Nothing new is uploaded to such a disk, so few wait here.
                Err(Failure::Hung | Failure::Busy) => {
                    disk.core().sleep_until(disk.core().now_ns() + REMOVAL_PAUSE_NS).await;
                }
                Err(failure) => {
                    tracing::warn!(disk = disk.name, ?name, %failure, "a temporary is left behind");
                    return;
                }
            }
        }
    });
}

/// Removes a file. When this is `Ok` nobody is served it any more, and with [`Promise::Durable`] a power cut does not bring
/// it back.
///
/// # Errors
/// No such file, a folder; or the disk's.
pub async fn remove(
    disk: &Rc<Disk>,
    path: &[u8],
    beneath: &[u8],
    promise: Promise,
    changes: &Changes,
) -> Result<(), Failure> {
    if beneath.is_empty() {
        return Err(Failure::Forbidden);
    }
    let removed = folder::remove(disk, beneath).await;
    changes.note(path);
    let folder = removed?;
    if promise == Promise::Durable {
        disk.perform(Op::Sync { file: folder, what: Synced::All }).await?;
    }
    Ok(())
}

/// Removes what processes that are gone have left in the spool folders beneath `root`: what nobody has written to for an
/// hour, if its process is not here any more, or for a day, since processes in other containers cannot be seen. Blocks:
/// before anything is served, or on a thread of its own. Returns how many were removed.
pub fn sweep(root: &Path) -> usize {
    let devices = std::fs::read_dir(root).into_iter().flatten().flatten();
    let devices = devices.filter(|entry| is_device(entry.file_name().as_encoded_bytes())).map(|entry| entry.path());
    std::iter::once(root.to_owned()).chain(devices).map(|disk| sweep_folder(&disk.join(SPOOL_FOLDER))).sum()
}

fn sweep_folder(spool: &Path) -> usize {
    let left = std::fs::read_dir(spool).into_iter().flatten().flatten().filter(|entry| {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        let touched = entry.metadata().and_then(|metadata| metadata.modified());
        let idle = touched.ok().and_then(|touched| touched.elapsed().ok()).unwrap_or_default();
        process.is_some_and(|process| is_left_behind(idle, is_alive(process)))
    });
    left.filter(|entry| std::fs::remove_file(entry.path()).is_ok()).count()
}

const HOUR: Duration = Duration::from_secs(60 * 60);

fn is_left_behind(idle: Duration, process_lives: bool) -> bool {
    idle > if process_lives { 24 * HOUR } else { HOUR }
}

fn is_alive(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_writes_to_is_left_behind() {
        assert!(is_left_behind(25 * HOUR, true) && is_left_behind(2 * HOUR, false));
        assert!(!is_left_behind(2 * HOUR, true) && !is_left_behind(HOUR / 2, false));
    }

    #[test]
    fn the_sweep_looks_into_the_spool_of_every_disk_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let of_nobody = format!("{}-7", u32::MAX);
        let mut left = Vec::new();
        for place in [SPOOL_FOLDER.to_owned(), format!("dev1/{SPOOL_FOLDER}"), "dev1".into(), "elsewhere".into()] {
            let folder = root.path().join(place);
            std::fs::create_dir_all(&folder).unwrap();
            for name in [of_nobody.clone(), format!("{}-7", std::process::id()), "something".into()] {
                let file = std::fs::File::create(folder.join(&name)).unwrap();
                file.set_modified(std::time::SystemTime::now() - 2 * HOUR).unwrap();
                left.push(folder.join(name));
            }
        }
        assert_eq!(sweep(root.path()), 2);
        left.retain(|path| path.exists());
        assert_eq!(left.len(), 12 - 2);
        assert_eq!(sweep(root.path()), 0);
    }
}
