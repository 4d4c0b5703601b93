//! A load on one core of the engine that checks what it is answered. Open, as a rule: when a request is sent is fixed
//! beforehand, whatever the server does.
//!
//! ```text
//! class    what is asked for, when it is due, and what waits for a free place on a connection
//!   lane   one connection: requests out as they are given to it, answers in, in order
//!   cache  a request of memcached's protocols, and what its answer says
//!   record every time that is measured, and what was wrong
//! fill     every key once, before the load
//! verdict  whether the generator, not the server, was measured
//! ```
//!
//! A request that finds no free place waits, and is never skipped; its response time begins when it was due. So a server
//! that stops for a second makes every request late that was due in it, and not one of each connection. A closed loop, where
//! the answer before says when, tells the throughput and nothing else.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use spindle_core::gate::Gate;
use spindle_core::{Core, Descriptor};

use crate::arrivals::Arrivals;
use crate::closed_loop::{LoadError, on_a_core, within};
use crate::describe::Removal;
use crate::dial::dial;
use crate::environment::Environment;
use crate::measured::{ClassMeasured, Generator, Loop, Measured, Reason, Second, ServerCost};
use crate::popularity::Popularity;
use crate::process::{self, Pid};
use crate::sizes::Sizes;
use class::Class;
pub use fill::FillError;
use record::Timeline;

pub(crate) mod cache;
mod class;
mod fill;
mod lane;
mod record;
mod verdict;

/// Which of memcached's protocols is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Classic,
    Meta,
}

/// How many answers are checked byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    All,
    /// One in 64.
    Sampled,
    Off,
}

/// When the next request is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// By a schedule. `per_second` is within [`crate::arrivals::PER_SECOND`].
    Open { per_second: f64, arrivals: Arrivals },
    /// As soon as there is a place for it: throughput only.
    Closed,
}

/// Requests of one kind, with an offered load of their own.
#[derive(Clone, Debug)]
pub struct ClassPlan {
    pub name: String,
    pub pace: Pace,
    /// At least 1.
    pub connections: usize,
    /// Requests outstanding on a connection, at least 1.
    pub depth: usize,
    /// At least 1.
    pub keys: u64,
    pub popularity: Popularity,
    pub sizes: Sizes,
    /// Of all requests, 0 to 1; the others are gets.
    pub set_share: f64,
    pub protocol: Protocol,
    pub verify: Verify,
    pub removal: Removal,
    pub seed: u64,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub server: SocketAddr,
    /// The CPU that the load is pinned to.
    pub cpu: Option<usize>,
    pub classes: Vec<ClassPlan>,
    /// What is due in this time first is sent and checked, and not counted.
    pub warm_up: Duration,
    pub measured: Duration,
    /// How long after the last request is due answers may still come.
    pub patience: Duration,
    /// The server's process, if its CPU time is to be read.
    pub watched: Option<Pid>,
    pub environment: Environment,
}

/// Fills the cache, runs the plan on a thread of its own, and waits for its end. `on_second` sees every second as it ends.
///
/// # Errors
/// Those of starting, connecting and filling. What the server does wrong afterwards is no error: it is measured.
pub fn run(plan: &Plan, on_second: impl FnMut(u64, &Second) + Send + 'static) -> Result<Measured, LoadError> {
    for class in &plan.classes {
        fill::fill(plan.server, class).map_err(|error| LoadError::Fill { server: plan.server, error })?;
    }
    let connections = plan.classes.iter().map(|class| class.connections).sum();
    let (cpu, plan) = (plan.cpu, plan.clone());
    on_a_core(cpu, connections, move |core| async move { drive(&core, &plan, on_second).await })
}

/// The times of a run, in the core's nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    begin_ns: u64,
    measured_ns: u64,
    end_ns: u64,
}

async fn drive(core: &Core, plan: &Plan, on_second: impl FnMut(u64, &Second)) -> Result<Measured, LoadError> {
    let sockets = connect(core, plan).await?;
    let classes: Vec<Rc<RefCell<Class>>> =
        plan.classes.iter().map(|class| Rc::new(RefCell::new(Class::new(class)))).collect();
    let begin_ns = core.read_clock_ns();
    let measured_ns = begin_ns + plan.warm_up.as_nanos() as u64;
    let span = Span { begin_ns, measured_ns, end_ns: measured_ns + plan.measured.as_nanos() as u64 };
    let lanes = Gate::new(core);
    let timeline = Rc::new(RefCell::new(Timeline::new(span)));
    classes.iter().for_each(|class| class.borrow_mut().start(span, &timeline));
    begin(core, plan, &classes, &lanes, sockets);
    within(core, Duration::from_nanos(span.measured_ns.saturating_sub(core.read_clock_ns())), lanes.emptied()).await;
    let (began, first) = (SystemTime::now(), Use::look(core, plan)?);
    let watching = Watching { core, plan, span, timeline: &timeline, lanes: &lanes, classes: &classes };
    let (last, cut_short) = watching.watch(first, on_second).await;
    let until_ns = if cut_short.is_some() { core.read_clock_ns() } else { span.end_ns };
    let lasted = Duration::from_nanos(until_ns.saturating_sub(span.measured_ns));
    if cut_short.is_none() {
        within(core, plan.patience, settled(core, &classes)).await;
    }
    let deadline_ns = core.read_clock_ns();
    let classes: Vec<ClassMeasured> =
        classes.iter().map(|class| class.borrow_mut().close(until_ns, deadline_ns)).collect();
    let generator = last.generator_since(&first);
    let open = plan.classes.iter().all(|class| class.pace != Pace::Closed);
    let driven = if open { Loop::Open } else { Loop::Closed };
    let mut reasons = verdict::reasons(driven, &classes, lasted, &generator);
    reasons.extend(cut_short);
    Ok(Measured {
        driven,
        began,
        lasted,
        classes,
        seconds: timeline.borrow_mut().take(),
        generator,
        server: plan.watched.map(|_| last.server_since(&first)),
        reasons,
        environment: plan.environment.clone(),
    })
}

