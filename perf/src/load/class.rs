//! A class of requests: when each is due, and what waits for a free place on a connection.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use spindle_core::simulator::Random;
use spindle_core::{Core, TaskId};

use super::record::{Moments, Record, Recording, Timeline, Times, Trouble};
use super::split::Slice;
use super::work::{Again, Verdict, Work};
use super::{ClassPlan, Operation, Pace, Span};
use crate::arrivals::Schedule;
use crate::measured::{ClassMeasured, Loop};

/// Requests that the pacer hands out before it lets the connections go on.
const BURST_MAX: usize = 64;
/// What keeps the schedule's randomness apart from that of the work.
const SCHEDULE: u64 = 0x7363_6865_6475_6c65;

/// A class whatever its protocol, as the run sees it.
pub(super) trait Driven {
    /// Asked for and not answered, and what waits to be asked.
    fn in_flight(&self) -> u64;
    /// Whether an answer may still come, or something is still to be handed out: nothing where nobody is left to ask.
    fn is_unsettled(&self) -> bool;
    /// Nothing is due any more from then on.
    fn end_at(&mut self, at_ns: u64);
    /// Ends the counting: what is not answered now is unfinished, and so is what was due until `until_ns` and never handed
    /// out.
    fn close(&mut self, until_ns: u64, deadline_ns: u64) -> ClassMeasured;
}

/// On its way.
pub(super) struct Flying<A> {
    pub(super) asked: A,
    pub(super) moments: Moments,
    hang_ups: u32,
}

/// Due, and without a place.
struct Due<A> {
    intended_ns: u64,
    noticed_ns: u64,
    /// Apart, because few have it and what is overdue may be millions.
    drawn: Option<Box<Drawn<A>>>,
}

/// Of a request that was on a connection which ended before its turn, or that follows from an answer.
struct Drawn<A> {
    asked: A,
    /// Connections that were hung up when they had begun to send it.
    hang_ups: u32,
}

/// What a class and one of its connections share.
pub(super) struct Lane<A> {
    /// Who sends and receives; none before it runs, and after its connection has ended for good.
    pub(super) task: Option<TaskId>,
    /// Placed here and not answered, in order.
    pub(super) flying: VecDeque<Flying<A>>,
    /// The last so many of `flying` are not wholly written.
    pub(super) unwritten: usize,
    /// How far the first of those is, in its own count.
    pub(super) written_to: u64,
    /// Requests that the connection may still be given.
    left: u64,
    /// It is in the class's list.
    is_listed: bool,
}

impl<A> Lane<A> {
    /// Requests that the server may have heard something of: the oldest so many of `flying`.
    pub(super) fn begun(&self) -> usize {
        self.flying.len() - self.unwritten + usize::from(self.written_to > 0)
    }
}

pub(super) struct Class<W: Work> {
    plan: ClassPlan,
    span: Span,
    /// None of a closed loop.
    schedule: Option<Schedule>,
    pub(super) work: W,
    record: Record,
    timeline: Rc<RefCell<Timeline>>,
    times: Times,
    waiting: VecDeque<Due<W::Asked>>,
    /// Connections with a free place, each once; among them some that had one, and have ended since.
    free: VecDeque<usize>,
    pub(super) lanes: Vec<Lane<W::Asked>>,
    connections_left: usize,
    /// Due when there was no connection left.
    passed_over: u64,
    closed: bool,
}

/// Hands requests out when they are due, until the last one is.
pub(super) async fn pace<W: Work>(core: &Core, class: &Rc<RefCell<Class<W>>>) {
    class.borrow_mut().fill_places(core, core.read_clock_ns());
    loop {
        // Where no connection is left, nothing has to be held ready for one: what is due is counted at the end.
        let Some(due_ns) = class.borrow().next_due_ns().filter(|_| class.borrow().connections_left > 0) else { break };
        core.sleep_until(due_ns).await;
        class.borrow_mut().burst(core);
        core.next_turn().await;
    }
    let mut rest = class.borrow().schedule.clone();
    while let Some(schedule) = &mut rest {
        let Some(due_ns) = class.borrow().due_within_run(schedule) else { break };
        core.sleep_until(due_ns).await;
        class.borrow_mut().pass_over(schedule, core.read_clock_ns());
        core.next_turn().await;
    }
}

