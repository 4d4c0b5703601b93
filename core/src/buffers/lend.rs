//! The promise that memory owned by somebody else stays put while the kernel reads or writes it.
#![allow(unsafe_code)]

use std::any::Any;

/// Memory that may be sent while others go on using its owner.
///
/// # Safety
/// For as long as the value lives, every `piece(index)` is the same memory with the same bytes, wherever the value itself
/// is moved.
pub unsafe trait Lend: 'static {
    fn pieces(&self) -> usize;
    /// `index` is below [`Lend::pieces`]; a piece is not empty.
    fn piece(&self, index: usize) -> &[u8];
}

/// Memory that may be received into; the value has it to itself.
///
/// # Safety
/// Between two calls of `piece` the memory it returned stays put and is touched by nobody else, wherever the value itself
/// is moved, until the value is dropped.
pub unsafe trait LendMut: Any {
    /// The piece that is being filled. Not empty.
    fn piece(&mut self) -> &mut [u8];
}

// SAFETY: a Vec that nobody can reach mutably keeps its heap memory in place and unchanged.
unsafe impl Lend for Vec<u8> {
    fn pieces(&self) -> usize {
        usize::from(!self.is_empty())
    }

    fn piece(&self, _index: usize) -> &[u8] {
        self
    }
}

// SAFETY: a Vec keeps its heap memory in place as long as nobody pushes; `piece` alone does not.
unsafe impl LendMut for Vec<u8> {
    fn piece(&mut self) -> &mut [u8] {
        self
    }
}

/// The end of a vector, to be received into behind what is there.
pub struct Tail {
    bytes: Vec<u8>,
    from: usize,
}

impl Tail {
    /// Room for `count` bytes, at least one, behind `bytes`.
    pub fn new(mut bytes: Vec<u8>, count: usize) -> Tail {
        let from = bytes.len();
        bytes.resize(from + count.max(1), 0);
        Tail { bytes, from }
    }

    /// The vector, back from the kernel, with `received` bytes more, and where these begin.
    pub fn finish(lent: Box<dyn LendMut>, received: usize) -> Option<(Vec<u8>, usize)> {
        let any: Box<dyn Any> = lent;
        let Tail { mut bytes, from } = *any.downcast::<Tail>().ok()?;
        bytes.truncate(from + received);
        Some((bytes, from))
    }
}

// SAFETY: as for a Vec; nobody but `piece` reaches it until it is finished.
unsafe impl LendMut for Tail {
    fn piece(&mut self) -> &mut [u8] {
        &mut self.bytes[self.from..]
    }
}
