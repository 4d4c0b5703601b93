//! Where the files are, and on which file system.
//!
//! What is uploaded is on a tmpfs, because a row of uploads is there for what taking a file costs a server, and a file system
//! on a disk costs more the longer it is measured. Where an upload takes the place of a file, an inode is freed, and ext4
//! uses none again that was deleted within the last minutes (`recently_deleted()` in fs/ext4/ialloc.c). Thousands of uploads a
//! second leave so many of these that each create searches past more of them: after a minute that was 59 % of a server's
//! CPU, of nginx's as of Spindle's, and a request that had cost 180 µs cost 800. Who is measured later, or after a longer row,
//! would look worse.
//!
//! What is read stays where temporary files are: nothing is created there while it is measured, and a tmpfs would be another
//! path through the kernel than the one that the files of a disk in the page cache take.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{
    BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC, FUSE_SUPER_MAGIC, FsType, NFS_SUPER_MAGIC,
    OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, statfs,
};

use super::folder::Folder;
use super::rows::FileRow;
use crate::machine::memory_available_bytes;
use crate::peers::Scale;

/// Where Linux has a tmpfs for everybody. shm_overview(7)
const SHARED_MEMORY: &str = "/dev/shm";
/// The least room that a tmpfs must have.
const ROOM_BYTES_MIN: u64 = 1 << 30;
/// What a file takes of a tmpfs is a multiple of it.
const PAGE_BYTES: u64 = 4096;

/// A folder that is there, and what it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    filesystem: String,
}

/// Where each row has its files.
#[derive(Clone, Debug)]
pub(super) struct Places {
    reads: Place,
    uploads: Place,
    /// Why no tmpfs was taken, where one was looked for in vain.
    unfit: Option<Unfit>,
}

/// Why a folder is not taken for uploads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Unfit {
    #[error("{0} cannot be looked at ({1})")]
    Unseen(PathBuf, String),
    #[error("{0} is no tmpfs")]
    OnDisk(Place),
    #[error("{path} has room for {free_mib} MiB, and {needed_mib} are needed", path = path.display())]
    Small { path: PathBuf, free_mib: u64, needed_mib: u64 },
    #[error("nothing can be created in {0} ({1})")]
    Closed(PathBuf, String),
}

impl Place {
    /// # Errors
    /// Those of statfs(2).
    fn look(path: &Path) -> io::Result<Place> {
        Ok(Place { path: path.to_owned(), filesystem: name(statfs(path)?.filesystem_type()) })
    }

    fn in_memory(&self) -> bool {
        self.filesystem == name(TMPFS_MAGIC)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.path.display(), self.filesystem)
    }
}

impl Places {
    /// Everything in `folder`, if there is one.
    ///
    /// # Errors
    /// The folder, or that of temporary files, cannot be looked at.
    pub(super) fn choose(
        folder: Option<&Path>,
        rows: &[FileRow],
        servers: usize,
        scale: Scale,
        connections: usize,
    ) -> io::Result<Places> {
        if let Some(folder) = folder {
            let place = Place::look(folder)?;
            return Ok(Places { reads: place.clone(), uploads: place, unfit: None });
        }
        let needed_bytes = room(rows, servers, scale, connections).max(ROOM_BYTES_MIN);
        Ok(Places::apart(Place::look(&std::env::temp_dir())?, tmpfs(Path::new(SHARED_MEMORY), needed_bytes)))
    }

    fn apart(reads: Place, tmpfs: Result<Place, Unfit>) -> Places {
        let (uploads, unfit) = match tmpfs {
            Ok(place) => (place, None),
            Err(unfit) => (reads.clone(), Some(unfit)),
        };
        Places { reads, uploads, unfit }
    }

    pub(super) fn of(&self, row: FileRow) -> &Place {
        if row.uploads() { &self.uploads } else { &self.reads }
    }

