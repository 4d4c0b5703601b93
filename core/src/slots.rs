//! Where ops live while the kernel holds their cargo.
//!
//! ```text
//! Free --launch--> InFlight --last completion--> Landed --collected or dropped--> Free
//!                     |                                                            ^
//!                     +--flow dropped--> Orphaned --last completion----------------+
//! ```
//!
//! A slot never moves and its cargo is freed by its *last* completion only. A new life has a new generation. A send that
//! went well has nothing to tell: its slot is free at once, and its flight knows that by the generation.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::os::fd::IntoRawFd;

use crate::executor::TaskId;
use crate::flight::{Arrived, Landing};
use crate::kernel::{Completion, Kernel};
use crate::op::{Fill, Op};
use crate::token::{Kind, SLOTS_MAX, Token};
use crate::{Errno, counters::CoreCounters};

const PAGE_SLOTS: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// The kernel holds the cargo, and a flow holds the flight.
    InFlight,
    /// The kernel has let go; landings or cargo wait for the flow.
    Landed,
    /// The kernel holds the cargo, and nobody waits.
    Orphaned,
}

struct Slot {
    generation: u32,
    state: State,
    /// A cancellation was already asked for.
    cancelled: bool,
    waiter: Option<TaskId>,
    op: Option<Op>,
    /// The oldest landing that was not collected, and those after it.
    first: Option<Landing>,
    rest: Backlog,
}

/// Landings after the first; most slots never have any, so the queue is apart.
type Backlog = Option<Box<VecDeque<Landing>>>;

impl Slot {
    const fn empty() -> Slot {
        Slot { generation: 0, state: State::Free, cancelled: false, waiter: None, op: None, first: None, rest: None }
    }

    #[inline]
    fn push(&mut self, landing: Landing) {
        if self.first.is_none() {
            self.first = Some(landing);
        } else {
            self.rest.get_or_insert_default().push_back(landing);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Landing> {
        let landing = self.first.take()?;
        if let Some(rest) = &mut self.rest {
            self.first = rest.pop_front();
        }
        Some(landing)
    }

    fn backlog(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }
}

/// What is left of a slot's life: dropped by the caller once nothing is borrowed, since destructors may do anything.
pub(crate) type Remains = (Option<Op>, Option<Landing>, Backlog);

/// What a completion led to.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) wake: Option<TaskId>,
    /// A flow that does not keep up: cancel its receive.
    pub(crate) pause: Option<Token>,
    pub(crate) remains: Option<Remains>,
}

pub(crate) struct Slots {
    pages: Vec<Box<[Slot]>>,
    free: Vec<u32>,
    in_flight: usize,
    slots_max: usize,
    backlog_max: usize,
}

impl Slots {
    pub(crate) fn new(slots_max: usize, backlog_max: usize) -> Slots {
        assert!(slots_max <= SLOTS_MAX, "a token names at most {SLOTS_MAX} slots");
        Slots { pages: Vec::new(), free: Vec::new(), in_flight: 0, slots_max, backlog_max }
    }

    /// Ops whose cargo the kernel holds.
    #[inline]
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    #[inline]
    fn slot(&mut self, index: u32) -> &mut Slot {
        &mut self.pages[index as usize / PAGE_SLOTS][index as usize % PAGE_SLOTS]
    }

    #[inline]
    fn living(&mut self, token: Token) -> &mut Slot {
        let slot = self.slot(token.slot());
        assert!(slot.generation == token.generation() && slot.state != State::Free, "{token:?} is of another life");
        slot
    }

    /// Whether the token is of a send that went well: its slot has gone on to another life.
    #[inline]
    pub(crate) fn has_gone(&mut self, token: Token) -> bool {
        token.kind() == Kind::Send && self.slot(token.slot()).generation != token.generation()
    }

    fn take_free(&mut self) -> Option<u32> {
        if let Some(index) = self.free.pop() {
            return Some(index);
        }
        let first = self.pages.len() * PAGE_SLOTS;
        let end = self.slots_max.min(first + PAGE_SLOTS);
        if end <= first {
            return None;
        }
        self.pages.push((first..end).map(|_| Slot::empty()).collect());
        self.free.extend((first as u32..end as u32).rev());
        self.free.pop()
    }

    /// Moves the op into a slot and hands it to the kernel; the op comes back when every slot is taken.
    #[inline]
    pub(crate) fn launch(&mut self, kernel: &mut dyn Kernel, op: Op) -> Result<Token, Op> {
        let Some(index) = self.take_free() else { return Err(op) };
        self.in_flight += 1;
        let slot = self.slot(index);
        let token = Token::new(op.kind(), index, slot.generation);
        slot.state = State::InFlight;
        let op = slot.op.insert(op);
        // SAFETY: pages are boxed and never freed before the ring is dead (the engine drains or leaks), and `land` takes
        // the op out at its last completion only; nobody reaches the op in between.
        unsafe { kernel.submit(token, op) };
        Ok(token)
    }

