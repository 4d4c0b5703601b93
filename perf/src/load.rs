//! A load that checks what it is answered, from one core of the engine or several. Open, as a rule: when a request is sent
//! is fixed beforehand, whatever the server does.
//!
//! ```text
//! plan       what is to be measured
//! split      what of it each generator does, on a core of its own
//!   begin      all at once
//!   joined     one result of what all have measured
//! class      requests of one kind: when each is due, and what waits for a free place on a connection
//!   lane     one connection after the other: requests out as they are given to it, answers in, in order
//!   work     the face of a protocol: which request is next, its bytes, what its answer says
//!     cache  memcached's protocols
//!     http   HTTP/1.1
//!   keyspace the keys of a class, what is stored under each, and what is known of it
//!   record   every time that is measured, and what was wrong
//!     sampling   each request by itself, for who asks for that
//! stop       ending a run before its time
//! watch      what happens in each second, and what it costs
//! verdict    whether the generator, not the server, was measured
//! ```
//!
//! A request that finds no free place waits, and is never skipped; its response time begins when it was due. So a server
//! that stops for a second makes every request late that was due in it, and not one of each connection. A closed loop, where
//! the answer before says when, tells the throughput and nothing else.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use spindle_core::gate::Gate;
use spindle_core::{Core, Descriptor};

use crate::closed_loop::{LoadError, on_a_core, within};
use crate::descriptors;
use crate::dial::dial;
use crate::measured::{ClassMeasured, Measured, Second};
use crate::process::Pid;
use crate::slow::{self, SlowGroup, SlowMeasured};
use begin::{Connected, Start};
use cache::CacheWork;
pub use cache::{CacheFillError, CachePlan, Mix, OnMiss, Protocol, Ttl};
use class::{Class, Driven};
use http::{HttpFillError, HttpWork};
use joined::PartMeasured;
pub use keyspace::KeyPlan;
pub use plan::{ClassPlan, Pace, Plan, Verify, WorkPlan};
use record::{Recording, Timeline, Times};
pub use sampling::{Outcome, Sample, Sampling};
use split::{Part, Slice, split};
pub use stop::Stop;
use stop::{Early, Vigil};
use watch::{Report, Tick, Use, Watch};
use work::Work;

mod begin;
pub mod cache;
mod class;
pub mod http;
mod joined;
mod keyspace;
mod lane;
mod plan;
mod record;
mod sampling;
mod split;
mod stop;
mod verdict;
mod watch;
mod work;

/// Fills the servers, runs the plan on a thread of its own, and waits for its end. `on_second` sees every second as it ends,
/// on a thread that is not the load's.
///
/// # Errors
/// Those of starting, connecting and filling. What the server does wrong afterwards is no error: it is measured.
pub fn run(plan: &Plan, on_second: impl FnMut(u64, &Second) + Send) -> Result<Measured, LoadError> {
    fill(plan)?;
    measure(plan, &Stop::default(), None, on_second)
}

/// Puts on the servers what is to be asked for. Takes its time with many objects.
///
/// # Errors
/// Those of connecting and filling.
pub fn fill(plan: &Plan) -> Result<(), LoadError> {
    // Known before anything is sent.
    descriptors::make_room(plan.connections())?;
    for class in &plan.classes {
        match &class.work {
            WorkPlan::Cache(cache) => cache::fill(class, cache).map_err(FillError::Cache),
            WorkPlan::Http(http) => http::fill(class, http).map_err(FillError::Http),
        }
        .map_err(|error| LoadError::Fill { server: class.server, error })?;
    }
    Ok(())
}

/// Runs the plan on servers that are filled, until its end or until it is asked to stop. Every request goes into the
/// samples, where there are any.
///
/// # Errors
/// Those of starting and connecting.
pub fn measure(
    plan: &Plan,
    stop: &Stop,
    samples: Option<&Sampling>,
    on_second: impl FnMut(u64, &Second) + Send,
) -> Result<Measured, LoadError> {
    descriptors::make_room(plan.connections())?;
    let parts = split(plan);
    let together = Arc::new(Together { start: Start::of(parts.len()), connected: Connected::of(parts.len()) });
    let (ticks, ticked) = mpsc::channel();
    std::thread::scope(|scope| {
        let generators = parts.len();
        let reporter = scope.spawn(move || watch::report(&ticked, generators, plan, on_second));
        let running: Vec<_> = parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| {
                // One looks at the server for all.
                let watched = plan.watched.filter(|_| index == 0);
                let (together, stop, ticks) = (Arc::clone(&together), stop.clone(), ticks.clone());
                let samples = samples.cloned();
                let driving = Driving { plan: plan.clone(), part, watched, samples, stop, together, ticks };
                scope.spawn(move || generate(driving))
            })
            .collect();
        drop(ticks);
        let ended: Vec<_> = running.into_iter().map(|thread| thread.join().unwrap_or(Err(LoadError::Died))).collect();
        let Report { seconds, links } = reporter.join().map_err(|_| LoadError::Died)?;
        let mut measured = joined::join(plan, whole(ended)?);
        measured.reasons.extend(links.iter().filter_map(verdict::link_saturated));
        Ok(Measured { seconds, links, ..measured })
    })
}

