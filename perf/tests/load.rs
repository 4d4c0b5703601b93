//! The load lab put to the test itself: by servers that stop, lie, and die.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::socket::{Backlog, listen};
use spindle_perf::arrivals::Arrivals;
use spindle_perf::describe::Removal;
use spindle_perf::environment::Environment;
use spindle_perf::load::{
    self, CachePlan, ClassPlan, KeyPlan, Mix, OnMiss, Operation, Pace, Plan, Protocol, Sampling, Spin, Stop, Verify,
    WorkPlan,
};
use spindle_perf::measured::{Generator, Loop, Measured, Reason, Wrong};
use spindle_perf::popularity::Popularity;
use spindle_perf::process::{Server, free_address};
use spindle_perf::sizes::Sizes;
use spindle_perf::slow::{Again, Behaviour, SlowPlan};

/// What a dishonest cache does to one of its answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lie {
    None,
    FlippedBit,
    /// The first value that the key ever had.
    Stale,
    ShortBody,
    /// The value of the key that was asked for before.
    Swapped,
    Lost,
    /// Half of the oldest value, half of the newest.
    Torn,
    /// Hangs up, and nobody takes its place.
    Dies,
    /// A flipped bit in every answer.
    FlippedBits,
    /// No lie: sets take [`SLOW`].
    SlowSets,
}

const SLOW: Duration = Duration::from_millis(40);

/// What a key had first, and what it has now.
#[derive(Clone, Default)]
struct Versions {
    oldest: Vec<u8>,
    newest: Vec<u8>,
}

/// A cache that lies once, at its get number `at`.
struct Liar {
    lie: Lie,
    at: u64,
    gets: AtomicU64,
    is_dead: AtomicBool,
    connections: AtomicU64,
    values: Mutex<HashMap<String, Versions>>,
    last: Mutex<Vec<u8>>,
    /// All that clients said.
    heard: Mutex<Vec<u8>>,
}

impl Liar {
    fn start(lie: Lie, at: u64) -> SocketAddr {
        Liar::known(lie, at).0
    }

    fn known(lie: Lie, at: u64) -> (SocketAddr, Arc<Liar>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let liar = Arc::new(Liar {
            lie,
            at,
            gets: AtomicU64::new(0),
            is_dead: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            values: Mutex::default(),
            last: Mutex::default(),
            heard: Mutex::default(),
        });
        let serving = Arc::clone(&liar);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.is_dead.load(Relaxed) {
                    return;
                }
                serving.connections.fetch_add(1, Relaxed);
                let liar = Arc::clone(&serving);
                std::thread::spawn(move || liar.serve(stream.unwrap()));
            }
        });
        (address, liar)
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let (mut input, mut output) = (BufReader::new(stream.try_clone().ok()?), stream);
        let mut line = String::new();
        while input.read_line(&mut line).ok()? > 0 {
            self.heard.lock().ok()?.extend_from_slice(line.as_bytes());
            let mut words = line.split_whitespace();
            let (verb, key) = (words.next()?.to_owned(), words.next()?.to_owned());
            if verb == "set" {
                let mut value = vec![0; words.nth(2)?.parse::<usize>().ok()? + 2];
                input.read_exact(&mut value).ok()?;
                self.heard.lock().ok()?.extend_from_slice(&value);
                value.truncate(value.len() - 2);
                let mut values = self.values.lock().ok()?;
                let versions = values.entry(key).or_default();
                if versions.oldest.is_empty() {
                    versions.oldest.clone_from(&value);
                }
                versions.newest = value;
                drop(values);
                if self.lie == Lie::SlowSets {
                    std::thread::sleep(SLOW);
                }
                output.write_all(b"STORED\r\n").ok()?;
            } else {
                output.write_all(&self.answer(&key)?).ok()?;
            }
            line.clear();
        }
        Some(())
    }

    fn answer(&self, key: &str) -> Option<Vec<u8>> {
        let Versions { oldest, newest } = self.values.lock().ok()?.get(key)?.clone();
        let mut last = self.last.lock().ok()?;
        // A lie about a value that was never written over would be the truth.
        let changed = oldest != newest || !matches!(self.lie, Lie::Stale | Lie::Torn);
        let is_at = changed && self.gets.fetch_add(1, Relaxed) == self.at;
        let lies = is_at || self.lie == Lie::FlippedBits;
        let mut value = newest.clone();
        match self.lie {
            _ if !lies => {}
            Lie::None | Lie::SlowSets => {}
            Lie::FlippedBit | Lie::FlippedBits => value[50] ^= 0x10,
            Lie::Stale => value = oldest,
            Lie::ShortBody => value.truncate(value.len() - 1),
            Lie::Swapped => value = last.clone(),
            Lie::Torn => value[..64].copy_from_slice(&oldest[..64]),
            Lie::Lost => return Some(b"END\r\n".to_vec()),
            Lie::Dies => {
                self.is_dead.store(true, Relaxed);
                return None;
            }
        }
        *last = newest;
        Some([format!("VALUE {key} 0 {}\r\n", value.len()).as_bytes(), &value, b"\r\nEND\r\n"].concat())
    }
}

