//! `spindle load sweep`, `search` and `compare`, from their command lines to their exit statuses and their files.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kit::server::{Server, spindle};

/// A tenth of a second of little load, as often as a test needs it.
const SHORT: &str = "--seconds 0.1 --warm-up 0 --patience 1 --connections 2 --keys 20 --arrivals constant";

fn load(arguments: &str) -> Output {
    spindle(&format!("load {arguments}")).output().unwrap()
}

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

/// Runs of the table in a text: those that begin with one of the names.
fn lines<'a>(text: &'a str, names: &[&str]) -> Vec<&'a str> {
    text.lines().filter(|line| names.iter().any(|name| line.starts_with(&format!("{name} ")))).collect()
}

#[test]
fn a_sweep_climbs_on_both_servers_in_turns() {
    let (left, right) = (Server::start("-m 64"), Server::start("-m 64"));
    let (json, html) = (left.path("sweep.json"), left.path("sweep.html"));
    let output = load(&format!(
        "sweep left={} right={} --from 100 --to 400 --factor 2 --repeats 2 --limit 10s {SHORT} --json {} --html {}",
        left.addresses[0],
        right.addresses[0],
        json.display(),
        html.display()
    ));
    let text = said(&output);
    // A busy machine makes the generator late, and that is said: then a ladder ends early, and 3 is its exit status.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{text}");
    let runs = lines(&text, &["left", "right"]);
    assert!(runs.len() >= 8 && runs.len().is_multiple_of(2), "{text}");
    for (at, run) in runs.iter().take(8).enumerate() {
        let mut words = run.split_whitespace();
        let (name, repeat) = (["left", "right"][at % 2], (at / 2 % 2 + 1).to_string());
        assert_eq!([words.next(), words.next()], [Some(name), Some(repeat.as_str())], "{text}");
    }
    assert!(text.contains("| server | offered/s |") && text.contains("- left: knee (p99.9 within 10.0 s): "), "{text}");
    let result = std::fs::read_to_string(json).unwrap();
    assert_eq!(result.matches("\n    {\"target\": \"").count(), runs.len(), "a run is a line");
    assert!(result.contains("\"kind\": \"sweep\"") && result.contains("\"offered_per_second\": 200.0"), "{result}");
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.contains("<title>Latency against load: left, right</title>") && page.contains("load-2"), "{page}");
    for server in [left, right] {
        assert_eq!(server.stat("get_misses"), 0);
        assert!(server.stat("cmd_get") >= 40);
    }
}

#[test]
fn a_sweep_that_is_interrupted_keeps_the_loads_that_were_done() {
    let server = Server::start("-m 64");
    let json = server.path("sweep.json");
    let (address, shown) = (server.addresses[0], json.display());
    let arguments = format!("load sweep a={address} b={address} --from 100 --repeats 1000 {SHORT} --json {shown}");
    let mut sweep = spindle(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(sweep.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.starts_with("b ")), "nothing was run");
    kill(Pid::from_raw(sweep.id() as i32), Signal::SIGINT).unwrap();
    let rest = said.collect::<Vec<_>>().join("\n");
    assert!(rest.contains("- a: broke off: stopped") && rest.contains("- b: broke off: stopped"), "{rest}");
    assert_eq!(sweep.wait().unwrap().code(), Some(1), "{rest}");
    assert!(std::fs::read_to_string(json).unwrap().contains("\"error\": \"stopped\""), "{rest}");
}

#[test]
fn a_search_tells_its_probes_and_gives_a_number_or_none() {
    let server = Server::start("-m 64");
    let json = server.path("search.json");
    // Nobody answers within a nanosecond: whatever the machine does, the first load fails.
    let arguments = format!("--from 100 --to 400 --repeats 1 {SHORT} --json {}", json.display());
    let output = load(&format!("search {} --limit 1ns {arguments}", server.addresses[0]));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("the knee was not found"), "{text}");
    let result = std::fs::read_to_string(&json).unwrap();
    assert!(result.contains("\"kind\": \"search\"") && result.contains("\"knee\": \"never_holds\""), "{result}");
    assert_eq!(result.matches("\n    {\"target\": \"").count(), 1, "{result}");
    let compared = load(&format!("compare {0} {0}", json.display()));
    assert_eq!(compared.status.code(), Some(2), "{}", said(&compared));
    assert!(
        said(&compared).contains("search.json is the result of a search, which is many runs"),
        "{}",
        said(&compared)
    );
}

