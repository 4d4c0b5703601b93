//! Starting a core: a thread of its own, pinned, that builds its ring and runs one main flow.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::Limits;
use crate::counters::CoreCounters;
use crate::engine::Core;
use crate::probe::Unsupported;
use crate::ring::Ring;
use crate::stall::StallReport;

/// How a core is started.
#[derive(Clone, Debug)]
pub struct CorePlan {
    /// The thread's name (15 bytes of it show in ps).
    pub name: String,
    /// The CPU that the thread is pinned to; none where the process was already given a set of its own.
    pub cpu: Option<usize>,
    pub limits: Limits,
    pub stall_report: StallReport,
    pub counters: Arc<CoreCounters>,
}

/// CPUs that this process may run on.
pub fn cpus_available() -> Vec<usize> {
    let set = nix::sched::sched_getaffinity(Pid::from_raw(0)).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false)).collect()
}

/// Starts the core and runs `main` on it. The answer is sent once the ring stands, or with the reason why it does not.
pub fn start<F>(plan: CorePlan, main: impl FnOnce(Core) -> F + Send + 'static) -> Result<JoinHandle<()>, Unsupported>
where
    F: Future<Output = ()> + 'static,
{
    let (answer, started) = std::sync::mpsc::channel();
    let builder = std::thread::Builder::new().name(plan.name.clone());
    let thread = builder
        .spawn(move || {
            // Those of the process; the kernel's workers would run on any.
            let cpus = CPUS.get_or_init(cpus_available);
            if let Some(cpu) = plan.cpu {
                pin(cpu);
            }
            match Ring::new(&plan.limits) {
                Ok(ring) => {
                    ring.confine_workers(cpus);
                    let core = Core::new(Box::new(ring), plan.limits, plan.counters, plan.stall_report);
                    let _ = answer.send(Ok(()));
                    core.clone().run(main(core));
                }
                Err(error) => drop(answer.send(Err(Unsupported::explain_core(error)))),
            }
        })
        .map_err(|error| Unsupported::Other(error.to_string()))?;
    match started.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(unsupported)) => Err(unsupported),
        Err(_) => Err(Unsupported::Other("its thread died at once".into())),
    }
}

/// Where the process might run before the first of its cores was pinned.
static CPUS: OnceLock<Vec<usize>> = OnceLock::new();

/// Lets the calling thread run wherever the process may, though the core that has started it is pinned. Best effort, as that is.
pub(crate) fn unpin() {
    let mut set = CpuSet::new();
    let cpus = CPUS.get().map_or(&[][..], Vec::as_slice);
    if !cpus.is_empty() && cpus.iter().all(|cpu| set.set(*cpu).is_ok()) {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// Best effort: a container may forbid it, and the core works all the same.
fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    if set.set(cpu).is_ok()
        && let Err(errno) = sched_setaffinity(Pid::from_raw(0), &set)
    {
        tracing::warn!(cpu, %errno, "a core could not be pinned");
    }
}