fn plan(server: SocketAddr) -> Plan {
    Plan {
        cpus: Vec::new(),
        classes: vec![ClassPlan {
            name: "test".into(),
            server,
            pace: Pace::Open { per_second: 1000.0, arrivals: Arrivals::Constant },
            connections: 1,
            depth: 4,
            churn: None,
            verify: Verify::All,
            seed: 7,
            work: WorkPlan::Cache(CachePlan {
                protocol: Protocol::Classic,
                prefix: "k".into(),
                key_sizes: None,
                keys: KeyPlan {
                    count: 20,
                    popularity: Popularity::Uniform,
                    sizes: Sizes::Fixed(200),
                    removal: Removal::Never,
                },
                mix: Mix::of_sets(0.5),
                ttl: None,
                on_miss: OnMiss::Nothing,
            }),
        }],
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(1),
        patience: Duration::from_secs(5),
        spin: Spin::Always,
        slow: Vec::new(),
        watched: None,
        environment: Environment::look(Vec::new()),
    }
}

fn cache(plan: &mut Plan) -> &mut CachePlan {
    let WorkPlan::Cache(cache) = &mut plan.classes[0].work else { unreachable!("it is the work of a cache") };
    cache
}

fn measure(plan: &Plan) -> Measured {
    load::run(plan, |_, _| {}).unwrap()
}

fn wrong(lie: Lie) -> Wrong {
    let measured = measure(&plan(Liar::start(lie, 300)));
    let class = &measured.classes[0];
    assert_eq!((class.requests, measured.errors()), (1000, 0), "{lie:?}");
    class.wrong
}

#[test]
fn every_kind_of_lie_is_caught_and_named() {
    assert_eq!(wrong(Lie::None), Wrong::default());
    assert_eq!(wrong(Lie::FlippedBit), Wrong { corrupt: 1, ..Wrong::default() });
    assert_eq!(wrong(Lie::Stale), Wrong { stale: 1, ..Wrong::default() });
    assert_eq!(wrong(Lie::ShortBody), Wrong { length: 1, ..Wrong::default() });
    assert_eq!(wrong(Lie::Swapped), Wrong { swapped: 1, ..Wrong::default() });
    assert_eq!(wrong(Lie::Torn), Wrong { torn: 1, ..Wrong::default() });
    assert_eq!(wrong(Lie::Lost), Wrong { lost: 1, ..Wrong::default() });
}

/// Whether an answer is looked into is drawn for each request by itself, so that of n answers that are wrong a binomial number
/// is found: n/64, and but for one seed in 10^8 no more than six standard deviations beside it.
#[test]
fn a_sample_of_the_answers_finds_its_share_of_the_lies() {
    const ASKED: u64 = 20_000;
    let found = |verify: Verify| {
        let mut plan = plan(Liar::start(Lie::FlippedBits, u64::MAX));
        (plan.patience, cache(&mut plan).mix) = (Duration::from_secs(60), Mix::of_sets(0.0));
        let class = &mut plan.classes[0];
        class.pace = Pace::Open { per_second: ASKED as f64, arrivals: Arrivals::Constant };
        (class.verify, class.depth) = (verify, 64);
        let measured = measure(&plan);
        assert_eq!((measured.classes[0].requests, measured.errors()), (ASKED, 0), "{verify:?}");
        assert_eq!(measured.wrong(), measured.classes[0].wrong.corrupt, "{verify:?}");
        measured.wrong()
    };
    assert_eq!([found(Verify::All), found(Verify::Off)], [ASKED, 0]);
    let (share, asked) = (1.0 / 64.0, ASKED as f64);
    let deviation = (asked * share * (1.0 - share)).sqrt();
    let beside = found(Verify::Sampled) as f64 - asked * share;
    assert!(beside.abs() < 6.0 * deviation, "{beside} beside n/64, of which {deviation} is the deviation");
}

