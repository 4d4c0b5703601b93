//! A closed-loop load on one core of the engine: every connection sends `depth` requests in one write, waits for all
//! their answers, and starts again.
//!
//! **Throughput only.** A closed loop waits while the server is slow, so it asks less just when asking would hurt, and its
//! response times tell nothing about a rate that it did not choose: they compare two servers under the same number of
//! outstanding requests, and are not comparable between different rates.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::Duration;

use spindle_core::counters::CoreCounters;
use spindle_core::gate::Gate;
use spindle_core::limits::Idle;
use spindle_core::probe::Unsupported;
use spindle_core::stall::StallReport;
use spindle_core::thread::{CorePlan, start};
use spindle_core::{Core, Errno, Limits};
use spindle_net::dial::dial;

use crate::descriptors::{self, TooFewDescriptors};
use crate::load::FillError;
use crate::process::{self, Pid};
use flow::{ClassRun, Phase, converse};
use keys::{Keys, Order};
pub(crate) use tally::response_histogram;
pub use tally::{ClassOutcome, Wrong};

pub mod alternation;
pub mod batch;
mod flow;
pub mod keys;
pub mod scan;
mod tally;

/// How long answers may still come in after the load is over.
const GRACE: Duration = Duration::from_secs(1);
/// Receive buffers of a core: one for each connection that may answer in the same turn, within these bounds.
const RECEIVE_BUFFERS: std::ops::RangeInclusive<u16> = 64..=4096;

/// What each request asks for, and what is a right answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A hit of this length.
    Get { value_bytes: usize },
    /// `STORED`.
    Set { value_bytes: usize },
}

/// Connections that do the same.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    pub work: Work,
    /// At least 1.
    pub connections: usize,
    /// Requests of a batch, at least 1.
    pub depth: usize,
    pub keys: Keys,
}

/// When a load is over.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After a time; what is answered in the warm-up is checked and not counted.
    Elapsed { warm_up: Duration, measured: Duration },
    /// When every class whose keys are a cycle is spent, at the latest after `at_most`.
    Spent { at_most: Duration },
}

#[derive(Clone, Debug)]
pub struct Load {
    pub server: SocketAddr,
    /// The CPU that the load is pinned to.
    pub cpu: Option<usize>,
    pub classes: Vec<Class>,
    pub until: Until,
    /// The process whose CPU time is read at both ends of the measured time.
    pub watched: Option<Pid>,
}

