//! The load on servers of HTTP put to the test itself: by servers that lie, close, fall silent and die, and by nginx.

mod endings;
mod nginx;
mod read_back;
mod scripted;
mod server;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use server::{Liar, Lie, Manner};
use spindle_perf::arrivals::Arrivals;
use spindle_perf::closed_loop::LoadError;
use spindle_perf::corpus::Corpus;
use spindle_perf::describe::{Removal, fill};
use spindle_perf::environment::Environment;
use spindle_perf::load::http::{Filling, HttpPlan, ObjectsPlan};
use spindle_perf::load::{self, ClassPlan, FillError, KeyPlan, Pace, Plan, Spin, Stop, Verify, WorkPlan, run};
use spindle_perf::measured::{Errors, Measured, Reason, Wrong};
use spindle_perf::popularity::Popularity;
use spindle_perf::sizes::Sizes;

/// Requests of a plan.
const REQUESTS: u64 = 400;

fn plan(server: SocketAddr, mix: &str) -> Plan {
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
            work: WorkPlan::Http(HttpPlan {
                url: "http://box/a/".parse().unwrap(),
                objects: ObjectsPlan::Keys(KeyPlan {
                    count: 10,
                    popularity: Popularity::Uniform,
                    sizes: Sizes::Range { low: 100, high: 300 },
                    removal: Removal::Never,
                }),
                mix: mix.parse().unwrap(),
                range_share: 0.0,
                conditional_share: 0.0,
                filling: Filling::Put,
            }),
        }],
        warm_up: Duration::ZERO,
        measured: Duration::from_millis(REQUESTS),
        patience: Duration::from_secs(5),
        spin: Spin::Always,
        slow: Vec::new(),
        watched: None,
        environment: Environment::look(Vec::new()),
    }
}

fn http(plan: &mut Plan) -> &mut HttpPlan {
    let WorkPlan::Http(http) = &mut plan.classes[0].work else { unreachable!("it is the work of HTTP") };
    http
}

fn measure(plan: &Plan) -> Measured {
    run(plan, |_, _| {}).unwrap()
}

/// What comes of one lie among true answers.
fn told(lie: Lie, mix: &str, ranged: f64, conditional: f64) -> (Wrong, Errors) {
    let (address, _) = Liar::start(lie, 20, Manner::Sized);
    let mut plan = plan(address, mix);
    (http(&mut plan).range_share, http(&mut plan).conditional_share) = (ranged, conditional);
    let measured = measure(&plan);
    let class = &measured.classes[0];
    assert_eq!(class.requests + measured.errors(), REQUESTS, "{lie:?}");
    (class.wrong, class.errors)
}

fn wrong(lie: Lie, mix: &str, ranged: f64, conditional: f64) -> Wrong {
    let (wrong, errors) = told(lie, mix, ranged, conditional);
    assert_eq!(errors, Errors::default(), "{lie:?}");
    wrong
}

#[test]
fn every_kind_of_lie_is_caught_and_named() {
    let none = Wrong::default();
    assert_eq!(wrong(Lie::None, "get,put", 0.3, 0.5), none);
    assert_eq!(wrong(Lie::FlippedBit, "get,put", 0.0, 0.0), Wrong { corrupt: 1, ..none });
    assert_eq!(wrong(Lie::Stale, "get,put", 0.0, 0.0), Wrong { stale: 1, ..none });
    assert_eq!(wrong(Lie::Torn, "get,put", 0.0, 0.0), Wrong { torn: 1, ..none });
    assert_eq!(wrong(Lie::ShortBody, "get,put", 0.0, 0.0), Wrong { length: 1, ..none });
    assert_eq!(wrong(Lie::Swapped, "get,put", 0.0, 0.0), Wrong { swapped: 1, ..none });
    assert_eq!(wrong(Lie::Lost, "get,put", 0.0, 0.0), Wrong { lost: 1, ..none });
    assert_eq!(wrong(Lie::Gone, "put=4,delete=1", 0.0, 0.0), Wrong { lost: 1, ..none });
    assert_eq!(wrong(Lie::OtherRange, "get", 0.5, 0.0), Wrong { misplaced: 1, ..none });
    assert_eq!(wrong(Lie::NoRange, "get", 0.5, 0.0), Wrong { length: 1, ..none });
    assert_eq!(wrong(Lie::Unchanged, "get,put", 0.0, 1.0), Wrong { stale: 1, ..none });
    assert_eq!(wrong(Lie::OtherLength, "get,head", 0.0, 0.0), Wrong { length: 1, ..none });
}

#[test]
fn what_is_no_answer_is_an_error_of_its_kind() {
    let none = Errors::default();
    assert_eq!(told(Lie::Unavailable, "get", 0.0, 0.0), (Wrong::default(), Errors { refused: 1, ..none }));
    for lie in [Lie::Babble, Lie::HangsUp] {
        let (wrong, errors) = told(lie, "get", 0.0, 0.0);
        assert_eq!(wrong, Wrong::default(), "{lie:?}");
        // With it end those that were asked after it on its connection.
        assert!((1..=4).contains(&errors.total()), "{lie:?}: {errors:?}");
        assert_eq!([errors.malformed, errors.broken].map(|count| count > 0), [lie == Lie::Babble, lie != Lie::Babble]);
    }
}

