//! The whole proxy in the simulator: real conversations and exchanges, a simulated kernel, clients and backends of all
//! manners, and every fault that they may show. Each run is drawn from one seed; a failure prints it, and
//!
//! ```text
//! SPINDLE_SEED=<seed> cargo test -p spindle-appliance --test simulation_proxy replay
//! ```
//!
//! runs it again.
//!
//! Every request says which it is, and so does every answer; all bodies follow from that. So nothing can be taken for
//! another's, cut short or sent twice without being found out.
//!
//! - [`ledger`]: what both ends know, and which faults explain what
//! - [`script`]: what one client asks;  [`client`]: how it asks;  [`judging`]: what it makes of an answer
//! - [`backend`]: a connection of a backend;  [`answering`]: how it answers
//! - [`message`]: bytes -> heads and bodies
//! - [`forced`]: runs that are no matter of chance
#![forbid(unsafe_code)]

mod answering;
mod backend;
mod client;
mod forced;
mod judging;
mod ledger;
mod message;
mod script;
#[path = "../kit/seeds.rs"]
mod seeds;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use backend::{Backend, Character, Haste};
use client::{Manner, ScriptedClient};
use ledger::{Down, Ledger, Reasons, Run};
use spindle_appliance::service::proxy::shared::{ProxyCore, ProxyService};
use spindle_appliance::service::proxy::start::accept_on;
use spindle_appliance::settings::decided::ProxySettings;
use spindle_core::counters::CoreCounters;
use spindle_core::gate::Gate;
use spindle_core::kernel::Kernel;
use spindle_core::simulator::{Faults, Peer, Random, SimulatedKernel, World};
use spindle_core::stall::StallReport;
use spindle_core::{Core, Descriptor, Limits};

/// Seeds of one run in CI; `SPINDLE_SEEDS` asks for more.
const SEEDS: u64 = 400;

const SECOND_NS: u64 = 1_000_000_000;
/// The longest patience with a client.
const IDLE_NS_MAX: u64 = 10 * SECOND_NS;
/// Longer than a connection is kept that nobody uses.
const KEPT_NS: u64 = 33 * SECOND_NS;

/// How the backends do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// Sound, though each in its manner.
    Fair,
    /// Many of their connections show faults.
    Fickle,
    /// Some cannot be reached for a while.
    Outage,
}

/// A time in which a backend cannot be reached.
#[derive(Clone, Copy, Debug)]
struct Outage {
    begins_ns: u64,
    ends_ns: u64,
    kind: OutageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutageKind {
    /// Who connects is refused.
    Refusal,
    /// And all connections that there were are broken.
    Death,
    /// Who connects hears nothing.
    Silence,
}

/// All that is drawn of a run before it begins.
#[derive(Clone, Debug)]
struct Plan {
    weather: Weather,
    clients: usize,
    settings: ProxySettings,
    /// Of each backend.
    outages: Vec<Option<Outage>>,
}

impl Plan {
    fn random(random: &mut Random) -> Plan {
        let weather = [Weather::Fair, Weather::Fickle, Weather::Outage][random.below(3)];
        let (clients, backends) = (random.between(1, 8), random.between(2, 3));
        let settings = ProxySettings {
            listen: Vec::new(),
            backends: (0..backends).map(address).collect(),
            connections_max: 1000,
            cores: 1,
            backlog: 1,
            idle_timeout_seconds: random.between(4, (IDLE_NS_MAX / SECOND_NS) as usize) as u32,
            backend_connections_max: if random.chance(40) { random.between(1, 4) as u32 } else { 8 },
            backend_timeout_seconds: random.between(2, 6) as u32,
        };
        let outage = |random: &mut Random| {
            let (latest, longest) = (random.below(4), random.below(2));
            let begins_ns = random.below([1, 1_000_000, 10_000_000, 100_000_000][latest]) as u64;
            let ends_ns = begins_ns + random.below([1_000_000, 20_000_000_000][longest]) as u64;
            let kind = [OutageKind::Refusal, OutageKind::Death, OutageKind::Silence][random.below(3)];
            Outage { begins_ns, ends_ns, kind }
        };
        let has_outage = |random: &mut Random| weather == Weather::Outage && random.chance(60);
        let outages = (0..backends).map(|_| has_outage(random).then(|| outage(random))).collect();
        Plan { weather, clients, settings, outages }
    }