#[derive(Clone, Debug)]
pub struct Outcome {
    pub measured: Duration,
    /// What the watched process used meanwhile, all its threads together.
    pub server_cpu: Option<Duration>,
    /// What the load's own thread used meanwhile.
    pub load_cpu: Duration,
    /// In the order of the load's classes.
    pub classes: Vec<ClassOutcome>,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the load's core cannot start: {0}")]
    Engine(#[from] Unsupported),
    #[error(transparent)]
    OpenFiles(#[from] TooFewDescriptors),
    #[error("cannot connect to {server}: {errno}")]
    Connect { server: SocketAddr, errno: Errno },
    #[error("cannot fill {server}: {error}")]
    Fill { server: SocketAddr, error: FillError },
    #[error("cannot read CPU times: {0}")]
    Watch(#[from] std::io::Error),
    #[error("{asked:?} was answered {answer:?}")]
    Answer { asked: String, answer: String },
    #[error("hung up on {asked:?}")]
    HungUp { asked: String },
    #[error("not done after {at_most:?}")]
    Late { at_most: Duration },
    /// As somebody wished: a part of a run is none.
    #[error("stopped")]
    Stopped,
    #[error("the load's core died")]
    Died,
}

/// Runs the load on a thread of its own and waits for its end.
///
/// # Errors
/// Those of starting, of connecting, and of reading the server's CPU time. A server that answers wrongly, or not, or
/// hangs up, is no error: the outcome counts it.
pub fn run(load: &Load) -> Result<Outcome, LoadError> {
    let connections = load.classes.iter().map(|class| class.connections).sum();
    let (cpu, load) = (load.cpu, load.clone());
    on_a_core(cpu, connections, Idle::Spin, move |core| async move { drive(&core, &load).await })
}

/// Runs `main` on a core of its own and waits for what comes of it.
pub(crate) fn on_a_core<T, F>(
    cpu: Option<usize>,
    connections: usize,
    idle: Idle,
    main: impl FnOnce(Core) -> F + Send + 'static,
) -> Result<T, LoadError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, LoadError>> + 'static,
{
    descriptors::make_room(connections)?;
    let (answer, outcome) = mpsc::channel();
    let plan = CorePlan {
        name: "load".into(),
        cpu,
        limits: limits(connections, idle),
        stall_report: StallReport::Count,
        counters: Arc::new(CoreCounters::default()),
    };
    let thread = start(plan, move |core| async move {
        let _ = answer.send(main(core).await);
    })?;
    let outcome = outcome.recv().unwrap_or(Err(LoadError::Died));
    match thread.join() {
        Ok(()) => outcome,
        Err(_) => Err(LoadError::Died),
    }
}

fn limits(connections: usize, idle: Idle) -> Limits {
    let (few, many) = (usize::from(*RECEIVE_BUFFERS.start()), usize::from(*RECEIVE_BUFFERS.end()));
    let receive_buffers = connections.clamp(few, many).next_power_of_two() as u16;
    Limits { receive_buffers, backlog_chunks_max: 16, idle, ..Limits::default() }
}

/// Both ends of the measured time.
struct Mark {
    at_ns: u64,
    server_cpu: Option<Duration>,
    load_cpu: Duration,
}

fn mark(core: &Core, load: &Load) -> Result<Mark, LoadError> {
    let server_cpu = load.watched.map(process::cpu_time).transpose()?;
    Ok(Mark { at_ns: core.read_clock_ns(), server_cpu, load_cpu: process::thread_cpu_time()? })
}

async fn drive(core: &Core, load: &Load) -> Result<Outcome, LoadError> {
    let phase = Rc::new(Cell::new(Phase::WarmUp));
    let (everybody, finite) = (Gate::new(core), Gate::new(core));
    let runs: Vec<Rc<ClassRun>> = load.classes.iter().map(|class| Rc::new(ClassRun::new(class))).collect();
    // All connect before the first one sends.
    let mut sockets = Vec::new();
    for (class, run) in load.classes.iter().zip(&runs) {
        for _ in 0..class.connections {
            let socket = dial(core, load.server).await;
            let socket = socket.map_err(|errno| LoadError::Connect { server: load.server, errno })?;
            sockets.push((class.keys.order, Rc::clone(run), socket));
        }
    }
    for (order, run, socket) in sockets {
        let inside = everybody.enter();
        let counted = if let Order::Cycle { .. } = order { finite.enter() } else { None };
        let (core_of_flow, phase) = (core.clone(), Rc::clone(&phase));
        core.spawn("connection", async move {
            converse(&core_of_flow, &phase, &run, socket).await;
            drop((inside, counted));
        });
    }
    let (awaited, at_most) = match load.until {
        Until::Elapsed { warm_up, measured } => {
            within(core, warm_up, everybody.emptied()).await;
            (&everybody, measured)
        }
        Until::Spent { at_most } => (&finite, at_most),
    };
    let begin = mark(core, load)?;
    phase.set(Phase::Measured);
    within(core, at_most, awaited.emptied()).await;
    let end = mark(core, load)?;
    phase.set(Phase::Over);
    within(core, GRACE, everybody.emptied()).await;
    Ok(Outcome {
        measured: Duration::from_nanos(end.at_ns - begin.at_ns),
        server_cpu: end.server_cpu.zip(begin.server_cpu).map(|(end, begin)| end.saturating_sub(begin)),
        load_cpu: end.load_cpu.saturating_sub(begin.load_cpu),
        classes: runs.iter().map(|run| run.tally.outcome()).collect(),
    })
}

/// What comes of `work`, unless it takes longer than `at_most`.
pub(crate) async fn within<T>(core: &Core, at_most: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let deadline_ns = core.read_clock_ns().saturating_add(at_most.as_nanos() as u64);
    let mut late = pin!(core.sleep_until(deadline_ns));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}
