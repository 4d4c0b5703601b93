//! The whole server of files in the simulator: real conversations, real uploads and transfers, simulated kernel, disks and
//! clients, and every fault that they may answer with. Each run is drawn from one seed; a failure prints it, and
//!
//! ```text
//! SPINDLE_SEED=<seed> cargo test -p spindle-appliance --test simulation_files replay
//! ```
//!
//! runs it again.
//!
//! - [`model`]: what each name may hold, from what its client was told
//! - [`script`]: what one client asks
//! - [`client`]: how it asks, what it hears;  [`hearing`]: bytes -> answers
#![forbid(unsafe_code)]

mod client;
mod hearing;
mod model;
mod script;
#[path = "../kit/seeds.rs"]
mod seeds;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use client::ScriptedClient;
use model::Weather;
use script::Script;
use spindle_appliance::service::files::shared::{FilesCore, FilesService};
use spindle_appliance::service::files::start::accept_on;
use spindle_appliance::settings::decided::{FilesSettings, Permission, Promise, RootFolder};
use spindle_core::counters::CoreCounters;
use spindle_core::gate::Gate;
use spindle_core::kernel::Kernel;
use spindle_core::simulator::{Faults, Random, SimulatedKernel, World};
use spindle_core::stall::StallReport;
use spindle_core::{Core, Descriptor, Limits};
use spindle_disk::upload::SPOOL_FOLDER;
use spindle_disk::{DiskLimits, Root};

/// Seeds of one run in CI; `SPINDLE_SEEDS` asks for more.
const SEEDS: u64 = 400;

const SECOND_NS: u64 = 1_000_000_000;
/// With one op of a disk.
const PATIENCE_NS: u64 = 8 * SECOND_NS;

/// What a client shares with the run that it is part of.
#[derive(Clone, Default)]
struct Run {
    failures: Rc<RefCell<Vec<String>>>,
    /// Clients that are still at it.
    left: Rc<Cell<usize>>,
    /// What each answer's status was, and how often.
    statuses: Rc<RefCell<std::collections::BTreeMap<u16, usize>>>,
    models: Rc<RefCell<Vec<model::Model>>>,
}

fn settings(random: &mut Random) -> FilesSettings {
    FilesSettings {
        listen: Vec::new(),
        root: "/".into(),
        root_folder: RootFolder::Exists,
        connections_max: 1000,
        cores: 1,
        backlog: 1,
        open_files_max: [1, 4, 1000][random.below(3)],
        writes: Permission::Allowed,
        promise: if random.chance(50) { Promise::Durable } else { Promise::Written },
        idle_timeout_seconds: 30,
    }
}

/// A third of the runs have sound disks, a third have disks with faults, and in a third one disk hangs for a while.
fn weather(random: &mut Random) -> Weather {
    [Weather::Fair, Weather::Faults, Weather::Hang][random.below(3)]
}

fn faults(weather: Weather, random: &mut Random) -> Faults {
    let percent = |random: &mut Random, most: usize| random.below(most + 1) as u8;
    let network = Faults {
        short: percent(random, 40),
        late: percent(random, 40),
        no_buffers: percent(random, 5),
        ends_early: percent(random, 5),
        disk_ns: [0, 100_000, 5_000_000][random.below(3)],
        ..Faults::default()
    };
    match weather {
        Weather::Fair => network,
        // Who waits for the other disk then waits for the one that hangs.
        Weather::Hang => Faults { disk_ns: network.disk_ns.min(100_000), ..network },
        Weather::Faults => Faults { input_output: percent(random, 4), no_space: percent(random, 6), ..network },
    }
}

/// One run, on its way into the core.
struct Simulated {
    world: World,
    listener: Rc<Descriptor>,
    shared: Rc<FilesCore>,
    run: Run,
    /// From when to when dev1 hangs.
    hang: Option<(u64, u64)>,
}

impl Simulated {
    /// Runs the service until the last client is done, and all that goes on behind their backs has ended.
    async fn serve(self, core: Core) {
        let Simulated { world, listener, shared, run, hang } = self;
        let gate = Gate::new(&core);
        accept_on(&shared, &gate, listener);
        core.spawn("sweep", Rc::clone(&shared).sweep());
        while run.left.get() > 0 {
            if let Some((begins_ns, ends_ns)) = hang {
                if (begins_ns..ends_ns).contains(&core.now_ns()) { world.hang("dev1") } else { world.mend("dev1") }
            }
            let begun = hang.is_none_or(|(begins_ns, _)| core.now_ns() >= begins_ns);
            core.sleep_until(core.now_ns() + if begun { 100_000_000 } else { 1_000_000 }).await;
        }
        world.mend("dev1");
        world.set_faults(Faults::default());
        shared.service.clients.stopping.store(true, Relaxed);
        gate.close();
        core.wake_all();
        let ended = core.until(core.now_ns() + 100 * SECOND_NS, gate.emptied()).await;
        if ended.is_none() {
            run.failures.borrow_mut().push(format!("{} conversations do not end", gate.inside()));
        }
        // Overdue ops land, and temporaries are removed.
        core.sleep_until(core.now_ns() + 10 * SECOND_NS).await;
        for disk in shared.root.disks() {
            assert!(disk.ops_in_flight() == 0 && !disk.hangs(), "{} is still busy", disk.name);
        }
    }
}

