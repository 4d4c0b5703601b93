//! How many connections to backends a core may have, and who is next to get one where there are no more.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use spindle_core::{Core, TaskId};

pub struct Places {
    core: Core,
    taken: Cell<usize>,
    max: usize,
    /// Each task once. Only the first takes anything, so nobody waits for ever.
    line: RefCell<VecDeque<TaskId>>,
}

/// Room for one connection. Given back on drop.
pub struct Place(Rc<Places>);

/// A place in the line. Whoever leaves it lets the next look.
pub struct Spot<'a> {
    places: &'a Places,
    task: TaskId,
}

impl Places {
    pub fn new(core: &Core, max: u32) -> Rc<Places> {
        let (taken, line) = (Cell::new(0), RefCell::default());
        Rc::new(Places { core: core.clone(), taken, max: max as usize, line })
    }

    pub fn take(self: &Rc<Self>) -> Option<Place> {
        if self.taken.get() >= self.max {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        Some(Place(Rc::clone(self)))
    }

    pub fn nobody_waits(&self) -> bool {
        self.line.borrow().is_empty()
    }

    /// The current task waits from now on.
    pub fn line_up(&self) -> Spot<'_> {
        let task = self.core.current_task();
        self.line.borrow_mut().push_back(task);
        Spot { places: self, task }
    }

    /// There may be something for whoever is first.
    pub fn let_look(&self) {
        if let Some(first) = self.line.borrow().front() {
            self.core.wake(*first);
        }
    }
}

impl Spot<'_> {
    pub fn is_first(&self) -> bool {
        self.places.line.borrow().front() == Some(&self.task)
    }
}

impl Drop for Spot<'_> {
    fn drop(&mut self) {
        self.places.line.borrow_mut().retain(|task| *task != self.task);
        self.places.let_look();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get() - 1);
        self.0.let_look();
    }
}
