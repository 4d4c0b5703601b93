//! How a value leaves the cache: small ones are copied under the lock, large ones are pinned and sent from where they lie.
//! When no more may be pinned a large value is copied, within a budget of the whole service; beyond that it is refused, so
//! that clients who do not read cannot make the process outgrow its limit.
#![forbid(unsafe_code)]

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use spindle_core::{Lend, Parcel};
use spindle_slab::Hit;

use super::bridge::{CopiedValue, PinnedValue};

/// From this length on a value is sent from the cache's memory. Below, copying costs less than pinning and a segment of
/// its own.
const LENT_BYTES_MIN: usize = 16 * 1024;

/// The longest value that is copied where it should be pinned: the copy is made under the lock.
pub const COPIED_BYTES_MAX: usize = 1 << 20;

/// Bytes that clients make the service hold beside the cache's own memory, over all connections: copies of large values,
/// replies that wait for their reader, and unfinished long lines.
#[derive(Debug)]
pub struct HeldBudget {
    used: AtomicUsize,
    bytes_max: usize,
}

/// A part of the budget. Given back on drop.
pub struct HeldShare {
    budget: Arc<HeldBudget>,
    bytes: usize,
}

impl HeldBudget {
    pub fn new(bytes_max: usize) -> Arc<HeldBudget> {
        Arc::new(HeldBudget { used: AtomicUsize::new(0), bytes_max })
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Whether clients get only what is least from now on.
    #[inline]
    pub fn is_used_up(&self) -> bool {
        self.used() >= self.bytes_max
    }

    /// A share that may be refused.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Option<HeldShare> {
        let share = self.charge(bytes);
        (self.used() <= self.bytes_max).then_some(share)
    }

    /// A share of what is held already.
    pub fn charge(self: &Arc<Self>, bytes: usize) -> HeldShare {
        self.used.fetch_add(bytes, Relaxed);
        HeldShare { budget: Arc::clone(self), bytes }
    }
}

impl Drop for HeldShare {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Relaxed);
    }
}

/// A value on its way out of the cache, before anything is written about it.
pub enum Leaving {
    /// Small: to be copied behind its head.
    Small,
    Lent(Rc<dyn Lend>),
}

impl Leaving {
    /// Decides how the hit's value is sent; `None` when there is no memory to send it from.
    #[inline]
    pub fn prepare(hit: &mut Hit<'_>, budget: &Arc<HeldBudget>) -> Option<Leaving> {
        if hit.len < LENT_BYTES_MIN { Some(Leaving::Small) } else { Leaving::prepare_large(hit, budget) }
    }

    fn prepare_large(hit: &mut Hit<'_>, budget: &Arc<HeldBudget>) -> Option<Leaving> {
        if let Some(pin) = hit.pin() {
            return Some(Leaving::Lent(Rc::new(PinnedValue::new(pin))));
        }
        let share = budget.take(hit.len).filter(|_| hit.len <= COPIED_BYTES_MAX)?;
        let mut bytes = Vec::with_capacity(hit.len);
        hit.copy_to(&mut bytes);
        Some(Leaving::Lent(Rc::new(CopiedValue::new(bytes, share))))
    }

    /// Appends the value.
    #[inline]
    pub fn append(&self, hit: &Hit<'_>, parcel: &mut Parcel) {
        match self {
            Leaving::Small => hit.copy_to(&mut parcel.bytes),
            Leaving::Lent(value) => parcel.lend(value, 0..value.pieces()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_a_bound_and_shares_come_back() {
        let budget = HeldBudget::new(100);
        let first = budget.take(60).unwrap();
        assert!(budget.take(41).is_none());
        assert_eq!(budget.used(), 60, "a refusal leaves nothing behind");
        let second = budget.take(40).unwrap();
        drop(first);
        assert_eq!(budget.used(), 40);
        drop(second);
        assert_eq!(budget.used(), 0);
    }
}
