//! The open-file cache of one core: a path that was opened a moment ago is served without asking the file system for it.
//!
//! An entry is trusted while none of our own writes has touched its path ([`Changes`]), and for [`VALID_NS`] against
//! others' renames. Its length and time are asked of the open inode at every use, so that a file that others write to in
//! place is never sent with a length that it had before.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ffi::CString;
use std::rc::Rc;

use spindle_core::op::Access;
use spindle_core::status::Status;
use spindle_core::{Errno, Op};

use crate::changes::Changes;
use crate::disk::Disk;
use crate::failure::Failure;
use crate::open_file::OpenFile;

/// How long a name is believed to stand for the same file, when it was not us who changed it.
pub const VALID_NS: u64 = 1_000_000_000;

pub struct Files {
    changes: Changes,
    entries_max: usize,
    kept: RefCell<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Rc<[u8]>, Entry>,
    /// In the order in which they are looked at when one must go: second chance.
    order: VecDeque<Rc<[u8]>>,
}

struct Entry {
    file: Rc<OpenFile>,
    opened_ns: u64,
    /// Of [`Changes`], before it was opened.
    changes: u64,
    used: bool,
}

impl Files {
    /// Keeps at most `entries_max` files open; 0 keeps none.
    pub fn new(changes: Changes, entries_max: usize) -> Files {
        Files { changes, entries_max, kept: RefCell::default() }
    }

    /// How many are kept.
    pub fn kept(&self) -> usize {
        self.kept.borrow().entries.len()
    }

    /// The file that `path` names, if it is open already and may be trusted: nothing is waited for.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub fn cached(&self, path: &[u8], now_ns: u64) -> Result<Option<(Rc<OpenFile>, Status)>, Failure> {
        let Some(file) = self.find(path, self.changes.count(path), now_ns) else { return Ok(None) };
        let status = Status::of(&file.descriptor)?;
        Ok(Some((file, status)))
    }

    /// The file that `path` names beneath the root; `beneath` is the same path beneath the top folder of its disk.
    ///
    /// # Errors
    /// No such file, a folder, a path out of the root; or the disk's.
    pub async fn open(&self, disk: &Rc<Disk>, path: &[u8], beneath: &[u8]) -> Result<(Rc<OpenFile>, Status), Failure> {
        if beneath.is_empty() {
            return Err(Failure::Forbidden);
        }
        if let Some(found) = self.cached(path, disk.core().now_ns())? {
            return Ok(found);
        }
        let changes = self.changes.count(path);
        let name = CString::new(beneath).map_err(|_| Failure::from(Errno::ENOENT))?;
        let (file, status) = OpenFile::new(disk.open(Op::open(&disk.folder, name, Access::Read)).await?)?;
        let file = Rc::new(file);
        self.keep(path, Entry { file: Rc::clone(&file), opened_ns: disk.core().now_ns(), changes, used: false });
        Ok((file, status))
    }

    fn find(&self, path: &[u8], changes: u64, now_ns: u64) -> Option<Rc<OpenFile>> {
        let mut kept = self.kept.borrow_mut();
        let entry = kept.entries.get_mut(path)?;
        if entry.changes != changes || now_ns.saturating_sub(entry.opened_ns) > VALID_NS {
            return None;
        }
        entry.used = true;
        Some(Rc::clone(&entry.file))
    }

    fn keep(&self, path: &[u8], entry: Entry) {
        if self.entries_max == 0 {
            return;
        }
        let kept = &mut *self.kept.borrow_mut();
        if let Some(former) = kept.entries.get_mut(path) {
            *former = Entry { used: true, ..entry };
            return;
        }
        while kept.entries.len() >= self.entries_max {
            let Some(oldest) = kept.order.pop_front() else { break };
            let used = kept.entries.get_mut(&oldest).is_some_and(|entry| std::mem::take(&mut entry.used));
            if used {
                kept.order.push_back(oldest);
            } else {
                kept.entries.remove(&oldest);
            }
        }
        let path: Rc<[u8]> = path.into();
        kept.order.push_back(Rc::clone(&path));
        kept.entries.insert(path, entry);
    }
}
