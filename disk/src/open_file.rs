//! A file that is open for reading, and what is known of it.

use std::cell::Cell;
use std::fmt::Write;
use std::rc::Rc;

use spindle_core::Descriptor;
use spindle_core::status::{FileKind, Status};

use crate::disk::Disk;
use crate::failure::Failure;

/// Bytes of the longest entity tag, quotes included.
pub const ENTITY_TAG_BYTES_MAX: usize = 52;

pub struct OpenFile {
    /// Until it is dropped.
    descriptor: Option<Rc<Descriptor>>,
    disk: Rc<Disk>,
    /// All of it was read, and none of it from the disk: what the kernel says is in the page cache is not still on its way.
    is_read: Cell<bool>,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Some(descriptor) = self.descriptor.take() {
            self.disk.close(descriptor);
        }
    }
}

impl OpenFile {
    /// What may be served: a regular file. Also says what was found of it.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] for a folder, [`Failure::Absent`] for a device, fifo or socket.
    pub fn new(disk: &Rc<Disk>, descriptor: Descriptor) -> Result<(OpenFile, Status), Failure> {
        let status = Status::of(&descriptor)?;
        let (descriptor, disk, is_read) = (Some(Rc::new(descriptor)), Rc::clone(disk), Cell::new(false));
        match status.kind {
            FileKind::Regular => Ok((OpenFile { descriptor, disk, is_read }, status)),
            FileKind::Folder => Err(Failure::Forbidden),
            FileKind::Other => Err(Failure::Absent),
        }
    }

    pub fn descriptor(&self) -> &Rc<Descriptor> {
        self.descriptor.as_ref().expect("it is open until it is dropped")
    }

    pub(crate) fn is_read(&self) -> bool {
        self.is_read.get()
    }

    pub(crate) fn set_read(&self, is_read: bool) {
        self.is_read.set(is_read);
    }
}

/// Writes the strong entity tag (RFC 9110, 8.8.3) of a file of that status into `tag`: another one whenever the inode, its
/// length or its time of modification is another, the last of which is as fine as the file system keeps it.
pub fn entity_tag(status: &Status, tag: &mut String) {
    tag.clear();
    // Writing to a string cannot fail.
    let _ = write!(tag, "\"{:x}-{:x}-{:x}\"", status.inode, status.bytes, status.modified_ns);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_is_quoted_and_bounded_and_differs() {
        let status = Status {
            kind: FileKind::Regular,
            bytes: u64::MAX,
            modified_ns: u64::MAX,
            inode: u64::MAX,
            links: 1,
            device: 1,
        };
        let mut tag = String::new();
        entity_tag(&status, &mut tag);
        assert_eq!(tag.len(), ENTITY_TAG_BYTES_MAX);
        for other in [Status { bytes: 1, ..status }, Status { modified_ns: 1, ..status }, Status { inode: 1, ..status }]
        {
            let mut other_tag = String::new();
            entity_tag(&other, &mut other_tag);
            assert_ne!(other_tag, tag);
            assert!(other_tag.starts_with('"') && other_tag.ends_with('"'));
        }
    }
}
