//! Which folders a power cut does not take: those whose names, and those of all folders above them, this core has synced.
//!
//! That a folder is there says nothing of that. Somebody else may have made it a moment ago and not have synced it yet, or an
//! upload that promises less, or a process that has died since. So the way to a folder is synced once before the first durable
//! upload into it is acknowledged, and is remembered: of this folder, and not of another one that has its name later.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use spindle_core::op::Synced;
use spindle_core::status::Status;
use spindle_core::{Descriptor, Op};

use crate::disk::Disk;
use crate::failure::Failure;
use crate::folder;

/// More are forgotten, and synced once more when they are needed.
const FOLDERS_MAX: usize = 4096;

/// Which folder it is, whatever its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn of(folder: &Descriptor) -> Result<Identity, Failure> {
        let status = Status::of(folder)?;
        Ok(Identity(status.device, status.inode))
    }
}

/// By their paths beneath the disk's top folder, which lasts.
#[derive(Default)]
pub(crate) struct Lasting(RefCell<BTreeMap<Vec<u8>, Identity>>);

impl Lasting {
    fn has(&self, path: &[u8], folder: Identity) -> bool {
        self.0.borrow().get(path) == Some(&folder)
    }

    fn add(&self, path: &[u8], folder: Identity) {
        let mut folders = self.0.borrow_mut();
        if folders.len() >= FOLDERS_MAX {
            folders.clear();
        }
        folders.insert(path.to_vec(), folder);
    }

    /// A folder of that name is made, or was: it may have the inode of one that bore it before.
    pub(crate) fn forget(&self, path: &[u8]) {
        self.0.borrow_mut().remove(path);
    }
}

/// Syncs what it takes for the open `folder`, which is at `path`, to last. Nothing, as a rule: it does already.
///
/// # Errors
/// The disk's.
pub(crate) async fn sync_way(disk: &Rc<Disk>, path: &[u8], folder: &Rc<Descriptor>) -> Result<(), Failure> {
    if path.is_empty() || disk.lasting.has(path, Identity::of(folder)?) {
        return Ok(());
    }
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let mut above = Rc::clone(&disk.folder);
    for end in ends.chain([path.len()]) {
        let here = &path[..end];
        // Opened before its name is synced: so it is this one's name that is.
        let next = if end == path.len() { Rc::clone(folder) } else { folder::open(disk, here).await? };
        let identity = Identity::of(&next)?;
        if !disk.lasting.has(here, identity) {
            disk.perform(Op::Sync { file: above, what: Synced::All }).await?;
            disk.lasting.add(here, identity);
        }
        above = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lasts_and_not_another_one_of_its_name() {
        let lasting = Lasting::default();
        lasting.add(b"a/b", Identity(1, 2));
        assert!(lasting.has(b"a/b", Identity(1, 2)));
        assert!(!lasting.has(b"a/b", Identity(1, 3)) && !lasting.has(b"a/b", Identity(2, 2)));
        assert!(!lasting.has(b"a", Identity(1, 2)), "another name of it");
        lasting.forget(b"a/b");
        assert!(!lasting.has(b"a/b", Identity(1, 2)));
    }

    #[test]
    fn not_more_are_remembered_than_there_is_memory_for() {
        let lasting = Lasting::default();
        for number in 0..3 * FOLDERS_MAX {
            let (path, folder) = (number.to_string(), Identity(1, number as u64));
            lasting.add(path.as_bytes(), folder);
            assert!(lasting.0.borrow().len() <= FOLDERS_MAX && lasting.has(path.as_bytes(), folder));
        }
    }
}
