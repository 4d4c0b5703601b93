//! How long a peer may say nothing. A timer is set when it has run out, and not at every request: a busy peer costs
//! nothing. It belongs to one task, which is the one that is woken.
#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::task::Context;

use spindle_core::Core;

pub struct Patience {
    core: Core,
    idle_ns: u64,
    since_ns: u64,
    sleeping: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Patience {
    pub fn new(core: &Core, idle_ns: u64) -> Patience {
        Patience { core: core.clone(), idle_ns, since_ns: core.now_ns(), sleeping: None }
    }

    /// Begins anew: the peer has done what it was waited for.
    pub fn renew(&mut self) {
        self.since_ns = self.core.now_ns();
    }

    fn deadline_ns(&self) -> u64 {
        self.since_ns.saturating_add(self.idle_ns)
    }

    /// Whether it is over; if not, the task is woken when it may be.
    pub fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            if self.core.now_ns() >= self.deadline_ns() {
                return true;
            }
            let (core, deadline_ns) = (self.core.clone(), self.deadline_ns());
            let sleeping = self.sleeping.get_or_insert_with(|| {
                Box::pin(async move {
                    core.sleep_until(deadline_ns).await;
                })
            });
            if sleeping.as_mut().poll(context).is_pending() {
                return false;
            }
            self.sleeping = None;
        }
    }
}