impl<W: Work> Class<W> {
    /// With connections that are all there and wait for their first request.
    pub(super) fn new(slice: &Slice, work: W, recording: Recording) -> Class<W> {
        let plan = &slice.class;
        let Recording { span, timeline, times, sampler } = recording;
        let lane = || Lane {
            task: None,
            flying: VecDeque::new(),
            unwritten: 0,
            written_to: 0,
            left: plan.churn.map_or(u64::MAX, |requests| requests.get()),
            is_listed: true,
        };
        Class {
            span,
            schedule: match plan.pace {
                Pace::Open { per_second, arrivals } => {
                    let seed = Random::new(slice.seed_of_draws() ^ SCHEDULE).draw();
                    Some(Schedule::of_portion(arrivals, per_second, slice.portion, seed))
                }
                Pace::Closed => None,
            },
            record: Record::new(span, &work.operations(), sampler),
            work,
            timeline,
            times,
            waiting: VecDeque::new(),
            free: (0..plan.connections).collect(),
            lanes: (0..plan.connections).map(|_| lane()).collect(),
            plan: plan.clone(),
            connections_left: plan.connections,
            passed_over: 0,
            closed: false,
        }
    }

    pub(super) fn server(&self) -> std::net::SocketAddr {
        self.plan.server
    }

    /// Of a closed loop: what has a place is due.
    fn fill_places(&mut self, core: &Core, now_ns: u64) {
        if self.schedule.is_none() && !self.closed && now_ns < self.span.end_ns {
            while self.waiting.is_empty() && self.free_lane().is_some() {
                self.due(core, now_ns, now_ns);
            }
        }
    }

    /// Hands out what is due now, `BURST_MAX` at most.
    fn burst(&mut self, core: &Core) {
        let now_ns = core.read_clock_ns();
        for _ in 0..BURST_MAX {
            match self.take_due_by(now_ns) {
                Some(due_ns) => self.due(core, due_ns, now_ns),
                None => break,
            }
        }
    }

    /// Of a class that has nobody left to ask: what is due now is shown in its second. In the end it is unfinished, with
    /// whatever was due until then.
    fn pass_over(&mut self, rest: &mut Schedule, now_ns: u64) {
        while let Some(due_ns) = self.due_within_run(rest).filter(|due_ns| *due_ns <= now_ns) {
            rest.next_ns();
            self.timeline.borrow_mut().due(due_ns);
            self.passed_over += 1;
        }
    }

    /// When the next request is due, if that is within the run.
    fn next_due_ns(&self) -> Option<u64> {
        self.due_within_run(self.schedule.as_ref()?)
    }

    fn due_within_run(&self, schedule: &Schedule) -> Option<u64> {
        let due_ns = self.span.begin_ns.saturating_add(schedule.due_ns());
        (due_ns < self.span.end_ns && !self.closed).then_some(due_ns)
    }

    /// Takes the next request off the schedule, if it is due by `by_ns`.
    fn take_due_by(&mut self, by_ns: u64) -> Option<u64> {
        let due_ns = self.next_due_ns().filter(|due_ns| *due_ns <= by_ns)?;
        self.schedule.as_mut()?.next_ns();
        Some(due_ns)
    }

    fn due(&mut self, core: &Core, intended_ns: u64, now_ns: u64) {
        self.note_due(intended_ns);
        let due = Due { intended_ns, noticed_ns: now_ns.max(intended_ns), drawn: None };
        match self.free_lane() {
            Some(index) if self.waiting.is_empty() => self.give(core, index, due, now_ns),
            _ => self.waiting.push_back(due),
        }
    }

    fn note_due(&mut self, intended_ns: u64) {
        self.record.due(intended_ns);
        self.timeline.borrow_mut().due(intended_ns);
    }

    /// What follows from answers goes before all that waits: who asked does not queue again. Nor is it left out after the
    /// last request was due, though it does not count then.
    fn follow_up(&mut self, now_ns: u64) {
        while !self.closed
            && let Some(asked) = self.work.follow_up(now_ns)
        {
            self.note_due(now_ns);
            let drawn = Some(Box::new(Drawn { asked, hang_ups: 0 }));
            self.waiting.push_front(Due { intended_ns: now_ns, noticed_ns: now_ns, drawn });
        }
    }