#[test]
fn a_slow_operation_is_slow_by_itself_and_all_together_are_the_class() {
    let mut plan = plan(Liar::start(Lie::SlowSets, 0));
    cache(&mut plan).mix = Mix::of_sets(0.1);
    let class = &mut plan.classes[0];
    class.pace = Pace::Open { per_second: 300.0, arrivals: Arrivals::Constant };
    // Nobody stands behind a set.
    (class.connections, class.depth) = (20, 1);
    let (sampling, samples) = Sampling::new();
    load::fill(&plan).unwrap();
    let measured = load::measure(&plan, &Stop::default(), Some(&sampling), |_, _| {}).unwrap();
    drop(sampling);
    let class = &measured.classes[0];
    let [get, set] = class.operations.as_slice() else { panic!("{:?}", class.operations) };
    assert_eq!((get.operation, set.operation), (Operation::Get, Operation::Set));
    assert_eq!((get.requests + set.requests, class.requests, measured.errors()), (300, 300, 0));
    assert!((5..100).contains(&set.requests), "{} sets", set.requests);
    let slow_ns = SLOW.as_nanos() as u64;
    // Histograms keep three digits.
    assert!(set.response_ns.min() >= slow_ns / 1000 * 999, "{} ns", set.response_ns.min());
    assert!(get.response_ns.value_at_quantile(0.5) < slow_ns, "{} ns", get.response_ns.value_at_quantile(0.5));
    assert_eq!(class.response_ns, get.response_ns.clone() + &set.response_ns);
    assert_eq!(class.service_ns, get.service_ns.clone() + &set.service_ns);
    assert_eq!(class.lag_ns, get.lag_ns.clone() + &set.lag_ns);
    assert_eq!(class.lag_server_ns, get.lag_server_ns.clone() + &set.lag_server_ns);
    assert_eq!(class.lag_generator_ns, get.lag_generator_ns.clone() + &set.lag_generator_ns);
    let sampled: Vec<_> = samples.iter().flatten().collect();
    let of_sets = sampled.iter().filter(|sample| sample.operation == Operation::Set);
    assert_eq!((sampled.len(), of_sets.count() as u64), (300, set.requests));
}

#[test]
fn the_same_seed_says_the_same_bytes_and_another_does_not() {
    let heard = |seed: u64, arrivals: Arrivals| {
        let (address, liar) = Liar::known(Lie::None, 0);
        let mut plan = plan(address);
        plan.measured = Duration::from_millis(300);
        let class = &mut plan.classes[0];
        class.pace = Pace::Open { per_second: 1000.0, arrivals };
        class.seed = seed;
        let keys = &mut cache(&mut plan).keys;
        (keys.popularity, keys.sizes) = (Popularity::Zipf(0.9), Sizes::Range { low: 1, high: 3000 });
        assert_eq!(measure(&plan).wrong(), 0);
        liar.heard.lock().unwrap().clone()
    };
    for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
        let first = heard(3, arrivals);
        assert!(first.len() > 10_000 && first == heard(3, arrivals), "{arrivals}");
        assert!(first != heard(4, arrivals), "{arrivals}");
    }
}

#[test]
fn a_closed_loop_says_that_it_is_one_and_keeps_every_place_taken() {
    let mut plan = plan(Liar::start(Lie::None, 0));
    // Its first second is not its last: what is answered after the end has no successor.
    (plan.classes[0].pace, plan.measured) = (Pace::Closed, Duration::from_millis(1300));
    let measured = measure(&plan);
    assert_eq!((measured.driven, measured.errors(), measured.wrong()), (Loop::Closed, 0, 0));
    assert!(measured.classes[0].requests > 300, "{} requests", measured.classes[0].requests);
    assert_eq!(measured.seconds[0].in_flight, 4, "four places on one connection");
}

#[test]
fn a_generator_that_spins_near_the_next_request_alone_sleeps_in_between_and_leaves_nothing_out() {
    let mut plan = plan(Liar::start(Lie::None, 0));
    plan.classes[0].pace = Pace::Open { per_second: 50.0, arrivals: Arrivals::Constant };
    plan.spin = Spin::Near;
    let measured = measure(&plan);
    assert_eq!((measured.classes[0].requests, measured.errors(), measured.wrong()), (50, 0, 0));
    let Generator { cpu, busy, spin, .. } = measured.generator;
    assert_eq!(spin, Spin::Near);
    assert!(cpu < measured.lasted / 2 && busy < 0.5, "{cpu:?} of CPU, {busy} busy");
}

