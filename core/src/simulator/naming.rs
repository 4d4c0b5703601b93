//! What is done to names and whole files: opening, renaming, removing, syncing.

use super::tree::join;
use super::world::{Object, State};
use crate::Errno;
use crate::op::{Access, Existing, Op};

/// Such an op, as the kernel remembers it.
pub(super) enum Named {
    Open { folder: i32, path: Vec<u8>, access: Access },
    Rename { from_folder: i32, from: Vec<u8>, to_folder: i32, to: Vec<u8>, existing: Existing },
    Unlink { folder: i32, name: Vec<u8> },
    MakeFolder { folder: i32, name: Vec<u8> },
    Reserve { file: i32 },
    Sync { file: i32 },
}

impl Named {
    /// Only for ops that are.
    pub(super) fn of(op: &Op) -> Named {
        match op {
            Op::Open { folder, path, how } => {
                Named::Open { folder: folder.number(), path: path.to_bytes().to_vec(), access: how.access() }
            }
            Op::Rename { from_folder, from, to_folder, to, existing } => Named::Rename {
                from_folder: from_folder.number(),
                from: from.to_bytes().to_vec(),
                to_folder: to_folder.number(),
                to: to.to_bytes().to_vec(),
                existing: *existing,
            },
            Op::Unlink { folder, name } => Named::Unlink { folder: folder.number(), name: name.to_bytes().to_vec() },
            Op::MakeFolder { folder, name } => {
                Named::MakeFolder { folder: folder.number(), name: name.to_bytes().to_vec() }
            }
            Op::Reserve { file, .. } => Named::Reserve { file: file.number() },
            Op::Sync { file, .. } => Named::Sync { file: file.number() },
            other => panic!("{:?} names nothing", other.kind()),
        }
    }

    /// Whether the device that it is on does not answer.
    pub(super) fn hangs(&self, state: &State) -> bool {
        let (folder, path) = match self {
            Named::Open { folder, path, .. } => (folder, path),
            Named::Rename { from_folder, from, .. } => (from_folder, from),
            Named::Unlink { folder, name } | Named::MakeFolder { folder, name } => (folder, name),
            Named::Reserve { file } | Named::Sync { file } => {
                return match state.objects.get(file) {
                    Some(Object::Folder(path)) => state.tree.path_hangs(path),
                    file => state.tree.file_hangs(file),
                };
            }
        };
        state.path(*folder).is_ok_and(|folder| state.tree.path_hangs(&join(&folder, path)))
    }

    /// A new descriptor's number, or 0.
    pub(super) fn perform(self, state: &mut State) -> Result<i32, Errno> {
        if state.random.chance(state.faults.input_output) {
            return Err(Errno::EIO);
        }
        let takes_space = matches!(
            self,
            Named::Open { access: Access::Create, .. } | Named::MakeFolder { .. } | Named::Reserve { .. }
        );
        if takes_space && state.random.chance(state.faults.no_space) {
            return Err(Errno::ENOSPC);
        }
        let now_ns = state.now_ns;
        match self {
            Named::Open { folder, path, access } => {
                let folder = state.path(folder)?;
                let opened = state.tree.open(&folder, &path, access, now_ns)?;
                Ok(state.add(opened))
            }
            Named::Rename { from_folder, from, to_folder, to, existing } => {
                let (from, to) = (join(&state.path(from_folder)?, &from), join(&state.path(to_folder)?, &to));
                state.tree.rename(&from, &to, existing).map(|()| 0)
            }
            Named::Unlink { folder, name } => {
                let path = join(&state.path(folder)?, &name);
                state.tree.unlink(&path).map(|()| 0)
            }
            Named::MakeFolder { folder, name } => {
                let path = join(&state.path(folder)?, &name);
                state.tree.make_folder(&path).map(|()| 0)
            }
            Named::Reserve { .. } => Ok(0),
            Named::Sync { file } => {
                state.tree.sync(state.objects.get(&file));
                Ok(0)
            }
        }
    }
}

impl State {
    /// Where an open folder is.
    fn path(&self, folder: i32) -> Result<Vec<u8>, Errno> {
        match self.objects.get(&folder) {
            Some(Object::Folder(path)) => Ok(path.clone()),
            _ => Err(Errno::ENOTDIR),
        }
    }
}
