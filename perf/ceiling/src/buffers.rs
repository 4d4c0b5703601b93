//! The provided-buffer ring: memory that the kernel picks from when bytes arrive, so that idle connections hold none.
//!
//! Buffers go out in the order in which they came home. A small ring therefore stays in the cache; a buffer length that
//! is not a multiple of a page spreads the buffers' first lines over the cache's sets.
#![allow(unsafe_code)]

use io_uring::{Submitter, cqueue, types::BufRingEntry};
use memmap2::MmapMut;
use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

/// The one buffer group of a ring.
pub const GROUP: u16 = 0;
/// IOU_PBUF_RING_INC, Linux 6.12.
const INCREMENTAL: u16 = 2;

/// Whether a receive takes a whole buffer, or only the bytes that it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Consumption {
    Whole,
    /// Linux 6.12.
    Incremental,
}

/// Received bytes, until given back. (No drop glue: giving back needs the `Buffers`.)
#[derive(Debug)]
#[must_use = "a chunk that is not given back starves the ring"]
pub struct Chunk {
    buffer: u16,
    start: usize,
    len: usize,
}

/// What is known of one buffer while it is away.
#[derive(Clone, Copy, Debug, Default)]
struct Lent {
    /// Bytes that the kernel has filled.
    filled: usize,
    /// Chunks not yet given back.
    chunks: u32,
    /// True exactly when the kernel will not fill it any further.
    retired: bool,
}

pub struct Buffers {
    entries: MmapMut,
    memory: MmapMut,
    buffer_bytes: usize,
    lent: Vec<Lent>,
    tail: u16,
}

impl Buffers {
    /// Registers `count` (a power of two, at most 32,768) buffers of `buffer_bytes` each with the ring.
    ///
    /// The returned value must outlive the ring's operations; `Wire` owns both and drops the ring first.
    ///
    /// # Errors
    /// EINVAL for a bad count or a kernel without the wanted consumption; ENOMEM.
    pub fn register(
        ring: &Submitter,
        count: u16,
        buffer_bytes: usize,
        consumption: Consumption,
    ) -> io::Result<Buffers> {
        let entries = MmapMut::map_anon(usize::from(count) * size_of::<BufRingEntry>())?;
        let memory = MmapMut::map_anon(usize::from(count) * buffer_bytes)?;
        let flags = match consumption {
            Consumption::Whole => 0,
            Consumption::Incremental => INCREMENTAL,
        };
        // SAFETY: `entries` is page-aligned, has room for `count`, and lives as long as the ring.
        unsafe { ring.register_buf_ring_with_flags(entries.as_ptr() as u64, count, GROUP, flags)? };
        let lent = vec![Lent::default(); usize::from(count)];
        let mut buffers = Buffers { entries, memory, buffer_bytes, lent, tail: 0 };
        (0..count).for_each(|buffer| buffers.send_home(buffer));
        Ok(buffers)
    }

    /// The bytes that a receive completion announces; none when it carries no buffer.
    pub fn take(&mut self, completion: &cqueue::Entry) -> Option<Chunk> {
        let buffer = cqueue::buffer_select(completion.flags())?;
        let len = usize::try_from(completion.result()).ok()?;
        let lent = &mut self.lent[usize::from(buffer)];
        let start = lent.filled;
        lent.filled += len;
        lent.chunks += 1;
        lent.retired = !cqueue::buffer_more(completion.flags());
        Some(Chunk { buffer, start, len })
    }

    pub fn bytes(&self, chunk: &Chunk) -> &[u8] {
        let start = usize::from(chunk.buffer) * self.buffer_bytes + chunk.start;
        // SAFETY: the kernel wrote these bytes, inside one buffer, and does not touch them again before the buffer
        // goes home, which takes the chunk itself.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().add(start), chunk.len) }
    }

    pub fn give_back(&mut self, chunk: Chunk) {
        let lent = &mut self.lent[usize::from(chunk.buffer)];
        lent.chunks -= 1;
        if lent.retired && lent.chunks == 0 {
            *lent = Lent::default();
            self.send_home(chunk.buffer);
        }
    }

    fn send_home(&mut self, buffer: u16) {
        let place = usize::from(self.tail) & (self.lent.len() - 1);
        let base = self.entries.as_mut_ptr().cast::<BufRingEntry>();
        // SAFETY: `place` is inside the ring and behind the published tail, where only we write; the tail word overlays
        // the first entry's unused field, as io_uring_register_buf_ring(3) lays it out, and is aligned.
        unsafe {
            let entry = &mut *base.add(place);
            entry.set_addr(self.memory.as_ptr().add(usize::from(buffer) * self.buffer_bytes) as u64);
            entry.set_len(self.buffer_bytes as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(base).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }
}
