//! May I stop yet: counts those inside, and lets one waiter know when the last has left.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use crate::engine::Core;
use crate::executor::TaskId;

/// Flows enter; whoever stops the service closes the gate and waits for the last to leave.
#[derive(Clone)]
pub struct Gate(Rc<State>);

struct State {
    core: Core,
    inside: Cell<usize>,
    closed: Cell<bool>,
    waiter: Cell<Option<TaskId>>,
}

/// Being inside. Leaves on drop.
pub struct Pass(Rc<State>);

impl Gate {
    pub fn new(core: &Core) -> Gate {
        let state =
            State { core: core.clone(), inside: Cell::new(0), closed: Cell::new(false), waiter: Cell::new(None) };
        Gate(Rc::new(state))
    }

    /// `None` once the gate is closed.
    pub fn enter(&self) -> Option<Pass> {
        if self.0.closed.get() {
            return None;
        }
        self.0.inside.set(self.0.inside.get() + 1);
        Some(Pass(Rc::clone(&self.0)))
    }

    pub fn inside(&self) -> usize {
        self.0.inside.get()
    }

    pub fn close(&self) {
        self.0.closed.set(true);
    }

    /// Waits until nobody is inside.
    pub async fn emptied(&self) {
        poll_fn(|_| {
            if self.0.inside.get() == 0 {
                return Poll::Ready(());
            }
            self.0.waiter.set(Some(self.0.core.current_task()));
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.inside.set(self.0.inside.get() - 1);
        if self.0.inside.get() == 0
            && let Some(waiter) = self.0.waiter.take()
        {
            self.0.core.wake(waiter);
        }
    }
}
