//! A load that checks what it is answered, from one core of the engine or several. Open, as a rule: when a request is sent
//! is fixed beforehand, whatever the server does.
//!
//! ```text
//! plan       what is to be measured
//! split      what of it each generator does
//! drive      one generator, on a core of its own
//!   begin      all begin at once, and end at once
//! joined     one result of what all have measured
//! class      requests of one kind: when each is due, and what waits for a free place on a connection
//!   lane     one connection after the other: requests out as they are given to it, answers in, in order
//!   work     the face of a protocol: which request is next, its bytes, what its answer says
//!     cache  memcached's protocols
//!     http   HTTP/1.1
//!     operation  what a request is, as a mix spells it
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

use crate::closed_loop::LoadError;
use crate::descriptors;
use crate::measured::{Measured, Second};
pub use cache::{CacheFillError, CachePlan, KEY_BYTES_MAX, Mix, OnMiss, Protocol, Ttl};
use class::Driven;
use drive::{Driving, Together, generate};
use http::HttpFillError;
use joined::PartMeasured;
pub use keyspace::KeyPlan;
pub use operation::Operation;
pub use plan::{ClassPlan, Pace, Plan, Spin, Verify, WorkPlan};
pub use sampling::{Outcome, Sample, Sampling};
use split::split;
pub use stop::Stop;
use watch::Report;

mod begin;
pub mod cache;
mod class;
mod drive;
pub mod http;
mod joined;
mod keyspace;
mod lane;
mod operation;
mod plan;
mod record;
mod sampling;
mod split;
mod stop;
mod verdict;
mod watch;
mod work;

/// Fills the servers, runs the plan on threads of its own, and waits for its end. `on_second` sees every second as it ends,
/// on a thread that is none of the load's.
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
    let together = Arc::new(Together::of(parts.len()));
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

type Classes = Vec<Rc<RefCell<dyn Driven>>>;
