//! A thread beside the core that writes to the files of one disk.
//!
//! The ring would do it too, but not keep disks apart: io_uring does buffered writes to regular files, and fallocate(2), one
//! at a time in each of 64 groups that it draws by inode, whatever disk they are on (IO_WQ_HASH_ORDER in the kernel's
//! io_uring/io-wq.c). A write that waits for a disk that hangs would hold up those to others, soon enough some to each. So
//! whatever may wait is done here, in the order in which it was asked for.
//!
//! ```text
//! flow --job--> the disk's thread: pwrite(2), fallocate(2) --mailbox--> one flow of the core --> the flow that waits
//! ```
//!
//! In the simulator both are ops like all others.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};
use std::task::{Context, Poll};
use std::thread::Thread;
use std::time::Duration;

use crossbeam_queue::SegQueue;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::uio::pwrite;

use crate::descriptor::Descriptor;
use crate::engine::Core;
use crate::executor::TaskId;
use crate::flight::Flight;
use crate::mailbox::{Receiver, Sender, mailbox};
use crate::op::{Blocking, Offset, Op};
use crate::thread::unpin;
use crate::{Errno, Landing};

/// Between two tries to tell what was done.
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// Between two tries to hear of what was done.
const TAKEN_PAUSE_NS: u64 = 1_000_000;

pub struct Writer {
    core: Core,
    /// Started when there is something to do.
    hand: OnceCell<Hand>,
    jobs_max: usize,
    name: String,
    asked: Cell<u64>,
    pending: Rc<Pending>,
}

/// The thread.
struct Hand {
    jobs: Arc<Jobs>,
    thread: Thread,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.jobs.closed.store(true, Release);
        self.thread.unpark();
    }
}

/// What the thread is to do, in this order. There are never many: each has a place under its disk's bound.
#[derive(Default)]
struct Jobs {
    queue: SegQueue<Job>,
    /// There will be no more.
    closed: AtomicBool,
}

/// What was asked for and is not collected, by number.
#[derive(Default)]
struct Pending(RefCell<BTreeMap<u64, State>>);

enum State {
    /// Nobody has asked for the outcome yet, or this task has.
    Waiting(Option<TaskId>),
    Done(Written),
}

struct Job {
    number: u64,
    file: Arc<OwnedFd>,
    what: What,
    /// It is not begun any more once this is set.
    cancelled: Arc<AtomicBool>,
}

enum What {
    Write { buffer: Vec<u8>, offset: u64 },
    Reserve { range: Range<u64> },
}

/// What became of it.
#[derive(Debug)]
pub struct Written {
    /// Bytes written, at most as many as there were; 0 of a reservation.
    pub result: Result<usize, Errno>,
    /// Comes back.
    pub buffer: Vec<u8>,
}

impl Written {
    fn failed(errno: Errno) -> Written {
        Written { result: Err(errno), buffer: Vec::new() }
    }
}

impl Writer {
    /// For at most so many jobs at once. `disk` is what the thread is called by, `write-DISK`.
    pub fn new(core: &Core, disk: &str, jobs_max: usize) -> Writer {
        let name = if disk.is_empty() { "write".to_owned() } else { format!("write-{disk}") };
        let (hand, asked) = Default::default();
        Writer { core: core.clone(), name, hand, jobs_max, asked, pending: Rc::default() }
    }

    /// `file` is shared: [`Descriptor::into_shared`].
    pub fn write(&self, file: &Rc<Descriptor>, buffer: Vec<u8>, offset: u64) -> Writing {
        self.begin(file, What::Write { buffer, offset })
    }

    /// Gives the file, which is shared, room for these bytes; its length stays as it is.
    pub fn reserve(&self, file: &Rc<Descriptor>, range: Range<u64>) -> Writing {
        self.begin(file, What::Reserve { range })
    }

