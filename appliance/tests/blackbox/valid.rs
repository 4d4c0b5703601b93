//! Measurements that are valid, and a knee that was found: what holds of every one, and exit status 0.
//!
//! On a busy machine hardly one is: the generator is late by more than 50 µs. Servers that take long allow it more, a
//! twentieth of the median; and what the machine spoils all the same is done again.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::kit::files::FileServer;
use crate::kit::relay;
use crate::kit::server::{Server, spindle};

/// Only a defect needs as many.
const ATTEMPTS: usize = 20;

/// Runs a load until `is_good` says so of its result and its exit status.
#[track_caller]
fn until(arguments: &str, is_good: impl Fn(&Value, Option<i32>) -> bool) -> Value {
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("result.json");
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        let output = spindle(&format!("load {arguments} --json {}", json.display())).output().unwrap();
        said = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
        let result = serde_json::from_str(&std::fs::read_to_string(&json).expect(&said)).expect(&said);
        if is_good(&result, output.status.code()) {
            return result;
        }
    }
    panic!("in vain: {said}");
}

const DELAY: Duration = Duration::from_millis(400);
/// Of which two are on their way in the end, at most: more would be too many that were not achieved.
const PER_SECOND: f64 = 4.0;

/// Asks a server that takes its time, and looks at the first measurement that is valid.
#[track_caller]
fn is_measured(target: &str, flags: &str) {
    let load = format!("--rate {PER_SECOND} --arrivals constant --seconds 4 --warm-up 0.2 --connections 8 --keys 20");
    let result = until(&format!("{target} {load} {flags}"), |result, status| {
        let valid = result["valid"] == true;
        assert_eq!(status, Some(if valid { 0 } else { 3 }), "the exit status is what is said of the run: {result}");
        assert_eq!(valid, result["reasons"] == serde_json::json!([]), "what is not valid has a reason: {result}");
        valid
    });
    assert_eq!((&result["loop"], &result["seconds"]), (&"open".into(), &4.0.into()), "{result}");
    let class = &result["classes"][0];
    for figures in [&result, class] {
        for field in ["offered_per_second", "achieved_per_second"] {
            let per_second = figures[field].as_f64().unwrap();
            assert!((PER_SECOND * 0.8..PER_SECOND * 1.2).contains(&per_second), "{field}: {result}");
        }
        let requests = figures["requests"].as_u64().unwrap();
        assert!((15..=17).contains(&requests), "{result}");
        for trouble in ["errors", "wrong"] {
            assert_eq!(figures[trouble], 0, "{result}");
            let kinds = figures[format!("{trouble}_by_kind")].as_object().unwrap();
            assert!(!kinds.is_empty() && kinds.values().all(|count| *count == 0), "{result}");
        }
        for times in ["response_ns", "service_ns", "lag_ns", "lag_server_ns", "lag_generator_ns"] {
            is_histogram(&figures[times], requests);
        }
        let (response, lag) = (&figures["response_ns"], &figures["lag_generator_ns"]);
        let p50 = response["p50"].as_u64().unwrap();
        assert!(u128::from(p50) >= DELAY.as_nanos(), "{result}");
        assert!(lag["p99_9"].as_u64().unwrap() <= (p50 / 20).max(50_000), "{result}");
        assert_eq!(figures["response_curve"].as_array().unwrap().last().unwrap()[0], 1.0, "{result}");
    }
    assert_eq!(result["timeline"].as_array().unwrap().len(), 4, "{result}");
    assert!(result["generator"]["busy"].as_f64().unwrap() <= 0.9, "{result}");
}

/// All fields of docs/load-result.md, in their order.
#[track_caller]
fn is_histogram(times: &Value, count: u64) {
    let fields = ["p50", "p90", "p99", "p99_5", "p99_9", "p99_99", "max"];
    let rising = fields.map(|field| times[field].as_u64().unwrap_or_else(|| panic!("{field}: {times}")));
    assert!(rising[0] > 0 && rising.is_sorted(), "{times}");
    let mean = times["mean"].as_f64().unwrap();
    assert!(mean > 0.0 && mean <= rising[6] as f64, "{times}");
    assert_eq!(times["count"], count, "{times}");
}

#[test]
fn a_load_on_a_cache_that_is_valid_says_so_and_exits_with_0() {
    let server = Server::start("-m 64");
    let address = relay::delaying(server.addresses[0], DELAY);
    is_measured(&format!("cache {address}"), "--set-share 0.3");
}

#[test]
fn a_load_on_a_server_of_files_that_is_valid_says_so_and_exits_with_0() {
    let server = FileServer::start();
    let address = relay::delaying(server.address, DELAY);
    is_measured(&format!("http http://{address}/up/"), "--value 1-5000 --method get=3,put=1");
}

/// Of a server that takes a fifth of a second for each, one after the other.
const CAPACITY: f64 = 5.0;

#[test]
fn a_search_finds_the_knee_below_the_capacity_and_exits_with_0() {
    let server = Server::start("-m 64");
    let address = relay::one_at_a_time(server.addresses[0], Duration::from_secs_f64(1.0 / CAPACITY));
    // The loads are 2 and 4, which it bears, 8, and what lies between: 5.7. There the eleventh answer takes 0.43 s.
    let bracket = "--from 2 --to 64 --within 45% --limit 350ms --repeats 1";
    let load = "--arrivals constant --seconds 2 --warm-up 0 --connections 8 --keys 20";
    let result = until(&format!("search {address} {bracket} {load}"), |result, status| {
        let knee = &result["targets"][0]["knee"];
        let found = knee["knee"] == "between" && knee["fault"]["fault"] != "generator";
        assert_eq!(status, Some(if found { 0 } else { 3 }), "{knee}");
        // Whatever the machine does, nobody takes what the server does not give.
        let highest = knee["holds_per_second"].as_f64().unwrap_or_default();
        assert!(highest < CAPACITY, "{knee}");
        assert!(knee["fails_per_second"].as_f64().unwrap() <= 8.0, "{knee}");
        found && highest > CAPACITY / 2.0
    });
    let target = &result["targets"][0];
    assert_eq!((&result["kind"], &target["ended"]), (&"search".into(), &"complete".into()));
    let knee = &target["knee"];
    assert!((CAPACITY..CAPACITY * 1.2).contains(&knee["fails_per_second"].as_f64().unwrap()), "{knee}");
    assert!(["late", "invalid"].contains(&knee["fault"]["fault"].as_str().unwrap()), "{knee}");
    assert_eq!(knee["holds_again_per_second"], serde_json::json!([]), "{knee}");
    let offered: Vec<f64> =
        target["steps"].as_array().unwrap().iter().map(|step| step["offered_per_second"].as_f64().unwrap()).collect();
    assert_eq!(offered, [2.0, 4.0, 8.0, 32.0_f64.sqrt()]);
}