    /// The connection at the front of those with a free place.
    fn free_lane(&mut self) -> Option<usize> {
        while let Some(&index) = self.free.front() {
            if self.has_place(index) {
                return Some(index);
            }
            // It comes back with its next connection, if there is to be one.
            self.free.pop_front();
            self.lanes[index].is_listed = false;
        }
        None
    }

    fn has_place(&self, index: usize) -> bool {
        let lane = &self.lanes[index];
        lane.left > 0 && lane.flying.len() < self.plan.depth
    }

    /// Puts a connection at the back of those with a free place, if it has one and is not among them.
    fn list(&mut self, index: usize) {
        if self.has_place(index) && !std::mem::replace(&mut self.lanes[index].is_listed, true) {
            self.free.push_back(index);
        }
    }

    /// Gives what waits to connections that have a place.
    fn place(&mut self, core: &Core, now_ns: u64) {
        while !self.waiting.is_empty()
            && let Some(index) = self.free_lane()
            && let Some(due) = self.waiting.pop_front()
        {
            self.give(core, index, due, now_ns);
        }
    }

    /// Gives it to the connection at the front of those with a free place.
    fn give(&mut self, core: &Core, index: usize, due: Due<W::Asked>, now_ns: u64) {
        self.free.pop_front();
        self.lanes[index].is_listed = false;
        let moments = Moments {
            intended_ns: due.intended_ns,
            noticed_ns: due.noticed_ns,
            placed_ns: now_ns.max(due.noticed_ns),
            sent_ns: 0,
        };
        let flying = match due.drawn {
            None => Flying { asked: self.work.draw(now_ns), moments, hang_ups: 0 },
            Some(drawn) => Flying { asked: drawn.asked, moments, hang_ups: drawn.hang_ups },
        };
        let lane = &mut self.lanes[index];
        lane.flying.push_back(flying);
        lane.unwritten += 1;
        lane.left -= 1;
        if let Some(task) = lane.task {
            core.wake(task);
        }
        self.list(index);
    }

    /// The oldest request of a connection was answered, and is off its list. When there is no other answer to be read,
    /// [`Class::replenish`] is to follow.
    pub(super) fn answered(&mut self, operation: Operation, moments: &Moments, done_ns: u64, verdict: Verdict) {
        match verdict {
            Verdict::Refused => self.note_lost(operation, moments, done_ns, Trouble::Refused),
            _ if self.closed => {}
            Verdict::Right | Verdict::Wrong(_) => {
                let fault = if let Verdict::Wrong(fault) = verdict { Some(fault) } else { None };
                self.record.answered(operation, moments, done_ns, fault.as_ref());
                self.timeline.borrow_mut().answered(moments.intended_ns, done_ns, self.times, fault.is_some());
            }
        }
    }

    /// Gives a connection that was answered its next requests: once for all answers that came together.
    pub(super) fn replenish(&mut self, core: &Core, index: usize, done_ns: u64) {
        self.follow_up(done_ns);
        self.list(index);
        self.place(core, done_ns);
        self.fill_places(core, done_ns);
    }

    /// A request came to nothing.
    fn note_lost(&mut self, operation: Operation, moments: &Moments, done_ns: u64, trouble: Trouble) {
        if !self.closed {
            self.record.sample(operation, moments, done_ns, || trouble.into());
        }
        self.note(done_ns, trouble);
    }

    /// A request came to nothing, or a connection without one.
    fn note(&mut self, done_ns: u64, trouble: Trouble) {
        if !self.closed {
            self.record.failed(trouble);
            self.timeline.borrow_mut().failed(done_ns);
        }
    }

    /// Whether a connection has had all of its requests, and their answers.
    pub(super) fn is_spent(&self, index: usize) -> bool {
        let lane = &self.lanes[index];
        lane.left == 0 && lane.flying.is_empty() && !self.closed
    }

