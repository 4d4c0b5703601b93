//! The lock of a shard, and of the page pool: held for O(1) time, as a rule by threads that have a core each.
//!
//! Giving it back is one plain store. The standard library's has to swap, to learn whether anybody sleeps, and the swap
//! waits for every store and load before it: a tenth of a pipelined get. So nobody sleeps here. Who finds a lock taken
//! looks again for as long as its holder needs when it runs, and then lets others run, the holder perhaps among them.
#![forbid(unsafe_code)]

use spin::mutex::{SpinMutex, SpinMutexGuard};

pub(crate) type Lock<T> = SpinMutex<T>;
pub(crate) type Guard<'a, T> = SpinMutexGuard<'a, T>;

/// Looks at a taken lock before its holder is believed not to run: some microseconds.
const LOOKS_MAX: u32 = 100;

#[inline]
pub(crate) fn lock<T>(lock: &Lock<T>) -> Guard<'_, T> {
    lock.try_lock().unwrap_or_else(|| wait(lock))
}

#[cold]
fn wait<T>(lock: &Lock<T>) -> Guard<'_, T> {
    loop {
        for _ in 0..LOOKS_MAX {
            if !lock.is_locked()
                && let Some(guard) = lock.try_lock()
            {
                return guard;
            }
            std::hint::spin_loop();
        }
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_everybody_in_the_end() {
        const ROUNDS: u64 = 20_000;
        let sum = Lock::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let mut sum = lock(&sum);
                        let before = *sum;
                        std::hint::black_box(&mut *sum);
                        *sum = before + 1;
                    }
                });
            }
        });
        assert_eq!(*lock(&sum), 4 * ROUNDS);
    }
}
