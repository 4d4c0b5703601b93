//! One io_uring instance, and the only file that enters the kernel through it.
//!
//! Made for one thread (SINGLE_ISSUER, DEFER_TASKRUN: completions are delivered only inside `enter`), with SUBMIT_ALL,
//! a large completion queue and a registered ring fd. A turn is one `io_uring_enter`: submissions and the wait together.
#![allow(unsafe_code)]

use io_uring::{CompletionQueue, EnterFlags, IoUring, SubmissionQueue, Submitter, cqueue, squeue, types};
use std::io;
use std::ptr::NonNull;
use std::time::Duration;

/// Operations queued before the kernel must be entered.
const SUBMISSIONS: u32 = 4096;
/// Completions that fit without overflow: every connection may post a receive and a failed send in one turn.
const COMPLETIONS: u32 = 4 * SUBMISSIONS;

/// How long a turn waits.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// Completions that end the wait at once.
    pub completions: u32,
    /// After this long one completion is enough; zero waits for all of `completions`.
    pub at_least: Duration,
}

/// Whether submissions go through the kernel's index array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SqArray {
    Kept,
    /// IORING_SETUP_NO_SQARRAY, Linux 6.6.
    Dropped,
}

/// Whether time asleep in a turn is booked as waiting for I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum IoWait {
    Counted,
    /// IORING_ENTER_NO_IOWAIT, Linux 6.15.
    Uncounted,
}

/// The instance itself, freed when its parts are gone.
struct Instance(NonNull<IoUring>);

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the pointer came out of a box in `Ring::new`, and the parts that borrow from it were dropped before
        // this, the last field of `Ring`.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// The registered ring fd is known only to the `Submitter` that registered it, so one is kept for good, and the queues
/// beside it: they then publish their ends once a turn and not once an operation.
pub struct Ring {
    submitter: Submitter<'static>,
    submissions: SubmissionQueue<'static>,
    completions: CompletionQueue<'static>,
    wait: Wait,
    enter_flags: EnterFlags,
    _instance: Instance,
}

impl Ring {
    /// # Errors
    /// What the kernel says when it lacks a flag (EINVAL) or refuses rings altogether (EPERM).
    pub fn new(wait: Wait, sqarray: SqArray, iowait: IoWait) -> io::Result<Ring> {
        let mut builder = IoUring::builder();
        builder.setup_single_issuer().setup_defer_taskrun().setup_submit_all().setup_cqsize(COMPLETIONS);
        if sqarray == SqArray::Dropped {
            builder.setup_no_sqarray();
        }
        let ring = Box::into_raw(Box::new(builder.build(SUBMISSIONS)?));
        // SAFETY: a box's pointer is not null; from here on the box is freed by `Instance` alone.
        let instance = Instance(unsafe { NonNull::new_unchecked(ring) });
        // SAFETY: the instance does not move, nobody else refers to it, and `Ring` drops the parts before it.
        let (mut submitter, submissions, completions) = unsafe { (*ring).split() };
        submitter.register_ring_fd()?;
        let mut enter_flags = EnterFlags::GETEVENTS;
        // SAFETY: a shared look at what never changes after set-up.
        if iowait == IoWait::Uncounted && unsafe { (*ring).params().is_feature_no_iowait() } {
            enter_flags |= EnterFlags::NO_IOWAIT;
        }
        Ok(Ring { submitter, submissions, completions, wait, enter_flags, _instance: instance })
    }

    pub fn submitter(&self) -> &Submitter<'static> {
        &self.submitter
    }

    /// Queues an operation; enters the kernel first when the queue is full.
    ///
    /// # Errors
    /// The failure of that entry.
    ///
    /// # Safety
    /// What `op` points to stays valid until the kernel is done with it.
    pub unsafe fn push(&mut self, op: &squeue::Entry) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that `push` asks for.
        while unsafe { self.submissions.push(op) }.is_err() {
            self.submissions.sync();
            self.submitter.submit()?;
            self.submissions.sync();
        }
        Ok(())
    }

    /// Submits everything that is queued, waits, and appends what completed to `completions`.
    ///
    /// # Errors
    /// Those of io_uring_enter(2) but EINTR and ETIME, which are turns with little or nothing in them.
    pub fn turn(&mut self, completions: &mut Vec<cqueue::Entry>) -> io::Result<()> {
        loop {
            self.submissions.sync();
            match self.enter(self.submissions.len() as u32) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::ETIME)) => {}
                Err(error) => return Err(error),
                Ok(_) => {}
            }
            self.submissions.sync();
            if self.submissions.is_empty() {
                break;
            }
        }
        self.completions.sync();
        completions.extend(&mut self.completions);
        self.completions.sync();
        Ok(())
    }

    /// Ends every operation in flight, so that sockets close with their last descriptor and not some time after the
    /// ring: the kernel takes a ring apart in the background.
    ///
    /// # Errors
    /// ETIME when something does not let itself be cancelled for a second; those of `turn`.
    pub fn cancel_all(&mut self) -> io::Result<()> {
        let limit = types::Timespec::new().sec(1);
        self.submitter.register_sync_cancel(Some(limit), types::CancelBuilder::any().all())?;
        // A turn runs only a few of the cancellations, so turns follow until one brings nothing.
        self.wait = Wait { completions: 0, at_least: Duration::ZERO };
        let mut last = Vec::new();
        loop {
            self.turn(&mut last)?;
            if last.is_empty() {
                return Ok(());
            }
            last.clear();
        }
    }

    fn enter(&self, queued: u32) -> io::Result<usize> {
        if self.wait.at_least.is_zero() {
            let flags = self.enter_flags.bits();
            // SAFETY: no argument is passed, and the queued entries were vouched for when they were pushed.
            return unsafe { self.submitter.enter::<libc::sigset_t>(queued, self.wait.completions, flags, None) };
        }
        let args = types::SubmitArgs::new().min_wait_usec(self.wait.at_least.as_micros() as u32);
        let flags = (self.enter_flags | EnterFlags::EXT_ARG).bits();
        // SAFETY: as above; `args` is what EXT_ARG announces and outlives the call.
        unsafe { self.submitter.enter(queued, self.wait.completions, flags, Some(&args)) }
    }
}