#[test]
fn connections_that_have_had_their_share_are_replaced_and_nothing_is_lost() {
    let (address, liar) = Liar::known(Lie::None, 0);
    let mut plan = plan(address);
    (plan.classes[0].connections, plan.classes[0].churn) = (3, NonZeroU64::new(10));
    let measured = measure(&plan);
    let class = &measured.classes[0];
    assert_eq!((class.requests, measured.errors(), measured.wrong()), (1000, 0, 0));
    // The fill's, a hundred that had their share, and those that were to come next.
    let connections = liar.connections.load(Relaxed);
    assert!((101..=104).contains(&connections), "{connections} connections");
}

#[test]
fn values_larger_than_a_parcel_are_sent_in_parts() {
    let mut plan = plan(Liar::start(Lie::None, 0));
    let keys = &mut cache(&mut plan).keys;
    (keys.sizes, keys.count) = (Sizes::Fixed(1_000_000), 3);
    plan.classes[0].pace = Pace::Open { per_second: 20.0, arrivals: Arrivals::Constant };
    let measured = measure(&plan);
    assert_eq!((measured.classes[0].requests, measured.errors(), measured.wrong()), (20, 0, 0));
}

#[test]
fn a_server_that_dies_leaves_a_report_of_what_happened_until_then() {
    let measured = measure(&plan(Liar::start(Lie::Dies, 200)));
    assert!(matches!(measured.reasons.last(), Some(Reason::CutShort { .. })), "{:?}", measured.reasons);
    let class = &measured.classes[0];
    assert!((200..900).contains(&class.requests), "{} answered", class.requests);
    assert!(class.errors.broken >= 1, "{:?}", class.errors);
    assert!(!measured.seconds.is_empty());
}

#[test]
fn a_run_that_is_stopped_is_finished_properly() {
    let mut plan = plan(Liar::start(Lie::None, 0));
    plan.measured = Duration::from_secs(3600);
    load::fill(&plan).unwrap();
    let stop = Stop::default();
    let measured = load::measure(&plan, &stop, None, |_, _| stop.ask()).unwrap();
    assert!(matches!(measured.reasons.last(), Some(Reason::Stopped { .. })), "{:?}", measured.reasons);
    let class = &measured.classes[0];
    assert!(class.requests >= 1000, "{} answered", class.requests);
    assert!(measured.lasted < Duration::from_secs(60), "{:?}", measured.lasted);
    let offered = class.offered_per_second * measured.lasted.as_secs_f64();
    assert_eq!((offered.round() as u64, measured.errors()), (class.requests, 0), "what was due was answered");
}

#[test]
fn a_run_that_is_stopped_in_its_warm_up_has_measured_nothing() {
    let mut plan = plan(Liar::start(Lie::None, 0));
    plan.warm_up = Duration::from_secs(3600);
    load::fill(&plan).unwrap();
    let stop = Stop::default();
    stop.ask();
    let measured = load::measure(&plan, &stop, None, |_, _| {}).unwrap();
    assert_eq!((measured.lasted, measured.classes[0].requests, measured.errors()), (Duration::ZERO, 0, 0));
    assert!(matches!(measured.reasons.last(), Some(Reason::Stopped { .. })), "{:?}", measured.reasons);
}

/// A listener that accepts nobody, and has no room for another connection: whoever connects waits.
fn full() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let (address, mut queued) = (listener.local_addr().unwrap(), Vec::new());
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
        queued.push(stream);
    }
    (listener, queued)
}

fn idle(name: &str, server: SocketAddr) -> SlowPlan {
    let (behaviour, again, ramp) = (Behaviour::Idle, Again::After(Duration::ZERO), Duration::ZERO);
    SlowPlan { name: name.into(), server, count: 3, behaviour, again, ramp, seed: 1 }
}

