//! Deadlines of flows, in order. A core has few (idle connections share one), so a tree does.

use std::collections::BTreeMap;

use crate::executor::TaskId;

#[derive(Default)]
pub(crate) struct Timers {
    deadlines: BTreeMap<(u64, u64), TaskId>,
    sequence: u64,
}

/// Names one deadline, for taking it back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimerKey(u64, u64);

impl Timers {
    pub(crate) fn add(&mut self, deadline_ns: u64, task: TaskId) -> TimerKey {
        self.sequence += 1;
        self.deadlines.insert((deadline_ns, self.sequence), task);
        TimerKey(deadline_ns, self.sequence)
    }

    pub(crate) fn remove(&mut self, key: TimerKey) {
        self.deadlines.remove(&(key.0, key.1));
    }

    #[inline]
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.deadlines.first_key_value().map(|(key, _)| key.0)
    }

    /// Takes the first deadline that has passed.
    #[inline]
    pub(crate) fn pop_due(&mut self, now_ns: u64) -> Option<TaskId> {
        let entry = self.deadlines.first_entry()?;
        (entry.key().0 <= now_ns).then(|| entry.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_due_in_order_and_can_be_taken_back() {
        let mut timers = Timers::default();
        timers.add(30, TaskId(3));
        let second = timers.add(20, TaskId(2));
        timers.add(10, TaskId(1));
        timers.add(10, TaskId(4));
        assert_eq!(timers.next_ns(), Some(10));
        assert_eq!(timers.pop_due(9), None);
        assert_eq!(timers.pop_due(10), Some(TaskId(1)));
        assert_eq!(timers.pop_due(10), Some(TaskId(4)), "the same time, in the order of adding");
        timers.remove(second);
        assert_eq!(timers.pop_due(100), Some(TaskId(3)));
        assert_eq!(timers.pop_due(u64::MAX), None);
    }
}
