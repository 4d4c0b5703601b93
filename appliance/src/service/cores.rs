//! The cores of the process, and what runs on each of them: starting, and the orderly stop. All services share the cores;
//! each begins its flows on those that it was given.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use spindle_core::counters::CoreCounters;
use spindle_core::gate::Gate;
use spindle_core::mailbox::{Receiver, Sender, mailbox};
use spindle_core::probe::Unsupported;
use spindle_core::stall::StallReport;
use spindle_core::thread::{self, CorePlan};
use spindle_core::{Core, Errno, Limits};

use crate::lifecycle::signals::Stop;

/// How long conversations may take to end once they are asked to.
const STOP_NOW_NS: u64 = 1_000_000_000;
const STOP_GRACEFUL_NS: u64 = 10_000_000_000;

/// Why the cores could not start.
#[derive(Debug, thiserror::Error)]
pub enum CoresError {
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    #[error("no mailbox for a core: {0}")]
    Mailbox(Errno),
}

/// Starts a service's flows on a core. Those that must be waited for at a stop enter the gate.
pub type Begin = Box<dyn FnOnce(&Core, &Gate) + Send>;

/// A service on one core.
pub struct Part {
    pub begin: Begin,
    /// Set once, when flows that wait for their client are to end.
    pub stopping: Arc<AtomicBool>,
}

/// What one core is to do.
pub struct CoreStart {
    pub limits: Limits,
    pub stall_report: StallReport,
    pub counters: Arc<CoreCounters>,
    pub parts: Vec<Part>,
}

/// The running cores.
pub struct Running {
    cores: Vec<(JoinHandle<()>, Sender<Stop>)>,
}

/// Starts one thread for each.
///
/// # Errors
/// The kernel refuses a ring, or there are no descriptors left.
pub fn start(starts: Vec<CoreStart>) -> Result<Running, CoresError> {
    let cpus = thread::cpus_available();
    // One for each CPU that we may run on. With fewer we would choose those that another instance has chosen, with more
    // some would share one: the scheduler knows better.
    let pinned = starts.len() == cpus.len();
    let mut cores = Vec::new();
    for (index, core) in starts.into_iter().enumerate() {
        let (sender, stops) = mailbox(4).map_err(CoresError::Mailbox)?;
        let plan = CorePlan {
            name: format!("core-{index}"),
            cpu: cpus.get(index).copied().filter(|_| pinned),
            limits: core.limits,
            stall_report: core.stall_report,
            counters: core.counters,
        };
        let parts = core.parts;
        cores.push((thread::start(plan, move |core| serve(core, index, parts, stops))?, sender));
    }
    Ok(Running { cores })
}

impl Running {
    /// Stops every core, and waits for it.
    pub fn stop(self, stop: Stop) {
        for (_, sender) in &self.cores {
            // Full means that it was asked before.
            let _ = sender.send(stop);
        }
        for (thread, _) in self.cores {
            if thread.join().is_err() {
                tracing::error!("a core's thread died");
            }
        }
    }
}

/// The main flow of one core.
async fn serve(core: Core, index: usize, parts: Vec<Part>, mut stops: Receiver<Stop>) {
    let gate = Gate::new(&core);
    let mut services = Vec::new();
    for part in parts {
        (part.begin)(&core, &gate);
        services.push(part.stopping);
    }
    let stop = stops.receive(&core).await.unwrap_or(Stop::Now);
    services.iter().for_each(|stopping| stopping.store(true, Relaxed));
    gate.close();
    core.wake_all();
    let patience_ns = match stop {
        Stop::Now => STOP_NOW_NS,
        Stop::Graceful => STOP_GRACEFUL_NS,
    };
    let deadline_ns = core.now_ns() + patience_ns;
    if core.until(deadline_ns, gate.emptied()).await.is_none() {
        tracing::warn!(core = index, conversations = gate.inside(), "conversations were cut off");
    }
}
