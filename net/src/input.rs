//! Framing: what was received and not yet consumed.
//!
//! Invariant: `at` is inside the current bytes, which are the carry when it holds anything and the chunk otherwise; never
//! both. A whole message in a chunk is parsed in place; only a message that a chunk's end cut in two is copied.

use spindle_core::Chunk;

pub struct Input {
    chunk: Option<Chunk>,
    carry: Vec<u8>,
    at: usize,
    /// Since [`Input::take_received`] was last asked.
    received_bytes: u64,
    /// A carry larger than this is given back when it is empty.
    kept_bytes_max: usize,
}

const KEPT_BYTES_MAX: usize = 16 * 1024;

impl Default for Input {
    fn default() -> Input {
        Input { chunk: None, carry: Vec::new(), at: 0, received_bytes: 0, kept_bytes_max: KEPT_BYTES_MAX }
    }
}

impl Input {
    /// Received and not consumed.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        if self.carry.is_empty() {
            self.chunk.as_deref().map_or(&[], |chunk| &chunk[self.at..])
        } else {
            &self.carry[self.at..]
        }
    }

    /// `count` is at most `bytes().len()`.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        self.at += count;
        let length =
            if self.carry.is_empty() { self.chunk.as_ref().map_or(0, |chunk| chunk.len()) } else { self.carry.len() };
        assert!(self.at <= length, "consumed more than was received");
        if self.at == length {
            self.clear();
        }
    }

    /// Adds what was received next. What is left of the former chunk is copied, so that its buffer goes home.
    #[inline]
    pub fn push(&mut self, chunk: Chunk) {
        self.received_bytes += chunk.len() as u64;
        if self.bytes().is_empty() {
            self.clear();
            self.chunk = Some(chunk);
        } else {
            self.detach();
            self.carry.extend_from_slice(&chunk);
        }
    }

    /// [`Input::push`] of bytes that are nobody's buffer: where nothing is left of those before, they are not copied.
    pub fn push_owned(&mut self, bytes: Vec<u8>) {
        self.received_bytes += bytes.len() as u64;
        if self.bytes().is_empty() {
            self.clear();
            self.carry = bytes;
        } else {
            self.detach();
            self.carry.extend_from_slice(&bytes);
        }
    }

    /// Has what is copied out of receive buffers from now on go to `memory`, which is empty, until it is taken back with
    /// [`Input::swap_owned`] or [`Input::take_spare`].
    pub fn lend(&mut self, mut memory: Vec<u8>) {
        if !self.carry.is_empty() {
            memory.extend_from_slice(&self.carry[self.at..]);
            self.at = 0;
        }
        self.kept_bytes_max = memory.capacity().max(KEPT_BYTES_MAX);
        self.carry = memory;
    }

    /// All of it, where it is to be had without copying, in the place of `spare`, which is empty.
    pub fn swap_owned(&mut self, spare: &mut Vec<u8>) -> bool {
        if self.carry.is_empty() || self.at > 0 || !spare.is_empty() {
            return false;
        }
        std::mem::swap(&mut self.carry, spare);
        self.kept_bytes_max = KEPT_BYTES_MAX;
        true
    }

    /// Memory that holds nothing now.
    pub fn take_spare(&mut self) -> Option<Vec<u8>> {
        let spare = (self.carry.is_empty() && self.carry.capacity() > 0).then(|| std::mem::take(&mut self.carry));
        self.kept_bytes_max = KEPT_BYTES_MAX;
        spare
    }

    /// Lets go of the receive buffer: before a wait for anything but more input.
    pub fn detach(&mut self) {
        if let Some(chunk) = self.chunk.take() {
            self.carry.extend_from_slice(&chunk[self.at..]);
            self.at = 0;
        } else if self.at > 0 {
            self.carry.drain(..self.at);
            self.at = 0;
        }
    }

    /// Bytes added since this was last asked.
    #[inline]
    pub fn take_received(&mut self) -> u64 {
        std::mem::take(&mut self.received_bytes)
    }

    /// Memory that is held beyond the receive buffers.
    pub fn carried_bytes(&self) -> usize {
        self.carry.capacity()
    }

    fn clear(&mut self) {
        self.chunk = None;
        self.at = 0;
        self.carry.clear();
        if self.carry.capacity() > self.kept_bytes_max {
            self.carry = Vec::new();
        }
    }

    /// An idle connection holds nothing.
    pub fn rest(&mut self) {
        if self.bytes().is_empty() {
            self.clear();
            (self.carry, self.kept_bytes_max) = (Vec::new(), KEPT_BYTES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_is_kept_and_comes_back_with_what_was_taken_over() {
        let mut input = Input::default();
        input.push_owned(b"head body".to_vec());
        input.consume(5);
        input.lend(Vec::with_capacity(100_000));
        assert_eq!(input.bytes(), b"body");
        input.push_owned(b" and more".to_vec());
        let mut taken = Vec::new();
        assert!(input.swap_owned(&mut taken));
        assert_eq!((taken.as_slice(), input.bytes()), (&b"body and more"[..], &b""[..]));
        assert!(taken.capacity() >= 100_000);
        input.lend(taken.split_off(taken.len()));
        assert!(input.take_spare().is_none(), "an empty vector is no memory");
    }

    #[test]
    fn lent_memory_is_given_back_between_requests_alone() {
        let mut input = Input::default();
        input.lend(Vec::with_capacity(100_000));
        input.push_owned(b"ab".to_vec());
        input.consume(2);
        assert_eq!(input.carried_bytes(), 2, "bytes that come in memory of their own stay in it");
        input.lend(Vec::with_capacity(100_000));
        input.consume(0);
        assert!(input.carried_bytes() >= 100_000);
        input.rest();
        assert_eq!(input.carried_bytes(), 0);
    }
}