    /// A connection is not to be given any more. What it was not asked yet goes to others; what is lost is never settled,
    /// because it may or may not have been done.
    pub(super) fn retire(&mut self, core: &Core, index: usize, now_ns: u64, over: Over) {
        // A connection in trouble is an error by itself.
        let trouble = if let Over::Trouble(trouble) = over { trouble } else { Trouble::Broken };
        let mut errors_left = u64::from(matches!(over, Over::Trouble(_)));
        let lane = &mut self.lanes[index];
        lane.left = 0;
        let begun = lane.begun();
        let mut flights = std::mem::take(&mut lane.flying);
        (lane.unwritten, lane.written_to) = (0, 0);
        // Oldest in front.
        while let Some(Flying { asked, moments, hang_ups }) = flights.pop_back() {
            let is_begun = flights.len() < begun;
            let is_lost = is_begun
                && match over {
                    Over::Spent => false,
                    Over::HungUp => hang_ups > 0 || W::again(&asked) == Again::Never,
                    Over::Trouble(_) => true,
                };
            if is_lost {
                errors_left = 0;
                self.note_lost(W::operation(&asked), &moments, now_ns, trouble);
                continue;
            }
            let hang_ups = hang_ups + u32::from(is_begun && over == Over::HungUp);
            let (intended_ns, noticed_ns) = (moments.intended_ns, moments.noticed_ns);
            let drawn = Some(Box::new(Drawn { asked, hang_ups }));
            self.waiting.push_front(Due { intended_ns, noticed_ns, drawn });
        }
        // Its memory serves the next connection.
        self.lanes[index].flying = flights;
        (0..errors_left).for_each(|_| self.note(now_ns, trouble));
        self.place(core, now_ns);
    }

    /// A connection has taken the place of one that was retired.
    pub(super) fn opened(&mut self, core: &Core, index: usize, now_ns: u64) {
        self.lanes[index].left = self.plan.churn.map_or(u64::MAX, |requests| requests.get());
        self.list(index);
        self.place(core, now_ns);
        self.fill_places(core, now_ns);
    }

    /// No other connection can be had in the place of one that was retired.
    pub(super) fn ended(&mut self, core: &Core, index: usize) {
        self.lanes[index].task = None;
        self.connections_left -= 1;
        self.note(core.now_ns(), Trouble::Broken);
    }
}

/// How a connection is over, and so what becomes of what was sent on it and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It had what it was to have, or the server said that it passes over the rest. All of that is asked again.
    Spent,
    /// The server ended it as it may, and may have heard. What may be asked again is, once: RFC 9110, 9.2.2.
    HungUp,
    /// Something is wrong with it, and with what was asked on it.
    Trouble(Trouble),
}

impl<W: Work> Driven for Class<W> {
    fn in_flight(&self) -> u64 {
        let flying: usize = self.lanes.iter().map(|lane| lane.flying.len()).sum();
        (flying + self.waiting.len()) as u64 + self.passed_over
    }

    fn is_unsettled(&self) -> bool {
        self.connections_left > 0 && (self.in_flight() > 0 || self.next_due_ns().is_some())
    }

    fn end_at(&mut self, at_ns: u64) {
        self.span.end_ns = at_ns;
        self.record.end_at(at_ns);
    }

    fn close(&mut self, until_ns: u64, deadline_ns: u64) -> ClassMeasured {
        while let Some(intended_ns) = self.take_due_by(until_ns) {
            let operation = self.work.draw_operation();
            self.record.due(intended_ns);
            self.record.unfinished(operation, &Moments::waiting(intended_ns, intended_ns, deadline_ns), deadline_ns);
        }
        self.closed = true;
        for Flying { asked, moments, .. } in self.lanes.iter().flat_map(|lane| &lane.flying) {
            self.record.unfinished(W::operation(asked), moments, deadline_ns);
        }
        for Due { intended_ns, noticed_ns, drawn } in &self.waiting {
            let operation = match drawn {
                Some(drawn) => W::operation(&drawn.asked),
                None => self.work.draw_operation(),
            };
            self.record.unfinished(operation, &Moments::waiting(*intended_ns, *noticed_ns, deadline_ns), deadline_ns);
        }
        let driven = if self.plan.pace == Pace::Closed { Loop::Closed } else { Loop::Open };
        self.record.close(&self.plan.name, driven, until_ns)
    }
}
