//! One generator: from its connections to what it has measured.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use spindle_core::gate::Gate;
use spindle_core::{Core, Descriptor};
use spindle_net::dial::dial;

use super::begin::{Ending, Start};
use super::cache::CacheWork;
use super::class::{self, Class, Driven};
use super::http::HttpWork;
use super::joined::PartMeasured;
use super::lane;
use super::record::{Recording, Timeline, Times};
use super::sampling::Sampling;
use super::split::{Part, Slice};
use super::stop::{Early, LOOK_AGAIN, Stop, Vigil};
use super::watch::{Tick, Use, Watch};
use super::work::Work;
use super::{ClassPlan, Classes, LoadError, NS_PER_SECOND, Pace, Plan, Span, WorkPlan};
use crate::closed_loop::{on_a_core, within};
use crate::measured::ClassMeasured;
use crate::process::Pid;
use crate::slow::{self, SlowGroup, SlowMeasured};

/// How long slow clients may take to let go.
const LETTING_GO: Duration = Duration::from_secs(1);

/// What all generators of a run share.
#[derive(Debug)]
pub(super) struct Together {
    start: Start,
    ending: Ending,
}

impl Together {
    pub(super) fn of(generators: usize) -> Together {
        Together { start: Start::of(generators), ending: Ending::of(generators) }
    }
}

/// One generator of a run.
pub(super) struct Driving {
    pub(super) plan: Plan,
    pub(super) part: Part,
    pub(super) watched: Option<Pid>,
    pub(super) samples: Option<Sampling>,
    pub(super) stop: Stop,
    pub(super) together: Arc<Together>,
    pub(super) ticks: mpsc::Sender<Tick>,
}

/// Runs one generator on a core of its own, and waits for its end.
pub(super) fn generate(driving: Driving) -> Result<PartMeasured, LoadError> {
    let together = Arc::clone(&driving.together);
    let (cpu, connections) = (driving.part.cpu, driving.part.connections());
    let idle = driving.plan.spin.idle();
    let measured = on_a_core(cpu, connections, idle, move |core| async move { drive(&core, &driving).await });
    if measured.is_err() {
        together.start.fail();
    }
    measured
}

async fn drive(core: &Core, driving: &Driving) -> Result<PartMeasured, LoadError> {
    let Driving { plan, part, watched, samples, stop, together, ticks } = driving;
    let works: Vec<AnyWork> = part.slices.iter().map(AnyWork::new).collect();
    let sockets = connect(core, part, stop).await?;
    let begin_ns = together.start.meet(stop).ok_or(LoadError::Stopped)?;
    core.sleep_until(begin_ns).await;
    let slow: Vec<Rc<SlowGroup>> = part.slow.iter().map(|slow| slow::attach(core, slow)).collect();
    let measured_ns = begin_ns + plan.warm_up.as_nanos() as u64;
    let span = Span { begin_ns, measured_ns, end_ns: measured_ns + plan.measured.as_nanos() as u64 };
    let timeline = Rc::new(RefCell::new(Timeline::new(span)));
    let lanes = Gate::new(core);
    let beginning = Beginning { core, plan, samples: samples.as_ref(), span, timeline: &timeline, lanes: &lanes };
    let ready = part.slices.iter().zip(works).zip(sockets);
    let classes: Classes = ready.map(|((slice, work), sockets)| beginning.begin_any(slice, work, sockets)).collect();
    let vigil = Vigil::new(core, &lanes, &together.ending, stop);
    vigil.until(span.measured_ns).await;
    slow.iter().for_each(|group| group.note_missing());
    let (began, first) = (SystemTime::now(), Use::look(core, *watched)?);
    let watch = Watch { span, timeline: &timeline, vigil, classes: &classes, ticks: ticks.clone() };
    let early = watch.until_the_end().await;
    let slow_measured: Vec<SlowMeasured> = slow.iter().map(|group| group.measured()).collect();
    let last = Use::look(core, *watched)?;
    let until_ns = if early.is_some() { core.read_clock_ns().min(span.end_ns) } else { span.end_ns };
    if early == Some(Early::Stopped) {
        classes.iter().for_each(|class| class.borrow_mut().end_at(until_ns));
    }
    if early != Some(Early::Ended) {
        within(core, plan.patience, settled(core, &classes)).await;
    }
    let deadline_ns = core.read_clock_ns();
    let places = part.slices.iter().map(|slice| slice.place);
    let classes: Vec<(usize, ClassMeasured)> =
        places.zip(classes.iter().map(|class| class.borrow_mut().close(until_ns, deadline_ns))).collect();
    let_go(core, &slow).await;
    Ok(PartMeasured {
        began,
        lasted: Duration::from_nanos(until_ns.saturating_sub(span.measured_ns)),
        classes,
        slow: slow_measured,
        generator: last.generator_since(&first, plan.spin),
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
async fn connect(core: &Core, part: &Part, stop: &Stop) -> Result<Vec<Vec<Descriptor>>, LoadError> {
    let mut sockets = Vec::new();
    for Slice { class, .. } in &part.slices {
        let mut of_class = Vec::new();
        for _ in 0..class.connections {
            of_class.push(connect_one(core, class, stop).await?);
        }
        sockets.push(of_class);
    }
    Ok(sockets)
}

/// A server that does not answer makes the kernel try for minutes, and nobody else wants to wait as long.
async fn connect_one(core: &Core, class: &ClassPlan, stop: &Stop) -> Result<Descriptor, LoadError> {
    let server = class.server;
    let mut dialling = pin!(dial(core, server));
    loop {
        if let Some(dialled) = within(core, LOOK_AGAIN, dialling.as_mut()).await {
            return dialled.map_err(|errno| LoadError::Connect { server, errno });
        }
        if stop.is_asked() {
            return Err(LoadError::Stopped);
        }
    }
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
        let is_closed = |class: &ClassPlan| class.pace == Pace::Closed;
        let is_beside = is_closed(&slice.class) && !classes.iter().all(is_closed);
        Recording {
            span: self.span,
            timeline: Rc::clone(self.timeline),
            times: if is_beside { Times::ItsOwn } else { Times::Shown },
            sampler: self.samples.map(|samples| samples.of_class(slice.place)),
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

/// Waits until no answer is to be expected any more.
async fn settled(core: &Core, classes: &Classes) {
    while classes.iter().any(|class| class.borrow().is_unsettled()) {
        core.sleep_until(core.read_clock_ns() + NS_PER_SECOND / 1000).await;
    }
}
