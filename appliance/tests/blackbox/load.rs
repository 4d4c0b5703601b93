//! `spindle load cache`, from its command line to its exit status and its files.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kit::relay;
use crate::kit::server::{Server, spindle};

fn load(arguments: &str) -> Output {
    spindle(&format!("load cache {arguments}")).output().unwrap()
}

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

#[test]
fn a_load_checks_every_answer_and_writes_its_result() {
    let server = Server::start("-m 64");
    let json = server.path("result.json");
    let output = load(&format!(
        "{} --rate 2000 --seconds 1 --warm-up 0.1 --connections 4 --keys 1000 --value 100-4000 --set-share 0.5 \
         --key-distribution zipf:0.99 --protocol meta --json {}",
        server.addresses[0],
        json.display()
    ));
    // A busy machine may make the generator late, and that is said; nothing may be wrong.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
    assert!(said(&output).contains("0 errors, 0 wrong"), "{}", said(&output));
    let result = std::fs::read_to_string(json).unwrap();
    let version = "\"server_version\": \"1.6.45\"";
    for field in ["\"schema\": 1", "\"valid\"", "\"achieved_per_second\"", "\"response_ns\"", "\"wrong\": 0", version] {
        assert!(result.contains(field), "{field} is not in {result}");
    }
    assert!(server.stat("cmd_set") > 1000 && server.stat("get_hits") > 500);
    assert_eq!(server.stat("get_misses"), 0);
}

#[test]
fn a_load_that_is_interrupted_reports_what_it_has_measured() {
    let server = Server::start("-m 64");
    let json = server.path("result.json");
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (address, json) = (server.addresses[0], json.display());
        let samples = server.path("samples.csv");
        let arguments = format!(
            "load cache {address} --rate 500 --seconds 3600 --warm-up 0 --keys 100 --json {json} --samples {}",
            samples.display()
        );
        let mut load = spindle(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(load.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.trim_start().starts_with("1 s")), "no second was measured");
        kill(Pid::from_raw(load.id() as i32), signal).unwrap();
        let rest: Vec<String> = said.collect();
        assert!(rest.iter().any(|line| line.contains(" 0 errors, 0 wrong")), "{rest:?}");
        assert_eq!(load.wait().unwrap().code(), Some(3), "{rest:?}");
        assert!(std::fs::read_to_string(server.path("result.json")).unwrap().contains("\"stopped after "), "{rest:?}");
        assert!(std::fs::read_to_string(samples).unwrap().ends_with(",right\n"), "the last row is whole");
    }
}

#[test]
fn the_whole_mix_finds_nothing_wrong() {
    let server = Server::start("-m 64");
    for protocol in ["classic", "meta"] {
        for ttl in ["", "--ttl 1-2"] {
            let output = load(&format!(
                "{} --rate 4000 --seconds 2 --warm-up 0 --connections 4 --depth 8 --keys 200 --value 40-3000 \
                 --key-distribution zipf:0.9 --protocol {protocol} --get-miss-set {ttl} --prefix {protocol}{} \
                 --mix get=50,set=15,multiget=10:8,delete=5,touch=5,incr=10,cas=10",
                server.addresses[0],
                ttl.len()
            ));
            assert!(matches!(output.status.code(), Some(0 | 3)), "{protocol} {ttl}: {}", said(&output));
            assert!(said(&output).contains("0 errors, 0 wrong"), "{protocol} {ttl}: {}", said(&output));
        }
    }
    for counter in ["get_misses", "delete_hits", "delete_misses", "touch_hits", "incr_hits", "cas_hits", "cas_badval"] {
        assert!(server.stat(counter) > 0, "no {counter}");
    }
}

