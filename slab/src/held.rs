//! Test only: how much this thread copies while it holds a shard's lock once.
#![forbid(unsafe_code)]

use std::cell::Cell;

thread_local! {
    static COPIED: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// A shard's lock was taken.
pub(crate) fn begin() {
    COPIED.set(0);
}

/// Bytes of a value were copied under it.
pub(crate) fn copied(len: usize) {
    COPIED.set(COPIED.get() + len);
    MOST.set(MOST.get().max(COPIED.get()));
}

/// The most bytes copied under one lock since this was last asked.
pub(crate) fn most_copied() -> usize {
    MOST.replace(0)
}