/// All connect before the first one sends.
async fn connect(core: &Core, plan: &Plan) -> Result<Vec<Descriptor>, LoadError> {
    let mut sockets = Vec::new();
    for _ in 0..plan.classes.iter().map(|class| class.connections).sum() {
        let socket = dial(core, plan.server).await;
        sockets.push(socket.map_err(|errno| LoadError::Connect { server: plan.server, errno })?);
    }
    Ok(sockets)
}

/// Starts the connections, which are inside `lanes` until they end, and the pacers.
fn begin(core: &Core, plan: &Plan, classes: &[Rc<RefCell<Class>>], lanes: &Gate, sockets: Vec<Descriptor>) {
    let mut sockets = sockets.into_iter();
    for (class_plan, class) in plan.classes.iter().zip(classes) {
        for (lane, socket) in sockets.by_ref().take(class_plan.connections).enumerate() {
            let (core_of_lane, class, inside) = (core.clone(), Rc::clone(class), lanes.enter());
            core.spawn("lane", async move {
                lane::converse(&core_of_lane, &class, lane, socket).await;
                drop(inside);
            });
        }
        let (core_of_pacer, paced) = (core.clone(), Rc::clone(class));
        core.spawn("pacer", async move { class::pace(&core_of_pacer, &paced).await });
    }
}

/// Looks at a run once a second.
struct Watching<'a> {
    core: &'a Core,
    plan: &'a Plan,
    span: Span,
    timeline: &'a RefCell<Timeline>,
    lanes: &'a Gate,
    classes: &'a [Rc<RefCell<Class>>],
}

impl Watching<'_> {
    /// Until the measured time is over, or every connection has ended: what was used by then, and why it was so early.
    async fn watch(&self, first: Use, mut on_second: impl FnMut(u64, &Second)) -> (Use, Option<Reason>) {
        let mut before = first;
        for second in 1.. {
            let at_ns = (self.span.measured_ns + second * NS_PER_SECOND).min(self.span.end_ns);
            let left = Duration::from_nanos(at_ns.saturating_sub(self.core.read_clock_ns()));
            let ended = within(self.core, left, self.lanes.emptied()).await.is_some();
            let now = Use::look(self.core, self.plan).unwrap_or(before);
            let in_flight = self.classes.iter().map(|class| class.borrow().in_flight()).sum();
            let server_cpu = self.plan.watched.map(|_| now.server_cpu.saturating_sub(before.server_cpu));
            self.timeline.borrow_mut().end_second(second - 1, in_flight, server_cpu, &mut on_second);
            before = now;
            if ended {
                let after_ns = self.core.read_clock_ns().saturating_sub(self.span.measured_ns);
                let (after, cause) = (Duration::from_nanos(after_ns), "every connection was ended".into());
                return (now, Some(Reason::CutShort { after, cause }));
            }
            if at_ns == self.span.end_ns {
                break;
            }
        }
        (before, None)
    }
}

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Waits until nothing is asked for and not answered.
async fn settled(core: &Core, classes: &[Rc<RefCell<Class>>]) {
    let unsettled = |class: &Rc<RefCell<Class>>| class.borrow().in_flight() > 0 || class.borrow().has_more_due();
    while classes.iter().any(unsettled) {
        core.sleep_until(core.read_clock_ns() + NS_PER_SECOND / 1000).await;
    }
}

/// What was used up to a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    at_ns: u64,
    spun_ns: u64,
    load_cpu: Duration,
    server_cpu: Duration,
    resident_bytes: u64,
    context_switches: u64,
}

impl Use {
    fn look(core: &Core, plan: &Plan) -> Result<Use, LoadError> {
        let mut used = Use {
            at_ns: core.read_clock_ns(),
            spun_ns: core.counters().spun_ns.get(),
            load_cpu: process::thread_cpu_time()?,
            ..Use::default()
        };
        if let Some(pid) = plan.watched {
            used.server_cpu = process::cpu_time(pid)?;
            used.resident_bytes = process::resident_bytes(pid)?;
            used.context_switches = process::context_switches(pid)?;
        }
        Ok(used)
    }

    fn generator_since(&self, first: &Use) -> Generator {
        let spent_ns = self.at_ns.saturating_sub(first.at_ns).max(1);
        let spun_ns = self.spun_ns.saturating_sub(first.spun_ns);
        Generator { cpu: self.load_cpu.saturating_sub(first.load_cpu), busy: 1.0 - spun_ns as f64 / spent_ns as f64 }
    }

    fn server_since(&self, first: &Use) -> ServerCost {
        ServerCost {
            cpu: self.server_cpu.saturating_sub(first.server_cpu),
            resident_bytes: self.resident_bytes,
            context_switches: self.context_switches.saturating_sub(first.context_switches),
        }
    }
}
