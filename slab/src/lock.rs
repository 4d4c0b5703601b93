//! Taking a lock, whatever became of its last holder: a panic under it aborts a release build; elsewhere it is a failed
//! test, and what follows may go on.
#![forbid(unsafe_code)]

use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(not(thread_sanitizer))]
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waiting for a lock goes through a part of the standard library that the sanitizer does not see unless it is built along,
/// so that it takes every contended lock for a race. Trying again and again is all our own code.
#[cfg(thread_sanitizer)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    use std::sync::TryLockError;
    loop {
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
}