/// However it is said: all methods, ranges and conditions, with several requests on each connection.
#[test]
fn the_truth_is_understood_in_every_manner() {
    let manners = [Manner::Sized, Manner::Chunked, Manner::Interim, Manner::Timed, Manner::Closing, Manner::UntilEnd];
    for manner in manners {
        let (address, liar) = Liar::start(Lie::None, 0, manner);
        let mut plan = plan(address, "get=6,head=2,put=3,delete=1,post=1");
        (http(&mut plan).range_share, http(&mut plan).conditional_share) = (0.3, 0.5);
        let measured = measure(&plan);
        let class = &measured.classes[0];
        assert_eq!((class.requests, class.errors), (REQUESTS, Errors::default()), "{manner:?}");
        assert_eq!(class.wrong, Wrong::default(), "{manner:?}");
        let closes = matches!(manner, Manner::Closing | Manner::UntilEnd);
        assert_eq!(liar.connections.load(Relaxed) > REQUESTS, closes, "{manner:?}");
        let heard = String::from_utf8_lossy(&liar.heard.lock().unwrap()).into_owned();
        let condition = if manner == Manner::Timed { "\r\nIf-Modified-Since: \"v" } else { "\r\nIf-None-Match: \"v" };
        for said in ["HEAD /a/k0", "POST /a/ ", "DELETE /a/k0", "\r\nRange: bytes=", condition] {
            assert!(heard.contains(said), "{manner:?}: {said}");
        }
    }
}

#[test]
fn what_is_not_looked_at_is_still_measured() {
    let of = |lie| {
        let (address, _) = Liar::start(lie, 20, Manner::Sized);
        let mut plan = plan(address, "get");
        plan.classes[0].verify = Verify::Off;
        measure(&plan).classes[0].wrong
    };
    assert_eq!(of(Lie::ShortBody), Wrong { length: 1, ..Wrong::default() });
    assert_eq!(of(Lie::FlippedBit), Wrong::default());
}

#[test]
fn the_same_seed_says_the_same_bytes_and_another_does_not() {
    let heard = |seed: u64| {
        let (address, liar) = Liar::start(Lie::None, 0, Manner::Sized);
        let mut plan = plan(address, "get=6,head=2,put=3,delete=1,post=1");
        plan.classes[0].seed = seed;
        let http = http(&mut plan);
        http.range_share = 0.5;
        if let ObjectsPlan::Keys(keys) = &mut http.objects {
            keys.popularity = Popularity::Zipf(0.9);
        }
        // Several connections fill, in no order: those bytes are not looked at.
        load::fill(&plan).unwrap();
        liar.heard.lock().unwrap().clear();
        assert_eq!(load::measure(&plan, &Stop::default(), None, |_, _| {}).unwrap().wrong(), 0);
        std::mem::take(&mut *liar.heard.lock().unwrap())
    };
    let first = heard(3);
    assert!(first.len() > 40_000, "{} bytes", first.len());
    assert!(first == heard(3) && first != heard(4));
    let said = String::from_utf8_lossy(&first);
    for object in 0..10 {
        assert!(said.contains(&format!("PUT /a/k{object:011} ")), "nobody puts {object}");
    }
}

#[test]
fn files_of_a_corpus_are_known_by_its_manifest_alone() {
    let roots = vec![PathBuf::from("/var/box/dev1"), PathBuf::from("/var/box/dev2")];
    let corpus = Arc::new(Corpus::new(5, 50, Sizes::Range { low: 1, high: 5000 }, roots).unwrap());
    let measured = |corrupt: Option<u64>| {
        let (address, liar) = Liar::start(Lie::None, 0, Manner::Sized);
        for index in 0..corpus.files {
            let object = corpus.object(index);
            let mut bytes = vec![0; object.length as usize];
            fill(&object, 0, &mut bytes);
            bytes[0] ^= u8::from(corrupt == Some(index));
            liar.know(format!("/a{}", corpus.url_path(index)), bytes);
        }
        let mut plan = plan(address, "get=3,head=1");
        let http = http(&mut plan);
        http.objects = ObjectsPlan::Corpus { corpus: Arc::clone(&corpus), popularity: Popularity::Sequential };
        (http.range_share, http.conditional_share) = (0.2, 0.2);
        measure(&plan).classes.remove(0)
    };
    let class = measured(None);
    assert_eq!((class.requests, class.errors, class.wrong), (REQUESTS, Errors::default(), Wrong::default()));
    assert!(measured(Some(7)).wrong.corrupt > 0);
}

#[test]
fn a_server_that_falls_silent_leaves_requests_unfinished() {
    let (address, _) = Liar::start(Lie::None, 0, Manner::Silent(50));
    let mut plan = plan(address, "get");
    plan.patience = Duration::from_millis(100);
    let class = &measure(&plan).classes[0];
    // The fill had ten of the answers.
    assert_eq!((class.requests, class.errors), (40, Errors { unfinished: REQUESTS - 40, ..Errors::default() }));
}

#[test]
fn a_server_that_dies_leaves_a_report_of_what_happened_until_then() {
    let (address, _) = Liar::start(Lie::Dies, 100, Manner::Sized);
    let measured = measure(&plan(address, "get"));
    assert!(matches!(measured.reasons.last(), Some(Reason::CutShort { .. })), "{:?}", measured.reasons);
    let class = &measured.classes[0];
    assert_eq!(class.requests, 100);
    assert!(class.errors.broken >= 1, "{:?}", class.errors);
}

#[test]
fn a_server_that_takes_no_uploads_is_told_of_before_the_load() {
    let (address, _) = Liar::start(Lie::None, 0, Manner::Sized);
    let mut plan = plan(address, "get");
    http(&mut plan).url = "http://box/read-only".parse().unwrap();
    let Err(LoadError::Fill { error: FillError::Http(error), .. }) = run(&plan, |_, _| {}) else {
        panic!("it was filled")
    };
    let told = error.to_string();
    assert!(told.starts_with("PUT /read-only/k0000000000"), "{told}");
    assert!(told.ends_with(" was answered 403: read only"), "{told}");
}