    /// Takes one completion in.
    #[inline]
    pub(crate) fn land(&mut self, done: Completion, kernel: &mut dyn Kernel, counters: &CoreCounters) -> Outcome {
        let token = Token::decode(done.user_data).expect("a completion of an op that was never submitted");
        if token.kind() == Kind::Cancel {
            return Outcome::default();
        }
        let backlog_max = self.backlog_max;
        let slot = self.living(token);
        assert!(slot.state != State::Landed, "{token:?} completed after its last completion");
        let op = slot.op.as_mut().expect("an op in flight is in its slot");
        assert!(op.kind() == token.kind(), "{token:?} is of another kind");
        kernel.fulfil(&done, op);
        if slot.state == State::InFlight && continues(slot, done.result) {
            counters.sends_short.add(u64::from(token.kind() == Kind::Send));
            let op = slot.op.as_mut().expect("an op in flight is in its slot");
            // SAFETY: as in `launch`; the former submission of this op has had its last completion.
            unsafe { kernel.submit(token, op) };
            return Outcome::default();
        }
        let mut outcome = Outcome::default();
        if slot.state == State::InFlight && sent(slot) && !done.more() {
            // The commonest end of all, which says nothing more: the slot goes on to another life at once.
            outcome.wake = slot.waiter.take();
            outcome.remains = Some((slot.op.take(), None, None));
            self.in_flight -= 1;
            self.recycle(token.slot());
            return outcome;
        }
        if !done.notification() {
            let landing = landing(slot, done, kernel);
            if slot.state == State::InFlight {
                slot.push(landing);
                outcome.wake = slot.waiter.take();
            } else {
                outcome.remains = Some((None, Some(landing), None));
            }
        }
        if !done.more() {
            self.last(token, &mut outcome);
        } else if token.kind() == Kind::Receive && !slot.cancelled && slot.backlog() >= backlog_max {
            slot.cancelled = true;
            outcome.pause = Some(token);
        }
        outcome
    }

    /// The kernel has let go of the cargo.
    #[inline]
    fn last(&mut self, token: Token, outcome: &mut Outcome) {
        self.in_flight -= 1;
        let slot = self.slot(token.slot());
        if slot.state == State::Orphaned {
            let landing = outcome.remains.take().and_then(|remains| remains.1);
            outcome.remains = Some((slot.op.take(), landing, None));
            self.recycle(token.slot());
        } else {
            slot.state = State::Landed;
            if !returns_cargo(token.kind()) {
                outcome.remains = Some((slot.op.take(), None, None));
            }
        }
    }

    #[inline]
    fn recycle(&mut self, index: u32) {
        let slot = self.slot(index);
        slot.generation = slot.generation.wrapping_add(1);
        slot.state = State::Free;
        slot.cancelled = false;
        slot.waiter = None;
        self.free.push(index);
    }

    /// The oldest landing, or `None` after noting who waits for it.
    #[inline]
    pub(crate) fn collect(&mut self, token: Token, waiter: TaskId) -> Option<Landing> {
        if self.has_gone(token) {
            return Some(Landing { result: Ok(0), arrived: Arrived::Nothing, more: false });
        }
        let slot = self.living(token);
        let landing = slot.pop();
        if landing.is_none() {
            assert!(slot.state == State::InFlight, "{token:?} has landed and was collected");
            slot.waiter = Some(waiter);
        }
        landing
    }

    /// True when a landing waits to be collected.
    #[inline]
    pub(crate) fn has_landed(&mut self, token: Token) -> bool {
        self.has_gone(token) || self.living(token).first.is_some()
    }

    /// The cargo of an op that gives it back, after its last landing.
    pub(crate) fn take_cargo(&mut self, token: Token) -> Option<Op> {
        if self.has_gone(token) {
            return None;
        }
        let slot = self.living(token);
        if slot.state == State::Landed { slot.op.take() } else { None }
    }

    /// Notes that a cancellation was asked for; false when it was already, or when there is nothing to cancel.
    pub(crate) fn mark_cancelled(&mut self, token: Token) -> bool {
        if self.has_gone(token) {
            return false;
        }
        let slot = self.living(token);
        slot.state != State::Landed && !std::mem::replace(&mut slot.cancelled, true)
    }

