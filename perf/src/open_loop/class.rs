//! A class of requests: what is asked for, when it is due, and what waits for a free place on a connection.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use spindle_core::simulator::Random;
use spindle_core::{Core, TaskId};

use super::cache::{write_get, write_set};
use super::record::{Moments, Record, Timeline, Trouble};
use super::{ClassPlan, Pace, Span, Verify};
use crate::arrivals::Schedule;
use crate::describe::{Fault, Ledger, Object, Outcome, Sent};
use crate::measured::ClassMeasured;
use crate::popularity::Chooser;
use crate::sizes::{Sizes, even};

/// Requests that the pacer hands out before it lets the connections go on.
const BURST_MAX: usize = 64;
/// Of so many gets one is checked byte by byte when they are sampled.
const SAMPLED_OF: u64 = 64;

/// What is stored under each key.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    sizes: Sizes,
    seed: u64,
}

impl Objects {
    pub(super) fn new(plan: &ClassPlan) -> Objects {
        Objects { sizes: plan.sizes.clone(), seed: plan.seed }
    }

    /// All versions of a key are of one length, which its number and the seed decide.
    pub(super) fn object(&self, key: u64, version: u32) -> Object {
        Object { key, version, length: self.sizes.length_of(key, self.seed), seed: self.seed }
    }
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// A get, and whether its answer is looked at byte by byte.
    Get {
        key: u64,
        sent: Sent,
        checked: bool,
    },
    Set {
        key: u64,
        version: u32,
    },
}

/// On its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flying {
    pub(super) asked: Asked,
    pub(super) moments: Moments,
}

/// Due, and without a place.
#[derive(Clone, Copy, Debug)]
struct Due {
    intended_ns: u64,
    noticed_ns: u64,
}

/// What a class and one of its connections share.
#[derive(Default)]
pub(super) struct Lane {
    /// Who sends and receives; none before it runs, and after its connection has ended.
    pub(super) task: Option<TaskId>,
    /// Requests that are not handed to the kernel yet.
    pub(super) outbox: Vec<u8>,
    /// Asked and not answered, in order.
    pub(super) flying: VecDeque<Flying>,
    /// The last so many of `flying` are in the outbox.
    pub(super) unsent: usize,
    ended: bool,
}

pub(super) struct Class {
    plan: ClassPlan,
    span: Span,
    /// None of a closed loop.
    schedule: Option<Schedule>,
    chooser: Chooser,
    dice: Random,
    pub(super) objects: Objects,
    pub(super) ledger: Ledger,
    record: Record,
    timeline: Rc<RefCell<Timeline>>,
    waiting: VecDeque<Due>,
    /// Connections with a free place, once for every place.
    free: VecDeque<usize>,
    pub(super) lanes: Vec<Lane>,
    closed: bool,
}

/// Hands requests out when they are due, until the last one is.
pub(super) async fn pace(core: &Core, class: &Rc<RefCell<Class>>) {
    class.borrow_mut().fill_places(core, core.read_clock_ns());
    loop {
        let Some(due_ns) = class.borrow_mut().next_due() else { break };
        core.sleep_until(due_ns).await;
        class.borrow_mut().burst(core, due_ns);
        core.next_turn().await;
    }
}

impl Class {
    /// Takes its time with many keys: before the run begins.
    pub(super) fn new(plan: &ClassPlan) -> Class {
        let mut seeds = Random::new(plan.seed);
        let places = (0..plan.depth).flat_map(|_| 0..plan.connections);
        Class {
            span: Span::default(),
            schedule: match (plan.pace, seeds.draw()) {
                (Pace::Open { per_second, arrivals }, seed) => Some(Schedule::new(arrivals, per_second, seed)),
                (Pace::Closed, _) => None,
            },
            chooser: Chooser::new(plan.popularity, plan.keys, seeds.draw()),
            dice: Random::new(seeds.draw()),
            objects: Objects::new(plan),
            ledger: Ledger::written(plan.keys as usize, plan.removal),
            record: Record::new(Span::default()),
            timeline: Rc::new(RefCell::new(Timeline::new(Span::default()))),
            waiting: VecDeque::new(),
            free: places.collect(),
            lanes: (0..plan.connections).map(|_| Lane::default()).collect(),
            plan: plan.clone(),
            closed: false,
        }
    }

    pub(super) fn start(&mut self, span: Span, timeline: &Rc<RefCell<Timeline>>) {
        (self.span, self.record, self.timeline) = (span, Record::new(span), Rc::clone(timeline));
    }

