//! Buffers that the kernel has mapped once, so that file reads need not map their pages each time.
//! io_uring_register_buffers(3). A bounded pool; a lease goes home on drop.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;

use memmap2::{MmapMut, MmapRaw};

pub struct Registered {
    memory: MmapRaw,
    buffers: u16,
    buffer_bytes: u32,
    free: RefCell<Vec<u16>>,
}

impl Registered {
    /// All buffers are one mapping, page-aligned (as O_DIRECT wants it).
    pub fn new(buffers: u16, buffer_bytes: u32) -> std::io::Result<Rc<Registered>> {
        assert!(buffers > 0 && buffer_bytes > 0 && buffer_bytes.is_multiple_of(4096));
        let memory = MmapMut::map_anon(usize::from(buffers) * buffer_bytes as usize)?;
        let free = RefCell::new((0..buffers).rev().collect());
        Ok(Rc::new(Registered { memory: memory.into(), buffers, buffer_bytes, free }))
    }

    /// `None` when every buffer is out: wait for one, or read without.
    pub fn take(self: &Rc<Self>) -> Option<RegisteredLease> {
        let index = self.free.borrow_mut().pop()?;
        Some(RegisteredLease { index, length: 0, home: Rc::clone(self) })
    }

    /// The buffers as (address, length), in the order of their indexes, for registering them.
    pub(crate) fn for_kernel(&self) -> impl Iterator<Item = (*mut u8, usize)> {
        let bytes = self.buffer_bytes as usize;
        let start = self.memory.as_mut_ptr();
        (0..usize::from(self.buffers)).map(move |index| (start.wrapping_add(index * bytes), bytes))
    }
}

/// One registered buffer, and how much of it was read into.
pub struct RegisteredLease {
    index: u16,
    length: u32,
    home: Rc<Registered>,
}

impl RegisteredLease {
    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    pub(crate) fn address(&mut self) -> *mut u8 {
        self.home.memory.as_mut_ptr().wrapping_add(usize::from(self.index) * self.home.buffer_bytes as usize)
    }

    pub fn capacity(&self) -> u32 {
        self.home.buffer_bytes
    }

    pub(crate) fn filled(&mut self, length: u32) {
        assert!(length <= self.home.buffer_bytes, "the kernel read more than was asked for");
        self.length = length;
    }

    /// Simulator only: what a read answered with.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.home.buffer_bytes as usize);
        // SAFETY: the lease is the only view of this buffer; the length was checked.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.address(), bytes.len()) }
    }
}

impl std::ops::Deref for RegisteredLease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let offset = usize::from(self.index) * self.home.buffer_bytes as usize;
        // SAFETY: the lease is the only view of this buffer, `filled` checked the length, and no op holds the lease while
        // the flow can reach it.
        unsafe { std::slice::from_raw_parts(self.home.memory.as_ptr().add(offset), self.length as usize) }
    }
}

impl Drop for RegisteredLease {
    fn drop(&mut self) {
        self.home.free.borrow_mut().push(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_bounded_and_go_home() {
        let registered = Registered::new(2, 4096).unwrap();
        let mut one = registered.take().unwrap();
        let two = registered.take().unwrap();
        assert!(registered.take().is_none());
        one.write(b"read");
        one.filled(4);
        assert_eq!(&one[..], b"read");
        drop(two);
        assert!(registered.take().is_some());
    }
}