    fn begin(&self, file: &Rc<Descriptor>, what: What) -> Writing {
        let file = match &**file {
            Descriptor::Simulated(_) => return Writing(Way::Op(Some(self.core.launch(op(file, what))))),
            Descriptor::Shared(file) => Arc::clone(file),
            Descriptor::Kernel(_) => panic!("a file that is written to by a thread is shared with it"),
        };
        let number = self.asked.replace(self.asked.get() + 1);
        let cancelled = Arc::new(AtomicBool::new(false));
        let job = Job { number, file, what, cancelled: Arc::clone(&cancelled) };
        if let Err(errno) = self.hand_over(job) {
            return Writing(Way::Over(Some(Written::failed(errno))));
        }
        self.pending.0.borrow_mut().insert(number, State::Waiting(None));
        Writing(Way::Job { core: self.core.clone(), pending: Rc::clone(&self.pending), number, cancelled })
    }

    fn hand_over(&self, job: Job) -> Result<(), Errno> {
        let hand = match self.hand.get() {
            Some(hand) => hand,
            None => {
                let started = self.start()?;
                self.hand.get_or_init(|| started)
            }
        };
        hand.jobs.queue.push(job);
        // Costs nothing while it works.
        hand.thread.unpark();
        Ok(())
    }

    fn start(&self) -> Result<Hand, Errno> {
        let (answers, mut answered) = mailbox(self.jobs_max)?;
        let jobs = Arc::new(Jobs::default());
        let asked = Arc::clone(&jobs);
        let thread = std::thread::Builder::new().name(self.name.clone());
        let run = move || {
            // Not where the core is: it has other things to do.
            unpin();
            work(&asked, |answer| tell(&answers, answer));
        };
        let thread = thread.spawn(run).map_err(|_| Errno::EAGAIN)?.thread().clone();
        let (core, pending) = (self.core.clone(), Rc::clone(&self.pending));
        self.core.spawn("writer", async move {
            while collect(&core, &mut answered, &pending).await.is_err() {
                // Every slot is taken for a moment, and that is counted where it happens.
                core.sleep_until(core.now_ns() + TAKEN_PAUSE_NS).await;
            }
        });
        Ok(Hand { jobs, thread })
    }
}

/// Hands out what the thread has done, for ever.
async fn collect(core: &Core, answered: &mut Receiver<(u64, Written)>, pending: &Pending) -> Result<(), Errno> {
    loop {
        let (number, written) = answered.receive(core).await?;
        let mut pending = pending.0.borrow_mut();
        // Who was not interested in the outcome has gone.
        let Some(state) = pending.get_mut(&number) else { continue };
        if let State::Waiting(Some(task)) = std::mem::replace(state, State::Done(written)) {
            core.wake(task);
        }
    }
}

fn op(file: &Rc<Descriptor>, what: What) -> Op {
    let file = Rc::clone(file);
    match what {
        What::Write { buffer, offset } => {
            Op::Write { file, buffer, offset: Offset::At(offset), blocking: Blocking::Allowed }
        }
        What::Reserve { range } => Op::Reserve { file, range },
    }
}

/// There are never more answers than there is room for, but for what was given up: that waits.
fn tell(answers: &Sender<(u64, Written)>, mut answer: (u64, Written)) {
    while let Err(unsent) = answers.send(answer) {
        if answers.is_closed() {
            return;
        }
        answer = unsent;
        std::thread::sleep(FULL_PAUSE);
    }
}

/// What the thread does until its writer is gone, and all is done that was asked for.
fn work(jobs: &Jobs, mut tell: impl FnMut((u64, Written))) {
    loop {
        // Before the last look: what was asked for before that is done.
        let closed = jobs.closed.load(Acquire);
        match jobs.queue.pop() {
            Some(Job { number, file, what, cancelled }) => {
                let given_up = cancelled.load(Relaxed);
                let written = if given_up { Written::failed(Errno::ECANCELED) } else { perform(&file, what) };
                // Before anybody hears of it: what is done then may depend on nobody having it open.
                drop(file);
                tell((number, written));
            }
            None if closed => return,
            None => std::thread::park(),
        }
    }
}

fn perform(file: &OwnedFd, what: What) -> Written {
    match what {
        What::Write { buffer, offset } => {
            let result = loop {
                match pwrite(file, &buffer, offset as i64) {
                    Err(Errno::EINTR) => {}
                    result => break result,
                }
            };
            Written { result, buffer }
        }
        What::Reserve { range } => {
            let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            let (offset, length) = (signed(range.start), signed(range.end - range.start));
            let reserved = fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, offset, length);
            Written { result: reserved.map(|()| 0), buffer: Vec::new() }
        }
    }
}

