//! What happens in each second of a run, and what all of it costs.
//!
//! The load's own core only closes a second and hands it over: lines are printed and /proc is read by another thread, so
//! that neither makes a request late.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use spindle_core::Core;

use super::record::{Counted, Timeline};
use super::stop::{Early, Vigil};
use super::{Classes, LoadError, NS_PER_SECOND, Span};
use crate::measured::{Generator, Second, ServerCost};
use crate::process::{self, Pid};

/// From the load's core to who reports.
pub(super) enum Tick {
    /// The measured time begins.
    Begin,
    Second(Counted),
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
        for second in 1.. {
            let at_ns = (self.span.measured_ns + second * NS_PER_SECOND).min(self.span.end_ns);
            let early = self.vigil.until(at_ns).await;
            let in_flight = self.classes.iter().map(|class| class.borrow().in_flight()).sum();
            self.tick(Tick::Second(self.timeline.borrow_mut().end_second(in_flight)));
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

/// Gathers the seconds until the run is over.
pub(super) fn report(
    ticks: &mpsc::Receiver<Tick>,
    watched: Option<Pid>,
    mut on_second: impl FnMut(u64, &Second),
) -> Vec<Second> {
    let look = || watched.and_then(|pid| process::cpu_time(pid).ok());
    let (mut seconds, mut before) = (Vec::new(), None);
    for tick in ticks {
        let now = look();
        if let Tick::Second(counted) = tick {
            let used = now.zip(before).map(|(now, before): (Duration, Duration)| now.saturating_sub(before));
            let second = counted.second(used);
            on_second(seconds.len() as u64, &second);
            seconds.push(second);
        }
        before = now;
    }
    seconds
}

/// What was used up to a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    at_ns: u64,
    spun_ns: u64,
    load_cpu: Duration,
    /// None of a server that is not watched, or has gone.
    server: Option<ServerCost>,
}

impl Use {
    pub(super) fn look(core: &Core, watched: Option<Pid>) -> Result<Use, LoadError> {
        Ok(Use {
            at_ns: core.read_clock_ns(),
            spun_ns: core.counters().spun_ns.get(),
            load_cpu: process::thread_cpu_time()?,
            server: watched.and_then(|pid| look_at(pid).ok()),
        })
    }

    pub(super) fn generator_since(&self, first: &Use) -> Generator {
        let spent_ns = self.at_ns.saturating_sub(first.at_ns).max(1);
        let spun_ns = self.spun_ns.saturating_sub(first.spun_ns);
        Generator { cpu: self.load_cpu.saturating_sub(first.load_cpu), busy: 1.0 - spun_ns as f64 / spent_ns as f64 }
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
