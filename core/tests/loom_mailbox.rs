//! Every order in which the two sides of a mailbox can meet: no message is ever left with a sleeping receiver.
//!
//! The doorbell is the engine's own. The queue is modelled as weakly as a queue may be: a message is published with a
//! release and seen with an acquire, so that nothing but the doorbell's fences orders "queued" against "asleep". The
//! eventfd is a counter that a read waits for. A receiver that sleeps beside a message shows as a deadlock.
#![cfg(loom)]

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use spindle_core::doorbell::Doorbell;

/// eventfd(2): a write adds, a read waits until there is something, and takes all.
#[derive(Default)]
struct Event {
    count: Mutex<u64>,
    added: Condvar,
}

impl Event {
    fn write(&self) {
        *self.count.lock().unwrap() += 1;
        self.added.notify_one();
    }

    fn read(&self) {
        let mut count = self.count.lock().unwrap();
        while *count == 0 {
            count = self.added.wait(count).unwrap();
        }
        *count = 0;
    }
}

/// A mailbox of one place for each message, which is all that the protocol sees of a queue.
struct Mailbox {
    queued: Vec<AtomicBool>,
    doorbell: Doorbell,
    event: Event,
}

/// What the receiver does between saying that it will sleep and sleeping.
#[derive(Clone, Copy)]
enum LastLook {
    Taken,
    Forgotten,
}

impl Mailbox {
    fn new(messages: usize) -> Arc<Mailbox> {
        let queued = (0..messages).map(|_| AtomicBool::new(false)).collect();
        Arc::new(Mailbox { queued, doorbell: Doorbell::default(), event: Event::default() })
    }

    fn send(&self, message: usize) {
        self.queued[message].store(true, Ordering::Release);
        if self.doorbell.ring() {
            self.event.write();
        }
    }

    fn pop(&self) -> Option<usize> {
        // A plain load first: a swap would always see the latest value, which is more than a queue promises.
        (0..self.queued.len()).find(|&message| {
            let queued = self.queued[message].load(Ordering::Acquire);
            if queued {
                self.queued[message].store(false, Ordering::Relaxed);
            }
            queued
        })
    }

    /// One round of `Receiver::receive`. `None`: nothing was found, so the receiver sleeps next.
    fn look(&self, last_look: LastLook) -> Option<usize> {
        if let Some(message) = self.pop() {
            return Some(message);
        }
        self.doorbell.lie_down();
        if matches!(last_look, LastLook::Forgotten) {
            return None;
        }
        self.pop().inspect(|_| self.doorbell.get_up())
    }

    /// `Receiver::receive`, with the read of the eventfd in place of the op.
    fn receive(&self) -> usize {
        loop {
            match self.look(LastLook::Taken) {
                Some(message) => return message,
                None => self.event.read(),
            }
        }
    }
}

/// Each sender sends one message; the receiver waits for all of them.
fn all_arrive(senders: usize) {
    loom::model(move || {
        let mailbox = Mailbox::new(senders);
        let threads: Vec<_> = (0..senders)
            .map(|message| {
                let mailbox = Arc::clone(&mailbox);
                thread::spawn(move || mailbox.send(message))
            })
            .collect();
        let mut received: Vec<_> = (0..senders).map(|_| mailbox.receive()).collect();
        received.sort_unstable();
        assert!(received.into_iter().eq(0..senders), "each message once");
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// Whether in any order the receiver goes to sleep beside a message, with nothing on its way to wake it.
fn may_be_left(last_look: LastLook) -> bool {
    let left = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&left);
    loom::model(move || {
        let mailbox = Mailbox::new(1);
        let sending = Arc::clone(&mailbox);
        let sender = thread::spawn(move || sending.send(0));
        let found = mailbox.look(last_look);
        sender.join().unwrap();
        if found.is_none() && *mailbox.event.count.lock().unwrap() == 0 {
            seen.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    });
    left.load(std::sync::atomic::Ordering::SeqCst)
}

#[test]
fn one_sender_never_leaves_a_message_with_a_sleeping_receiver() {
    all_arrive(1);
    assert!(!may_be_left(LastLook::Taken));
}

#[test]
fn two_senders_never_leave_a_message_with_a_sleeping_receiver() {
    all_arrive(2);
}

/// A sender that sends again meets a receiver in every stage of getting up and lying down.
#[test]
fn a_sender_that_goes_on_never_leaves_a_message_with_a_sleeping_receiver() {
    loom::model(|| {
        let mailbox = Mailbox::new(3);
        let sending = Arc::clone(&mailbox);
        let sender = thread::spawn(move || (0..3).for_each(|message| sending.send(message)));
        for _ in 0..3 {
            mailbox.receive();
        }
        assert!(mailbox.pop().is_none());
        sender.join().unwrap();
    });
}

/// The models can fail.
#[test]
fn without_the_last_look_a_message_may_be_left() {
    assert!(may_be_left(LastLook::Forgotten));
}
