//! A load from two generators, each on a CPU of its own: what it offers, what it checks, and how it ends. In a binary by
//! itself, because nothing else has a CPU left meanwhile.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spindle_core::thread::cpus_available;
use spindle_net::wire::memcached::reply_parse::Reply;
use spindle_perf::arrivals::Arrivals;
use spindle_perf::describe::Removal;
use spindle_perf::environment::Environment;
use spindle_perf::load::{
    self, CachePlan, ClassPlan, KeyPlan, OnMiss, Pace, Plan, Protocol, Spin, Stop, Verify, WorkPlan,
};
use spindle_perf::measured::{Measured, Reason};
use spindle_perf::popularity::Popularity;
use spindle_perf::process::{Server, free_address};
use spindle_perf::sizes::Sizes;
use spindle_perf::talk::Talk;

/// A cache, and a load of 2,000 requests on it; none where either cannot be.
fn cache_and_plan(mix: &str) -> Option<(Server, Plan)> {
    let cpus = cpus_available();
    if cpus.len() < 2 {
        println!("SKIPPED: two generators need two CPUs");
        return None;
    }
    let address = free_address().unwrap();
    let mut command = Command::new("memcached");
    command.args(["-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", &address.port().to_string()]);
    let server = match Server::start(&command, cpus[0], address) {
        Ok(server) => server,
        Err(error) => {
            println!("SKIPPED: no memcached: {error}");
            return None;
        }
    };
    let keys = KeyPlan {
        count: 101,
        popularity: Popularity::Zipf(0.99),
        sizes: Sizes::Range { low: 40, high: 3000 },
        removal: Removal::Never,
    };
    let work = WorkPlan::Cache(CachePlan {
        protocol: Protocol::Classic,
        prefix: "k".into(),
        key_sizes: None,
        keys,
        mix: mix.parse().unwrap(),
        ttl: None,
        on_miss: OnMiss::Nothing,
    });
    let class = ClassPlan {
        name: "mix".into(),
        server: address,
        pace: Pace::Open { per_second: 2000.0, arrivals: Arrivals::Constant },
        connections: 3,
        depth: 2,
        churn: None,
        verify: Verify::All,
        seed: 7,
        work,
    };
    let plan = Plan {
        cpus: cpus[..2].to_vec(),
        classes: vec![class],
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(1),
        patience: Duration::from_secs(20),
        spin: Spin::Always,
        slow: Vec::new(),
        watched: Some(server.pid()),
        environment: Environment::look(Vec::new()),
    };
    Some((server, plan))
}

fn cache(plan: &mut Plan) -> &mut CachePlan {
    match &mut plan.classes[0].work {
        WorkPlan::Cache(cache) => cache,
        other => panic!("{other:?}"),
    }
}

fn measure(plan: &Plan) -> Measured {
    load::run(plan, |_, _| {}).unwrap()
}

#[test]
fn two_offer_together_what_one_would_and_find_nothing_wrong() {
    // Were a key of both, one would not know what the other has written to it.
    let Some((_server, mut plan)) = cache_and_plan("get=50,set=15,multiget=10:8,delete=5,touch=5,incr=10,cas=10")
    else {
        return;
    };
    let mut seen = Vec::new();
    let measured = load::run(&plan, |index, second| seen.push((index, second.achieved))).unwrap();
    // Counters that were deleted are brought back on top.
    let requests = measured.classes[0].requests;
    assert!((2000..2400).contains(&requests), "{requests} requests");
    assert_eq!((measured.errors(), measured.wrong()), (0, 0), "{:?}", measured.classes[0].wrong);
    let operations = &measured.classes[0].operations;
    assert_eq!(operations.iter().map(|operation| operation.requests).sum::<u64>(), requests);
    for operation in operations {
        assert_eq!(operation.response_ns.len(), operation.requests, "{:?}", operation.operation);
    }
    assert_eq!((measured.generator.threads, seen.len(), measured.seconds.len()), (2, 1, 1));
    assert!(measured.server.is_some());
    // The same keys are those of a single generator, too, and its objects are theirs.
    plan.cpus.truncate(1);
    cache(&mut plan).mix = "get=1".parse().unwrap();
    let single = measure(&plan);
    assert_eq!((single.classes[0].requests, single.wrong(), single.generator.threads), (2000, 0, 1));
}

#[test]
fn two_miss_what_is_lost() {
    let Some((server, plan)) = cache_and_plan("get=9,set=1") else { return };
    load::fill(&plan).unwrap();
    Talk::new(server.address).unwrap().ask(b"flush_all\r\n", Reply::Ok).unwrap();
    let measured = load::measure(&plan, &Stop::default(), None, |_, _| {}).unwrap();
    let wrong = measured.classes[0].wrong;
    assert!(wrong.lost > 100 && measured.wrong() == wrong.lost, "{wrong:?}");
}

