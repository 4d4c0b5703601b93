//! The whole mix of a cache's work: against servers that lie, and one that does not.
//!
//! ```text
//! liar       a small cache that is honest but for one lie
//! ```

mod liar;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use liar::Lie;
use spindle_perf::arrivals::Arrivals;
use spindle_perf::describe::Removal;
use spindle_perf::environment::Environment;
use spindle_perf::load::{
    CachePlan, ClassPlan, KeyPlan, OnMiss, Pace, Plan, Protocol, Spin, Ttl, Verify, WorkPlan, run,
};
use spindle_perf::measured::Measured;
use spindle_perf::popularity::Popularity;
use spindle_perf::process::{Server, free_address};
use spindle_perf::report::summary::Summary;
use spindle_perf::sizes::Sizes;
use spindle_perf::talk::Talk;

const WHOLE: &str = "get=50,set=15,multiget=10:8,delete=5,touch=5,incr=10,cas=10";
const BOTH: [Protocol; 2] = [Protocol::Classic, Protocol::Meta];

fn plan(server: SocketAddr, protocol: Protocol, mix: &str) -> Plan {
    let keys = KeyPlan {
        count: 20,
        popularity: Popularity::Uniform,
        sizes: Sizes::Range { low: 40, high: 3000 },
        removal: Removal::Never,
    };
    let cache = CachePlan {
        protocol,
        prefix: "k".into(),
        key_sizes: None,
        keys,
        mix: mix.parse().unwrap(),
        ttl: None,
        on_miss: OnMiss::Nothing,
    };
    Plan {
        cpus: Vec::new(),
        classes: vec![ClassPlan {
            name: "mix".into(),
            server,
            pace: Pace::Open { per_second: 2000.0, arrivals: Arrivals::Constant },
            connections: 1,
            depth: 1,
            churn: None,
            verify: Verify::All,
            seed: 7,
            work: WorkPlan::Cache(cache),
        }],
        warm_up: Duration::ZERO,
        measured: Duration::from_millis(500),
        patience: Duration::from_secs(5),
        spin: Spin::Always,
        slow: Vec::new(),
        watched: None,
        environment: Environment::look(Vec::new()),
    }
}

fn cache(plan: &mut Plan) -> &mut CachePlan {
    match &mut plan.classes[0].work {
        WorkPlan::Cache(cache) => cache,
        other => panic!("{other:?}"),
    }
}

fn measure(plan: &Plan) -> Measured {
    run(plan, |_, _| {}).unwrap()
}

/// The names of what was wrong.
fn wrong(measured: &Measured) -> Vec<&'static str> {
    let kinds = Summary::of(measured).total.wrong_kinds();
    kinds.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name).collect()
}

#[test]
fn every_kind_of_lie_is_caught_and_named() {
    for protocol in BOTH {
        for (lie, mix, name) in [
            (Lie::FlippedBit, "get=1,set=1", "corrupt"),
            (Lie::FlippedBit, "set=1,multiget=1:8", "corrupt"),
            (Lie::ShortBody, "get=1,set=1", "length"),
            (Lie::ShortBody, "set=1,multiget=1:8", "length"),
            (Lie::OfAnother, "get=1,set=1", "swapped"),
            (Lie::OfAnother, "set=1,multiget=1:8", "swapped"),
            (Lie::Unasked, "set=1,multiget=1:8", "swapped"),
            (Lie::Twice, "set=1,multiget=1:8", "swapped"),
            (Lie::LeftOut, "set=1,multiget=1:8", "lost"),
            (Lie::Old, "set=1,multiget=1:8", "stale"),
            (Lie::Undone, "get=8,set=1,delete=1", "stale"),
            (Lie::DeniedDelete, "get=1,set=8,delete=1", "lost"),
            (Lie::DeniedTouch, "get=1,set=1,touch=1", "lost"),
            (Lie::ClaimedDelete, "set=1,delete=4", "stale"),
            (Lie::ClaimedTouch, "set=1,delete=1,touch=2", "stale"),
            (Lie::Uncounted, "incr=1", "lost update"),
            (Lie::Overcounted, "incr=1", "invented"),
            (Lie::CounterLost, "incr=1", "lost"),
            (Lie::Overwriting, "get=2,set=1,cas=1", "lost update"),
            (Lie::DeniedCas, "get=2,set=1,cas=1", "invented"),
            (Lie::CasLost, "get=2,set=1,cas=1", "lost"),
        ] {
            let measured = measure(&plan(liar::start(lie).0, protocol, mix));
            assert_eq!((wrong(&measured), measured.errors()), (vec![name], 0), "{lie:?}, {protocol:?}");
        }
    }
}

