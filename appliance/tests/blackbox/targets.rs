//! `spindle load sweep` and `search` of servers of files and of scenarios, and what targets cannot be.

use std::net::SocketAddr;
use std::process::Output;

use crate::kit::files::FileServer;
use crate::kit::server::{Server, spindle};

/// A tenth of a second of little load, as often as a test needs it.
const SHORT: &str = "--seconds 0.1 --warm-up 0 --patience 1";
/// Two loads, twice each.
const LADDER: &str = "--from 100 --to 200 --repeats 2";
const OBJECTS: &str = "--connections 2 --keys 20 --value 1-5000 --arrivals constant";

fn load(arguments: &str) -> Output {
    spindle(&format!("load {arguments}")).output().unwrap()
}

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

/// A busy machine makes the generator late, and that is said; nothing may be wrong, and all is to be tried.
#[track_caller]
fn is_measured(output: &Output) -> String {
    let text = said(output);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{text}");
    assert!(!text.contains(" errors") && !text.contains("broke off"), "{text}");
    text
}

#[test]
fn a_sweep_of_servers_of_files_puts_what_is_only_read_there_once() {
    let (left, right) = (FileServer::start(), FileServer::start());
    let targets = format!("left=http://{}/a/ http://{}/b", left.address, right.address);
    let text = is_measured(&load(&format!("sweep {targets} {LADDER} {SHORT} {OBJECTS} --method get=3,head=1")));
    let names: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let url = format!("http://{}/b", right.address);
    assert_eq!(names[1..9], ["left", &url].repeat(4), "{text}");
    for server in [left, right] {
        assert_eq!((server.files().len(), server.puts()), (20, 20));
        // Twice ten, and twice twenty.
        assert!(server.reads() > 40, "{} reads", server.reads());
    }
}

#[test]
fn what_a_load_changes_is_put_there_for_every_run() {
    let server = FileServer::start();
    is_measured(&load(&format!(
        "sweep http://{} {LADDER} {SHORT} {OBJECTS} --method get,put --html /dev/null",
        server.address
    )));
    assert!(server.puts() >= 4 * 20, "{} puts", server.puts());
}

#[test]
fn a_search_of_what_cannot_hold_finds_no_knee() {
    let server = FileServer::start();
    // Nobody answers within a nanosecond: whatever the machine does, the first load fails.
    let output = load(&format!(
        "search http://{} --limit 1ns --from 100 --to 200 --repeats 1 {SHORT} {OBJECTS}",
        server.address
    ));
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("the knee was not found"), "{}", said(&output));
    assert!(said(&output).contains(" requests a second"), "{}", said(&output));
}

fn scenario(folder: &Server, name: &str, classes: &str) -> String {
    let path = folder.path(name);
    std::fs::write(&path, classes).unwrap();
    path.display().to_string()
}

fn shared(first: SocketAddr, second: SocketAddr) -> String {
    format!(
        "seconds = 0.1\nwarm_up = 0\n\
         [class.three]\ncache = \"{first}\"\nrate = 3\narrivals = \"constant\"\nconnections = 2\nkeys = 20\nset_share = 0\n\
         [class.one]\nhttp = \"http://{second}/up/\"\nrate = 1\narrivals = \"constant\"\nconnections = 1\nkeys = 5\nvalue = \"1k\"\n\
         [slow.idle]\ncache = \"{first}\"\nbehaviour = \"idle\"\ncount = 3\n"
    )
}

#[test]
fn classes_of_a_scenario_share_the_loads_of_a_ladder() {
    let (cache, files) = (Server::start("-m 64"), FileServer::start());
    let box_toml = scenario(&cache, "box.toml", &shared(cache.addresses[0], files.address));
    let json = cache.path("sweep.json");
    let text = is_measured(&load(&format!("sweep {box_toml} other={box_toml} {LADDER} --json {}", json.display())));
    assert!(text.contains("\nbox ") && text.contains("\nother "), "{text}");
    let result = std::fs::read_to_string(json).unwrap();
    for class in [
        "{\"name\": \"three\", \"loop\": \"open\", \"offered_per_second\": 150.0",
        "{\"name\": \"one\", \"loop\": \"open\", \"offered_per_second\": 50.0",
    ] {
        assert!(result.contains(class), "{class} is not in {result}");
    }
    assert!(result.contains("\"name\": \"idle\", \"attached_now\": 3"), "{result}");
    assert_eq!(files.puts(), 5, "both targets are the same folder");
}

#[test]
fn targets_that_cannot_be_are_refused_before_anything_is_sent() {
    let (cache, files) = (Server::start("-m 64"), FileServer::start());
    let (here, there) = (cache.addresses[0], format!("http://{}", files.address));
    let class = |keys: &str| format!("[class.a]\ncache = \"{here}\"\n{keys}\n");
    let closed = scenario(&cache, "closed.toml", &class("closed = true"));
    let open = scenario(&cache, "open.toml", &class("rate = 5"));
    let wrong = scenario(&cache, "wrong.toml", &class("rtae = 5"));
    let uneven = [class("rate = 1e-6"), class("rate = 1e6").replace("class.a", "class.b")].concat();
    let uneven = scenario(&cache, "uneven.toml", &uneven);
    let cases = [
        (format!("sweep {here} {there}"), "is a server of files: targets that are compared are of one kind"),
        (format!("sweep {open} {here}"), "is a scenario, and"),
        (format!("sweep {here} --corpus x"), "--corpus is not for caches"),
        (format!("sweep {there} --set-share 0.5"), "--set-share is not for servers of files"),
        (format!("sweep {open} --keys 5"), "--keys is not for scenarios: the file says what is asked"),
        (format!("sweep {there} --closed"), "unexpected argument '--closed'"),
        (format!("sweep {there}/?a"), "a query"),
        ("sweep https://box/".into(), "TLS is not spoken"),
        (format!("sweep {there} --value etc,5"), "--value"),
        (format!("sweep {there} {there}"), "two targets are called so"),
        (format!("sweep {there} --corpus x --filled"), "--filled"),
        (format!("sweep {wrong}"), "wrong.toml:3: [class.a] unknown key rtae"),
        (format!("sweep {closed}"), "closed: class a is a closed loop"),
        (format!("sweep {uneven}"), "uneven: of 1000 requests a second, class a would have 0.000000"),
        (format!("search {open} {open} --limit 1ms"), "unexpected argument"),
        ("sweep /nowhere.toml".into(), "/nowhere.toml: No such file"),
    ];
    for (arguments, reason) in cases {
        let output = load(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", said(&output));
        assert!(said(&output).contains(reason), "{arguments}: {}", said(&output));
    }
    assert_eq!((cache.stat("cmd_set"), files.puts()), (0, 0));
}