/// Runs one generator on a core of its own, and waits for its end.
fn generate(driving: Driving) -> Result<PartMeasured, LoadError> {
    let together = Arc::clone(&driving.together);
    let (cpu, connections) = (driving.part.cpu, driving.part.connections());
    let measured = on_a_core(cpu, connections, move |core| async move { drive(&core, &driving).await });
    if measured.is_err() {
        together.start.fail();
    }
    measured
}

/// What all have measured; why, where one has nothing. Those that gave up because of another one are not to blame.
fn whole(ended: Vec<Result<PartMeasured, LoadError>>) -> Result<Vec<PartMeasured>, LoadError> {
    let (measured, mut failed): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    if failed.is_empty() {
        return measured.into_iter().collect();
    }
    let cause = failed.iter().position(|one| !matches!(one, Err(LoadError::Stopped))).unwrap_or(0);
    Err(failed.swap_remove(cause).err().unwrap_or(LoadError::Died))
}

/// Why a server could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    #[error(transparent)]
    Cache(CacheFillError),
    #[error(transparent)]
    Http(HttpFillError),
}

/// The times of a run, in the core's nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin_ns: u64,
    measured_ns: u64,
    end_ns: u64,
}

impl Span {
    /// Whether what is due or done then counts.
    #[inline]
    fn is_measured(&self, at_ns: u64) -> bool {
        (self.measured_ns..self.end_ns).contains(&at_ns)
    }
}

const NS_PER_SECOND: u64 = 1_000_000_000;
/// How long slow clients may take to let go.
const LETTING_GO: Duration = Duration::from_secs(1);

type Classes = Vec<Rc<RefCell<dyn Driven>>>;

/// What all generators of a run share.
#[derive(Debug)]
struct Together {
    start: Start,
    connected: Connected,
}

/// One generator of a run.
struct Driving {
    plan: Plan,
    part: Part,
    watched: Option<Pid>,
    samples: Option<Sampling>,
    stop: Stop,
    together: Arc<Together>,
    ticks: mpsc::Sender<Tick>,
}

async fn drive(core: &Core, driving: &Driving) -> Result<PartMeasured, LoadError> {
    let Driving { plan, part, watched, samples, stop, together, ticks } = driving;
    let works: Vec<AnyWork> = part.slices.iter().map(AnyWork::new).collect();
    let sockets = connect(core, part).await?;
    let begin_ns = together.start.meet().ok_or(LoadError::Stopped)?;
    let slow: Vec<Rc<SlowGroup>> = part.slow.iter().map(|slow| slow::attach(core, slow)).collect();
    let measured_ns = begin_ns + plan.warm_up.as_nanos() as u64;
    let span = Span { begin_ns, measured_ns, end_ns: measured_ns + plan.measured.as_nanos() as u64 };
    let timeline = Rc::new(RefCell::new(Timeline::new(span)));
    let lanes = Gate::new(core);
    let beginning = Beginning { core, plan, samples: samples.as_ref(), span, timeline: &timeline, lanes: &lanes };
    let ready = part.slices.iter().zip(works).zip(sockets);
    let classes: Classes = ready.map(|((slice, work), sockets)| beginning.begin_any(slice, work, sockets)).collect();
    let vigil = Vigil::new(core, &lanes, &together.connected, stop);
    vigil.until(span.measured_ns).await;
    slow.iter().for_each(|group| group.note_missing());
    let (began, first) = (SystemTime::now(), Use::look(core, *watched)?);
    let watch = Watch { span, timeline: &timeline, vigil, classes: &classes, ticks: ticks.clone() };
    let early = watch.until_the_end().await;
    let slow_measured: Vec<SlowMeasured> = slow.iter().map(|group| group.measured()).collect();
    let last = Use::look(core, *watched)?;
    let until_ns = if early.is_some() { core.read_clock_ns() } else { span.end_ns };
    if early == Some(Early::Stopped) {
        classes.iter().for_each(|class| class.borrow_mut().end_at(until_ns));
    }
    if early != Some(Early::Ended) {
        within(core, plan.patience, settled(core, &classes)).await;
    }
    let deadline_ns = core.read_clock_ns();
    let classes: Vec<ClassMeasured> =
        classes.iter().map(|class| class.borrow_mut().close(until_ns, deadline_ns)).collect();
    let_go(core, &slow).await;
    Ok(PartMeasured {
        began,
        lasted: Duration::from_nanos(until_ns.saturating_sub(span.measured_ns)),
        classes,
        slow: slow_measured,
        generator: last.generator_since(&first),
        server: last.server_since(&first),
        early,
    })
}

