//! Does the receiver need to be woken? The two-flag protocol of the mailbox, apart so that loom can try every order.

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering, fence};

/// True inside exactly while the receiver waits, or is about to.
#[derive(Debug)]
pub struct Doorbell {
    asleep: AtomicBool,
}

impl Default for Doorbell {
    fn default() -> Self {
        Doorbell { asleep: AtomicBool::new(false) }
    }
}

impl Doorbell {
    /// Receiver: before the last look at the queue.
    pub fn lie_down(&self) {
        // Swapped, as everywhere: then each change follows the one before it, whoever made that. It costs what a
        // sequentially consistent store costs.
        self.asleep.swap(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Receiver: the last look found something.
    pub fn get_up(&self) {
        self.asleep.swap(false, Ordering::SeqCst);
    }

    /// Sender: after the message is in the queue. True when this sender must wake the receiver.
    #[must_use]
    pub fn ring(&self) -> bool {
        fence(Ordering::SeqCst);
        self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst)
    }
}