#[test]
fn a_server_that_dies_leaves_a_report_of_what_happened_until_then() {
    let mut server = Server::start("-m 64");
    let json = server.path("result.json");
    let flags = format!("--rate 1000 --seconds 60 --warm-up 0 --connections 4 --keys 100 --json {}", json.display());
    let mut command = spindle(&format!("load cache {} {flags}", server.addresses[0]));
    let load = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    server.until_stat("cmd_get", |gets| gets > 100);
    server.kill();
    let output = load.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("every connection was ended"), "{}", said(&output));
    let result = std::fs::read_to_string(json).unwrap();
    assert!(result.contains("\"valid\": false") && !result.contains("\"requests\": 0,"), "{result}");
}

#[test]
fn a_value_that_is_not_true_is_wrong_by_name() {
    let server = Server::start("-m 64");
    let (address, json) =
        (relay::flipping_a_bit(server.addresses[0], "VALUE ", "\r\nEND\r\n".len()), server.path("json"));
    let output = load(&format!(
        "{address} --rate 500 --seconds 0.4 --warm-up 0 --connections 4 --keys 20 --json {}",
        json.display()
    ));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("0 errors, 1 wrong") && said(&output).contains("1 corrupt"), "{}", said(&output));
    let result = std::fs::read_to_string(json).unwrap();
    assert!(result.contains("\"wrong\": 1,") && result.contains("\"corrupt\": 1,"), "{result}");
}

#[test]
fn a_result_that_cannot_be_kept_is_printed_all_the_same() {
    let server = Server::start("-m 64");
    let flags = "--rate 100 --seconds 0.2 --warm-up 0 --connections 2 --keys 20";
    let output = load(&format!("{} {flags} --json /dev/full", server.addresses[0]));
    assert_eq!(output.status.code(), Some(71), "{}", said(&output));
    assert!(said(&output).contains("0 errors, 0 wrong"), "{}", said(&output));
    assert!(said(&output).contains("cannot write /dev/full: No space left on device"), "{}", said(&output));
    let sets = server.stat("cmd_set");
    let output = load(&format!("{} {flags} --json /nowhere/at/all", server.addresses[0]));
    assert_eq!(output.status.code(), Some(71), "{}", said(&output));
    assert!(said(&output).contains("cannot write /nowhere/at/all: "), "{}", said(&output));
    assert_eq!(server.stat("cmd_set"), sets, "a name that cannot be is known before anything is sent");
}

#[test]
fn a_load_that_cannot_be_is_refused_before_anything_is_sent() {
    for (arguments, reason) in [
        ("127.0.0.1:1 --rate 0", "'--rate <RATE>': it is a number from 0.000001 to 1000000000"),
        ("127.0.0.1:1 --set-share 1.5", "it is a number from 0 to 1"),
        ("127.0.0.1:1 --mix get=1,gets=1", "nothing is called \"gets\""),
        ("127.0.0.1:1 --mix get=1 --set-share 0.5", "cannot be used with"),
        ("127.0.0.1:1 --ttl 0", "whole seconds from 1 to 2592000"),
        ("127.0.0.1:1 --value huge", "huge"),
        ("127.0.0.1:1 --key 251", "--key 251: keys are of 250 bytes at most"),
        ("127.0.0.1:1 --key etc", "--key etc: keys are of 250 bytes at most: name a maximum"),
        ("127.0.0.1:1 --key-distribution zipf:x", "zipf:x"),
        ("127.0.0.1:1 --no-such-option", "--no-such-option"),
        ("127.0.0.1:1 --connections 60000 --depth 100", "--depth 100: connections times depth is at most 4194304"),
        ("127.0.0.1:1 --cpu 4096", "it is a CPU that this process may run on, one of ["),
        ("127.0.0.1:1 --server-pid 0", "no such process"),
        ("127.0.0.1", "127.0.0.1: it is written HOST:PORT"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1: it is written HOST:PORT"),
        ("nowhere.invalid:11211", "no such server"),
    ] {
        let output = load(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", said(&output));
        assert!(said(&output).contains(reason), "{arguments}: {}", said(&output));
    }
    let output = load("127.0.0.1:1");
    assert_eq!(output.status.code(), Some(2), "nobody listens: {}", said(&output));
    assert!(said(&output).contains("127.0.0.1:1: cannot connect: "), "{}", said(&output));
}
