//! The files of the simulated machine: names beneath one root, and contents that outlive their names while they are open.

use std::collections::{BTreeMap, BTreeSet};

use super::world::Object;
use crate::Errno;
use crate::op::{Access, Existing};
use crate::status::{FileKind, Status};

/// What a name stands for. Paths have no slash at either end; the root is "".
#[derive(Clone, Debug)]
enum Node {
    /// Whose inode this is.
    Folder(u64),
    File(u64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) modified_ns: u64,
    /// The first part of the path that it was made under.
    device: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Tree {
    names: BTreeMap<Vec<u8>, Node>,
    contents: BTreeMap<u64, Content>,
    /// Folders that were ever made. Their inodes are apart from those of files.
    folders: u64,
    /// Folders in which names have changed since they were last synced.
    unsynced: BTreeSet<Vec<u8>>,
    /// Devices that do not answer.
    pub(super) hung: BTreeSet<Vec<u8>>,
}

/// The folder that a path is in.
fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |at| &path[..at])
}

/// The first part of a path.
fn device(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'/').next().unwrap_or_default()
}

impl Tree {
    /// A file that will have, or has, that path.
    pub(super) fn add(&mut self, path: &[u8], bytes: &[u8], now_ns: u64) -> u64 {
        let inode = self.contents.len() as u64 + 1;
        let content = Content { bytes: bytes.to_vec(), modified_ns: now_ns, device: device(path).to_vec() };
        self.contents.insert(inode, content);
        inode
    }

    /// Whether the device of a path does not answer.
    pub(super) fn path_hangs(&self, path: &[u8]) -> bool {
        self.hung.contains(device(path))
    }

    /// Whether the device of an open file does not answer.
    pub(super) fn file_hangs(&self, object: Option<&Object>) -> bool {
        let Some(Object::File(inode)) = object else { return false };
        self.contents.get(inode).is_some_and(|content| self.hung.contains(&content.device))
    }

    pub(super) fn content(&mut self, inode: u64) -> &mut Content {
        self.contents.entry(inode).or_default()
    }

    /// A file with a name, and the folders that it takes.
    pub(super) fn put(&mut self, path: &[u8], bytes: &[u8], now_ns: u64) {
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            if !self.names.contains_key(&path[..at]) {
                let folder = self.new_folder();
                self.names.insert(path[..at].to_vec(), folder);
            }
        }
        let inode = self.add(path, bytes, now_ns);
        self.names.insert(path.to_vec(), Node::File(inode));
    }

    pub(super) fn take_away(&mut self, path: &[u8]) {
        self.names
            .retain(|name, _| name != path && !name.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/")));
    }

    /// The bytes of a name, and none for what is no file.
    pub(super) fn get(&self, path: &[u8]) -> Option<&[u8]> {
        match self.names.get(path)? {
            Node::File(inode) => self.contents.get(inode).map(|content| &content.bytes[..]),
            Node::Folder(_) => None,
        }
    }

    /// All names of files.
    pub(super) fn files(&self) -> Vec<Vec<u8>> {
        self.names.iter().filter(|(_, node)| matches!(node, Node::File(_))).map(|(name, _)| name.clone()).collect()
    }

    fn new_folder(&mut self) -> Node {
        self.folders += 1;
        Node::Folder(self.folders)
    }

    fn node(&self, path: &[u8]) -> Result<Node, Errno> {
        if path.is_empty() { Ok(Node::Folder(0)) } else { self.names.get(path).cloned().ok_or(Errno::ENOENT) }
    }

    pub(super) fn open(&mut self, folder: &[u8], path: &[u8], access: Access, now_ns: u64) -> Result<Object, Errno> {
        let path = join(folder, path);
        if !matches!(self.node(parent(&path))?, Node::Folder(_)) {
            return Err(Errno::ENOTDIR);
        }
        match (self.node(&path), access) {
            (Ok(_), Access::Create) => Err(Errno::EEXIST),
            (Err(Errno::ENOENT), Access::Create) => {
                let inode = self.add(&path, b"", now_ns);
                self.changed(&path);
                self.names.insert(path, Node::File(inode));
                Ok(Object::File(inode))
            }
            (Ok(Node::File(_)), Access::Folder) => Err(Errno::ENOTDIR),
            (Ok(Node::File(inode)), _) => Ok(Object::File(inode)),
            (Ok(Node::Folder(_)), Access::Write) => Err(Errno::EISDIR),
            (Ok(Node::Folder(_)), _) => Ok(Object::Folder(path)),
            (Err(errno), _) => Err(errno),
        }
    }

    pub(super) fn rename(&mut self, from: &[u8], to: &[u8], existing: Existing) -> Result<(), Errno> {
        let node = self.node(from)?;
        if existing == Existing::Kept && self.node(to).is_ok() {
            return Err(Errno::EEXIST);
        }
        if matches!(self.node(to), Ok(Node::Folder(_))) {
            return Err(Errno::EISDIR);
        }
        self.changed(from);
        self.changed(to);
        self.names.remove(from);
        self.names.insert(to.to_vec(), node);
        Ok(())
    }

    pub(super) fn unlink(&mut self, path: &[u8]) -> Result<(), Errno> {
        match self.node(path)? {
            Node::Folder(_) => Err(Errno::EISDIR),
            Node::File(_) => {
                self.changed(path);
                self.names.remove(path);
                Ok(())
            }
        }
    }

    pub(super) fn make_folder(&mut self, path: &[u8]) -> Result<(), Errno> {
        match self.node(path) {
            Ok(_) => Err(Errno::EEXIST),
            Err(_) => {
                self.changed(path);
                let folder = self.new_folder();
                self.names.insert(path.to_vec(), folder);
                Ok(())
            }
        }
    }

    fn changed(&mut self, path: &[u8]) {
        self.unsync(parent(path));
    }

    pub(super) fn unsync(&mut self, folder: &[u8]) {
        self.unsynced.insert(folder.to_vec());
    }

    pub(super) fn sync(&mut self, object: Option<&Object>) {
        if let Some(Object::Folder(path)) = object {
            self.unsynced.remove(path);
        }
    }

    /// Whether a power cut might take the path's name, or that of a folder on the way to it.
    pub(super) fn name_is_unsynced(&self, path: &[u8]) -> bool {
        path.is_empty() || self.unsynced.contains(parent(path)) || {
            let parent = parent(path);
            !parent.is_empty() && self.name_is_unsynced(parent)
        }
    }

    pub(super) fn status(&self, object: &Object) -> Result<Status, Errno> {
        let status = |kind, bytes, modified_ns, inode| Status { kind, bytes, modified_ns, inode, links: 1, device: 1 };
        match object {
            Object::File(inode) => {
                let content = self.contents.get(inode).ok_or(Errno::EBADF)?;
                Ok(status(FileKind::Regular, content.bytes.len() as u64, content.modified_ns, *inode))
            }
            Object::Folder(path) => match self.node(path)? {
                Node::Folder(inode) => Ok(status(FileKind::Folder, 0, 0, inode)),
                Node::File(_) => Err(Errno::ENOTDIR),
            },
            Object::Listener(_) | Object::Stream(_) | Object::Unconnected => Ok(status(FileKind::Other, 0, 0, 0)),
        }
    }
}