    /// The flow is not interested any more: frees a landed slot, orphans one in flight. The second answer says whether
    /// the op should be cancelled. Not for a token that has gone.
    pub(crate) fn forsake(&mut self, token: Token) -> (Remains, bool) {
        let slot = self.living(token);
        let landings = (slot.first.take(), slot.rest.take());
        if slot.state == State::Landed {
            let op = slot.op.take();
            self.recycle(token.slot());
            return ((op, landings.0, landings.1), false);
        }
        slot.state = State::Orphaned;
        slot.waiter = None;
        let cancel = !std::mem::replace(&mut slot.cancelled, true);
        ((None, landings.0, landings.1), cancel)
    }
}

/// Short sends and receives go on where they stopped. True when the op must be submitted again.
#[inline]
fn continues(slot: &mut Slot, result: i32) -> bool {
    let Ok(count) = usize::try_from(result) else { return false };
    match slot.op.as_mut() {
        Some(Op::Send { parcel, .. }) => {
            parcel.advance(count);
            count > 0 && parcel.unsent() > 0 && !slot.cancelled
        }
        Some(Op::ReceiveInto { into, filled, fill, .. }) => {
            *filled += count;
            *fill == Fill::Whole && count > 0 && *filled < into.piece().len() && !slot.cancelled
        }
        _ => false,
    }
}

/// Whether this is a send of which nothing is left.
#[inline]
fn sent(slot: &Slot) -> bool {
    matches!(&slot.op, Some(Op::Send { parcel, .. }) if parcel.unsent() == 0)
}

/// Ops whose cargo the flow wants back.
#[inline]
fn returns_cargo(kind: Kind) -> bool {
    matches!(kind, Kind::ReceiveInto | Kind::Read | Kind::ReadRegistered | Kind::Write)
}

#[inline]
fn landing(slot: &mut Slot, done: Completion, kernel: &mut dyn Kernel) -> Landing {
    let mut result = if done.result < 0 { Err(Errno::from_raw(-done.result)) } else { Ok(done.result as u32) };
    let mut arrived = match done.buffer() {
        Some(id) => Arrived::Chunk(kernel.provided().chunk(id, result.unwrap_or(0))),
        None => Arrived::Nothing,
    };
    match (&mut slot.op, result) {
        (Some(Op::Accept { .. } | Op::Open { .. }), Ok(_)) => arrived = Arrived::Descriptor(kernel.adopt(done.result)),
        // The kernel has it; a cancelled one it has not, and dropping closes it.
        (Some(Op::Close { file }), result) if result != Err(Errno::ECANCELED) => {
            let _ = file.take().map(IntoRawFd::into_raw_fd);
        }
        // It would have gone on if nobody had cancelled it.
        (Some(Op::Send { parcel, .. }), Ok(_)) if parcel.unsent() > 0 => result = Err(Errno::ECANCELED),
        (Some(Op::Read { buffer, .. }), Ok(count)) => buffer.truncate(count as usize),
        (Some(Op::ReadRegistered { buffer, .. }), Ok(count)) => buffer.filled(count),
        _ => {}
    }
    Landing { result, arrived, more: done.more() }
}

impl Drop for Slots {
    fn drop(&mut self) {
        if self.in_flight == 0 {
            return;
        }
        // The kernel may still write to the cargo: it stays for ever. A panic that is under way says more than this one.
        std::mem::forget(std::mem::take(&mut self.pages));
        assert!(std::thread::panicking(), "slots dropped while the kernel holds cargo");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::op::Offset;
    use crate::simulator::{Faults, SimulatedKernel, World};
    use std::rc::Rc;

    #[test]
    fn as_many_slots_are_taken_as_the_bound_says_and_no_more() {
        let world = World::new(1, Faults { disk_ns: u64::MAX / 4, ..Faults::default() });
        for slots_max in [0, 1, 100, PAGE_SLOTS, PAGE_SLOTS + 1] {
            let mut kernel = SimulatedKernel::new(&world, &Limits::default()).unwrap();
            let mut slots = Slots::new(slots_max, 1);
            let file = Rc::new(world.file(b""));
            let mut launch = || {
                let op = Op::Read { file: Rc::clone(&file), buffer: Vec::new(), offset: Offset::At(0) };
                slots.launch(&mut kernel, op).ok()
            };
            let tokens: Vec<_> = std::iter::from_fn(&mut launch).take(slots_max + 1).collect();
            assert_eq!(tokens.len(), slots_max);
            assert!(launch().is_none(), "and it stays so");
            for token in tokens {
                assert!(slots.forsake(token).1);
                slots.land(Completion::new(token, 0), &mut kernel, &CoreCounters::default());
            }
            assert_eq!((slots.in_flight(), Rc::strong_count(&file)), (0, 1));
        }
    }

    #[test]
    #[should_panic(expected = "a token names at most")]
    fn more_slots_than_a_token_can_name_are_refused() {
        Slots::new(SLOTS_MAX + 1, 1);
    }

    #[test]
    fn a_completion_of_another_kind_hits_an_assertion() {
        let world = World::new(1, Faults::default());
        let mut kernel = SimulatedKernel::new(&world, &Limits::default()).unwrap();
        let mut slots = Slots::new(1, 1);
        let op = Op::Shutdown { socket: Rc::new(world.file(b"")), how: std::net::Shutdown::Both };
        let Ok(token) = slots.launch(&mut kernel, op) else { panic!("one slot is free") };
        let mut land = |token| slots.land(Completion::new(token, 0), &mut kernel, &CoreCounters::default());
        let stray = Token::new(Kind::Accept, token.slot(), token.generation());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(land(stray)))).is_err());
        assert!(land(token).remains.is_some(), "its own completion frees it all the same");
    }
}
