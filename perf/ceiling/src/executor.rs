//! A local executor: one future a slot, a queue of slots to poll, nothing shared between threads.
//!
//! Completions wake by slot number, so leaf futures keep no waker and a wake is one push.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A slot of the executor.
struct Slot {
    task: Option<Task>,
    /// True exactly when the slot is in the queue.
    queued: bool,
}

#[derive(Default)]
pub struct Executor {
    slots: Vec<Slot>,
    ready: VecDeque<usize>,
}

impl Executor {
    /// Puts `task` into `slot`, which must be free, and has it polled in the next `run`.
    pub fn spawn(&mut self, slot: usize, task: impl Future<Output = ()> + 'static) {
        while self.slots.len() <= slot {
            self.slots.push(Slot { task: None, queued: false });
        }
        assert!(self.slots[slot].task.is_none(), "slot {slot} is taken");
        self.slots[slot].task = Some(Box::pin(task));
        self.wake(slot);
    }

    pub fn wake(&mut self, slot: usize) {
        if !self.slots[slot].queued {
            self.slots[slot].queued = true;
            self.ready.push_back(slot);
        }
    }

    /// Polls every task that was woken before the call.
    pub fn run(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..self.ready.len() {
            let Some(slot) = self.ready.pop_front() else { return };
            let slot = &mut self.slots[slot];
            slot.queued = false;
            if let Some(task) = &mut slot.task
                && let Poll::Ready(()) = task.as_mut().poll(&mut context)
            {
                slot.task = None;
            }
        }
    }
}
