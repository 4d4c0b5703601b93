//! The whole cache service in the simulator: real conversations, real cache, simulated kernel and clients, and every
//! fault that a kernel may answer with. Each run is drawn from one seed; a failure prints it, and
//!
//! ```text
//! SPINDLE_SEED=<seed> cargo test -p spindle-appliance --test simulation replay
//! ```
//!
//! runs it again.

mod client;
mod script;
#[path = "../kit/seeds.rs"]
mod seeds;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use client::{Manner, ScriptedClient};
use script::Script;
use spindle_appliance::arguments::{self, Typed};
use spindle_appliance::service::cache::clock::CacheClock;
use spindle_appliance::service::cache::shared::CacheService;
use spindle_appliance::service::cache::start::accept_on;
use spindle_appliance::settings;
use spindle_core::counters::CoreCounters;
use spindle_core::gate::Gate;
use spindle_core::simulator::{Faults, Random, SimulatedKernel, World};
use spindle_core::stall::StallReport;
use spindle_core::{Core, Limits};

/// Wall clock of the simulated world.
const START_UNIX_SECONDS: i64 = 1_700_000_000;

/// Seeds of one run in CI; `SPINDLE_SEEDS` asks for more.
const SEEDS: u64 = 1000;

fn service(world: &World, arguments: &[&str]) -> Arc<CacheService> {
    let line = ["spindle", "memcached", "-u", "root", "-l", "127.0.0.1", "-t", "1"].iter().chain(arguments);
    let Typed::Memcached(typed) = arguments::read(line.map(Into::into)).unwrap() else { panic!("not memcached's") };
    let settings = settings::from_memcached(&typed, None).unwrap();
    CacheService::new(settings.cache.as_ref().unwrap(), CacheClock::starting_at(world.now_ns(), START_UNIX_SECONDS))
        .unwrap()
}

/// Runs one service with its clients to the end of all scripts. What it answers with is the same for the same seed.
fn simulate(seed: u64) -> String {
    let mut random = Random::new(seed);
    let percent = |random: &mut Random, most: usize| random.below(most + 1) as u8;
    let faults = Faults {
        short: percent(&mut random, 40),
        late: percent(&mut random, 40),
        no_buffers: percent(&mut random, 5),
        ends_early: percent(&mut random, 5),
        ..Faults::default()
    };
    let world = World::new(random.draw(), faults);
    let clients = [3, 20, 60, 300][random.below(4)];
    let limits = Limits {
        receive_buffers: 1 << random.between(2, 7),
        receive_buffer_bytes: [64, 700, 4096, 16384][random.below(4)],
        drain_ns: 10_000_000_000,
        ..Limits::default()
    };
    let service = service(&world, &["-m", "64", "-c", "1000"]);
    let kernel = SimulatedKernel::new(&world, &limits).unwrap();
    let engine = Arc::new(CoreCounters::default());
    let core = Core::new(Box::new(kernel), limits, Arc::clone(&engine), StallReport::Count);
    let listener = Rc::new(world.listen());
    let failures = Rc::new(RefCell::new(Vec::new()));
    let left = Rc::new(std::cell::Cell::new(clients));
    for number in 0..clients {
        let script = Script::random(number, &mut random);
        let manner = Manner::random(&mut random);
        let client = ScriptedClient::new(number, script, manner, Rc::clone(&failures), Rc::clone(&left));
        world.connect(&listener, Box::new(client));
    }
    let (handle, accepting) = (core.clone(), Rc::clone(&listener));
    let (serving, waiting) = (Arc::clone(&service), Rc::clone(&left));
    core.run(async move {
        let gate = Gate::new(&handle);
        accept_on(&handle, &serving, 0, &gate, accepting);
        while waiting.get() > 0 {
            handle.sleep_until(handle.now_ns() + 10_000_000).await;
            serving.cache.tick(serving.clock.seconds(handle.now_ns()), 64);
        }
        gate.close();
        gate.emptied().await;
    });
    assert_eq!(*failures.borrow(), Vec::<String>::new());
    drop(listener);
    assert_eq!(world.descriptors_open(), 0, "a descriptor was left open");
    let counters = service.cache.counters();
    assert_eq!(counters.lent_bytes, 0, "memory is still lent");
    assert_eq!(service.held.used(), 0, "somebody still holds a share");
    assert_eq!(service.connections.current.load(std::sync::atomic::Ordering::Relaxed), 0);
    format!("{engine:?} {:?} at {} ns", service.totals(), world.now_ns())
}

#[test]
fn thousands_of_seeds() {
    seeds::run_many(SEEDS, simulate);
}

#[test]
fn replay() {
    seeds::replay(simulate);
}