    /// Nobody has to wait for a connection.
    fn is_roomy(&self) -> bool {
        self.settings.backend_connections_max as usize >= self.clients
    }

    fn has(&self, kind: OutageKind) -> bool {
        self.outages.iter().flatten().any(|outage| outage.kind == kind)
    }

    /// What may fail though nobody's request or answer is broken.
    fn reasons(&self) -> Reasons {
        let in_reach = self.outages.iter().any(Option::is_none) && self.is_roomy();
        match self.weather {
            Weather::Fair => Reasons::default(),
            Weather::Fickle => Reasons { unavailable: !self.is_roomy(), unanswered: false },
            Weather::Outage => {
                Reasons { unavailable: !in_reach, unanswered: !in_reach && self.has(OutageKind::Silence) }
            }
        }
    }
}

fn address(backend: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + backend as u8], 80))
}

fn faults(random: &mut Random) -> Faults {
    let percent = |random: &mut Random, most: usize| random.below(most + 1) as u8;
    Faults {
        short: percent(random, 40),
        late: percent(random, 40),
        no_buffers: percent(random, 5),
        ends_early: percent(random, 5),
        ..Faults::default()
    }
}

fn limits(random: &mut Random) -> Limits {
    Limits {
        receive_buffers: 1 << random.between(2, 6),
        receive_buffer_bytes: [700, 4096, 16384][random.below(3)],
        drain_ns: 1000 * SECOND_NS,
        ..Limits::default()
    }
}

/// Has every backend of the plan served.
fn serve(world: &World, plan: &Plan, run: &Run) {
    let haste = if plan.is_roomy() { Haste::None } else { Haste::Some };
    let is_fickle = plan.weather == Weather::Fickle;
    for number in 0..plan.settings.backends.len() {
        let run = Rc::clone(run);
        run.borrow_mut().down.push(Down::Up);
        let welcome = move |random: &mut Random| {
            if run.borrow().down[number] != Down::Up {
                return None;
            }
            let character = if is_fickle && random.chance(60) { Character::Fickle } else { Character::Sound };
            let backend = Backend::new(number, character, haste, random, Rc::clone(&run));
            Some(Box::new(backend) as Box<dyn Peer>)
        };
        world.serve(address(number), Box::new(welcome));
    }
}

/// Has every client of the plan come.
fn send_clients(world: &World, listener: &Descriptor, plan: &Plan, run: &Run, random: &mut Random) {
    run.borrow_mut().clients_left = plan.clients;
    for number in 0..plan.clients {
        let manner = match Manner::random(random) {
            // It keeps a connection from the others.
            Manner::Dozing if !plan.is_roomy() => Manner::Prompt,
            manner => manner,
        };
        let script = script::random(&mut run.borrow_mut(), manner.honesty(), random);
        world.connect(listener, Box::new(ScriptedClient::new(number, manner, script, Rc::clone(run))));
    }
}

/// One run, on its way into the core.
struct Simulated {
    world: World,
    listener: Rc<Descriptor>,
    shared: Rc<ProxyCore>,
    run: Run,
    outages: Vec<Option<Outage>>,
}

impl Simulated {
    /// Runs the service until the last client is done, and all that goes on behind their backs has ended.
    async fn serve(self, core: Core) {
        let gate = Gate::new(&core);
        accept_on(&self.shared, &gate, Rc::clone(&self.listener));
        let sweeping = Rc::clone(&self.shared);
        core.spawn("backends", async move { sweeping.backends.sweep().await });
        while self.run.borrow().clients_left > 0 {
            self.let_outages_pass(core.now_ns());
            let last_ns = self.outages.iter().flatten().map(|outage| outage.begins_ns).max();
            let begun = last_ns.is_none_or(|begins_ns| core.now_ns() >= begins_ns);
            core.sleep_until(core.now_ns() + if begun { 100_000_000 } else { 1_000_000 }).await;
        }
        self.let_outages_pass(u64::MAX);
        self.world.set_faults(Faults::default());
        self.shared.service.clients.stopping.store(true, Relaxed);
        gate.close();
        core.wake_all();
        let ended = core.until(core.now_ns() + 100 * SECOND_NS, gate.emptied()).await;
        if ended.is_none() {
            self.fail(format!("{} conversations do not end", gate.inside()));
        }
        core.sleep_until(core.now_ns() + KEPT_NS).await;
        let (open, dialled) = (self.world.descriptors_open(), self.world.dialled_open());
        if (open, dialled) != (1, 0) {
            self.fail(format!("{open} descriptors are open beside none but the listener, {dialled} to backends"));
        }
    }

