//! Messages between cores: a bounded queue, and one write to an eventfd when the receiver sleeps.
//!
//! The receiver says that it will sleep, looks once more, and only then waits; a sender that finds it sleeping wakes it.
//! Either the receiver sees the message or the sender sees the sleeper. tests/loom_mailbox.rs tries every order.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crossbeam_queue::ArrayQueue;
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::Errno;
use crate::descriptor::Descriptor;
use crate::doorbell::Doorbell;
use crate::engine::Core;
use crate::op::Offset;

struct Shared<T> {
    queue: ArrayQueue<T>,
    doorbell: Doorbell,
    /// Nobody receives any more.
    closed: AtomicBool,
    event: Arc<OwnedFd>,
}

/// The sending side: any thread, any number.
pub struct Sender<T>(Arc<Shared<T>>);

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender(Arc::clone(&self.0))
    }
}

/// The receiving side: one flow of one core.
pub struct Receiver<T>(Arc<Shared<T>>);

/// A mailbox for at most `messages_max` messages.
pub fn mailbox<T: Send>(messages_max: usize) -> Result<(Sender<T>, Receiver<T>), Errno> {
    let event = EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE)?;
    let shared = Arc::new(Shared {
        queue: ArrayQueue::new(messages_max),
        doorbell: Doorbell::default(),
        closed: AtomicBool::new(false),
        event: Arc::new(event.into()),
    });
    Ok((Sender(Arc::clone(&shared)), Receiver(shared)))
}

fn wake(event: &OwnedFd) {
    // Fails only at 2^64 - 1 unread wakes.
    let _ = nix::unistd::write(event, &1u64.to_ne_bytes());
}

impl<T: Send> Sender<T> {
    /// The message comes back when the mailbox is full.
    pub fn send(&self, message: T) -> Result<(), T> {
        self.0.queue.push(message)?;
        if self.0.doorbell.ring() {
            wake(&self.0.event);
        }
        Ok(())
    }
}

impl<T> Sender<T> {
    /// Whether nobody receives any more.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Relaxed)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.closed.store(true, Relaxed);
    }
}

impl<T: Send> Receiver<T> {
    /// The next message; waits for one.
    pub async fn receive(&mut self, core: &Core) -> Result<T, Errno> {
        loop {
            if let Some(message) = self.0.queue.pop() {
                return Ok(message);
            }
            self.0.doorbell.lie_down();
            if let Some(message) = self.0.queue.pop() {
                // A sender may have rung meanwhile: the stale wake costs one empty look later.
                self.0.doorbell.get_up();
                return Ok(message);
            }
            let event = Rc::new(Descriptor::Shared(Arc::clone(&self.0.event)));
            let mut waiting = Waiting { event: &self.0.event, woken: false };
            let read = core.read(&event, vec![0; 8], Offset::Current).await;
            // One that was refused takes no wake either.
            waiting.woken = true;
            read?;
        }
    }
}

/// A wait for a wake. One that is given up leaves its read to the kernel until that is cancelled, and the read may still
/// take a wake, which belongs to the next wait: so it is given one to take. The eventfd is a semaphore, of which each read
/// takes one; a wake too many costs one empty look.
struct Waiting<'a> {
    event: &'a OwnedFd,
    woken: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.woken {
            wake(self.event);
        }
    }
}
