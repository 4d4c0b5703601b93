//! Every bound of a core, tied together.

use crate::kernel::Wait;

/// Bounds of one core; each is decided at start and never grows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Ops in flight at once. At the bound `launch` fails and the flow is refused.
    pub slots_max: usize,
    /// Submissions handed over in one system call; more are handed over in several.
    pub submissions: u32,
    /// Completions that fit before the kernel has to keep some aside.
    pub completions: u32,
    /// Receive buffers, a power of two. At the bound receives end with ENOBUFS and are armed again when half are home.
    pub receive_buffers: u16,
    pub receive_buffer_bytes: u32,
    /// Buffers for file reads that the kernel maps once; none until somebody reads files.
    pub registered_buffers: u16,
    pub registered_buffer_bytes: u32,
    /// Threads of the kernel that wait for disks in this core's stead; 0 leaves the number to the kernel. A disk that hangs
    /// holds as many as it may have ops in flight.
    pub file_workers: u32,
    /// Chunks of one connection that its flow has not taken; at the bound its receive is cancelled.
    pub backlog_chunks_max: usize,
    /// Tasks polled between two system calls, so that a busy core still hears of completions.
    pub polls_per_turn_max: usize,
    /// What a core does when it has nothing to do.
    pub idle: Idle,
    /// A turn that computes for longer is a stall: counted, and named when asked for.
    pub stall_ns: u64,
    /// How long a dying ring may take to drain.
    pub drain_ns: u64,
}

/// What a core does when it has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Sleeps in the kernel until something completes.
    Sleep,
    /// Looks again at once: for a load generator, whose waking would be charged to the server that it measures.
    Spin,
    /// Sleeps, but looks again and again from so many nanoseconds before a timer on: what is due then is not late by the time
    /// that a waking takes, and until then the CPU is for others.
    SpinNear { timer_ns: u64 },
}

impl Idle {
    /// How to wait from `now_ns` on, when the next timer is due at `timer_ns`.
    pub(crate) fn wait(self, now_ns: u64, next_ns: Option<u64>) -> Wait {
        match (self, next_ns) {
            (Idle::Spin, _) => Wait::No,
            (Idle::Sleep | Idle::SpinNear { .. }, None) => Wait::Forever,
            (Idle::Sleep, Some(next_ns)) => Wait::UntilNs(next_ns),
            (Idle::SpinNear { timer_ns }, Some(next_ns)) => {
                let near_ns = next_ns.saturating_sub(timer_ns);
                if now_ns >= near_ns { Wait::No } else { Wait::UntilNs(near_ns) }
            }
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            slots_max: 1 << 20,
            submissions: 1024,
            completions: 8192,
            receive_buffers: 64,
            receive_buffer_bytes: 16 * 1024,
            registered_buffers: 0,
            registered_buffer_bytes: 256 * 1024,
            file_workers: 0,
            backlog_chunks_max: 4,
            polls_per_turn_max: 1024,
            idle: Idle::Sleep,
            stall_ns: 20_000_000,
            drain_ns: 2_000_000_000,
        }
    }
}

// A token has 24 bits for the slot.
const _: () = assert!(crate::token::SLOTS_MAX == 1 << 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_spins_near_a_timer_sleeps_until_then() {
        let idle = Idle::SpinNear { timer_ns: 30 };
        assert_eq!(idle.wait(0, None), Wait::Forever);
        assert_eq!(idle.wait(0, Some(100)), Wait::UntilNs(70));
        assert_eq!(idle.wait(69, Some(100)), Wait::UntilNs(70));
        assert_eq!([70, 99, 100, 200].map(|now_ns| idle.wait(now_ns, Some(100))), [Wait::No; 4]);
        assert_eq!(idle.wait(0, Some(10)), Wait::No);
    }

    #[test]
    fn others_always_or_never_spin() {
        assert_eq!([None, Some(100)].map(|next_ns| Idle::Spin.wait(0, next_ns)), [Wait::No; 2]);
        assert_eq!([None, Some(100)].map(|next_ns| Idle::Sleep.wait(0, next_ns)), [Wait::Forever, Wait::UntilNs(100)]);
    }
}
