//! One turn's replies, side by side in memory that is reused every turn and so stays in the cache.
#![forbid(unsafe_code)]

/// Replies of a turn that go out inline; what does not fit takes the connection's own outbox.
const BYTES: usize = 1 << 20;

pub struct Arena {
    memory: Box<[u8]>,
    used: usize,
}

impl Arena {
    pub fn new() -> Arena {
        Arena { memory: vec![0; BYTES].into_boxed_slice(), used: 0 }
    }

    /// Forgets the last turn's replies: its enter has returned and the failures it reported are dealt with.
    pub fn reset(&mut self) {
        self.used = 0;
    }

    /// Room for `len` bytes, and where it starts.
    pub fn reserve(&mut self, len: usize) -> Option<(usize, &mut [u8])> {
        let start = self.used;
        let room = self.memory.get_mut(start..start + len)?;
        self.used += len;
        Some((start, room))
    }

    pub fn bytes(&self, start: usize, len: usize) -> &[u8] {
        &self.memory[start..start + len]
    }
}
