//! Receive buffers: handed to the kernel in a ring that it takes from when data arrives, so that an idle connection holds
//! none. io_uring_register_buf_ring(3).
//!
//! A buffer is in exactly one place: in the ring (the kernel may write it), or out as a [`Chunk`] (the flow may read it).
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::types::BufRingEntry;
use memmap2::{MmapMut, MmapRaw};

/// The buffer group that multishot receives name.
pub(crate) const GROUP: u16 = 0;
/// The kernel's bound on entries of one ring.
const BUFFERS_MAX: u16 = 1 << 15;

pub struct Provided {
    memory: MmapRaw,
    ring: MmapRaw,
    buffers: u16,
    buffer_bytes: u32,
    tail: Cell<u16>,
    /// Buffers in the ring.
    home: Cell<u16>,
    /// Somebody met ENOBUFS and waits until half of the buffers are home.
    starved: Cell<bool>,
    /// What the simulator takes from, in the order of the ring. The kernel reads the ring itself.
    simulated: Option<RefCell<VecDeque<u16>>>,
}

/// Who consumes the ring of buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    Kernel,
    Simulator,
}

impl Provided {
    /// `buffers` is a power of two, 32768 at most. Memory that is never received into is never touched.
    pub fn new(buffers: u16, buffer_bytes: u32, consumer: Consumer) -> std::io::Result<Rc<Provided>> {
        assert!(buffers.is_power_of_two() && buffers <= BUFFERS_MAX && buffer_bytes > 0);
        let memory = MmapMut::map_anon(usize::from(buffers) * buffer_bytes as usize)?;
        let ring = MmapMut::map_anon(usize::from(buffers) * size_of::<BufRingEntry>())?;
        let simulated = (consumer == Consumer::Simulator).then(RefCell::default);
        let provided = Rc::new(Provided {
            memory: memory.into(),
            ring: ring.into(),
            buffers,
            buffer_bytes,
            tail: Cell::new(0),
            home: Cell::new(0),
            starved: Cell::new(false),
            simulated,
        });
        (0..buffers).for_each(|id| provided.put_home(id));
        Ok(provided)
    }

    /// Where the ring lies and how many entries it has, for registering it.
    pub(crate) fn ring_for_kernel(&self) -> (u64, u16) {
        (self.ring.as_mut_ptr() as u64, self.buffers)
    }

    #[inline]
    fn put_home(&self, id: u16) {
        let tail = self.tail.get();
        let entries = self.ring.as_mut_ptr().cast::<BufRingEntry>();
        // SAFETY: both indexes are below `buffers`, the length of the ring and of the memory; the entry at `tail` is not
        // the kernel's before the store of the new tail, and `Chunk` gave up its view of the buffer.
        unsafe {
            let entry = &mut *entries.add(usize::from(tail & (self.buffers - 1)));
            entry.set_addr(self.memory.as_mut_ptr().add(usize::from(id) * self.buffer_bytes as usize) as u64);
            entry.set_len(self.buffer_bytes);
            entry.set_bid(id);
            let shared_tail = BufRingEntry::tail(entries).cast_mut().cast::<AtomicU16>();
            (*shared_tail).store(tail.wrapping_add(1), Ordering::Release);
        }
        if let Some(simulated) = &self.simulated {
            simulated.borrow_mut().push_back(id);
        }
        self.tail.set(tail.wrapping_add(1));
        self.home.set(self.home.get() + 1);
    }

    /// The lease of a buffer that a completion named. `length` is what the kernel wrote.
    #[inline]
    pub(crate) fn chunk(self: &Rc<Self>, id: u16, length: u32) -> Chunk {
        assert!(id < self.buffers && length <= self.buffer_bytes, "the kernel named a buffer that it was not given");
        self.home.set(self.home.get().checked_sub(1).expect("a buffer left twice"));
        Chunk { id, length, provided: Rc::clone(self) }
    }

    /// Simulator only: the next buffer of the ring with `bytes` in it, or `None` (ENOBUFS).
    pub(crate) fn fill(&self, bytes: &[u8]) -> Option<u16> {
        let id = self.simulated.as_ref()?.borrow_mut().pop_front()?;
        assert!(bytes.len() <= self.buffer_bytes as usize);
        // SAFETY: the buffer was in the ring, so nobody else views it; the length was checked.
        unsafe {
            let to = self.memory.as_mut_ptr().add(usize::from(id) * self.buffer_bytes as usize);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        Some(id)
    }

    pub fn buffer_bytes(&self) -> usize {
        self.buffer_bytes as usize
    }

    /// Buffers that are out as chunks.
    pub fn out(&self) -> u16 {
        self.buffers - self.home.get()
    }

    pub(crate) fn starve(&self) {
        self.starved.set(true);
    }

    /// True once when somebody starved and half of the buffers are home again.
    #[inline]
    pub(crate) fn relieved(&self) -> bool {
        if !self.starved.get() || self.home.get() < self.buffers / 2 {
            return false;
        }
        self.starved.set(false);
        true
    }
}

/// A received piece of a stream, lent from the provided buffers. Dropping it sends the buffer home.
pub struct Chunk {
    id: u16,
    length: u32,
    provided: Rc<Provided>,
}

impl std::ops::Deref for Chunk {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let offset = usize::from(self.id) * self.provided.buffer_bytes as usize;
        // SAFETY: `chunk` checked both bounds; the buffer is out of the ring until this lease drops, so nobody writes it.
        unsafe { std::slice::from_raw_parts(self.provided.memory.as_ptr().add(offset), self.length as usize) }
    }
}

impl Drop for Chunk {
    #[inline]
    fn drop(&mut self) {
        self.provided.put_home(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_home_or_out_and_never_both() {
        let provided = Provided::new(4, 64, Consumer::Simulator).unwrap();
        let mut chunks = Vec::new();
        for round in 0..4u8 {
            let id = provided.fill(&[round; 3]).unwrap();
            chunks.push(provided.chunk(id, 3));
        }
        assert!(provided.fill(b"x").is_none(), "no buffer is left: ENOBUFS");
        assert_eq!(provided.out(), 4);
        for (round, chunk) in chunks.iter().enumerate() {
            assert_eq!(&chunk[..], &[round as u8; 3]);
        }
        chunks.remove(1);
        let id = provided.fill(b"again").unwrap();
        assert_eq!(id, 1, "the one that went home");
        assert_eq!(&provided.chunk(id, 5)[..], b"again");
    }

    #[test]
    fn relief_comes_when_half_of_the_buffers_are_home() {
        let provided = Provided::new(4, 64, Consumer::Simulator).unwrap();
        let mut chunks: Vec<Chunk> = (0..4).map(|_| provided.chunk(provided.fill(b"").unwrap(), 0)).collect();
        assert!(!provided.relieved(), "nobody starves");
        provided.starve();
        chunks.pop();
        assert!(!provided.relieved(), "one of four");
        chunks.pop();
        assert!(provided.relieved());
        assert!(!provided.relieved(), "said once");
    }
}