/// `path` beneath `folder`.
pub(super) fn join(folder: &[u8], path: &[u8]) -> Vec<u8> {
    let path = if path == b"." { b"" } else { path };
    match (folder, path) {
        ([], path) => path.to_vec(),
        (folder, []) => folder.to_vec(),
        (folder, path) => [folder, b"/", path].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_go_and_move() {
        let mut tree = Tree::default();
        tree.put(b"dev1/a", b"first", 5);
        let opened = tree.open(b"dev1", b"a", Access::Read, 6).unwrap();
        assert_eq!(tree.status(&opened).unwrap().bytes, 5);
        assert_eq!(tree.open(b"", b"dev1/a", Access::Create, 6).err(), Some(Errno::EEXIST));
        assert_eq!(tree.open(b"", b"dev2/a", Access::Create, 6).err(), Some(Errno::ENOENT));
        assert_eq!(tree.open(b"", b"dev1/a/b", Access::Read, 6).err(), Some(Errno::ENOTDIR));
        assert!(matches!(tree.open(b"", b"dev1", Access::Folder, 6), Ok(Object::Folder(path)) if path == b"dev1"));
        let Ok(Object::File(inode)) = tree.open(b"dev1", b"b", Access::Create, 6) else { panic!("no new file") };
        tree.content(inode).bytes.extend(b"second");
        assert_eq!(tree.rename(b"dev1/b", b"dev1/a", Existing::Kept), Err(Errno::EEXIST));
        tree.rename(b"dev1/b", b"dev1/a", Existing::Replaced).unwrap();
        assert_eq!((tree.get(b"dev1/a"), tree.get(b"dev1/b")), (Some(&b"second"[..]), None));
        assert_eq!(tree.status(&opened).unwrap().bytes, 5, "who has it open keeps what it was");
        assert_eq!(tree.unlink(b"dev1"), Err(Errno::EISDIR));
        tree.unlink(b"dev1/a").unwrap();
        assert_eq!(tree.unlink(b"dev1/a"), Err(Errno::ENOENT));
        assert_eq!(tree.make_folder(b"dev1"), Err(Errno::EEXIST));
        assert!(tree.files().is_empty());
    }
}
