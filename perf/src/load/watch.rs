//! What happens in each second of a run, and what all of it costs.
//!
//! A generator's own core only closes a second and hands it over: lines are printed and /proc is read by another thread, so
//! that neither makes a request late.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use spindle_core::Core;

use super::plan::Spin;
use super::record::{Counted, Timeline};
use super::stop::{Early, Vigil};
use super::{Classes, LoadError, NS_PER_SECOND, Plan, Span};
use crate::link::{Link, LinkUse, Passed};
use crate::measured::{Generator, Second, ServerCost};
use crate::process::{self, Pid};

/// From a generator's core to who reports.
pub(super) enum Tick {
    /// The measured time begins.
    Begin,
    /// One of its seconds is over, counted from 0.
    Second { index: usize, counted: Box<Counted> },
}

/// Looks at a run once a second.
pub(super) struct Watch<'a> {
    pub(super) span: Span,
    pub(super) timeline: &'a Rc<RefCell<Timeline>>,
    pub(super) vigil: Vigil<'a>,
    pub(super) classes: &'a Classes,
    pub(super) ticks: mpsc::Sender<Tick>,
}

impl Watch<'_> {
    /// Until the measured time is over; sooner when the run is: why.
    pub(super) async fn until_the_end(&self) -> Option<Early> {
        self.tick(Tick::Begin);
        for index in 0.. {
            let at_ns = (self.span.measured_ns + (index as u64 + 1) * NS_PER_SECOND).min(self.span.end_ns);
            let early = self.vigil.until(at_ns).await;
            let in_flight = self.classes.iter().map(|class| class.borrow().in_flight()).sum();
            let counted = Box::new(self.timeline.borrow_mut().end_second(in_flight));
            self.tick(Tick::Second { index, counted });
            if early.is_some() {
                return early;
            }
            if at_ns == self.span.end_ns {
                break;
            }
        }
        None
    }

    fn tick(&self, tick: Tick) {
        // Nobody hears it when the reporter is gone, and the run is none the worse.
        let _ = self.ticks.send(tick);
    }
}

/// What is gathered beside the generators.
pub(super) struct Report {
    pub(super) seconds: Vec<Second>,
    pub(super) links: Vec<LinkUse>,
}

/// Gathers the seconds until the run is over.
pub(super) fn report(
    ticks: &mpsc::Receiver<Tick>,
    generators: usize,
    plan: &Plan,
    on_second: impl FnMut(u64, &Second),
) -> Report {
    let mut gathering = Gathering {
        watched: plan.watched,
        before: None,
        meters: Link::towards(plan.servers()).into_iter().map(|link| Meter { link, first: None, last: None }).collect(),
        seconds: Vec::new(),
        begun: VecDeque::new(),
        on_second,
    };
    for tick in ticks {
        match tick {
            Tick::Begin => gathering.begin(),
            Tick::Second { index, counted } => gathering.add(index, &counted, generators),
        }
    }
    // Where one was stopped before the end of a second, and another after it.
    while gathering.finish_one() {}
    let Gathering { seconds, meters, .. } = gathering;
    Report { seconds, links: meters.iter().filter_map(Meter::used).collect() }
}

fn cpu_time(watched: Option<Pid>) -> Option<Duration> {
    watched.and_then(|pid| process::cpu_time(pid).ok())
}

/// What passes by a link.
struct Meter {
    link: Link,
    first: Option<(Instant, Passed)>,
    last: Option<(Instant, Passed)>,
}

impl Meter {
    fn look(&mut self) {
        let now = self.link.passed().map(|passed| (Instant::now(), passed));
        self.first = self.first.or(now);
        self.last = now.or(self.last);
    }

    fn used(&self) -> Option<LinkUse> {
        let ((began, first), (ended, last)) = (self.first?, self.last?);
        Some(self.link.used(first, last, ended - began))
    }
}

/// The seconds of a run, as all generators see them.
struct Gathering<F> {
    watched: Option<Pid>,
    /// What the server had used at the end of the last second.
    before: Option<Duration>,
    meters: Vec<Meter>,
    seconds: Vec<Second>,
    /// After those: how many generators have ended it, and what they counted.
    begun: VecDeque<(usize, Counted)>,
    on_second: F,
}

impl<F: FnMut(u64, &Second)> Gathering<F> {
    /// The measured time begins, as the first generator says.
    fn begin(&mut self) {
        if self.before.is_none() {
            self.before = cpu_time(self.watched);
        }
        self.meters.iter_mut().filter(|meter| meter.first.is_none()).for_each(Meter::look);
    }

    fn add(&mut self, index: usize, counted: &Counted, generators: usize) {
        let at = index.saturating_sub(self.seconds.len());
        while self.begun.len() <= at {
            self.begun.push_back((0, Counted::nothing()));
        }
        let (ended, sum) = &mut self.begun[at];
        *ended += 1;
        sum.add(counted);
        while self.begun.front().is_some_and(|(ended, _)| *ended == generators) {
            self.finish_one();
        }
    }

    fn finish_one(&mut self) -> bool {
        let Some((_, counted)) = self.begun.pop_front() else { return false };
        let now = cpu_time(self.watched);
        self.meters.iter_mut().for_each(Meter::look);
        let second = counted.second(now.zip(self.before).map(|(now, before)| now.saturating_sub(before)));
        (self.on_second)(self.seconds.len() as u64, &second);
        self.seconds.push(second);
        self.before = now;
        true
    }
}

/// What was used up to a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    at_ns: u64,
    idle_ns: u64,
    load_cpu: Duration,
    /// None of a server that is not watched, or has gone.
    server: Option<ServerCost>,
}

impl Use {
    pub(super) fn look(core: &Core, watched: Option<Pid>) -> Result<Use, LoadError> {
        Ok(Use {
            at_ns: core.read_clock_ns(),
            idle_ns: core.counters().idle_ns.get(),
            load_cpu: process::thread_cpu_time()?,
            server: watched.and_then(|pid| look_at(pid).ok()),
        })
    }

    pub(super) fn generator_since(&self, first: &Use, spin: Spin) -> Generator {
        let spent_ns = self.at_ns.saturating_sub(first.at_ns).max(1);
        let idle_ns = self.idle_ns.saturating_sub(first.idle_ns);
        let cpu = self.load_cpu.saturating_sub(first.load_cpu);
        // Who was kept from its CPU was busy, too.
        Generator { cpu, busy: 1.0 - idle_ns as f64 / spent_ns as f64, threads: 1, spin }
    }

    pub(super) fn server_since(&self, first: &Use) -> Option<ServerCost> {
        let (last, first) = (self.server?, first.server?);
        Some(ServerCost {
            cpu: last.cpu.saturating_sub(first.cpu),
            resident_bytes: last.resident_bytes,
            context_switches: last.context_switches.saturating_sub(first.context_switches),
        })
    }
}

fn look_at(pid: Pid) -> std::io::Result<ServerCost> {
    Ok(ServerCost {
        cpu: process::cpu_time(pid)?,
        resident_bytes: process::resident_bytes(pid)?,
        context_switches: process::context_switches(pid)?,
    })
}