#[test]
fn slow_clients_that_still_connect_when_the_measured_time_begins_make_a_run_invalid() {
    let (listener, _queued) = full();
    let mut plan = plan(Liar::start(Lie::None, 0));
    // Those of the other group are attached by then.
    plan.warm_up = Duration::from_secs(1);
    plan.slow = vec![idle("waiting", listener.local_addr().unwrap()), idle("attached", plan.classes[0].server)];
    let measured = measure(&plan);
    let missing = measured.reasons.iter().filter(|reason| matches!(reason, Reason::SlowMissing { .. }));
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    assert_eq!(missing, ["3 of the 3 slow clients waiting were not connected when the measured time began"]);
    let [waiting, attached] = measured.slow.as_slice() else { panic!("{:?}", measured.slow) };
    assert_eq!((waiting.begun, waiting.connect_failed, waiting.missing_at_begin), (3, 0, 3));
    assert_eq!((attached.attached_now, attached.missing_at_begin), (3, 0));
    assert_eq!((measured.classes[0].requests, measured.errors(), measured.wrong()), (1000, 0, 0));
}

#[test]
fn a_server_that_hears_and_says_nothing_leaves_every_request_unfinished() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        // The first is the fill: honest.
        let honest = Liar::start(Lie::None, u64::MAX);
        let (filling, _) = listener.accept().unwrap();
        let onward = TcpStream::connect(honest).unwrap();
        let (mut from, mut to) = (filling.try_clone().unwrap(), onward.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        std::thread::spawn(move || std::io::copy(&mut &onward, &mut &filling));
        let (_silent, _) = listener.accept().unwrap();
        std::thread::park();
    });
    let mut plan = plan(address);
    plan.patience = Duration::from_millis(100);
    let measured = measure(&plan);
    let class = &measured.classes[0];
    assert_eq!((class.requests, class.errors.unfinished), (0, 1000));
    assert_eq!(class.response_ns.len(), 1000, "they count at the time that they have waited");
    assert!(class.response_ns.max() > 1_000_000_000);
    // Nearly all were never handed out, and have an operation all the same.
    let of_each: Vec<u64> = class.operations.iter().map(|operation| operation.response_ns.len()).collect();
    assert!(
        of_each.iter().sum::<u64>() == 1000 && of_each.iter().all(|count| (400..600).contains(count)),
        "{of_each:?}"
    );
    assert!(!measured.is_valid());
}

/// A server that stops for a moment makes every request late that was due in it, and the later ones less. A load that
/// waits for its answers would show one late request for each connection.
#[test]
fn a_server_that_stops_for_a_while_delays_all_that_was_due_meanwhile() {
    const STOPPED: Duration = Duration::from_millis(200);
    let address = free_address().unwrap();
    let mut command = Command::new("memcached");
    command.args(["-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", &address.port().to_string()]);
    let server = match Server::start(&command, 0, address) {
        Ok(server) => server,
        Err(error) => return println!("SKIPPED: no memcached to stop: {error}"),
    };
    let mut plan = plan(address);
    // Like 1000 a second for 100 s with one second's stop, five times as fast: one in a hundred is late.
    (plan.measured, cache(&mut plan).mix) = (Duration::from_secs(20), Mix::of_sets(0.1));
    let stopped_once = || {
        std::thread::scope(|scope| {
            let load = scope.spawn(|| measure(&plan));
            std::thread::sleep(Duration::from_secs(8));
            server.freeze().unwrap();
            std::thread::sleep(STOPPED);
            server.thaw().unwrap();
            load.join().unwrap()
        })
    };
    // A machine that stops the generator, too, is not what is looked at here; and the generator says so itself.
    let is_quiet = |measured: &Measured| {
        let late_ns = measured.classes[0].lag_generator_ns.value_at_quantile(0.999);
        Duration::from_nanos(late_ns) < STOPPED / 20
    };
    let mut measured = stopped_once();
    for again in 1..3 {
        if is_quiet(&measured) {
            break;
        }
        println!("run {again} again: {:?}", measured.reasons);
        measured = stopped_once();
    }
    let class = &measured.classes[0];
    assert_eq!((class.requests, measured.errors(), measured.wrong()), (20_000, 0, 0));
    let at = |quantile: f64| class.response_ns.value_at_quantile(quantile) as f64 / STOPPED.as_nanos() as f64;
    // Of the stop: half of it, nine tenths, and all. A loaded machine adds to every one of them.
    assert!((0.4..1.0).contains(&at(0.995)), "p99.5 is {:.2} of the stop", at(0.995));
    assert!((0.8..1.6).contains(&at(0.999)), "p99.9 is {:.2} of the stop", at(0.999));
    assert!((0.9..2.0).contains(&at(1.0)), "the longest is {:.2} of the stop", at(1.0));
    let lag = class.lag_server_ns.max() as f64 / STOPPED.as_nanos() as f64;
    assert!(lag > 0.8, "the wait for a place is the server's: {lag:.2} of the stop");
}