    /// Of a closed loop: what has a place is due.
    fn fill_places(&mut self, core: &Core, now_ns: u64) {
        if self.schedule.is_none() && !self.closed && now_ns < self.span.end_ns {
            (0..self.free.len()).for_each(|_| self.due(core, now_ns, now_ns));
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
        self.record.due(intended_ns);
        self.timeline.borrow_mut().due(intended_ns);
        self.waiting.push_back(Due { intended_ns, noticed_ns: now_ns.max(intended_ns) });
        self.place(core, now_ns);
    }

    /// Gives what waits to connections that have a place.
    fn place(&mut self, core: &Core, now_ns: u64) {
        while let Some(&index) = self.free.front() {
            let Some(due) = self.waiting.pop_front() else { return };
            self.free.pop_front();
            let moments = Moments {
                intended_ns: due.intended_ns,
                noticed_ns: due.noticed_ns,
                placed_ns: now_ns.max(due.noticed_ns),
                sent_ns: 0,
            };
            let asked = self.draw();
            let lane = &mut self.lanes[index];
            match asked {
                Asked::Get { key, .. } => write_get(&mut lane.outbox, self.plan.protocol, key),
                Asked::Set { key, version } => {
                    write_set(&mut lane.outbox, self.plan.protocol, &self.objects.object(key, version));
                }
            }
            lane.flying.push_back(Flying { asked, moments });
            lane.unsent += 1;
            if let Some(task) = lane.task {
                core.wake(task);
            }
        }
    }

    fn draw(&mut self) -> Asked {
        if even(self.dice.draw()) < self.plan.set_share {
            let key = self.chooser.draw_for_write();
            return Asked::Set { key, version: self.ledger.write(key) };
        }
        let key = self.chooser.draw();
        let checked = match self.plan.verify {
            Verify::All => true,
            Verify::Sampled => self.dice.draw().is_multiple_of(SAMPLED_OF),
            Verify::Off => false,
        };
        Asked::Get { key, sent: self.ledger.read(key), checked }
    }

    /// The oldest request of a connection was answered.
    pub(super) fn answered(&mut self, core: &Core, index: usize, flying: &Flying, done_ns: u64, fault: Option<Fault>) {
        if let Asked::Set { key, version } = flying.asked {
            self.chooser.note_written(key);
            self.ledger.settle(key, version, Outcome::Acknowledged);
        }
        if !self.closed {
            self.record.answered(&flying.moments, done_ns, fault.as_ref());
            let mut timeline = self.timeline.borrow_mut();
            timeline.answered(flying.moments.intended_ns, done_ns, fault.is_some());
        }
        self.free_place(core, index, done_ns);
    }

    /// It was answered, and came to nothing.
    pub(super) fn failed(&mut self, core: &Core, index: usize, flying: &Flying, done_ns: u64, trouble: Trouble) {
        if let Asked::Set { key, version } = flying.asked {
            self.ledger.settle(key, version, Outcome::Refused);
        }
        self.note(done_ns, trouble);
        self.free_place(core, index, done_ns);
    }

    fn note(&mut self, done_ns: u64, trouble: Trouble) {
        if !self.closed {
            self.record.failed(trouble);
            self.timeline.borrow_mut().failed(done_ns);
        }
    }

    fn free_place(&mut self, core: &Core, index: usize, now_ns: u64) {
        self.free.push_back(index);
        self.place(core, now_ns);
        self.fill_places(core, now_ns);
    }

    /// A connection has ended. What it was asked may or may not have been done, and is never settled.
    pub(super) fn ended(&mut self, index: usize, now_ns: u64, trouble: Trouble) {
        self.free.retain(|&free| free != index);
        let lane = &mut self.lanes[index];
        lane.task = None;
        lane.ended = true;
        let flying = std::mem::take(&mut lane.flying);
        if flying.is_empty() {
            self.note(now_ns, trouble);
        }
        for _ in flying {
            self.note(now_ns, trouble);
        }
    }

    /// Asked for and not answered, and what waits to be asked.
    pub(super) fn in_flight(&self) -> u64 {
        let flying: usize = self.lanes.iter().map(|lane| lane.flying.len()).sum();
        (flying + self.waiting.len()) as u64
    }

    /// Whether something is still to be handed out.
    pub(super) fn has_more_due(&self) -> bool {
        let next_ns = self.schedule.clone().map(|mut schedule| self.span.begin_ns + schedule.next_ns());
        next_ns.is_some_and(|next_ns| next_ns < self.span.end_ns)
    }

    /// Ends the counting: what is not answered now is unfinished, and so is what was due until `until_ns` and never handed
    /// out.
    pub(super) fn close(&mut self, until_ns: u64, deadline_ns: u64) -> ClassMeasured {
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