#[test]
fn a_server_that_dies_leaves_what_was_measured() {
    let mut server = Server::start("-m 64");
    let mut command = spindle(&format!("load sweep {} --from 100 --to 100000 {SHORT}", server.addresses[0]));
    let sweep = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    server.until_stat("cmd_get", |gets| gets > 0);
    server.kill();
    let output = sweep.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("broke off: ") && said(&output).contains("| server"), "{}", said(&output));
}

fn measure(server: &Server, name: &str) -> String {
    let json = server.path(name);
    let arguments = format!("--rate 200 {SHORT} --json {}", json.display());
    let output = load(&format!("cache {} {arguments}", server.addresses[0]));
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
    json.display().to_string()
}

/// Sets the field of a result: a machine at work makes invalid what is to be valid.
fn with_validity(path: &str, valid: bool) {
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once("\"valid\": ").unwrap();
    let (_, after) = rest.split_once(',').unwrap();
    std::fs::write(path, format!("{before}\"valid\": {valid},{after}")).unwrap();
}

#[test]
fn results_are_compared_as_runs_or_as_seconds_and_refused_when_invalid() {
    let server = Server::start("-m 64");
    let [a, a2, b, b2] = ["a", "a2", "b", "b2"].map(|name| measure(&server, name));
    [&a, &a2, &b, &b2].into_iter().for_each(|path| with_validity(path, true));
    let output = load(&format!("compare {a},{a2} {b},{b2}"));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).starts_with("Differs in: command line.\n"), "{}", said(&output));
    assert!(said(&output).contains("from 2 runs of A and 2 of B"), "{}", said(&output));
    let output = load(&format!("compare {a} {b}"));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(
        said(&output).contains("too short for an interval") && said(&output).contains("whole run"),
        "{}",
        said(&output)
    );
    with_validity(&b, false);
    let output = load(&format!("compare {a} {b}"));
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).starts_with("a measurement of B is not valid"), "{}", said(&output));
    assert_eq!(load(&format!("compare {a} {b} --even-invalid")).status.code(), Some(0));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_sent() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let no_result = format!("compare {0} {0}", here.display());
    let server = Server::start("-m 64");
    let (address, me) = (server.addresses[0], std::process::id());
    let cases = [
        ("sweep 127.0.0.1:1 --rate 5".into(), "--rate"),
        ("sweep 127.0.0.1:1".into(), "127.0.0.1:1: cannot connect"),
        ("sweep 127.0.0.1:1 --from 5 --to 4".into(), "--to 4: it is below --from, which is 5"),
        ("sweep 127.0.0.1:1 --factor 1".into(), "a number from 1.01 to 1000"),
        ("sweep 127.0.0.1:1 --from 1 --to 1e9 --factor 1.01".into(), "--factor 1.01: that is 2083 steps"),
        ("sweep 127.0.0.1:1 --repeats 0".into(), "a number from 1 to 1000"),
        (format!("sweep {address} {address}"), "two targets are called so"),
        (format!("sweep {address} --server-pids {me},{me}"), "--server-pids of 2 processes: there are 1 targets"),
        (format!("sweep {address} --server-pids 0"), "no such process"),
        ("search 127.0.0.1:1".into(), "--limit"),
        ("search 127.0.0.1:1 --limit 2".into(), "a time is a number above 0 and its unit"),
        ("search 127.0.0.1:1 --limit 2ms --percentile 42".into(), "the percentiles are"),
        ("search 127.0.0.1:1 --limit 2ms --within 0".into(), "a share such as 2%"),
        ("compare a.json".into(), "B.json"),
        ("compare /nowhere.json /nowhere.json".into(), "/nowhere.json: No such file"),
        (no_result, "is not the result of a load"),
    ];
    for (arguments, reason) in cases {
        let output = load(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", said(&output));
        assert!(said(&output).contains(reason), "{arguments}: {}", said(&output));
    }
    assert_eq!(server.stat("cmd_set"), 0);
}
