//! The local executor: tasks, and the queue of those that can go on.
//!
//! Flows wait for this core's own things only (ops, timers, gates), and those remember the task that waits. So nobody
//! needs the waker that `Future::poll` passes: it does nothing, and waking is one push onto a queue of numbers.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

/// Names a task. Numbers are used again: a late wake of one that ended polls its successor once for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskId(pub(crate) u32);

type Flow = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    name: &'static str,
    /// Absent while it is being polled.
    flow: Option<Flow>,
    /// True exactly while its number is in the ready queue.
    queued: bool,
}

#[derive(Default)]
pub(crate) struct Executor {
    tasks: RefCell<Vec<Option<Task>>>,
    free: RefCell<Vec<u32>>,
    ready: RefCell<VecDeque<u32>>,
    current: Cell<u32>,
    live: Cell<usize>,
}

impl Executor {
    pub(crate) fn spawn(&self, name: &'static str, flow: Flow) -> TaskId {
        let task = Some(Task { name, flow: Some(flow), queued: true });
        let mut tasks = self.tasks.borrow_mut();
        let id = match self.free.borrow_mut().pop() {
            Some(id) => {
                tasks[id as usize] = task;
                id
            }
            None => {
                tasks.push(task);
                tasks.len() as u32 - 1
            }
        };
        self.live.set(self.live.get() + 1);
        self.ready.borrow_mut().push_back(id);
        TaskId(id)
    }

    #[inline]
    pub(crate) fn wake(&self, task: TaskId) {
        if let Some(Some(task_state)) = self.tasks.borrow_mut().get_mut(task.0 as usize)
            && !task_state.queued
        {
            task_state.queued = true;
            self.ready.borrow_mut().push_back(task.0);
        }
    }

    pub(crate) fn wake_all(&self) {
        let tasks = self.tasks.borrow().len() as u32;
        (0..tasks).for_each(|id| self.wake(TaskId(id)));
    }

    #[inline]
    pub(crate) fn current(&self) -> TaskId {
        TaskId(self.current.get())
    }

    pub(crate) fn live(&self) -> usize {
        self.live.get()
    }

    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    /// Polls the task that has been ready for longest; its name, or `None` when no task is ready.
    #[inline]
    pub(crate) fn poll_next(&self) -> Option<&'static str> {
        let id = self.ready.borrow_mut().pop_front()?;
        let (name, mut flow) = {
            let mut tasks = self.tasks.borrow_mut();
            let Some(task) = tasks[id as usize].as_mut() else { return Some("") };
            task.queued = false;
            let Some(flow) = task.flow.take() else { return Some("") };
            (task.name, flow)
        };
        self.current.set(id);
        let done = flow.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if done {
            self.tasks.borrow_mut()[id as usize] = None;
            self.free.borrow_mut().push(id);
            self.live.set(self.live.get() - 1);
            // Dropped with nothing borrowed: its destructors may spawn, wake and launch.
            drop(flow);
        } else if let Some(task) = self.tasks.borrow_mut()[id as usize].as_mut() {
            task.flow = Some(flow);
        }
        Some(name)
    }

    /// Drops every task. Their destructors may spawn more; those are dropped too.
    pub(crate) fn clear(&self) {
        loop {
            let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
            self.free.borrow_mut().clear();
            self.ready.borrow_mut().clear();
            if tasks.is_empty() {
                break;
            }
            drop(tasks);
        }
        self.live.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Poll;

    #[test]
    fn tasks_run_in_the_order_they_became_ready() {
        let executor = Executor::default();
        let log = Rc::new(RefCell::new(Vec::new()));
        for number in 0..3 {
            let log = Rc::clone(&log);
            let mut first = true;
            executor.spawn(
                "test",
                Box::pin(poll_fn(move |_| {
                    log.borrow_mut().push(number);
                    if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
                })),
            );
        }
        while executor.poll_next().is_some() {}
        executor.wake(TaskId(2));
        executor.wake(TaskId(0));
        executor.wake(TaskId(2));
        while executor.poll_next().is_some() {}
        assert_eq!(*log.borrow(), [0, 1, 2, 2, 0], "a task that is queued is not queued twice");
        assert_eq!(executor.live(), 1);
        executor.clear();
        assert_eq!(executor.live(), 0);
    }

    #[test]
    fn waking_what_does_not_exist_is_nothing() {
        let executor = Executor::default();
        executor.wake(TaskId(17));
        assert!(executor.poll_next().is_none());
    }
}