async fn let_go(core: &Core, slow: &[Rc<SlowGroup>]) {
    slow.iter().for_each(|group| group.stop());
    let ended = async {
        for group in slow {
            group.ended().await;
        }
    };
    within(core, LETTING_GO, ended).await;
}

/// All connect before the first one sends.
async fn connect(core: &Core, part: &Part) -> Result<Vec<Vec<Descriptor>>, LoadError> {
    let mut sockets = Vec::new();
    for Slice { class, .. } in &part.slices {
        let mut of_class = Vec::new();
        for _ in 0..class.connections {
            let socket = dial(core, class.server).await;
            of_class.push(socket.map_err(|errno| LoadError::Connect { server: class.server, errno })?);
        }
        sockets.push(of_class);
    }
    Ok(sockets)
}

/// The work of a class, ready to begin.
enum AnyWork {
    Cache(Box<CacheWork>),
    Http(Box<HttpWork>),
}

impl AnyWork {
    /// Takes its time with many keys.
    fn new(slice: &Slice) -> AnyWork {
        match &slice.class.work {
            WorkPlan::Cache(cache) => AnyWork::Cache(Box::new(CacheWork::new(cache, slice))),
            WorkPlan::Http(http) => AnyWork::Http(Box::new(HttpWork::new(http, slice))),
        }
    }
}

/// Starts classes. Their connections are inside `lanes` until they end for good.
struct Beginning<'a> {
    core: &'a Core,
    plan: &'a Plan,
    samples: Option<&'a Sampling>,
    span: Span,
    timeline: &'a Rc<RefCell<Timeline>>,
    lanes: &'a Gate,
}

impl Beginning<'_> {
    fn recording(&self, slice: &Slice) -> Recording {
        let classes = &self.plan.classes;
        let place = classes.iter().position(|class| class.name == slice.class.name).unwrap_or_default();
        let is_closed = |class: &ClassPlan| class.pace == Pace::Closed;
        let is_beside = is_closed(&slice.class) && !classes.iter().all(is_closed);
        Recording {
            span: self.span,
            timeline: Rc::clone(self.timeline),
            times: if is_beside { Times::ItsOwn } else { Times::Shown },
            sampler: self.samples.map(|samples| samples.of_class(place)),
        }
    }

    fn begin_any(&self, slice: &Slice, work: AnyWork, sockets: Vec<Descriptor>) -> Rc<RefCell<dyn Driven>> {
        match work {
            AnyWork::Cache(cache) => self.begin(slice, *cache, sockets),
            AnyWork::Http(http) => self.begin(slice, *http, sockets),
        }
    }

    fn begin<W: Work>(&self, slice: &Slice, work: W, sockets: Vec<Descriptor>) -> Rc<RefCell<dyn Driven>> {
        let class = Rc::new(RefCell::new(Class::new(slice, work, self.recording(slice))));
        for (index, socket) in sockets.into_iter().enumerate() {
            let (core, class, inside) = (self.core.clone(), Rc::clone(&class), self.lanes.enter());
            self.core.spawn("lane", async move {
                lane::converse(&core, &class, index, socket).await;
                drop(inside);
            });
        }
        let (core, paced) = (self.core.clone(), Rc::clone(&class));
        self.core.spawn("pacer", async move { class::pace(&core, &paced).await });
        class
    }
}

/// Waits until nothing is asked for and not answered.
async fn settled(core: &Core, classes: &Classes) {
    let is_unsettled =
        |class: &Rc<RefCell<dyn Driven>>| class.borrow().in_flight() > 0 || class.borrow().has_more_due();
    while classes.iter().any(is_unsettled) {
        core.sleep_until(core.read_clock_ns() + NS_PER_SECOND / 1000).await;
    }
}