    /// Where the files of these rows were, and what that does to their figures.
    pub(super) fn explain(&self, rows: impl Iterator<Item = FileRow>) -> String {
        let (uploads, reads): (Vec<FileRow>, Vec<FileRow>) = rows.partition(|row| row.uploads());
        let mut said = match (reads.is_empty(), uploads.is_empty()) {
            (false, false) if self.reads != self.uploads => {
                format!(
                    "The files that are read were in {}, and those that are uploaded in {}.",
                    self.reads, self.uploads
                )
            }
            (true, _) => format!("All files were in {}.", self.uploads),
            (false, _) => format!("All files were in {}.", self.reads),
        };
        if !uploads.is_empty() && !self.uploads.in_memory() {
            if let Some(unfit) = &self.unfit {
                said += &format!(" There was no tmpfs for uploads: {unfit}.");
            }
            said += OF_ITS_OWN_HISTORY;
        }
        said
    }
}

/// What uploads measure, too, where they are not on a tmpfs.
const OF_ITS_OWN_HISTORY: &str = " \
    So the file system's own history is in the figures of uploads: ext4, for one, does not use inodes again that were deleted \
    within the last minutes, and searches the longer for each new one the more of them there are.";

/// That folder, if it is a tmpfs in which so much can be written.
fn tmpfs(path: &Path, needed_bytes: u64) -> Result<Place, Unfit> {
    let unseen = |error: io::Error| Unfit::Unseen(path.into(), error.to_string());
    let place = Place::look(path).map_err(unseen)?;
    if !place.in_memory() {
        return Err(Unfit::OnDisk(place));
    }
    let free_bytes = free_bytes(path).map_err(unseen)?;
    if free_bytes < needed_bytes {
        let (free_mib, needed_mib) = (free_bytes >> 20, needed_bytes.div_ceil(1 << 20));
        return Err(Unfit::Small { path: path.into(), free_mib, needed_mib });
    }
    // Permissions, a read-only mount, an inode that is left: what counts is whether it works.
    Folder::new_in(path).map_err(|error| Unfit::Closed(path.into(), error.to_string()))?;
    Ok(place)
}

/// Of a tmpfs: what it may have yet, and of that what there is memory for.
fn free_bytes(path: &Path) -> io::Result<u64> {
    let filesystem = statfs(path)?;
    let block_bytes = u64::try_from(filesystem.block_size()).unwrap_or_default();
    let free_bytes = match filesystem.blocks() {
        // One without a bound does not count. tmpfs(5): `size`
        0 => u64::MAX,
        _ => filesystem.blocks_available().saturating_mul(block_bytes),
    };
    Ok(free_bytes.min(memory_available_bytes()?))
}

/// What the uploads of all servers take together, with those that are under way in the last of them.
fn room(rows: &[FileRow], servers: usize, scale: Scale, connections: usize) -> u64 {
    let of = |row: &FileRow| {
        let files = row.files(scale).saturating_mul(servers as u64) + connections as u64;
        files.saturating_mul(row.bytes().next_multiple_of(PAGE_BYTES))
    };
    rows.iter().filter(|row| row.uploads()).map(of).fold(0, u64::saturating_add)
}

/// Of a type, as mount(8) has it; its number, where it is none of the usual ones. statfs(2)
fn name(filesystem: FsType) -> String {
    let known = match filesystem {
        TMPFS_MAGIC => "tmpfs",
        // ext2 and ext3 have the same number, and mostly the same driver.
        EXT4_SUPER_MAGIC => "ext4",
        XFS_SUPER_MAGIC => "xfs",
        BTRFS_SUPER_MAGIC => "btrfs",
        F2FS_SUPER_MAGIC => "f2fs",
        OVERLAYFS_SUPER_MAGIC => "overlay",
        NFS_SUPER_MAGIC => "nfs",
        FUSE_SUPER_MAGIC => "fuse",
        FsType(number) => return format!("file system {number:#x}"),
    };
    known.into()
}

