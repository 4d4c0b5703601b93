//! Every request by itself, for who wants to look closer than histograms let him.
//!
//! The load's core only fills batches and hands them over; somebody else writes. If he cannot keep up, batches are left out
//! and counted, because a request that waits for a disk would be measured wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::Operation;
use super::record::{Moments, Trouble};
use crate::describe::Fault;

/// Requests of a batch: less than what the allocator asks the kernel for, and gives back, each time.
const BATCH: usize = 1024;
/// Batches that wait for their writer, at most: 18 MiB of them.
const WAITING_MAX: usize = 256;

/// One request that was due within the measured time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The place of its class in the plan.
    pub class: usize,
    pub operation: Operation,
    /// From the begin of the measured time.
    pub due_ns: u64,
    pub response_ns: u64,
    /// Zero of a request that was never handed to the kernel.
    pub service_ns: u64,
    pub lag_server_ns: u64,
    pub lag_generator_ns: u64,
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Right,
    Wrong(Fault),
    Refused,
    Broken,
    Malformed,
    /// Its time is what it had waited at the deadline.
    Unfinished,
}

/// Where a run's samples go.
#[derive(Clone, Debug)]
pub struct Sampling {
    batches: SyncSender<Vec<Sample>>,
    left_out: Arc<AtomicU64>,
}

impl Sampling {
    /// The samples, and who takes them until every clone of the first is gone.
    pub fn new() -> (Sampling, Receiver<Vec<Sample>>) {
        let (batches, taken) = sync_channel(WAITING_MAX);
        (Sampling { batches, left_out: Arc::default() }, taken)
    }

    /// Samples that were left out, because nobody took those before in time.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Relaxed)
    }

    /// Of one class on one generator.
    pub(super) fn of_class(&self, class: usize) -> Sampler {
        Sampler { class, batch: Vec::with_capacity(BATCH), sampling: self.clone() }
    }
}

pub(super) struct Sampler {
    class: usize,
    batch: Vec<Sample>,
    sampling: Sampling,
}

impl Sampler {
    /// Of a request that is over now; `begin_ns` is that of the measured time.
    #[inline]
    pub(super) fn note(
        &mut self,
        operation: Operation,
        moments: &Moments,
        begin_ns: u64,
        now_ns: u64,
        outcome: Outcome,
    ) {
        let Moments { intended_ns, noticed_ns, placed_ns, sent_ns } = *moments;
        // What was never handed to the kernel waited for a connection, or for a server that did not read what was before.
        let (placed_ns, sent_ns) = if sent_ns == 0 { (now_ns, now_ns) } else { (placed_ns, sent_ns) };
        let lag_server_ns = placed_ns.saturating_sub(noticed_ns);
        let lag_ns = sent_ns.saturating_sub(intended_ns);
        self.batch.push(Sample {
            class: self.class,
            operation,
            due_ns: intended_ns.saturating_sub(begin_ns),
            response_ns: now_ns.saturating_sub(intended_ns),
            service_ns: now_ns.saturating_sub(sent_ns),
            lag_server_ns,
            lag_generator_ns: lag_ns.saturating_sub(lag_server_ns),
            outcome,
        });
        if self.batch.len() == BATCH {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        if let Err(refused) = self.sampling.batches.try_send(batch) {
            let (std::sync::mpsc::TrySendError::Full(batch) | std::sync::mpsc::TrySendError::Disconnected(batch)) =
                refused;
            self.sampling.left_out.fetch_add(batch.len() as u64, Relaxed);
        }
    }

    /// The last ones. Waits for the writer: nothing is measured any more.
    pub(super) fn finish(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let count = batch.len() as u64;
        if self.sampling.batches.send(batch).is_err() {
            self.sampling.left_out.fetch_add(count, Relaxed);
        }
    }
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Outcome {
        match trouble {
            Trouble::Refused => Outcome::Refused,
            Trouble::Broken => Outcome::Broken,
            Trouble::Malformed => Outcome::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(intended_ns: u64) -> Moments {
        Moments { intended_ns, noticed_ns: intended_ns + 1, placed_ns: intended_ns + 5, sent_ns: intended_ns + 7 }
    }

    #[test]
    fn times_are_parted_as_in_the_histograms() {
        let (sampling, taken) = Sampling::new();
        let mut sampler = sampling.of_class(3);
        sampler.note(Operation::Set, &moments(1000), 400, 1107, Outcome::Right);
        sampler.note(Operation::Set, &Moments { sent_ns: 0, ..moments(1000) }, 400, 1100, Outcome::Unfinished);
        sampler.finish();
        let batch = taken.recv().unwrap();
        let right = Sample {
            class: 3,
            operation: Operation::Set,
            due_ns: 600,
            response_ns: 107,
            service_ns: 100,
            lag_server_ns: 4,
            lag_generator_ns: 3,
            outcome: Outcome::Right,
        };
        let unsent = Sample {
            response_ns: 100,
            service_ns: 0,
            lag_server_ns: 99,
            lag_generator_ns: 1,
            outcome: Outcome::Unfinished,
            ..right
        };
        assert_eq!(batch, [right, unsent]);
    }

    #[test]
    fn a_writer_who_cannot_keep_up_makes_nobody_wait() {
        let (sampling, taken) = Sampling::new();
        let mut sampler = sampling.of_class(0);
        (0..(WAITING_MAX + 2) * BATCH)
            .for_each(|at| sampler.note(Operation::Get, &moments(at as u64), 0, 9, Outcome::Right));
        assert_eq!(sampling.left_out(), 2 * BATCH as u64);
        drop((sampler, sampling));
        assert_eq!(taken.iter().map(|batch| batch.len()).sum::<usize>(), WAITING_MAX * BATCH);
    }
}
