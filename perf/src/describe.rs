//! Values and files that describe themselves, so that any byte range of any object is checked without keeping a copy.
//!
//! ```text
//! describe      an object, its header, its bytes
//!   stream      the bytes of a block, and what a block says about who wrote it
//!   fragment    whose bytes a stretch within one block are
//!   reading     an answer, piece by piece as it arrives: right, or what is wrong with it
//!   fault       what can be wrong
//!   ledger      which versions of a key a read may return
//! ```
//!
//! An object is a row of 64-byte blocks, the last one cut off where the object ends. A block is eight little-endian words
//! of SplitMix64 by counter, none of which needs another to be made. SplitMix64's last step can be undone, so seven of them
//! name the version to whoever knows the key, with 32 bits that must then be zero, and the second names the key. The first
//! five words of an object of 40 bytes or more are its header, in the clear:
//!
//! ```text
//!  0        8      16       24     32        36               40            64
//!  | magic  | key  | length | seed | version | crc32c of 0..36 | words 5..8 |     block 0 of 40 bytes or more
//!  | version| key  | version  version  version  version  version  version   |     every other block
//! ```
//!
//! What an object of a length can tell when it is read whole; a range of one tells as much as the whole words in it:
//!
//! | bytes  | told |
//! |--------|------|
//! | 1      | right or not, against each version that may be read; wrong bytes pass with odds of 1 in 256 for each |
//! | 2 to 7 | also stale, up to 64 versions back; wrong bytes pass for stale with odds of 64 in 256 to the number of bytes |
//! | 8      | stale of any age; torn where each version has a whole word; corrupt with all odds on its side |
//! | 16     | swapped |
//! | 40     | everything, by itself: [`Object::read`] needs neither key nor seed |
//!
//! A length is always told: whoever checks knows how long a version is.

mod fault;
mod fragment;
mod ledger;
mod reading;
mod stream;

pub use fault::Fault;
pub use ledger::{Absence, Known, Ledger, Outcome, Removal, Sent, State};
pub use reading::{Part, Reading, check};

use stream::{Author, BLOCK, Stream};

/// Of the header, in bytes. Shorter objects have none.
pub const HEADER: usize = 40;
const MAGIC: u64 = u64::from_le_bytes(*b"spindle\x01");

/// One version of what is stored under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// A hash of the key, or any other number that no other key of the load has.
    pub key: u64,
    pub version: u32,
    /// In bytes.
    pub length: u64,
    /// Of the load. Another seed makes other bytes of everything.
    pub seed: u64,
}

impl Object {
    /// What an object says that begins with these bytes: `None` of fewer than 40 bytes, and where the checksum is not
    /// right.
    pub fn read(bytes: &[u8]) -> Option<Object> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let word = |at: usize| header[at..].first_chunk().map(|word| u64::from_le_bytes(*word));
        let last = word(32)?;
        let object = Object { key: word(8)?, version: last as u32, length: word(16)?, seed: word(24)? };
        (object.length >= HEADER as u64 && object.header() == *header).then_some(object)
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&MAGIC.to_le_bytes());
        header[8..16].copy_from_slice(&self.key.to_le_bytes());
        header[16..24].copy_from_slice(&self.length.to_le_bytes());
        header[24..32].copy_from_slice(&self.seed.to_le_bytes());
        header[32..36].copy_from_slice(&self.version.to_le_bytes());
        let sum = crc32c::crc32c(&header[..36]);
        header[36..].copy_from_slice(&sum.to_le_bytes());
        header
    }

    /// Whether these are its bytes, all of them.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        if bytes.len() as u64 != self.length {
            return false;
        }
        let stream = Stream::of(&self.author());
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let mut head = stream.block(0);
        if self.length >= HEADER as u64 {
            head[..HEADER].copy_from_slice(&self.header());
        }
        let Some((first, blocks)) = blocks.split_first() else { return *rest == head[..rest.len()] };
        let mut ahead = (1..).map(|index| stream.block(index));
        let is_body = *first == head && blocks.iter().all(|block| ahead.next().as_ref() == Some(block));
        is_body && (rest.is_empty() || ahead.next().is_some_and(|block| *rest == block[..rest.len()]))
    }

    fn author(&self) -> Author {
        Author { key: self.key, seed: self.seed, version: self.version }
    }
}

/// Writes the bytes of an object from an offset on, as many as there is room for. Whoever asks for bytes past its end gets
/// some that no right answer has.
pub fn fill(object: &Object, offset: u64, mut out: &mut [u8]) {
    let stream = Stream::of(&object.author());
    let skipped = (offset % BLOCK as u64) as usize;
    let mut index = offset / BLOCK as u64;
    let in_header = object.length >= HEADER as u64 && offset < HEADER as u64;
    if in_header || skipped > 0 {
        let mut block = stream.block(index);
        if in_header {
            block[..HEADER].copy_from_slice(&object.header());
        }
        let in_block = out.len().min(BLOCK - skipped);
        out[..in_block].copy_from_slice(&block[skipped..skipped + in_block]);
        out = &mut out[in_block..];
        index += 1;
    }
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    for block in blocks {
        *block = stream.block(index);
        index += 1;
    }
    if !rest.is_empty() {
        let length = rest.len();
        rest.copy_from_slice(&stream.block(index)[..length]);
    }
}

#[cfg(test)]
mod tests;