    fn let_outages_pass(&self, now_ns: u64) {
        for (number, outage) in self.outages.iter().enumerate() {
            let Some(outage) = outage else { continue };
            let is_now = (outage.begins_ns..outage.ends_ns).contains(&now_ns);
            let down = &mut self.run.borrow_mut().down[number];
            match (is_now, outage.kind) {
                (true, OutageKind::Refusal) => *down = Down::Refuses,
                (true, OutageKind::Death) => *down = Down::Dead,
                (true, OutageKind::Silence) => self.world.cut_off(address(number)),
                (false, OutageKind::Refusal | OutageKind::Death) => *down = Down::Up,
                (false, OutageKind::Silence) => self.world.restore(address(number)),
            }
        }
    }

    fn fail(&self, failure: String) {
        self.run.borrow_mut().failures.push(failure);
    }
}

/// Runs one service with its clients to the end of all scripts. What it answers with is the same for the same seed.
fn simulate(seed: u64) -> String {
    let mut random = Random::new(seed);
    let plan = Plan::random(&mut random);
    let world = World::new(random.draw(), faults(&mut random));
    let limits = limits(&mut random);
    let run = Run::default();
    run.borrow_mut().reasons = plan.reasons();
    let kernel = SimulatedKernel::new(&world, &limits).unwrap();
    let provided = kernel.provided();
    let engine = Arc::new(CoreCounters::default());
    let core = Core::new(Box::new(kernel), limits, Arc::clone(&engine), StallReport::Count);
    let listener = Rc::new(world.listen());
    serve(&world, &plan, &run);
    send_clients(&world, &listener, &plan, &run, &mut random);
    let service = ProxyService::new(&plan.settings);
    let shared = ProxyCore::new(&core, &service);
    let simulated =
        Simulated { world: world.clone(), listener, shared, run: Rc::clone(&run), outages: plan.outages.clone() };
    let flow = simulated.serve(core.clone());
    core.run(flow);
    let ledger = run.borrow();
    judge(&world, &ledger, &plan);
    assert_eq!(provided.out(), 0, "receive buffers are still out");
    assert_eq!(service.clients.connections.current.load(Relaxed), 0);
    let dialled = world.dialled_open_max();
    format!("{:?} {:?} {dialled} dialled {engine:?} at {} ns", plan.weather, ledger.met, world.now_ns())
}

/// What must be true when all is over.
fn judge(world: &World, ledger: &Ledger, plan: &Plan) {
    assert_eq!(ledger.failures, Vec::<String>::new(), "{plan:?}");
    for (request, fate) in ledger.requests.iter().zip(&ledger.fates) {
        let most = if request.may_be_repeated() { 2 } else { 1 };
        assert!(fate.begun <= most && fate.whole <= fate.begun, "{request:?} {fate:?}");
    }
    let (unexplained, closed) = (ledger.bad_gateways_unexplained, ledger.closed_unasked);
    assert!(unexplained <= closed, "{unexplained} answers of 502 for {closed} closed connections, {plan:?}");
    let (dialled, most) = (world.dialled_open_max(), plan.settings.backend_connections_max as usize);
    assert!(dialled <= most, "{dialled} connections to backends, and there may be {most}");
    assert_eq!((world.descriptors_open(), world.peers()), (0, 0), "something was left open");
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
    let told: String = (0..100).map(simulate).collect();
    let statuses = ["200", "204", "400", "502", "503", "504", "interim 100", "interim 103"];
    let forms = ["Sized Http10", "Chunked Http11", "UntilEnd Http10", "UntilEnd Http11", "NoContent Http11"];
    let ends = ["early", "repeated", "closed unasked", "closed within", "broken off"];
    for kind in statuses.into_iter().chain(forms).chain(ends) {
        assert!(told.contains(&format!("\"{kind}\": ")), "none of a hundred runs met {kind}");
    }
}