#[cfg(test)]
impl Places {
    /// Of a report that nobody has measured.
    pub(super) fn specimen() -> Places {
        let place = |path: &str, filesystem| Place { path: path.into(), filesystem: name(filesystem) };
        Places::apart(place("/tmp", EXT4_SUPER_MAGIC), Ok(place("/dev/shm", TMPFS_MAGIC)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: FileRow = FileRow::Get { bytes: 4096 };
    const PUT: FileRow = FileRow::Put { bytes: 65_536 };

    fn place(path: &str, filesystem: FsType) -> Place {
        Place { path: path.into(), filesystem: name(filesystem) }
    }

    #[test]
    fn uploads_are_apart_where_there_is_a_tmpfs() {
        let places = Places::specimen();
        assert_eq!((places.of(GET).path.to_str(), places.of(PUT).path.to_str()), (Some("/tmp"), Some("/dev/shm")));
        assert_eq!(
            places.explain([GET, PUT].into_iter()),
            "The files that are read were in /tmp (ext4), and those that are uploaded in /dev/shm (tmpfs)."
        );
        assert_eq!(places.explain([GET].into_iter()), "All files were in /tmp (ext4).");
        assert_eq!(places.explain([PUT].into_iter()), "All files were in /dev/shm (tmpfs).");
    }

    #[test]
    fn without_a_tmpfs_uploads_are_where_reads_are_and_it_is_said() {
        let small = Unfit::Small { path: "/dev/shm".into(), free_mib: 64, needed_mib: 1024 };
        let places = Places::apart(place("/tmp", EXT4_SUPER_MAGIC), Err(small.clone()));
        assert_eq!(places.of(GET), places.of(PUT));
        let said = places.explain([GET, PUT].into_iter());
        let why = "There was no tmpfs for uploads: /dev/shm has room for 64 MiB, and 1024 are needed.";
        let expected = format!("All files were in /tmp (ext4). {why} So the file system's own history is in");
        assert!(said.starts_with(&expected), "{said}");
        assert_eq!(places.explain([GET].into_iter()), "All files were in /tmp (ext4).", "nothing was uploaded");
        let temporary = Places::apart(place("/tmp", TMPFS_MAGIC), Err(small));
        assert_eq!(temporary.explain([PUT].into_iter()), "All files were in /tmp (tmpfs).", "it is on one");
    }

    #[test]
    fn a_folder_that_is_named_has_everything() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::choose(Some(folder.path()), &[GET, PUT], 7, Scale::Full, 32).unwrap();
        assert_eq!(places.of(GET), places.of(PUT));
        assert_eq!(places.of(PUT).path, folder.path());
        let said = places.explain([GET, PUT].into_iter());
        assert!(said.starts_with("All files were in /") && !said.contains("There was no tmpfs"), "{said}");
        assert_eq!(said.contains("history"), !places.of(PUT).in_memory(), "{said}");
        assert!(Places::choose(Some(&folder.path().join("absent")), &[GET], 7, Scale::Full, 32).is_err());
    }

    #[test]
    fn only_a_tmpfs_with_room_is_taken() {
        let absent = tmpfs(Path::new("/no/such/folder"), 0).unwrap_err();
        assert!(matches!(&absent, Unfit::Unseen(..)), "{absent}");
        let proc = tmpfs(Path::new("/proc"), 0).unwrap_err();
        assert_eq!(proc.to_string(), "/proc (file system 0x9fa0) is no tmpfs");
        let shared = Path::new(SHARED_MEMORY);
        if !Place::look(shared).is_ok_and(|place| place.in_memory()) {
            eprintln!("NOT TESTED: no tmpfs at {SHARED_MEMORY}");
            return;
        }
        assert!(matches!(tmpfs(shared, u64::MAX), Err(Unfit::Small { .. })));
        assert!(tmpfs(shared, 0).is_ok_and(|place| place.to_string() == "/dev/shm (tmpfs)"));
    }

    #[test]
    fn room_is_for_what_all_servers_have_and_for_what_is_under_way() {
        let room = |rows: &[FileRow]| room(rows, 7, Scale::Full, 32);
        assert_eq!(room(&[GET]), 0);
        assert_eq!(room(&[GET, PUT]), (7 * 1000 + 32) * 65_536);
        assert_eq!(room(&[FileRow::Put { bytes: 1 }]), (7 * 1000 + 32) * 4096, "a page at least");
        assert_eq!(room(&[FileRow::Put { bytes: 1 << 30 }]), (7 + 32) << 30);
    }
}