#[test]
fn what_should_have_expired_is_caught_and_named() {
    let mut plan = plan(liar::start(Lie::Immortal).0, Protocol::Classic, "get=1,multiget=1:4,touch=1");
    (cache(&mut plan).ttl, plan.measured) = (Some(Ttl { low_s: 1, high_s: 1 }), Duration::from_secs(5));
    cache(&mut plan).keys.count = 500;
    plan.classes[0].pace = Pace::Open { per_second: 100.0, arrivals: Arrivals::Constant };
    let measured = measure(&plan);
    assert_eq!((wrong(&measured), measured.errors()), (vec!["expired"], 0));
}

#[test]
fn what_expires_later_must_still_be_there() {
    for (ttl, named) in [(Ttl { low_s: 1, high_s: 2 }, vec![]), (Ttl { low_s: 1000, high_s: 2000 }, vec!["lost"])] {
        let mut plan = plan(liar::start(Lie::LeftOut).0, Protocol::Meta, "set=9,multiget=1:8");
        cache(&mut plan).ttl = Some(ttl);
        assert_eq!(wrong(&measure(&plan)), named, "{ttl}");
    }
}

#[test]
fn the_same_seed_says_the_same_bytes_and_another_does_not() {
    let heard = |protocol: Protocol, seed: u64| {
        let (address, liar) = liar::start(Lie::None);
        let mut plan = plan(address, protocol, WHOLE);
        (cache(&mut plan).ttl, cache(&mut plan).on_miss) = (Some(Ttl { low_s: 60, high_s: 600 }), OnMiss::Set);
        plan.classes[0].seed = seed;
        let measured = measure(&plan);
        assert_eq!((measured.wrong(), measured.errors()), (0, 0));
        std::mem::take(&mut liar.lock().unwrap().heard)
    };
    for protocol in BOTH {
        let first = heard(protocol, 3);
        assert!(first.len() > 100_000 && first == heard(protocol, 3), "{protocol:?}");
        assert!(first != heard(protocol, 4), "{protocol:?}");
    }
}

/// The keys of a load that was set, in the order of their numbers.
fn keys_set(heard: &[u8]) -> Vec<String> {
    let mut keys: Vec<String> = heard
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"set k0"))
        .map(|line| String::from_utf8_lossy(line.split(|byte| *byte == b' ').next().unwrap()).into_owned())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[test]
fn the_same_seed_draws_the_same_lengths_of_keys() {
    let heard = |protocol: Protocol, seed: u64| {
        let (address, liar) = liar::start(Lie::None);
        let mut plan = plan(address, protocol, WHOLE);
        (cache(&mut plan).key_sizes, plan.classes[0].seed) = (Some(Sizes::EtcKeys), seed);
        let measured = measure(&plan);
        assert_eq!((wrong(&measured), measured.errors()), (vec![], 0), "{protocol:?}");
        std::mem::take(&mut liar.lock().unwrap().heard)
    };
    for protocol in BOTH {
        let first = heard(protocol, 3);
        assert!(first.len() > 100_000 && first == heard(protocol, 3), "{protocol:?}");
        let keys = keys_set(&first);
        assert_eq!(keys.len(), 20, "a key has one length: {keys:?}");
        assert!(keys.iter().any(|key| key.len() > 30) && keys != keys_set(&heard(protocol, 4)), "{keys:?}");
    }
}

