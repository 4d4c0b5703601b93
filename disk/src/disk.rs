//! One device of the JBOD, as one core sees it: so many of its ops may be in flight, so many flows may wait for a place, and
//! when an op does not come back nobody waits behind it.
//!
//! ```text
//! flow --place--> op in the air --lands--> the next flow's place
//!                      |
//!                      +--out of patience--> the flow is told `Hung`; the op keeps its place until it lands
//! ```
//!
//! Two invariants: the ops in flight are never more than `ops_max`, those that nobody waits for any more among them; and a
//! disk on which an op is overdue refuses newcomers at once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use spindle_core::flight::Arrived;
use spindle_core::op::{Blocking, Offset};
use spindle_core::status::{Status, bytes_free};
use spindle_core::writer::{Writer, Writing};
use spindle_core::{Core, Descriptor, Errno, Flight, Landing, Op, TaskId};

use crate::failure::Failure;
use crate::lasting::Lasting;

/// Buffers that are kept for the next uploads: so many, each no larger than this.
const BUFFERS_KEPT_MAX: usize = 32;
const BUFFER_BYTES_KEPT_MAX: usize = 256 * 1024;

/// What is asked for at once.
const RESERVED_BYTES_MAX: u64 = 1 << 30;

/// After so many writes in a row that could not be done without waiting, only one in so many is tried again: most file systems
/// cannot do any. (XFS and Btrfs can.)
const REFUSALS_MAX: u32 = 16;
const TRIED_AGAIN: u32 = 1024;

/// Between two tries to close a file on a disk that has too much to do.
const CLOSE_PAUSE_NS: u64 = 1_000_000_000;

/// Bounds of one disk, on each core.
#[derive(Clone, Copy, Debug)]
pub struct DiskLimits {
    /// Ops in flight at once: what the kernel's workers may be held by, if the disk hangs.
    pub ops_max: usize,
    /// Flows that wait for a place.
    pub waiting_max: usize,
    /// How long one op, or the wait for a place, may take. A disk that spins up takes some ten seconds.
    pub patience_ns: u64,
}

impl Default for DiskLimits {
    fn default() -> Self {
        DiskLimits { ops_max: 16, waiting_max: 1024, patience_ns: 15_000_000_000 }
    }
}

pub struct Disk {
    /// `devN`, or empty for the root's own.
    pub name: String,
    /// Its top folder.
    pub folder: Rc<Descriptor>,
    core: Core,
    limits: DiskLimits,
    in_flight: Cell<usize>,
    /// Ops that nobody waits for any more, and that have not landed.
    overdue: Cell<usize>,
    waiting: RefCell<VecDeque<Rc<Ticket>>>,
    writer: Writer,
    /// Writes in a row that could not be done without waiting.
    refusals: Cell<u32>,
    /// Writes that were not tried without waiting, since so many were refused.
    skipped: Cell<u32>,
    /// Where uploads begin, once it was opened.
    pub(crate) spool: RefCell<Option<Rc<Descriptor>>>,
    pub(crate) lasting: Lasting,
    /// Memory for the next uploads, so that it is not asked of the kernel for each.
    buffers: RefCell<Vec<Vec<u8>>>,
}

/// A flow in the queue.
struct Ticket {
    task: TaskId,
    called: Cell<bool>,
}

/// One of the disk's ops in flight. The next in the queue has it on drop.
struct Place(Rc<Disk>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
        self.0.call_next();
    }
}

impl Disk {
    pub fn new(core: &Core, name: String, folder: Rc<Descriptor>, limits: DiskLimits) -> Rc<Disk> {
        assert!(limits.ops_max > 0, "a disk with no ops can do nothing");
        let writer = Writer::new(core, &name, limits.ops_max);
        Rc::new(Disk {
            name,
            folder,
            core: core.clone(),
            limits,
            in_flight: Cell::new(0),
            overdue: Cell::new(0),
            waiting: RefCell::default(),
            writer,
            refusals: Cell::default(),
            skipped: Cell::default(),
            spool: RefCell::default(),
            lasting: Lasting::default(),
            buffers: RefCell::default(),
        })
    }

    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Whether an op on it is overdue.
    pub fn hangs(&self) -> bool {
        self.overdue.get() > 0
    }

    /// Ops that the kernel holds, overdue ones among them.
    pub fn ops_in_flight(&self) -> usize {
        self.in_flight.get()
    }

