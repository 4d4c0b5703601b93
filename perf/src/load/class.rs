//! A class of requests: when each is due, and what waits for a free place on a connection.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use spindle_core::simulator::Random;
use spindle_core::{Core, TaskId};

use super::record::{Moments, Record, Timeline, Trouble};
use super::work::{Verdict, Work};
use super::{ClassPlan, Pace, Span};
use crate::arrivals::Schedule;
use crate::measured::ClassMeasured;

/// Requests that the pacer hands out before it lets the connections go on.
const BURST_MAX: usize = 64;
/// What keeps the schedule's randomness apart from that of the work.
const SCHEDULE: u64 = 0x7363_6865_6475_6c65;

/// A class whatever its protocol, as the run sees it.
pub(super) trait Driven {
    /// Asked for and not answered, and what waits to be asked.
    fn in_flight(&self) -> u64;
    /// Whether something is still to be handed out.
    fn has_more_due(&self) -> bool;
    /// Ends the counting: what is not answered now is unfinished, and so is what was due until `until_ns` and never handed
    /// out.
    fn close(&mut self, until_ns: u64, deadline_ns: u64) -> ClassMeasured;
}

/// On its way.
pub(super) struct Flying<A> {
    pub(super) asked: A,
    pub(super) moments: Moments,
}

/// Due, and without a place.
struct Due<A> {
    intended_ns: u64,
    noticed_ns: u64,
    /// Of a request that was on a connection which ended before its turn, or that follows from an answer.
    asked: Option<A>,
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
}

pub(super) struct Class<W: Work> {
    plan: ClassPlan,
    span: Span,
    /// None of a closed loop.
    schedule: Option<Schedule>,
    pub(super) work: W,
    record: Record,
    timeline: Rc<RefCell<Timeline>>,
    waiting: VecDeque<Due<W::Asked>>,
    /// Connections with a free place, once for every place; those that may be given nothing more among them.
    free: VecDeque<usize>,
    pub(super) lanes: Vec<Lane<W::Asked>>,
    closed: bool,
}

/// Hands requests out when they are due, until the last one is.
pub(super) async fn pace<W: Work>(core: &Core, class: &Rc<RefCell<Class<W>>>) {
    class.borrow_mut().fill_places(core, core.read_clock_ns());
    loop {
        let Some(due_ns) = class.borrow_mut().next_due() else { break };
        core.sleep_until(due_ns).await;
        class.borrow_mut().burst(core, due_ns);
        core.next_turn().await;
    }
}