/// Something that the disk's thread does, as a future. Dropped, it is given up: not begun, if it was not yet.
pub struct Writing(Way);

enum Way {
    Job {
        core: Core,
        pending: Rc<Pending>,
        number: u64,
        cancelled: Arc<AtomicBool>,
    },
    Op(Option<Flight>),
    /// It could not be asked for.
    Over(Option<Written>),
}

impl Writing {
    /// True when awaiting would not wait.
    pub fn has_landed(&self) -> bool {
        match &self.0 {
            Way::Job { pending, number, .. } => matches!(pending.0.borrow().get(number), Some(State::Done(_))),
            Way::Op(flight) => flight.as_ref().is_none_or(Flight::has_landed),
            Way::Over(_) => true,
        }
    }

    /// Asks for its end: it then says `ECANCELED`, or what came before.
    pub fn cancel(&self) {
        match &self.0 {
            Way::Job { cancelled, .. } => cancelled.store(true, Relaxed),
            Way::Op(flight) => flight.iter().for_each(Flight::cancel),
            Way::Over(_) => {}
        }
    }
}

impl Future for Writing {
    type Output = Written;

    /// Not to be polled again once it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Written> {
        match &mut self.0 {
            Way::Job { core, pending, number, .. } => {
                let mut pending = pending.0.borrow_mut();
                match pending.remove(number) {
                    Some(State::Done(written)) => Poll::Ready(written),
                    _ => {
                        pending.insert(*number, State::Waiting(Some(core.current_task())));
                        Poll::Pending
                    }
                }
            }
            Way::Op(flight) => {
                let Some(flying) = flight else { return Poll::Pending };
                let Poll::Ready(Landing { result, .. }) = Pin::new(flying).poll(context) else { return Poll::Pending };
                let buffer = match flight.take().and_then(Flight::into_cargo) {
                    Some(Op::Write { buffer, .. }) => buffer,
                    _ => Vec::new(),
                };
                Poll::Ready(Written { result: result.map(|count| count as usize), buffer })
            }
            Way::Over(written) => written.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Way::Job { pending, number, cancelled, .. } = &self.0 {
            cancelled.store(true, Relaxed);
            pending.0.borrow_mut().remove(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    fn job(number: u64, file: &File, what: What) -> Job {
        Job { number, file: Arc::new(file.try_clone().unwrap().into()), what, cancelled: Arc::default() }
    }

    fn write(bytes: &[u8]) -> What {
        What::Write { buffer: bytes.to_vec(), offset: 0 }
    }

    #[test]
    fn what_was_given_up_before_it_was_begun_is_not_done() {
        let file = tempfile::tempfile().unwrap();
        let jobs = Jobs::default();
        let given_up = job(1, &file, write(b"given up"));
        given_up.cancelled.store(true, Relaxed);
        jobs.queue.push(job(0, &file, write(b"done")));
        jobs.queue.push(given_up);
        jobs.queue.push(job(2, &file, What::Reserve { range: 0..0 }));
        jobs.closed.store(true, Release);
        let mut told = Vec::new();
        work(&jobs, |(number, written)| told.push((number, written.result)));
        assert_eq!(told, [(0, Ok(4)), (1, Err(Errno::ECANCELED)), (2, Err(Errno::EINVAL))]);
        let mut bytes = [0; 100];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 4);
        assert_eq!(&bytes[..4], b"done");
    }

    #[test]
    fn a_file_is_let_go_of_before_it_is_told_that_it_was_written() {
        let file = tempfile::tempfile().unwrap();
        let jobs = Jobs::default();
        let job = job(0, &file, write(b"bytes"));
        let held = Arc::clone(&job.file);
        jobs.queue.push(job);
        jobs.closed.store(true, Release);
        let mut told = 0;
        work(&jobs, |_| told += Arc::strong_count(&held));
        assert_eq!(told, 1);
    }
}