    /// Does one op in its turn; the op comes back where it returns its cargo.
    ///
    /// # Errors
    /// [`Failure::Busy`] and [`Failure::Hung`] beside those of the op itself.
    pub async fn perform(self: &Rc<Self>, op: Op) -> Result<(Landing, Option<Op>), Failure> {
        let (landing, flight) = self.in_turn(|| self.core.launch(op)).await?;
        match landing.result {
            Ok(_) => Ok((landing, flight.into_cargo())),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Writes at `offset`, in its turn: how many bytes, and the buffer.
    ///
    /// # Errors
    /// Those of [`Disk::perform`].
    pub(crate) async fn write(
        self: &Rc<Self>,
        file: &Rc<Descriptor>,
        mut buffer: Vec<u8>,
        offset: u64,
    ) -> Result<(usize, Vec<u8>), Failure> {
        if self.may_not_have_to_wait() {
            let (file, offset) = (Rc::clone(file), Offset::At(offset));
            let op = Op::Write { file, buffer, offset, blocking: Blocking::Refused };
            let (landing, flight) = self.in_turn(|| self.core.launch(op)).await?;
            let Some(Op::Write { buffer: back, .. }) = flight.into_cargo() else { return Err(Failure::Busy) };
            match landing.result {
                Ok(count) => {
                    self.refusals.set(0);
                    return Ok((count as usize, back));
                }
                Err(Errno::EAGAIN | Errno::EOPNOTSUPP) => self.refusals.set(self.refusals.get().saturating_add(1)),
                Err(errno) => return Err(errno.into()),
            }
            buffer = back;
        }
        let (written, _) = self.in_turn(|| self.writer.write(file, buffer, offset)).await?;
        Ok((written.result?, written.buffer))
    }

    /// Whether it is worth while to ask for a write that does not wait.
    fn may_not_have_to_wait(&self) -> bool {
        if self.refusals.get() < REFUSALS_MAX {
            return true;
        }
        self.skipped.set(self.skipped.get().wrapping_add(1));
        self.skipped.get().is_multiple_of(TRIED_AGAIN)
    }

    /// Asks for room for so many bytes, a part at a time, each in its turn: the writes of others go in between.
    ///
    /// # Errors
    /// Those of [`Disk::perform`].
    pub(crate) async fn reserve(self: &Rc<Self>, file: &Rc<Descriptor>, bytes: u64) -> Result<(), Failure> {
        // In parts they would be taken from everybody else before the last one is refused.
        if bytes > RESERVED_BYTES_MAX && bytes_free(file).is_some_and(|free| bytes > free) {
            return Err(Failure::Full);
        }
        let mut start = 0;
        while start < bytes {
            let end = bytes.min(start + RESERVED_BYTES_MAX);
            let (written, _) = self.in_turn(|| self.writer.reserve(file, start..end)).await?;
            written.result?;
            start = end;
        }
        Ok(())
    }

    async fn in_turn<F: Aloft>(self: &Rc<Self>, begin: impl FnOnce() -> F) -> Result<(F::Output, F), Failure> {
        let place = self.place().await?;
        let mut flight = begin();
        // What the kernel has in memory it answers in the same breath, and no clock is needed.
        self.core.next_turn().await;
        if !flight.has_landed() {
            let deadline_ns = self.core.now_ns().saturating_add(self.limits.patience_ns);
            if let Some(landing) = self.core.until(deadline_ns, &mut flight).await {
                return Ok((landing, flight));
            }
            flight.cancel();
            self.overdue.set(self.overdue.get() + 1);
            self.call_all();
            tracing::warn!(disk = self.name, "an op is overdue: the disk is left alone until it answers");
            let disk = Rc::clone(self);
            self.core.spawn("overdue op", async move {
                let _ = (&mut flight).await;
                disk.overdue.set(disk.overdue.get() - 1);
                if !disk.hangs() {
                    tracing::warn!(disk = disk.name, "the disk answers again");
                }
                drop(place);
            });
            return Err(Failure::Hung);
        }
        let landing = (&mut flight).await;
        Ok((landing, flight))
    }

    /// Does an op that opens something.
    ///
    /// # Errors
    /// Those of [`Disk::perform`].
    pub(crate) async fn open(self: &Rc<Self>, op: Op) -> Result<Descriptor, Failure> {
        match self.perform(op).await?.0.arrived {
            Arrived::Descriptor(descriptor) => Ok(descriptor),
            _ => Err(Failure::Disk(Errno::EBADF)),
        }
    }

    /// Closes a file. One without a name gives its blocks back, and waits for the disk: in the disk's turn, on a worker.
    pub(crate) fn close(self: &Rc<Self>, file: Rc<Descriptor>) {
        let unnamed = Status::of(&file).is_ok_and(|status| status.links == 0);
        if let (true, Ok(Descriptor::Kernel(fd))) = (unnamed, Rc::try_unwrap(file)) {
            let disk = Rc::clone(self);
            self.core.spawn("close", async move {
                loop {
                    if let Ok(place) = disk.place().await {
                        let _ = disk.core.launch(Op::Close { file: Some(fd) }).await;
                        drop(place);
                        return;
                    }
                    // It has time. On a disk that hangs it would take the core along.
                    disk.core.sleep_until(disk.core.now_ns() + CLOSE_PAUSE_NS).await;
                }
            });
        }
    }

    /// An empty buffer.
    pub(crate) fn take_buffer(&self) -> Vec<u8> {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps a buffer for the next who needs one, if there are not many and it is not large.
    pub(crate) fn keep_buffer(&self, mut buffer: Vec<u8>) {
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() < BUFFERS_KEPT_MAX && (1..=BUFFER_BYTES_KEPT_MAX).contains(&buffer.capacity()) {
            buffer.clear();
            buffers.push(buffer);
        }
    }

    async fn place(self: &Rc<Self>) -> Result<Place, Failure> {
        if self.hangs() {
            return Err(Failure::Hung);
        }
        if self.in_flight.get() < self.limits.ops_max {
            self.in_flight.set(self.in_flight.get() + 1);
            return Ok(Place(Rc::clone(self)));
        }
        if self.waiting.borrow().len() >= self.limits.waiting_max {
            return Err(Failure::Busy);
        }
        let queued =
            Queued { disk: self, ticket: Rc::new(Ticket { task: self.core.current_task(), called: Cell::new(false) }) };
        self.waiting.borrow_mut().push_back(Rc::clone(&queued.ticket));
        let called = poll_fn(|_| {
            let over = queued.ticket.called.get() || self.hangs();
            if over { Poll::Ready(()) } else { Poll::Pending }
        });
        let deadline_ns = self.core.now_ns().saturating_add(self.limits.patience_ns);
        let in_time = self.core.until(deadline_ns, called).await;
        match (queued.ticket.called.replace(false), in_time) {
            // The place was counted for us when we were called.
            (true, _) => Ok(Place(Rc::clone(self))),
            (false, Some(())) => Err(Failure::Hung),
            (false, None) => Err(Failure::Busy),
        }
    }

    /// Gives a free place to the first in the queue.
    fn call_next(&self) {
        if self.in_flight.get() >= self.limits.ops_max {
            return;
        }
        let Some(next) = self.waiting.borrow_mut().pop_front() else { return };
        self.in_flight.set(self.in_flight.get() + 1);
        next.called.set(true);
        self.core.wake(next.task);
    }

    /// Wakes all that wait: they are told that the disk hangs.
    fn call_all(&self) {
        self.waiting.borrow().iter().for_each(|ticket| self.core.wake(ticket.task));
    }
}

/// Standing in the queue: whoever leaves without having been called takes the ticket along, and whoever leaves after that
/// hands the place on.
struct Queued<'a> {
    disk: &'a Rc<Disk>,
    ticket: Rc<Ticket>,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if self.ticket.called.get() {
            drop(Place(Rc::clone(self.disk)));
        } else {
            self.disk.waiting.borrow_mut().retain(|ticket| !Rc::ptr_eq(ticket, &self.ticket));
        }
    }
}

/// What was asked of the disk and may not come back.
trait Aloft: Future + Unpin + 'static {
    fn has_landed(&self) -> bool;
    fn cancel(&self);
}

impl Aloft for Flight {
    fn has_landed(&self) -> bool {
        Flight::has_landed(self)
    }

    fn cancel(&self) {
        Flight::cancel(self);
    }
}

impl Aloft for Writing {
    fn has_landed(&self) -> bool {
        Writing::has_landed(self)
    }

    fn cancel(&self) {
        Writing::cancel(self);
    }
}
