//! What is to be sent on one connection: bytes that the flow wrote, and between them memory that somebody else lends.
//!
//! ```text
//! bytes   HD 3\r\n|VALUE k 0 1000000\r\n|\r\nEND\r\n
//! lent                                   ^ 1000000 bytes, at the offset in `bytes` where they belong
//! ```
//!
//! A parcel is a lease: dropped, its memory goes home to the core's pool.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::lend::Lend;
use crate::ring::Scratch;

/// Memory kept for the next parcels, and the largest piece of it.
const POOLED_BYTES_MAX: usize = 4 << 20;
const POOLED_PARCEL_BYTES_MAX: usize = 256 * 1024;

pub struct Parcel {
    /// Written by the flow.
    pub bytes: Vec<u8>,
    /// Most parcels borrow nothing.
    borrowed: Option<Box<Borrowed>>,
    /// How much of the whole has been sent.
    sent: usize,
    home: Rc<ParcelPool>,
}

/// What a parcel borrows, and how the kernel is told of it.
#[derive(Default)]
struct Borrowed {
    lent: Vec<Lent>,
    lent_bytes: usize,
    /// Where the kernel reads the list of segments.
    scratch: Option<Box<Scratch>>,
}

struct Lent {
    /// Offset in `bytes` before which this memory is sent. Ascending.
    at: usize,
    owner: Rc<dyn Lend>,
    piece: usize,
}

#[derive(Default)]
pub struct ParcelPool {
    bytes: RefCell<Vec<Vec<u8>>>,
    /// Sum of their capacities.
    pooled_bytes: Cell<usize>,
}

impl ParcelPool {
    #[inline]
    pub fn take(self: &Rc<Self>) -> Parcel {
        let bytes = self.bytes.borrow_mut().pop().unwrap_or_default();
        self.pooled_bytes.set(self.pooled_bytes.get() - bytes.capacity());
        Parcel { bytes, borrowed: None, sent: 0, home: Rc::clone(self) }
    }
}

impl Drop for Parcel {
    #[inline]
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let (size, pooled) = (bytes.capacity(), self.home.pooled_bytes.get());
        if size > 0 && size <= POOLED_PARCEL_BYTES_MAX && pooled + size <= POOLED_BYTES_MAX {
            bytes.clear();
            self.home.bytes.borrow_mut().push(bytes);
            self.home.pooled_bytes.set(pooled + size);
        }
    }
}

impl Parcel {
    /// Lends the pieces `range` of `owner` at the end of what was written so far.
    pub fn lend(&mut self, owner: &Rc<dyn Lend>, range: std::ops::Range<usize>) {
        let borrowed = self.borrowed.get_or_insert_default();
        for piece in range {
            borrowed.lent_bytes += owner.piece(piece).len();
            borrowed.lent.push(Lent { at: self.bytes.len(), owner: Rc::clone(owner), piece });
        }
    }

    /// All of it, sent or not.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len() + self.lent_bytes()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes lent by others.
    #[inline]
    pub fn lent_bytes(&self) -> usize {
        self.borrowed.as_ref().map_or(0, |borrowed| borrowed.lent_bytes)
    }

    #[inline]
    pub fn unsent(&self) -> usize {
        self.len() - self.sent
    }

    /// Notes that `count` more bytes are sent; `count` is at most [`Parcel::unsent`].
    #[inline]
    pub fn advance(&mut self, count: usize) {
        assert!(count <= self.unsent(), "the kernel sent more than it was given");
        self.sent += count;
    }

    /// The one segment of a parcel without lent memory.
    #[inline]
    pub fn plain(&self) -> Option<&[u8]> {
        if self.borrowed.is_none() { Some(&self.bytes[self.sent..]) } else { None }
    }

    /// Describes the unsent segments with `describe`, in memory that the parcel keeps for as long as it lives.
    pub(crate) fn describe(&mut self, describe: impl FnOnce(&Self, Option<Box<Scratch>>) -> Box<Scratch>) -> &Scratch {
        let kept = self.borrowed.get_or_insert_default().scratch.take();
        let scratch = describe(self, kept);
        self.borrowed.get_or_insert_default().scratch.insert(scratch)
    }

    /// The unsent segments in order.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        let lent = self.borrowed.as_ref().map_or(&[][..], |borrowed| &borrowed.lent);
        let mut skip = self.sent;
        let mut from = 0;
        let own_and_lent = lent.iter().flat_map(move |lent| {
            let own = &self.bytes[from..lent.at];
            from = lent.at;
            [own, lent.owner.piece(lent.piece)]
        });
        let tail = &self.bytes[lent.last().map_or(0, |lent| lent.at)..];
        own_and_lent.chain(std::iter::once(tail)).filter_map(move |segment| {
            let skipped = skip.min(segment.len());
            skip -= skipped;
            (skipped < segment.len()).then_some(&segment[skipped..])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parcel: &Parcel) -> Vec<u8> {
        parcel.segments().flatten().copied().collect()
    }

    #[test]
    fn lent_memory_is_sent_where_it_was_lent() {
        let pool = Rc::new(ParcelPool::default());
        let mut parcel = pool.take();
        parcel.bytes.extend_from_slice(b"head ");
        let first: Rc<dyn Lend> = Rc::new(b"FIRST".to_vec());
        parcel.lend(&first, 0..1);
        parcel.lend(&first, 0..1);
        parcel.bytes.extend_from_slice(b" middle ");
        let second: Rc<dyn Lend> = Rc::new(b"SECOND".to_vec());
        parcel.lend(&second, 0..1);
        parcel.bytes.extend_from_slice(b" tail");
        let whole = b"head FIRSTFIRST middle SECOND tail";
        assert_eq!(parcel.len(), whole.len());
        for sent in 0..=whole.len() {
            assert_eq!(joined(&parcel), &whole[sent..], "after {sent} bytes");
            assert_eq!(parcel.unsent(), whole.len() - sent);
            assert!(parcel.segments().all(|segment| !segment.is_empty()));
            if sent < whole.len() {
                parcel.advance(1);
            }
        }
    }

    #[test]
    fn a_dropped_parcel_lets_go_of_what_it_borrowed_and_sends_its_memory_home() {
        let pool = Rc::new(ParcelPool::default());
        let owner: Rc<dyn Lend> = Rc::new(vec![1]);
        let mut parcel = pool.take();
        parcel.bytes.reserve(1000);
        parcel.lend(&owner, 0..1);
        assert_eq!(Rc::strong_count(&owner), 2);
        drop(parcel);
        assert_eq!(Rc::strong_count(&owner), 1);
        let again = pool.take();
        assert!(again.bytes.capacity() >= 1000 && again.is_empty());
    }
}
