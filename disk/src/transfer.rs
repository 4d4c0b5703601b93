//! The pieces of a file on their way to a socket. How each goes is decided when its turn comes, by its size and by where
//! its bytes are at that moment:
//!
//! ```text
//! small              copied behind the head from the page cache: one send carries both
//! in the page cache  sendfile(2), which copies nothing            (transfer/cached)
//! on the disk        read by the ring, in the disk's turn, and copied; the core waits for nothing
//! ```
//!
//! A piece is bounded, so that a slow disk or a slow reader holds a piece of memory and no more, and a large file does not
//! keep a core from the others.

pub mod cached;

pub use cached::CachedSend;

use std::ops::Range;
use std::rc::Rc;

use spindle_core::Op;
use spindle_core::buffers::page_cache::{self, Residence};
use spindle_core::op::Offset;

use crate::disk::Disk;
use crate::failure::Failure;
use crate::open_file::OpenFile;

/// Up to this many bytes are copied, which costs less than three system calls (docs/decisions/006-how-files-are-sent.md).
const SMALL_BYTES_MAX: u64 = 4 * 1024;
/// What is read from a disk, or copied, at once.
const COPIED_BYTES_MAX: u64 = 128 * 1024;
/// What is sent from the page cache at once, before the others have their turn.
const CACHED_BYTES_MAX: u64 = 1 << 20;

pub struct Transfer {
    file: Rc<OpenFile>,
    left: Range<u64>,
    reading: Reading,
}

/// What a transfer finds out about where the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// All of the file, and nothing so far came from the disk.
    Whole,
    /// A part of it, or some of it did.
    Part,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Was appended to the bytes that are to be sent.
    Copied,
    /// Is in the page cache, to be sent from there by [`CachedSend`] after everything before it.
    Cached(Range<u64>),
}

impl Transfer {
    /// Of a range that lies within the file, which is `file_bytes` long.
    pub fn new(file: Rc<OpenFile>, range: Range<u64>, file_bytes: u64) -> Transfer {
        let reading = if range == (0..file_bytes) { Reading::Whole } else { Reading::Part };
        Transfer { file, left: range, reading }
    }

    pub fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    pub fn file(&self) -> &Rc<OpenFile> {
        &self.file
    }

    /// The next piece, if it waits for no disk. Not to be asked for when it is over.
    ///
    /// cachestat(2) also counts pages that are on their way from the disk, and sendfile(2) would wait for them. So it is asked
    /// only of files that were once read without the disk, and not from it since.
    pub fn ready(&mut self, disk: &Disk, into: &mut Vec<u8>) -> Option<Piece> {
        let left = self.left.end - self.left.start;
        let is_cached = |count: u64| self.is_cached(&(self.left.start..self.left.start + count));
        if left > SMALL_BYTES_MAX && self.file.is_read() && is_cached(left.min(CACHED_BYTES_MAX)) {
            let range = self.left.start..self.left.start + left.min(CACHED_BYTES_MAX);
            self.left.start = range.end;
            return Some(Piece::Cached(range));
        }
        let count = left.min(COPIED_BYTES_MAX);
        // What is not there would be asked for at once, and a disk that hangs may have no room even for that.
        if disk.hangs() && !is_cached(count) {
            return None;
        }
        let copied = page_cache::read(self.file.descriptor(), into, count as usize, self.left.start)?;
        self.left.start += copied as u64;
        if self.left.is_empty() && self.reading == Reading::Whole {
            self.file.set_read(true);
        }
        // None at all: it is shorter than it was, as the disk will say.
        (copied > 0).then_some(Piece::Copied)
    }

    fn is_cached(&self, range: &Range<u64>) -> bool {
        page_cache::residence(self.file.descriptor(), range.clone()) == Residence::Cached
    }

    /// Takes the end of a cached piece back, if it is not in the page cache any more: whether it did. `left` ends where the
    /// piece did.
    pub fn take_back(&mut self, left: &Range<u64>) -> bool {
        let gone = !self.is_cached(left);
        if gone {
            self.left.start = left.start;
        }
        gone
    }

    /// Reads the next piece from the disk, in its turn, and appends it.
    ///
    /// # Errors
    /// The disk's, and [`Failure::Shrunk`]: then nothing was appended, and the answer cannot be finished.
    pub async fn read(&mut self, disk: &Rc<Disk>, into: &mut Vec<u8>) -> Result<(), Failure> {
        self.reading = Reading::Part;
        self.file.set_read(false);
        let count = (self.left.end - self.left.start).min(COPIED_BYTES_MAX) as usize;
        let file = Rc::clone(self.file.descriptor());
        let mut buffer = disk.take_buffer();
        buffer.resize(count, 0);
        match disk.perform(Op::Read { file, buffer, offset: Offset::At(self.left.start) }).await?.1 {
            Some(Op::Read { buffer, .. }) if !buffer.is_empty() => {
                into.extend_from_slice(&buffer);
                self.left.start += buffer.len() as u64;
                disk.keep_buffer(buffer);
                Ok(())
            }
            _ => Err(Failure::Shrunk),
        }
    }
}