#[test]
fn a_lie_about_longer_keys_is_caught() {
    for (lie, mix) in [(Lie::OfAnother, "get=1,set=1"), (Lie::Unasked, "set=1,multiget=1:8")] {
        for protocol in BOTH {
            let mut plan = plan(liar::start(lie).0, protocol, mix);
            cache(&mut plan).key_sizes = Some(Sizes::Range { low: 20, high: 250 });
            let measured = measure(&plan);
            assert_eq!((wrong(&measured), measured.errors()), (vec!["swapped"], 0), "{lie:?}, {protocol:?}");
        }
    }
}

#[test]
fn a_miss_is_followed_by_a_set_that_counts() {
    let (address, liar) = liar::start(Lie::None);
    let mut plan = plan(address, Protocol::Classic, "get=9,delete=1");
    cache(&mut plan).on_miss = OnMiss::Set;
    let measured = measure(&plan);
    assert_eq!((measured.wrong(), measured.errors()), (0, 0));
    let heard = String::from_utf8_lossy(&liar.lock().unwrap().heard).matches("set k").count() as u64;
    let sets = heard - 20;
    assert!(sets > 50, "{sets} sets beside those of the fill");
    // On top of those asked for; of a busy machine some may be due after the end.
    let class = &measured.classes[0];
    assert!((1000 + sets / 2..=1000 + sets).contains(&class.requests), "{} requests, {sets} sets", class.requests);
    assert_eq!((class.offered_per_second / 2.0).round() as u64, class.requests);
}

/// The whole mix on several connections, pipelined, so that requests for one key overtake each other.
fn honest(protocol: Protocol, ttl: Option<Ttl>, key_sizes: Option<Sizes>) {
    let address = free_address().unwrap();
    let mut command = Command::new("memcached");
    command.args(["-u", "root", "-U", "0", "-t", "2", "-l", "127.0.0.1", "-p", &address.port().to_string()]);
    let _server = match Server::start(&command, 0, address) {
        Ok(server) => server,
        Err(error) => return println!("SKIPPED: no memcached: {error}"),
    };
    let mut plan = plan(address, protocol, WHOLE);
    (cache(&mut plan).ttl, cache(&mut plan).on_miss, cache(&mut plan).key_sizes) = (ttl, OnMiss::Set, key_sizes);
    (cache(&mut plan).keys.count, cache(&mut plan).keys.popularity) = (200, Popularity::Zipf(0.9));
    (plan.classes[0].connections, plan.classes[0].depth) = (5, 8);
    (plan.classes[0].pace, plan.measured) =
        (Pace::Open { per_second: 8000.0, arrivals: Arrivals::Poisson }, Duration::from_secs(3));
    let measured = measure(&plan);
    assert_eq!((wrong(&measured), measured.errors()), (vec![], 0), "{protocol:?}, {ttl:?}");
    assert!(measured.classes[0].requests > 20_000, "{} requests", measured.classes[0].requests);
    let stats = Talk::new(address).unwrap().stats().unwrap();
    for name in ["get_misses", "delete_hits", "delete_misses", "touch_hits", "incr_hits", "cas_hits", "cas_badval"] {
        assert!(stats[name].parse::<u64>().unwrap() > 0, "no {name}, {protocol:?}");
    }
}

#[test]
fn an_honest_server_is_never_called_wrong() {
    honest(Protocol::Classic, None, None);
    honest(Protocol::Meta, None, None);
}

#[test]
fn an_honest_server_whose_objects_expire_is_never_called_wrong() {
    let ttl = Ttl { low_s: 1, high_s: 2 };
    honest(Protocol::Classic, Some(ttl), None);
    honest(Protocol::Meta, Some(ttl), None);
}

#[test]
fn an_honest_server_of_long_keys_is_never_called_wrong() {
    for protocol in BOTH {
        honest(protocol, None, Some(Sizes::EtcKeys));
        honest(protocol, None, Some(Sizes::Range { low: 12, high: 250 }));
    }
}
