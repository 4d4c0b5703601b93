//! The open-file cache of one core: a path that was opened a moment ago is served without asking the file system for it.
//!
//! An entry is trusted while none of our own writes has touched its path ([`Changes`]). What others do is seen in time: a
//! rename after [`VALID_NS`], a write in place after [`STATUS_VALID_NS`]. (To ask at every use costs a tenth of a small
//! file's answer: decision 006.)

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

/// How long an open file is believed to have the length and time that it had.
pub const STATUS_VALID_NS: u64 = 100_000_000;

/// Between two sweeps.
pub const SWEEP_NS: u64 = 1_000_000_000 / SWEEPS_PER_SECOND as u64;
const SWEEPS_PER_SECOND: usize = 20;
/// Entries that a sweep looks at, beside its share of them all.
const SWEPT_MIN: usize = 64;

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
    /// None once it was forgotten.
    opened_ns: Option<u64>,
    status: Status,
    status_ns: u64,
    /// Of [`Changes`], before it was opened.
    changes: u64,
    used: bool,
}

impl Entry {
    fn is_trusted(&self, changes: u64, now_ns: u64) -> bool {
        self.changes == changes && self.opened_ns.is_some_and(|opened_ns| now_ns.saturating_sub(opened_ns) <= VALID_NS)
    }
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
        let mut kept = self.kept.borrow_mut();
        let Some(entry) = kept.entries.get_mut(path) else { return Ok(None) };
        if !entry.is_trusted(self.changes.count(path), now_ns) {
            return Ok(None);
        }
        if now_ns.saturating_sub(entry.status_ns) > STATUS_VALID_NS {
            (entry.status, entry.status_ns) = (Status::of(entry.file.descriptor())?, now_ns);
        }
        entry.used = true;
        Ok(Some((Rc::clone(&entry.file), entry.status)))
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
        let (file, status) = OpenFile::new(disk, disk.open(Op::open(&disk.folder, name, Access::Read)).await?)?;
        let file = self.same(path, &status).unwrap_or_else(|| Rc::new(file));
        let now_ns = disk.core().now_ns();
        let kept = Rc::clone(&file);
        self.keep(path, Entry { file: kept, opened_ns: Some(now_ns), status, status_ns: now_ns, changes, used: false });
        Ok((file, status))
    }

    /// The file that is kept, if it is still the one of that status: what is known of it stays known.
    fn same(&self, path: &[u8], status: &Status) -> Option<Rc<OpenFile>> {
        let kept = self.kept.borrow();
        let entry = kept.entries.get(path)?;
        (Status::of(entry.file.descriptor()) == Ok(*status)).then(|| Rc::clone(&entry.file))
    }

    /// Forgets a path, so that the next who opens it asks the file system.
    pub fn forget(&self, path: &[u8]) {
        if let Some(entry) = self.kept.borrow_mut().entries.get_mut(path) {
            entry.opened_ns = None;
        }
    }

    /// Looks at some of the entries, in turn, and lets go of those that are not trusted any more: a file that is open keeps
    /// its blocks on the disk, though nobody can name it. Called again after [`SWEEP_NS`], and again, it has looked at all
    /// in a second.
    pub fn sweep(&self, now_ns: u64) {
        let kept = &mut *self.kept.borrow_mut();
        for _ in 0..kept.order.len().min(SWEPT_MIN + kept.order.len() / SWEEPS_PER_SECOND) {
            let Some(path) = kept.order.pop_front() else { return };
            if kept.entries.get(&path).is_some_and(|entry| entry.is_trusted(self.changes.count(&path), now_ns)) {
                kept.order.push_back(path);
            } else {
                kept.entries.remove(&path);
            }
        }
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