#[test]
fn two_end_when_neither_has_anybody_left_to_ask() {
    let Some((server, mut plan)) = cache_and_plan("get=1") else { return };
    plan.measured = Duration::from_secs(3600);
    load::fill(&plan).unwrap();
    let mut server = Some(server);
    let measured = load::measure(&plan, &Stop::default(), None, |_, _| drop(server.take())).unwrap();
    assert!(matches!(measured.reasons.last(), Some(Reason::CutShort { .. })), "{:?}", measured.reasons);
    assert!(measured.lasted < Duration::from_secs(600) && measured.classes[0].requests > 0, "{:?}", measured.lasted);
    assert!(measured.classes[0].errors.broken >= 3, "{:?}", measured.classes[0].errors);
}

#[test]
fn two_stop_at_the_same_time_and_finish_what_was_due() {
    let Some((_server, mut plan)) = cache_and_plan("get=1") else { return };
    plan.measured = Duration::from_secs(3600);
    load::fill(&plan).unwrap();
    let stop = Stop::default();
    let measured = load::measure(&plan, &stop, None, |_, _| stop.ask()).unwrap();
    assert!(matches!(measured.reasons.last(), Some(Reason::Stopped { .. })), "{:?}", measured.reasons);
    let class = &measured.classes[0];
    // Each says how much was due a second of its own time: were they unlike, the sum would be none of either.
    let offered = class.offered_per_second * measured.lasted.as_secs_f64();
    assert!((offered - class.requests as f64).abs() < 0.01 * offered, "{offered} of {}", class.requests);
    assert_eq!((measured.errors(), measured.wrong()), (0, 0));
}

#[test]
fn what_is_due_with_nobody_left_to_ask_is_shown_and_unfinished() {
    let Some((_server, mut plan)) = cache_and_plan("get=1") else { return };
    let (dying, _) = cache_and_plan("get=1").unwrap();
    let lost = ClassPlan { name: "lost".into(), server: dying.address, seed: 8, ..plan.classes[0].clone() };
    plan.classes.push(lost);
    plan.measured = Duration::from_secs(3);
    load::fill(&plan).unwrap();
    let mut dying = Some(dying);
    let measured = load::measure(&plan, &Stop::default(), None, |_, _| drop(dying.take())).unwrap();
    assert_eq!(measured.seconds.len(), 3, "the other class goes on");
    let [whole, lost] = &measured.classes[..] else { panic!("{:?}", measured.classes) };
    assert_eq!((whole.requests, whole.errors.total()), (6000, 0));
    assert!(lost.errors.unfinished > 2000, "{:?}", lost.errors);
    let shown: u64 = measured.seconds.iter().map(|second| second.offered).sum();
    // What is noticed after the last second is in none.
    assert!((10_000..=12_000).contains(&shown), "{shown} of 12000 are shown");
    assert!(measured.seconds[2].in_flight > 2000, "{}", measured.seconds[2].in_flight);
}

/// A server that has nothing, and what it was asked on each of its connections.
fn listen() -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (address, heard) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Vec<u8>>>>::default());
    let hearing = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let hearing = Arc::clone(&hearing);
            std::thread::spawn(move || {
                let (mut stream, mut said) = (stream.unwrap(), Vec::new());
                let mut input = BufReader::new(stream.try_clone().unwrap());
                while input.read_until(b'\n', &mut said).is_ok_and(|count| count > 0) {
                    stream.write_all(b"END\r\n").unwrap();
                }
                hearing.lock().unwrap().push(said);
            });
        }
    });
    (address, heard)
}

#[test]
fn the_same_seed_says_the_same_bytes_from_each_of_two() {
    let Some((_server, mut plan)) = cache_and_plan("get=1") else { return };
    // A connection for each generator: which of several has a request is a matter of time.
    (plan.classes[0].connections, plan.classes[0].depth) = (2, 64);
    let mut said = |seed| {
        let (address, heard) = listen();
        (plan.classes[0].server, plan.classes[0].seed) = (address, seed);
        load::measure(&plan, &Stop::default(), None, |_, _| {}).unwrap();
        let has_all = || heard.lock().unwrap().len() == 2;
        while !has_all() {
            std::thread::yield_now();
        }
        let mut streams = heard.lock().unwrap().clone();
        streams.sort();
        streams
    };
    let first = said(1);
    assert!(first.iter().all(|stream| stream.len() > 5000) && first[0] != first[1]);
    assert!(first == said(1) && first != said(2));
}

#[test]
fn one_that_cannot_connect_keeps_no_other_one_waiting() {
    let Some((_server, mut plan)) = cache_and_plan("get=1") else { return };
    load::fill(&plan).unwrap();
    plan.classes[0].connections = 1;
    // The second class's single connection is the second generator's.
    let nowhere = ClassPlan { name: "nowhere".into(), server: free_address().unwrap(), ..plan.classes[0].clone() };
    plan.classes.push(nowhere);
    let error = load::measure(&plan, &Stop::default(), None, |_, _| {}).unwrap_err();
    assert!(error.to_string().starts_with("cannot connect to"), "{error}");
}