/// Runs one service with its clients to the end of all scripts. What it answers with is the same for the same seed.
fn simulate(seed: u64) -> String {
    let mut random = Random::new(seed);
    let weather = weather(&mut random);
    let world = World::new(random.draw(), faults(weather, &mut random));
    let limits = Limits {
        receive_buffers: 1 << random.between(2, 6),
        receive_buffer_bytes: [700, 4096, 16384][random.below(3)],
        drain_ns: 1000 * SECOND_NS,
        ..Limits::default()
    };
    let disks = DiskLimits { ops_max: random.between(1, 8), waiting_max: 1024, patience_ns: PATIENCE_NS };
    let service = FilesService::new(&settings(&mut random));
    let kernel = SimulatedKernel::new(&world, &limits).unwrap();
    let provided = kernel.provided();
    let engine = Arc::new(CoreCounters::default());
    let core = Core::new(Box::new(kernel), limits, Arc::clone(&engine), StallReport::Count);
    let run = Run::default();
    let listener = Rc::new(world.listen());
    let clients = [1, 4, 12, 30][random.below(4)];
    run.left.set(clients);
    for number in 0..clients {
        let script = Script::random(number, &mut random);
        world.connect(&listener, Box::new(ScriptedClient::new(number, script, weather, &mut random, run.clone())));
    }
    let hang = (weather == Weather::Hang).then(|| {
        let latest_ns = [1, 5_000_000, 100_000_000][random.below(3)];
        let begins_ns = random.below(latest_ns) as u64;
        (begins_ns, begins_ns + random.below(20_000_000_000) as u64)
    });
    for disk in ["dev1", "dev2"] {
        world.put(&format!("{disk}/.keep"), b"");
    }
    let devices = ["dev1", "dev2"].map(|disk| (disk.to_owned(), world.open_folder(disk)));
    let root = Root::of(&core, world.root(), devices.into(), disks);
    let shared = FilesCore::new(&core, &service, root);
    let simulated = Simulated { world: world.clone(), listener, shared, run: run.clone(), hang };
    let flow = simulated.serve(core.clone());
    core.run(flow);
    judge(&world, &service, &run, weather);
    assert_eq!(provided.out(), 0, "receive buffers are still out");
    // Temporaries have names that no other run has.
    let files: Vec<_> = world.files().into_iter().filter(|name| !name.contains(SPOOL_FOLDER)).collect();
    format!("{weather:?} {:?} {files:?} {engine:?} at {} ns", run.statuses.borrow(), world.now_ns())
}

/// What must be true when all is over.
fn judge(world: &World, service: &FilesService, run: &Run, weather: Weather) {
    for model in run.models.borrow().iter() {
        for (name, possible) in model.names() {
            let found = world.get(name).map(|bytes| model::label_of(&bytes));
            if !possible.iter().any(|label| found == label.map(Some)) {
                let failure = format!("{name} holds {found:?}, and may hold {possible:?}");
                run.failures.borrow_mut().push(failure);
            }
        }
    }
    for name in world.files().into_iter().filter(|name| name.starts_with("dev1/shared")) {
        let bytes = world.get(&name).unwrap();
        assert!(model::label_of(&bytes).is_some(), "{name} is torn: {} bytes", bytes.len());
    }
    assert_eq!(*run.failures.borrow(), Vec::<String>::new(), "{weather:?}");
    // Where a disk fails it may also fail to remove them.
    if weather != Weather::Faults {
        let left: Vec<_> = world.files().into_iter().filter(|name| name.contains(SPOOL_FOLDER)).collect();
        assert_eq!(left, [""; 0], "temporaries were left");
    }
    assert_eq!(world.descriptors_open(), 0, "a descriptor was left open");
    assert_eq!(service.clients.connections.current.load(Relaxed), 0);
}

#[test]
fn hundreds_of_seeds() {
    seeds::run_many(SEEDS, simulate);
}

#[test]
fn replay() {
    seeds::replay(simulate);
}

/// Faults that are never met would prove nothing.
#[test]
fn every_kind_of_answer_is_given() {
    let told: String = (0..60).map(simulate).collect();
    for status in ["200", "201", "204", "206", "400", "404", "500", "503", "507"] {
        assert!(told.contains(&format!("{status}: ")), "none of sixty runs answered {status}");
    }
}
