//! `Core`: one ring, one executor, and the turn that joins them. Lives on one thread.
//!
//! ```text
//! turn:  poll what is ready  ->  one enter (submit + wait)  ->  land completions, due timers  ->  again
//! ```

use std::cell::{Cell, RefCell, RefMut};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use crate::Errno;
use crate::buffers::lend::LendMut;
use crate::buffers::parcel::{Parcel, ParcelPool};
use crate::buffers::provided::Provided;
use crate::buffers::registered::Registered;
use crate::clock::Clock;
use crate::counters::CoreCounters;
use crate::descriptor::Descriptor;
use crate::executor::{Executor, TaskId};
use crate::flight::{Flight, Landing};
use crate::kernel::{Completion, Kernel, Wait};
use crate::limits::{Idle, Limits};
use crate::op::{Cancel, Fill, Offset, Op};
use crate::slots::Slots;
use crate::stall::{StallDetector, StallReport};
use crate::timers::Timers;
use crate::token::Token;

/// A handle on this thread's core. Cloning it is one count.
#[derive(Clone)]
pub struct Core(Rc<Shared>);

struct Shared {
    // Before the kernel face, so that on drop the slots are checked while the ring still exists.
    slots: RefCell<Slots>,
    kernel: RefCell<Box<dyn Kernel>>,
    executor: Executor,
    timers: RefCell<Timers>,
    clock: Clock,
    provided: Rc<Provided>,
    /// Receives that met ENOBUFS.
    starving: RefCell<Vec<TaskId>>,
    /// Tasks that go on after the next enter.
    next_turn: RefCell<Vec<TaskId>>,
    parcels: Rc<ParcelPool>,
    counters: Arc<CoreCounters>,
    stall: StallDetector,
    stall_report: StallReport,
    limits: Limits,
    /// Tasks that stepped back because they had their share.
    yielding: Cell<usize>,
    /// Spares for [`Core::turn`], so that it allocates nothing.
    completions: RefCell<Vec<Completion>>,
}

impl Core {
    pub fn new(
        kernel: Box<dyn Kernel>,
        limits: Limits,
        counters: Arc<CoreCounters>,
        stall_report: StallReport,
    ) -> Core {
        let provided = kernel.provided();
        let clock = Clock::default();
        clock.advance_to(kernel.now_ns());
        Core(Rc::new(Shared {
            slots: RefCell::new(Slots::new(limits.slots_max, limits.backlog_chunks_max)),
            kernel: RefCell::new(kernel),
            executor: Executor::default(),
            timers: RefCell::default(),
            clock,
            provided,
            starving: RefCell::default(),
            next_turn: RefCell::default(),
            parcels: Rc::default(),
            counters,
            stall: StallDetector::default(),
            stall_report,
            limits,
            yielding: Cell::new(0),
            completions: RefCell::new(Vec::with_capacity(limits.completions as usize)),
        }))
    }

    /// Runs `main` and everything that it spawns; ends with `main`, whatever else still runs. The ring is then drained:
    /// what cannot be drained in time is leaked, never freed under the kernel's hands.
    pub fn run(self, main: impl Future<Output = ()> + 'static) {
        let done = Rc::new(Cell::new(false));
        let ended = Rc::clone(&done);
        self.spawn("main", async move {
            main.await;
            ended.set(true);
        });
        loop {
            let polls = self.poll_ready();
            if done.get() {
                break;
            }
            self.turn(polls);
        }
        self.shut_down();
    }

    pub fn spawn(&self, name: &'static str, flow: impl Future<Output = ()> + 'static) -> TaskId {
        self.0.executor.spawn(name, Box::pin(flow))
    }

    #[inline]
    pub fn wake(&self, task: TaskId) {
        self.0.executor.wake(task);
    }

    /// Lets every task look again: after a change that many may wait for, such as the beginning of a stop.
    pub fn wake_all(&self) {
        self.0.executor.wake_all();
    }

    /// The task that is being polled.
    #[inline]
    pub fn current_task(&self) -> TaskId {
        self.0.executor.current()
    }

    /// Tasks that have not ended.
    pub fn tasks(&self) -> usize {
        self.0.executor.live()
    }

