//! One op in the air, as a future: each await collects one landing. Dropping it orphans the op and asks for its
//! cancellation; the cargo stays with the kernel until the last completion.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Errno;
use crate::buffers::provided::Chunk;
use crate::descriptor::Descriptor;
use crate::engine::Core;
use crate::op::Op;
use crate::token::Token;

/// What one completion brought.
pub struct Landing {
    /// A count of bytes where there is one; 0 for a send, which is whole when it is `Ok`. `ECANCELED` after a
    /// cancellation, `EAGAIN` when every slot was taken.
    pub result: Result<u32, Errno>,
    pub arrived: Arrived,
    /// More landings follow.
    pub more: bool,
}

impl Landing {
    /// Every slot was taken.
    fn refused() -> Landing {
        Landing { result: Err(Errno::EAGAIN), arrived: Arrived::Nothing, more: false }
    }
}

/// What came into our hands with a completion; dropped, it goes home or closes.
pub enum Arrived {
    Nothing,
    Chunk(Chunk),
    Descriptor(Descriptor),
}

pub struct Flight {
    core: Core,
    /// `None`: refused at launch.
    token: Option<Token>,
}

impl Flight {
    #[inline]
    pub(crate) fn new(core: Core, token: Option<Token>) -> Flight {
        Flight { core, token }
    }

    /// True when awaiting would not wait.
    #[inline]
    pub fn has_landed(&self) -> bool {
        self.token.is_none_or(|token| self.core.slots().has_landed(token))
    }

    /// The next landing, if it is there.
    #[inline]
    pub fn take_landing(&mut self) -> Option<Landing> {
        let Some(token) = self.token else { return Some(Landing::refused()) };
        let mut slots = self.core.slots();
        if slots.has_landed(token) { slots.collect(token, self.core.current_task()) } else { None }
    }

    /// Asks for the end of a multishot op; its last landing says `ECANCELED`, or what came before.
    pub fn cancel(&self) {
        if let Some(token) = self.token {
            self.core.cancel(token);
        }
    }

    /// The cargo, after the last landing of an op that gives it back.
    pub fn into_cargo(self) -> Option<Op> {
        self.token.and_then(|token| self.core.slots().take_cargo(token))
    }
}

impl Future for Flight {
    type Output = Landing;

    #[inline]
    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Landing> {
        let Some(token) = self.token else {
            return Poll::Ready(Landing::refused());
        };
        let waiter = self.core.current_task();
        match self.core.slots().collect(token, waiter) {
            Some(landing) => Poll::Ready(landing),
            None => Poll::Pending,
        }
    }
}

impl Drop for Flight {
    #[inline]
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.core.forsake(token);
        }
    }
}
