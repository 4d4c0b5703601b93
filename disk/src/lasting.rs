//! Which folders a power cut does not take: those whose names, and whose every folder's above them, this core has synced.
//!
//! That a folder is there says nothing of that. Somebody else may have made it a moment ago and not have synced it yet, or an
//! upload that promises less, or a process that has died since. So the way to a folder is synced once before the first durable
//! upload into it is acknowledged, and is remembered. A folder that is made anew is forgotten here first.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use spindle_core::Op;
use spindle_core::op::Synced;

use crate::disk::Disk;
use crate::failure::Failure;
use crate::folder::{self, split};

/// More are forgotten, and synced once more when they are needed.
const FOLDERS_MAX: usize = 4096;

#[derive(Default)]
pub(crate) struct Lasting {
    /// Beneath the disk's top folder, which lasts.
    folders: RefCell<BTreeSet<Vec<u8>>>,
    /// What was synced before something was made may have been synced without it.
    made: Cell<u64>,
}

impl Lasting {
    fn has(&self, folder: &[u8]) -> bool {
        folder.is_empty() || self.folders.borrow().contains(folder)
    }

    fn add(&self, folder: &[u8]) {
        let mut folders = self.folders.borrow_mut();
        if folders.len() >= FOLDERS_MAX {
            folders.clear();
        }
        folders.insert(folder.to_vec());
    }

    /// A folder of that name is made now, or was.
    pub(crate) fn forget(&self, folder: &[u8]) {
        self.made.set(self.made.get() + 1);
        self.folders.borrow_mut().remove(folder);
    }
}

/// Syncs what it takes for the folder, which is there, to last. Nothing, as a rule: it does already.
///
/// # Errors
/// The disk's.
pub(crate) async fn sync_way(disk: &Rc<Disk>, path: &[u8]) -> Result<(), Failure> {
    if disk.lasting.has(path) {
        return Ok(());
    }
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    for end in ends.chain([path.len()]) {
        let folder = &path[..end];
        if disk.lasting.has(folder) {
            continue;
        }
        let made = disk.lasting.made.get();
        let file = folder::open(disk, split(folder).0).await?;
        disk.perform(Op::Sync { file, what: Synced::All }).await?;
        if disk.lasting.made.get() == made {
            disk.lasting.add(folder);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_anew_does_not_last_and_the_top_folder_does() {
        let lasting = Lasting::default();
        lasting.add(b"a/b");
        assert!(lasting.has(b"") && lasting.has(b"a/b") && !lasting.has(b"a"));
        lasting.forget(b"a/b");
        assert!(!lasting.has(b"a/b"));
    }

    #[test]
    fn not_more_are_remembered_than_there_is_memory_for() {
        let lasting = Lasting::default();
        for number in 0..3 * FOLDERS_MAX {
            lasting.add(number.to_string().as_bytes());
            assert!(lasting.folders.borrow().len() <= FOLDERS_MAX && lasting.has(number.to_string().as_bytes()));
        }
    }
}
