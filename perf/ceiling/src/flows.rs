//! The async engine: the same server as the raw one, with one plain `async fn` a connection.
#![forbid(unsafe_code)]

use crate::buffers::Chunk;
use crate::executor::Executor;
use crate::session::Session;
use crate::wire::{Event, Wire};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;

/// What came in for a connection and waits for its flow.
#[derive(Default)]
struct Inbox {
    chunks: VecDeque<Chunk>,
    ended: bool,
}

/// What flows and completions share.
struct Core {
    wire: Wire,
    inboxes: Vec<Inbox>,
}

/// A flow's hold on its connection.
struct Link {
    core: Rc<RefCell<Core>>,
    id: usize,
}

impl Link {
    /// The next bytes, or none when the peer is done.
    async fn receive(&self) -> Option<Chunk> {
        poll_fn(|_| {
            let inbox = &mut self.core.borrow_mut().inboxes[self.id];
            match inbox.chunks.pop_front() {
                Some(chunk) => Poll::Ready(Some(chunk)),
                None if inbox.ended => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }
}

async fn converse(link: Link, mut session: Session) {
    while let Some(chunk) = link.receive().await {
        link.core.borrow_mut().wire.answer(link.id, &mut session, chunk);
    }
    link.core.borrow_mut().wire.end(link.id);
}

/// Serves until told to stop.
///
/// # Errors
/// Those of the ring.
pub fn serve(wire: Wire) -> io::Result<()> {
    let core = Rc::new(RefCell::new(Core { wire, inboxes: Vec::new() }));
    let mut executor = Executor::default();
    let mut completions = Vec::new();
    loop {
        core.borrow_mut().wire.turn(&mut completions)?;
        for completion in completions.drain(..) {
            let Core { wire, inboxes } = &mut *core.borrow_mut();
            match wire.event(&completion)? {
                Event::Accepted(id, session) => {
                    inboxes.resize_with(inboxes.len().max(id + 1), Inbox::default);
                    inboxes[id] = Inbox::default();
                    executor.spawn(id, converse(Link { core: Rc::clone(&core), id }, session));
                }
                Event::Received(id, chunk) => {
                    inboxes[id].chunks.push_back(chunk);
                    executor.wake(id);
                }
                Event::Ended(id) => {
                    inboxes[id].ended = true;
                    executor.wake(id);
                }
                Event::Stop => return wire.stop(),
                Event::Handled => {}
            }
        }
        executor.run();
        core.borrow_mut().wire.flush()?;
    }
}
