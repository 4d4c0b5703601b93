//! Finding dead items before somebody needs their memory, a few chunks at a time.
#![forbid(unsafe_code)]

use crate::clock::Seconds;
use crate::item::ChunkState;
use crate::shard::{Life, STEPS, Shard};
use crate::slabs::Emptied;

impl Shard {
    /// Looks at up to `chunks_max` chunks, round after round over all pages, and removes what is dead. A limit that has
    /// fallen comes first: its pages are given back within the same bound, a step at least.
    pub(crate) fn sweep(&mut self, chunks_max: usize, now: Seconds) {
        self.flush_if_due(now);
        self.work(now);
        let mut chunks_left = chunks_max;
        while chunks_left > 0 && self.shed(now) {
            chunks_left = chunks_left.saturating_sub(STEPS);
        }
        for _ in 0..chunks_left {
            self.sweep_step(now);
        }
    }

    /// Removes every flushed item at once.
    pub(crate) fn sweep_all(&mut self) {
        // The first end of a round may come early in it; after the second everything has been seen.
        for _ in 0..2 {
            while !self.sweep_step(0) {}
        }
    }

    /// One chunk, or one step to the next page or class; true at the end of a round.
    fn sweep_step(&mut self, now: Seconds) -> bool {
        let chunk = match self.slabs.sweep_next() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return false,
            Err(()) => {
                let done = self.slabs.sweep_next_class();
                if done {
                    // Nothing older than the generation in which this round began can be left.
                    self.generation_oldest = self.generation_sweep;
                    self.generation_sweep = self.generation;
                }
                return done;
            }
        };
        let header = self.slabs.heap.header(chunk);
        if header.meta.state() == ChunkState::Linked && self.life(header, now) != Life::Live {
            self.count_dead(chunk);
            self.unlink(chunk, Emptied::Release);
        }
        false
    }
}
