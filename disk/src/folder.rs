//! Folders beneath a disk's top folder.

use std::ffi::CString;
use std::rc::Rc;

use spindle_core::op::Access;
use spindle_core::{Descriptor, Errno, Op};

use crate::disk::Disk;
use crate::failure::Failure;

/// Where a name is, and the name: `a/b` and `c` of `a/b/c`.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// Opens a folder that is there; "" is the disk's own.
///
/// # Errors
/// It is missing, is no folder, or leads out of the disk; or the disk's.
pub async fn open(disk: &Rc<Disk>, path: &[u8]) -> Result<Rc<Descriptor>, Failure> {
    if path.is_empty() { Ok(Rc::clone(&disk.folder)) } else { open_one(disk, &disk.folder, path).await }
}

/// Opens a folder, and makes those that are missing on the way to it.
///
/// # Errors
/// One is no folder, or leads out of the disk; or the disk's.
pub async fn open_or_make(disk: &Rc<Disk>, path: &[u8]) -> Result<Rc<Descriptor>, Failure> {
    match open(disk, path).await {
        Err(Failure::Absent) => {}
        found => return found,
    }
    let mut folder = Rc::clone(&disk.folder);
    let mut end = 0;
    for name in path.split(|byte| *byte == b'/') {
        let here = &path[..end + name.len()];
        end += name.len() + 1;
        folder = match open_one(disk, &folder, name).await {
            Err(Failure::Absent) => {
                let op = Op::MakeFolder { folder: Rc::clone(&folder), name: c_name(name)? };
                let made = disk.perform(op).await.map(drop);
                disk.lasting.forget(here);
                match made {
                    // Somebody else may have been quicker.
                    Ok(()) | Err(Failure::Disk(Errno::EEXIST)) => {}
                    Err(failure) => return Err(failure),
                }
                open_one(disk, &folder, name).await?
            }
            found => found?,
        };
    }
    Ok(folder)
}

async fn open_one(disk: &Rc<Disk>, folder: &Rc<Descriptor>, path: &[u8]) -> Result<Rc<Descriptor>, Failure> {
    disk.open(Op::open(folder, c_name(path)?, Access::Folder)).await.map(Rc::new)
}

/// Removes a file. A folder is not removed.
///
/// # Errors
/// It is not there, is a folder; or the disk's.
pub async fn remove(disk: &Rc<Disk>, path: &[u8]) -> Result<Rc<Descriptor>, Failure> {
    let (parent, name) = split(path);
    let folder = open(disk, parent).await?;
    disk.perform(Op::Unlink { folder: Rc::clone(&folder), name: c_name(name)? }).await?;
    Ok(folder)
}

pub(crate) fn c_name(name: &[u8]) -> Result<CString, Failure> {
    CString::new(name).map_err(|_| Failure::Absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_and_a_name() {
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"c"), (&b""[..], &b"c"[..]));
    }
}
