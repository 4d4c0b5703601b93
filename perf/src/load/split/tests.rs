use std::time::Duration;

use super::*;
use crate::arrivals::Arrivals;
use crate::describe::Removal;
use crate::environment::Environment;
use crate::load::{CachePlan, KeyPlan, Mix, OnMiss, Pace, Protocol, Spin, Verify};
use crate::sizes::Sizes;
use crate::slow::{Again, Behaviour};

fn class(name: &str, connections: usize, count: u64, popularity: Popularity) -> ClassPlan {
    ClassPlan {
        name: name.into(),
        server: ([127, 0, 0, 1], 1).into(),
        pace: Pace::Open { per_second: 1000.0, arrivals: Arrivals::Constant },
        connections,
        depth: 1,
        churn: None,
        verify: Verify::All,
        seed: 7,
        work: WorkPlan::Cache(CachePlan {
            protocol: Protocol::Classic,
            prefix: "k".into(),
            key_sizes: None,
            keys: KeyPlan { count, popularity, sizes: Sizes::Fixed(1), removal: Removal::Never },
            mix: Mix::of_sets(0.0),
            ttl: None,
            on_miss: OnMiss::Nothing,
        }),
    }
}

fn plan(cpus: Vec<usize>, classes: Vec<ClassPlan>, slow: Vec<SlowPlan>) -> Plan {
    let second = Duration::from_secs(1);
    let environment = Environment::look(Vec::new());
    Plan {
        cpus,
        classes,
        slow,
        warm_up: second,
        measured: second,
        patience: second,
        spin: Spin::Always,
        watched: None,
        environment,
    }
}

#[test]
fn a_single_generator_has_all_of_it() {
    let parts = split(&plan(Vec::new(), vec![class("a", 5, 10, Popularity::Uniform)], Vec::new()));
    assert_eq!((parts.len(), parts[0].cpu, parts[0].connections()), (1, None, 5));
    assert_eq!((parts[0].slices[0].share, parts[0].slices[0].portion), (Share::WHOLE, Portion::WHOLE));
}

#[test]
fn several_have_their_keys_their_portions_and_connections_in_proportion() {
    let parts = split(&plan(vec![4, 7], vec![class("a", 100, 1000, Popularity::Zipf(1.5))], Vec::new()));
    assert_eq!(parts.iter().map(|part| part.cpu).collect::<Vec<_>>(), [Some(4), Some(7)]);
    let slices: Vec<&Slice> = parts.iter().map(|part| &part.slices[0]).collect();
    assert_eq!(slices.iter().map(|slice| slice.share.part).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(slices.iter().map(|slice| slice.class.connections).sum::<usize>(), 100);
    assert_ne!(slices[0].seed_of_draws(), slices[1].seed_of_draws());
    // Whoever has the most popular key has more to do.
    let [size, connections] = [slices[0].portion.size(), slices[0].class.connections as f64 / 100.0];
    assert!(
        size > 0.6 && (size - connections).abs() < 0.02,
        "{size} of the requests, {connections} of the connections"
    );
}

#[test]
fn a_class_is_on_no_more_generators_than_it_has_connections_or_keys() {
    let classes = vec![
        class("lonely", 1, 1000, Popularity::Uniform),
        class("narrow", 10, 2, Popularity::Uniform),
        class("wide", 3, 3, Popularity::Zipf(2.0)),
    ];
    let parts = split(&plan(vec![0, 1, 2], classes, Vec::new()));
    let of = |name: &str| -> Vec<usize> {
        let has = |part: &Part| part.slices.iter().any(|slice| slice.class.name == name);
        (0..parts.len()).filter(|&at| has(&parts[at])).collect()
    };
    assert_eq!((of("lonely"), of("narrow"), of("wide")), (vec![0], vec![1, 2], vec![0, 1, 2]));
    let wide = parts.iter().flat_map(|part| &part.slices).filter(|slice| slice.class.name == "wide");
    assert!(wide.into_iter().all(|slice| slice.class.connections == 1));
}

#[test]
fn where_a_key_has_nearly_all_requests_its_generator_has_the_class() {
    for exponent in [12.0, 60.0, 1100.0] {
        let parts = split(&plan(vec![0, 1, 2], vec![class("steep", 30, 1000, Popularity::Zipf(exponent))], Vec::new()));
        assert_eq!((parts.len(), parts[0].slices[0].portion), (1, Portion::WHOLE), "{exponent}");
    }
}

#[test]
fn no_generator_has_the_largest_slice_of_every_class() {
    let classes = ["a", "b", "c"].map(|name| class(name, 100, 1000, Popularity::Zipf(1.2)));
    let parts = split(&plan(vec![0, 1, 2], classes.to_vec(), Vec::new()));
    for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
        let first = parts[at].slices.iter().find(|slice| slice.share.part == 0).unwrap();
        assert_eq!((first.class.name.as_str(), first.place), (name, at));
    }
}

#[test]
fn slow_clients_are_dealt_out_and_who_has_nothing_to_do_is_not_there() {
    let slow = |name: &str| SlowPlan {
        name: name.into(),
        server: ([127, 0, 0, 1], 1).into(),
        count: 10,
        behaviour: Behaviour::Idle,
        again: Again::Never,
        ramp: Duration::ZERO,
        seed: 1,
    };
    let fast = vec![class("a", 1, 10, Popularity::Uniform)];
    let parts = split(&plan(vec![0, 1, 2, 3], fast, vec![slow("first"), slow("second")]));
    let counts: Vec<(usize, usize)> = parts.iter().map(|part| (part.slices.len(), part.slow.len())).collect();
    assert_eq!(counts, [(1, 0), (0, 1), (0, 1)]);
}