    /// Monotonic nanoseconds, as of this turn.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.0.clock.now_ns()
    }

    /// Monotonic nanoseconds, read from the clock: for measuring, not for deciding.
    pub fn read_clock_ns(&self) -> u64 {
        self.0.kernel.borrow().now_ns()
    }

    pub fn counters(&self) -> &CoreCounters {
        &self.0.counters
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The pool that files are read into; none where [`Limits::registered_buffers`] is 0, or the kernel is simulated.
    pub fn registered(&self) -> Option<Rc<Registered>> {
        self.0.kernel.borrow().registered()
    }

    /// An empty parcel, with memory from the core's pool.
    #[inline]
    pub fn parcel(&self) -> Parcel {
        self.0.parcels.take()
    }

    /// Hands an op to the kernel. When every slot is taken the flight lands at once with `EAGAIN`.
    #[inline]
    pub fn launch(&self, op: Op) -> Flight {
        let launched = self.0.slots.borrow_mut().launch(self.0.kernel.borrow_mut().as_mut(), op);
        let token = launched.map_err(|_op| self.0.counters.slots_exhausted.add(1)).ok();
        Flight::new(self.clone(), token)
    }

    /// A TCP socket to connect to `server` with ([`Op::Connect`]); it sends at once (TCP_NODELAY).
    ///
    /// # Errors
    /// The kernel's, of socket(2) and setsockopt(2).
    pub fn socket(&self, server: SocketAddr) -> Result<Descriptor, Errno> {
        self.0.kernel.borrow_mut().socket(server)
    }

    /// Receives until `into`'s piece is full; fewer bytes only at the end of the stream.
    pub async fn receive_into(
        &self,
        socket: &Rc<Descriptor>,
        into: Box<dyn LendMut>,
    ) -> (Result<usize, Errno>, Option<Box<dyn LendMut>>) {
        let mut flight = self.launch(Op::ReceiveInto { socket: Rc::clone(socket), into, filled: 0, fill: Fill::Whole });
        let landing = (&mut flight).await;
        match flight.into_cargo() {
            Some(Op::ReceiveInto { into, filled, .. }) => (landing.result.map(|_| filled), Some(into)),
            _ => (Err(landing.result.err().unwrap_or(Errno::EAGAIN)), None),
        }
    }

    /// Reads up to `buffer.len()` bytes; the buffer comes back as long as what was read.
    pub async fn read(&self, file: &Rc<Descriptor>, buffer: Vec<u8>, offset: Offset) -> Result<Vec<u8>, Errno> {
        let mut flight = self.launch(Op::Read { file: Rc::clone(file), buffer, offset });
        let Landing { result, .. } = (&mut flight).await;
        result?;
        match flight.into_cargo() {
            Some(Op::Read { buffer, .. }) => Ok(buffer),
            _ => Err(Errno::EAGAIN),
        }
    }

    /// Waits until the clock has reached `deadline_ns`.
    pub async fn sleep_until(&self, deadline_ns: u64) {
        let mut sleeper = Sleeper { core: self, key: None };
        poll_fn(|_| {
            if self.now_ns() >= deadline_ns {
                return Poll::Ready(());
            }
            let task = self.current_task();
            sleeper.key.get_or_insert_with(|| self.0.timers.borrow_mut().add(deadline_ns, task));
            Poll::Pending
        })
        .await;
    }

    /// Waits for `future`, but not beyond `deadline_ns`: `None` then.
    pub async fn until<T>(&self, deadline_ns: u64, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let mut sleeping = std::pin::pin!(self.sleep_until(deadline_ns));
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => sleeping.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    /// Lets every other ready task run first: for one that has had its share.
    pub async fn yield_now(&self) {
        let _yielding = Yielding::begin(&self.0.yielding);
        self.step_back().await;
    }

    /// Whether it is worth while to do a thing in two steps and let the others begin theirs in between: there are
    /// others, and none of them is one that takes its whole share again and again, which would be waited for.
    #[inline]
    pub fn can_interleave(&self) -> bool {
        self.0.executor.has_ready() && self.0.yielding.get() == 0
    }

    /// Lets every other ready task run first: between two steps, where [`Core::can_interleave`].
    pub async fn step_back(&self) {
        let mut yielded = false;
        poll_fn(|_| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            self.wake(self.current_task());
            Poll::Pending
        })
        .await;
    }

    /// Waits until the kernel has been entered once more.
    pub async fn next_turn(&self) {
        // Counted, not noted: a task may be woken for nothing.
        let turns = self.0.counters.turns.get();
        poll_fn(|_| {
            if self.0.counters.turns.get() != turns {
                return Poll::Ready(());
            }
            self.0.next_turn.borrow_mut().push(self.current_task());
            Poll::Pending
        })
        .await;
    }

    /// Has the current task polled again when half of the receive buffers are home: what to ask for after `ENOBUFS`.
    pub fn wake_when_buffers_are_home(&self) {
        self.0.counters.receive_buffers_exhausted.add(1);
        self.0.provided.starve();
        self.0.starving.borrow_mut().push(self.current_task());
    }

    /// Whether receives are waiting for buffers: a flow that holds chunks should let go of them.
    pub fn receive_buffers_scarce(&self) -> bool {
        !self.0.starving.borrow().is_empty()
    }

    pub(crate) fn slots(&self) -> RefMut<'_, Slots> {
        self.0.slots.borrow_mut()
    }

    pub(crate) fn cancel(&self, token: Token) {
        if self.0.slots.borrow_mut().mark_cancelled(token) {
            self.0.kernel.borrow_mut().cancel(Cancel::Token(token));
        }
    }

    #[inline]
    pub(crate) fn forsake(&self, token: Token) {
        let mut slots = self.0.slots.borrow_mut();
        if slots.has_gone(token) {
            return;
        }
        let (remains, cancel) = slots.forsake(token);
        drop(slots);
        if cancel {
            self.0.kernel.borrow_mut().cancel(Cancel::Token(token));
        }
        drop(remains);
    }

    /// How many tasks were polled.
    fn poll_ready(&self) -> usize {
        let shared = &*self.0;
        let mut polls = 0;
        match shared.stall_report {
            StallReport::Count => {
                while polls < shared.limits.polls_per_turn_max && shared.executor.poll_next().is_some() {
                    polls += 1;
                }
            }
            StallReport::Name => {
                let mut before_ns = self.read_clock_ns();
                while polls < shared.limits.polls_per_turn_max
                    && let Some(name) = shared.executor.poll_next()
                {
                    let after_ns = self.read_clock_ns();
                    shared.stall.polled(name, after_ns.saturating_sub(before_ns));
                    before_ns = after_ns;
                    polls += 1;
                }
            }
        }
        shared.counters.polls.add(polls as u64);
        polls
    }

    /// One system call, and what came of it; `polls` tasks went before.
    fn turn(&self, polls: usize) {
        let shared = &*self.0;
        if shared.provided.relieved() {
            std::mem::take(&mut *shared.starving.borrow_mut()).into_iter().for_each(|task| self.wake(task));
        }
        let has_work = shared.executor.has_ready() || !shared.next_turn.borrow().is_empty();
        let (began_ns, completions) = (shared.clock.now_ns(), shared.counters.completions.get());
        let wait = match has_work {
            true => Wait::No,
            false => shared.limits.idle.wait(shared.clock.now_ns(), shared.timers.borrow().next_ns()),
        };
        let computed_ns = self.read_clock_ns();
        let turn_ns = computed_ns.saturating_sub(shared.clock.now_ns());
        shared.stall.turn_over(turn_ns, shared.limits.stall_ns, &shared.counters);
        self.enter(if shared.limits.idle == Idle::Sleep { wait } else { Wait::No });
        if wait != Wait::No && shared.limits.idle != Idle::Sleep && shared.counters.completions.get() == completions {
            // Apart from what was handed over, so that the time is known that it slept.
            self.enter(wait);
            shared.counters.idle_ns.add(shared.clock.now_ns().saturating_sub(computed_ns));
        } else if wait == Wait::No && !has_work && shared.counters.completions.get() == completions {
            // What was computed before counts as work.
            let idle_from_ns = if polls == 0 { began_ns } else { computed_ns };
            shared.counters.idle_ns.add(shared.clock.now_ns().saturating_sub(idle_from_ns));
        }
        for task in shared.next_turn.borrow_mut().drain(..) {
            self.wake(task);
        }
        while let Some(task) = { shared.timers.borrow_mut().pop_due(shared.clock.now_ns()) } {
            self.wake(task);
        }
    }

    fn enter(&self, wait: Wait) {
        let shared = &*self.0;
        let mut completions = shared.completions.borrow_mut();
        {
            let mut kernel = shared.kernel.borrow_mut();
            if let Err(errno) = kernel.enter(wait, &mut completions) {
                // Only our own fault (a bad argument, a closed ring) gets here: the ring turns transient refusals into
                // empty turns.
                panic!("the kernel refused to turn the ring: {errno}");
            }
            shared.clock.advance_to(kernel.now_ns());
        }
        shared.counters.turns.add(1);
        shared.counters.completions.add(completions.len() as u64);
        for completion in completions.drain(..) {
            let outcome = {
                let mut kernel = shared.kernel.borrow_mut();
                shared.slots.borrow_mut().land(completion, kernel.as_mut(), &shared.counters)
            };
            if let Some(token) = outcome.pause {
                shared.counters.receives_paused.add(1);
                shared.kernel.borrow_mut().cancel(Cancel::Token(token));
            }
            if let Some(task) = outcome.wake {
                self.wake(task);
            }
            drop(outcome.remains);
        }
    }

    /// Cancel all, drain to zero, drop; what will not drain is leaked.
    fn shut_down(&self) {
        let shared = &*self.0;
        shared.executor.clear();
        shared.kernel.borrow_mut().cancel(Cancel::All);
        let deadline_ns = self.read_clock_ns().saturating_add(shared.limits.drain_ns);
        while shared.slots.borrow().in_flight() > 0 && self.read_clock_ns() < deadline_ns {
            self.enter(Wait::UntilNs(deadline_ns));
            shared.executor.clear();
        }
        let stuck = shared.slots.borrow().in_flight();
        if stuck > 0 {
            shared.counters.rings_abandoned.add(1);
            tracing::error!(ops = stuck, "ops would not drain: their memory is left to the kernel");
            // One count that is never given back: slots, buffers and ring stay for ever.
            std::mem::forget(self.clone());
        }
    }
}

/// Counts a task that yields, for as long as it does.
struct Yielding<'a>(&'a Cell<usize>);

impl<'a> Yielding<'a> {
    fn begin(yielding: &'a Cell<usize>) -> Yielding<'a> {
        yielding.set(yielding.get() + 1);
        Yielding(yielding)
    }
}

impl Drop for Yielding<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Takes its deadline back when the flow stops waiting.
struct Sleeper<'a> {
    core: &'a Core,
    key: Option<crate::timers::TimerKey>,
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.0.timers.borrow_mut().remove(key);
        }
    }
}