impl<W: Work> Class<W> {
    /// With connections that are all there and wait for their first request.
    pub(super) fn new(plan: &ClassPlan, work: W, span: Span, timeline: &Rc<RefCell<Timeline>>) -> Class<W> {
        let lane = || Lane {
            task: None,
            flying: VecDeque::new(),
            unwritten: 0,
            written_to: 0,
            left: plan.churn.map_or(u64::MAX, |requests| requests.get()),
        };
        Class {
            span,
            schedule: match plan.pace {
                Pace::Open { per_second, arrivals } => {
                    let seed = Random::new(plan.seed ^ SCHEDULE).draw();
                    Some(Schedule::new(arrivals, per_second, seed))
                }
                Pace::Closed => None,
            },
            work,
            record: Record::new(span),
            timeline: Rc::clone(timeline),
            waiting: VecDeque::new(),
            free: (0..plan.depth).flat_map(|_| 0..plan.connections).collect(),
            lanes: (0..plan.connections).map(|_| lane()).collect(),
            plan: plan.clone(),
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

    /// Hands out what is due now, `BURST_MAX` at most; the first of it is due at `due_ns`.
    fn burst(&mut self, core: &Core, due_ns: u64) {
        let now_ns = core.read_clock_ns();
        self.due(core, due_ns, now_ns);
        for _ in 1..BURST_MAX {
            match self.next_due_by(now_ns) {
                Some(due_ns) => self.due(core, due_ns, now_ns),
                None => break,
            }
        }
    }

    fn next_due(&mut self) -> Option<u64> {
        self.next_due_by(u64::MAX)
    }

    /// When the next request is due, if that is by `by_ns` and within the run.
    fn next_due_by(&mut self, by_ns: u64) -> Option<u64> {
        let mut ahead = self.schedule.clone()?;
        let due_ns = self.span.begin_ns + ahead.next_ns();
        let is_due = due_ns < self.span.end_ns && due_ns <= by_ns && !self.closed;
        is_due.then(|| {
            self.schedule = Some(ahead);
            due_ns
        })
    }

    fn due(&mut self, core: &Core, intended_ns: u64, now_ns: u64) {
        self.note_due(intended_ns);
        let due = Due { intended_ns, noticed_ns: now_ns.max(intended_ns), asked: None };
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
            self.waiting.push_front(Due { intended_ns: now_ns, noticed_ns: now_ns, asked: Some(asked) });
        }
    }

    /// The connection at the front of those with a free place.
    fn free_lane(&mut self) -> Option<usize> {
        while let Some(&index) = self.free.front() {
            if self.lanes[index].left > 0 {
                return Some(index);
            }
            // Its places come back with its next connection, if there is to be one.
            self.free.pop_front();
        }
        None
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
        let moments = Moments {
            intended_ns: due.intended_ns,
            noticed_ns: due.noticed_ns,
            placed_ns: now_ns.max(due.noticed_ns),
            sent_ns: 0,
        };
        let asked = due.asked.unwrap_or_else(|| self.work.draw(now_ns));
        let lane = &mut self.lanes[index];
        lane.flying.push_back(Flying { asked, moments });
        lane.unwritten += 1;
        lane.left -= 1;
        if let Some(task) = lane.task {
            core.wake(task);
        }
    }

    /// The oldest request of a connection was answered, and is off its list.
    pub(super) fn answered(&mut self, core: &Core, index: usize, moments: &Moments, done_ns: u64, verdict: Verdict) {
        match verdict {
            Verdict::Refused => self.note(done_ns, Trouble::Refused),
            _ if self.closed => {}
            Verdict::Right | Verdict::Wrong(_) => {
                let fault = if let Verdict::Wrong(fault) = verdict { Some(fault) } else { None };
                self.record.answered(moments, done_ns, fault.as_ref());
                self.timeline.borrow_mut().answered(moments.intended_ns, done_ns, fault.is_some());
            }
        }
        self.follow_up(done_ns);
        self.free.push_back(index);
        self.place(core, done_ns);
        self.fill_places(core, done_ns);
    }

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

    /// A connection is not to be given any more, and what it was not asked yet goes to others.
    pub(super) fn retire(&mut self, core: &Core, index: usize, now_ns: u64, which: Unanswered) {
        let lane = &mut self.lanes[index];
        lane.left = 0;
        let begun = lane.flying.len() - lane.unwritten + usize::from(lane.written_to > 0);
        let kept = if which == Unanswered::All { 0 } else { begun };
        // Oldest in front.
        while lane.flying.len() > kept {
            let Some(Flying { asked, moments }) = lane.flying.pop_back() else { break };
            let (intended_ns, noticed_ns) = (moments.intended_ns, moments.noticed_ns);
            self.waiting.push_front(Due { intended_ns, noticed_ns, asked: Some(asked) });
        }
        (lane.unwritten, lane.written_to) = (0, 0);
        self.place(core, now_ns);
    }

    /// A connection has taken the place of one that was retired.
    pub(super) fn opened(&mut self, core: &Core, index: usize, now_ns: u64) {
        self.lanes[index].left = self.plan.churn.map_or(u64::MAX, |requests| requests.get());
        self.free.extend(std::iter::repeat_n(index, self.plan.depth));
        self.place(core, now_ns);
        self.fill_places(core, now_ns);
    }

    /// A connection has broken. What it was asked may or may not have been done, and is never settled.
    pub(super) fn broke(&mut self, core: &Core, index: usize, now_ns: u64, trouble: Trouble) {
        self.retire(core, index, now_ns, Unanswered::Unbegun);
        let broken = std::mem::take(&mut self.lanes[index].flying).len();
        (0..broken.max(1)).for_each(|_| self.note(now_ns, trouble));
    }

    /// No other connection can be had in the place of one that was retired.
    pub(super) fn ended(&mut self, core: &Core, index: usize) {
        self.lanes[index].task = None;
        self.note(core.now_ns(), Trouble::Broken);
    }
}

/// Which requests of a connection are asked again on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Of which not a byte was sent.
    Unbegun,
    /// What was sent, too: the server said or is known to have passed over it.
    All,
}

impl<W: Work> Driven for Class<W> {
    fn in_flight(&self) -> u64 {
        let flying: usize = self.lanes.iter().map(|lane| lane.flying.len()).sum();
        (flying + self.waiting.len()) as u64
    }

    fn has_more_due(&self) -> bool {
        let next_ns = self.schedule.clone().map(|mut schedule| self.span.begin_ns + schedule.next_ns());
        next_ns.is_some_and(|next_ns| next_ns < self.span.end_ns)
    }

    fn close(&mut self, until_ns: u64, deadline_ns: u64) -> ClassMeasured {
        while let Some(intended_ns) = self.next_due_by(until_ns) {
            self.record.due(intended_ns);
            self.record.unfinished(intended_ns, deadline_ns);
        }
        self.closed = true;
        let flying = self.lanes.iter().flat_map(|lane| &lane.flying).map(|flying| flying.moments.intended_ns);
        for intended_ns in flying.chain(self.waiting.iter().map(|due| due.intended_ns)) {
            self.record.unfinished(intended_ns, deadline_ns);
        }
        self.record.close(&self.plan.name, until_ns)
    }
}
