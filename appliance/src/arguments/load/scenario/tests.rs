//! Scenarios that are understood, and those that are not: each with its line and its reason.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use spindle_perf::arrivals::Arrivals;
use spindle_perf::describe::Removal;
use spindle_perf::load::{Pace, Plan, Protocol, Spin, Verify, WorkPlan};
use spindle_perf::sizes::Sizes;
use spindle_perf::slow::{Again, Behaviour, UploadTarget};

use super::{ScenarioArguments, Text};

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    scenario: ScenarioArguments,
}

/// A server that accepts, and says nothing.
fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn read_with(flags: &[&str], text: &str) -> Result<Plan, String> {
    let typed = Typed::parse_from([&["scenario", "file.toml"], flags].concat());
    typed.scenario.read(Text(text)).map_err(|mistake| format!("file.toml:{mistake}"))
}

/// What is wrong with a text in which `HERE` is a server that accepts.
fn mistake(text: &str) -> String {
    let (_listener, here) = listen();
    let here = here.to_string();
    read_with(&[], &text.replace("HERE", &here)).expect_err(text).replace(&here, "HERE")
}

/// The last CPU that this process may run on.
fn cpu() -> usize {
    *spindle_core::thread::cpus_available().last().unwrap()
}

fn of_all_kinds(cache: SocketAddr, files: SocketAddr) -> String {
    let (cpu, pid) = (cpu(), std::process::id());
    format!(
        r#"
seconds = 30
warm_up = 0x5
patience = 0.5
spin = "near"
seed = 7
cpu = {cpu}
server_pid = {pid}

[class.etc]
cache = "{cache}"
rate = 20_000
arrivals = "constant"
connections = 16
depth = 4
churn = 1000
keys = 1_000_000
key_distribution = "zipf:0.99"
key = "etc-keys"
value = "etc"
set_share = 0.03
protocol = "meta"
verify = "sampled"
may_evict = true

[class.b-side]
cache = "{cache}"
closed = true
may_evict = false
value = 100
seed = 99
prefix = "mine"

[class.a-side]
http = "http://{files}/dev1/"
rate = 200.5

[slow.uploads]
http = "http://{files}/up"
behaviour = "trickled-upload"
count = 2000
bytes_per_second = "1k"
body_bytes = "256k"
again = "never"
"#
    )
}

#[test]
fn every_key_is_the_flag_of_its_name() {
    let ((_first, cache), (_second, files)) = (listen(), listen());
    let text = of_all_kinds(cache, files);
    let plan = read_with(&[], &text).unwrap();
    let seconds = Duration::from_secs_f64;
    assert_eq!((plan.measured, plan.warm_up, plan.patience), (seconds(30.0), seconds(5.0), seconds(0.5)));
    assert_eq!(plan.spin, Spin::Near);
    assert_eq!((plan.cpus.clone(), plan.watched.map(|pid| pid.0)), (vec![cpu()], Some(std::process::id())));
    let names: Vec<&str> = plan.classes.iter().map(|class| class.name.as_str()).collect();
    assert_eq!(names, ["etc", "b-side", "a-side"], "in the order of the file");
    let etc = &plan.classes[0];
    assert_eq!(etc.pace, Pace::Open { per_second: 20_000.0, arrivals: Arrivals::Constant });
    assert_eq!((etc.server, etc.connections, etc.depth), (cache, 16, 4));
    assert_eq!((etc.churn, etc.verify), (NonZeroU64::new(1000), Verify::Sampled));
    let WorkPlan::Cache(work) = &etc.work else { panic!("{etc:?}") };
    assert_eq!((work.prefix.as_str(), work.protocol), ("etc:", Protocol::Meta));
    assert_eq!((work.keys.count, work.keys.sizes.to_string()), (1_000_000, "etc".into()));
    assert_eq!((work.keys.removal, &work.key_sizes), (Removal::Allowed, &Some(Sizes::EtcKeys)));
    let WorkPlan::Cache(work) = &plan.classes[1].work else { panic!("{plan:?}") };
    assert_eq!((plan.classes[1].pace, plan.classes[1].seed), (Pace::Closed, 99));
    assert_eq!((work.prefix.as_str(), work.keys.removal), ("mine", Removal::Never));
    assert_eq!(work.key_sizes, None, "as long as prefix and number");
    assert!(matches!(plan.classes[2].work, WorkPlan::Http(_)) && plan.classes[2].server == files);
    let [uploads] = plan.slow.as_slice() else { panic!("{:?}", plan.slow) };
    assert_eq!((uploads.name.as_str(), uploads.server, uploads.count), ("uploads", files, 2000));
    assert_eq!((uploads.again, uploads.ramp), (Again::Never, seconds(2.5)));
    let to = UploadTarget::Http { host: files.to_string(), path_prefix: "/up/".into() };
    let bytes_per_second = NonZeroU64::new(1024).unwrap();
    assert_eq!(uploads.behaviour, Behaviour::TrickledUpload { to, body_bytes: 256 << 10, bytes_per_second });
    assert_eq!(plan.connections(), 16 + 64 + 64 + 2000);
}

#[test]
fn flags_stand_in_place_of_the_files_own() {
    let (_listener, here) = listen();
    let text = format!("seconds = 30\n[class.a]\ncache = \"{here}\"\n");
    let (cpu, me) = (cpu().to_string(), std::process::id().to_string());
    let flags = ["--seconds", "3", "--warm-up", "0.5", "--cpu", &cpu, "--server-pid", &me];
    let plan = read_with(&flags, &text).unwrap();
    assert_eq!((plan.measured, plan.warm_up), (Duration::from_secs(3), Duration::from_millis(500)));
    assert_eq!(plan.cpus.iter().map(usize::to_string).collect::<Vec<_>>(), [cpu]);
    assert_eq!(plan.watched.map(|pid| pid.0.to_string()), Some(me));
    assert!(Typed::try_parse_from(["scenario", "file.toml", "--cpu", "4096"]).is_err());
    let near = format!("spin = \"near\"\n{text}");
    let spin = |flags: &[&str], text: &str| read_with(flags, text).unwrap().spin;
    assert_eq!((spin(&[], &text), spin(&[], &near)), (Spin::Always, Spin::Near));
    assert_eq!((spin(&["--spin=near"], &text), spin(&["--spin"], &near)), (Spin::Near, Spin::Always));
}

#[test]
fn seeds_follow_from_the_scenario_and_the_name_alone() {
    let (_listener, here) = listen();
    let class = |name: &str| format!("[class.{name}]\ncache = \"{here}\"\n");
    let seeds =
        |text: &str| -> Vec<u64> { read_with(&[], text).unwrap().classes.iter().map(|class| class.seed).collect() };
    let both = seeds(&[class("a"), class("b")].concat());
    assert_eq!(seeds(&class("b")), both[1..], "whoever else is there");
    assert_ne!(both[0], both[1]);
    assert_ne!(seeds(&format!("seed = 2\n{}", class("a"))), both[..1]);
}

#[test]
fn every_behaviour_has_keys_of_its_own() {
    let (_listener, here) = listen();
    for (behaviour, keys) in [
        ("trickled-upload", "prefix = \"p\"\nbody_bytes = 5\nbytes_per_second = 9"),
        ("slow-reader", "key = \"k\"\nbytes_per_second = 9"),
        ("stalled-reader", "key = \"k\"\nfirst_bytes = \"1k\"\nstall = 2.5\nrest_bytes_per_second = 9"),
        ("slow-headers", "key = \"k\"\nbytes_per_second = 9"),
        ("abort-mid-body", "body_bytes = 5\nafter_bytes = 3\nhow = \"reset\""),
        ("abort-mid-answer", "key = \"k\"\nafter_bytes = 3\nhow = \"fin\""),
        ("half-close", "key = \"k\""),
        ("never-read", "key = \"k\"\nrequests_per_second = 3"),
        ("idle", "again = 0.5\nramp = 1"),
    ] {
        let text = format!(
            "[class.a]\ncache = \"{here}\"\n[slow.s]\ncache = \"{here}\"\ncount = 1\nbehaviour = \"{behaviour}\"\n{keys}\n"
        );
        let plan = read_with(&[], &text).unwrap();
        let name = format!("{:?}", plan.slow[0].behaviour).to_lowercase();
        assert!(name.starts_with(&behaviour.replace('-', "")), "{name}");
    }
}

const CLASS: &str = "[class.a]\ncache = \"HERE\"\n";

#[test]
fn a_bad_scenario_is_refused_with_its_line_and_the_reason() {
    for (text, expected) in [
        ("seconds = -1", ":1: seconds = -1: it is a number of seconds to 1000000, above 0"),
        ("\nwarm_up = true", ":2: warm_up = true: it is a number or a word"),
        ("server_pid = 0", ":1: server_pid = 0: no such process: No such file or directory (os error 2)"),
        ("cpu = [\n", ":1: unclosed array, expected `]`"),
        ("cpu = 1\ncpu = 2", ":2: duplicate key"),
        ("", ": there is no [class.NAME]: nothing would be measured"),
        ("[[class]]\nname = \"a\"", ":1: it is written [class.NAME], with a name of its own"),
        ("[class]\nrate = 5", ":2: it is written [class.NAME], with a name of its own"),
        ("slow = 5", ":1: it is written [slow.NAME], with a name of its own"),
        ("[class.\"a b\"]", ":1: [class.\"a b\"]: a name is 1 to 40 letters, digits, -, _ and ."),
        (
            "second = 5",
            ":1: unknown key second; there are class, slow, seconds, warm_up, patience, spin, cpu, server_pid, seed",
        ),
    ] {
        assert_eq!(mistake(text), format!("file.toml{expected}"), "{text}");
    }
}

#[test]
fn a_bad_class_is_refused_with_its_line_and_the_reason() {
    for (keys, expected) in [
        ("rate = \"fast\"", "3: [class.a] rate = \"fast\": it is a number from 0.000001 to 1000000000"),
        ("\nrate = 0", "4: [class.a] rate = 0: it is a number from 0.000001 to 1000000000"),
        ("closed = 1", "3: [class.a] closed = 1: it is true or false"),
        ("rate = 5\nclosed = true", "3: [class.a] rate = 5: not together with closed"),
        ("http = \"http://HERE/\"", "3: [class.a] http = \"http://HERE/\": not together with cache"),
        ("protocol = \"binary\"", "3: [class.a] protocol = \"binary\": it is one of classic, meta"),
        ("set_share = 1.5", "3: [class.a] set_share = 1.5: it is a number from 0 to 1"),
        ("connections = 60000\ndepth = 100", "4: [class.a] depth = 100: connections times depth is at most 4194304"),
        ("connections = 0", "3: [class.a] connections = 0: it is a number from 1 to 60000"),
        (
            "value = \"lognormal:1m:9\"",
            "3: [class.a] value = \"lognormal:1m:9\": values are of 1 GiB at most: name a maximum",
        ),
        (
            "mix = \"get=1,sit=1\"",
            "3: [class.a] mix = \"get=1,sit=1\": nothing is called \"sit\": a mix is of get, set, multiget, delete, touch, \
             incr and cas",
        ),
        ("set_share = 0.5\nmix = \"get=1\"", "3: [class.a] set_share = 0.5: not together with mix"),
        (
            "ttl = 0",
            "3: [class.a] ttl = 0: \"0\" is no time to live: it is whole seconds from 1 to 2592000, as 60 or 60-600",
        ),
        ("prefix = \"\"", "3: [class.a] prefix = \"\": it is 1 to 200 visible ASCII characters"),
    ] {
        assert_eq!(mistake(&format!("{CLASS}{keys}\n")), format!("file.toml:{expected}"), "{keys}");
    }
    for (text, expected) in [
        ("[class.a]\nrate = 5", "1: [class.a] it needs cache or http"),
        (
            "[class.a]\nhttp = \"https://HERE/\"",
            "2: [class.a] http = \"https://HERE/\": TLS is not spoken: it begins with http://",
        ),
        (
            "[class.a]\nhttp = \"http://HERE/\"\ncorpus = \"/nowhere.json\"",
            "3: [class.a] corpus = \"/nowhere.json\": /nowhere.json: No such file or directory (os error 2)",
        ),
        (
            "[class.a]\ncache = \"127.0.0.1:1\"",
            "2: [class.a] cache = \"127.0.0.1:1\": cannot connect: Connection refused (os error 111)",
        ),
        (
            "[class.a]\ncache = \"127.0.0.1\"",
            "2: [class.a] cache = \"127.0.0.1\": it is written HOST:PORT, as in 127.0.0.1:11211",
        ),
    ] {
        assert_eq!(mistake(text), format!("file.toml:{expected}"), "{text}");
    }
    let unknown = mistake(&format!("{CLASS}rtae = 5\n"));
    assert!(
        unknown.starts_with("file.toml:3: [class.a] unknown key rtae; there are cache, http, rate, closed, "),
        "{unknown}"
    );
}

#[test]
fn what_two_classes_would_share_is_refused() {
    let alike = "class a has the same server and the same prefix or folder: they would write each other's keys";
    for (mix, prefix) in [("get=1,set=1", "a:"), ("incr=1", "a:n")] {
        let text = format!("{CLASS}mix = \"{mix}\"\n[class.b]\ncache = \"HERE\"\nprefix = \"{prefix}\"\n");
        assert_eq!(mistake(&text), format!("file.toml:4: [class.b] {alike}"), "{prefix}");
    }
    let http = |name: &str, path: &str| format!("[class.{name}]\nhttp = \"http://HERE{path}\"\n");
    assert_eq!(mistake(&[http("a", "/up"), http("b", "/up/")].concat()), format!("file.toml:3: [class.b] {alike}"));
    let (_listener, here) = listen();
    let apart = [http("a", "/up"), http("b", "/other")].concat().replace("HERE", &here.to_string());
    assert!(read_with(&[], &apart).is_ok());
    let seeds = format!("{CLASS}seed = 5\n[class.b]\ncache = \"HERE\"\nseed = 5\n");
    let same = "file.toml:4: [class.b] class a has the same seed 5: what they write could not be told apart";
    assert_eq!(mistake(&seeds), same);
}

#[test]
fn a_bad_slow_group_is_refused_with_its_line_and_the_reason() {
    let idle = "cache = \"HERE\"\nbehaviour = \"idle\"\ncount = 1";
    for (slow, expected) in [
        ("count = 1", "3: [slow.s] it needs http or cache"),
        ("cache = \"HERE\"", "3: [slow.s] it needs behaviour"),
        ("cache = \"HERE\"\nbehaviour = \"idle\"", "3: [slow.s] it needs count"),
        ("cache = \"HERE\"\nbehaviour = \"half-close\"\ncount = 1", "3: [slow.s] it needs key"),
        (&format!("{idle}\nramp = 2"), "7: [slow.s] ramp = 2: all are to be there when the warm-up of 1 s ends"),
        (
            "cache = \"HERE\"\nbehaviour = \"half-close\"\ncount = 1\nkey = \"a b\"",
            "7: [slow.s] key = \"a b\": it is 1 to 250 visible ASCII characters",
        ),
        (
            "cache = \"HERE\"\nbehaviour = \"trickled-upload\"\ncount = 1\nprefix = \"\"",
            "7: [slow.s] prefix = \"\": it is 1 to 200 visible ASCII characters",
        ),
        (
            &format!("{idle}\nagain = \"no\""),
            "7: [slow.s] again = \"no\": it is a number of seconds from 0 to 1000000, or never",
        ),
        (
            &format!("{idle}\nbody_bytes = 5"),
            "7: [slow.s] unknown key body_bytes; there are http, cache, behaviour, count, again, ramp, seed",
        ),
        (
            "cache = \"127.0.0.1:1\"\nbehaviour = \"idle\"\ncount = 1",
            "4: [slow.s] cache = \"127.0.0.1:1\": cannot connect: Connection refused (os error 111)",
        ),
    ] {
        assert_eq!(mistake(&format!("{CLASS}[slow.s]\n{slow}\n")), format!("file.toml:{expected}"), "{slow}");
    }
    let lazy = mistake(&format!("{CLASS}[slow.s]\ncache = \"HERE\"\nbehaviour = \"lazy\"\n"));
    assert!(
        lazy.starts_with("file.toml:5: [slow.s] behaviour = \"lazy\": it is one of trickled-upload, slow-reader, "),
        "{lazy}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let typed = Typed::parse_from(["scenario", "/nowhere.toml"]);
    let error = typed.scenario.decide().unwrap_err().to_string();
    assert_eq!(error, "/nowhere.toml: No such file or directory (os error 2)");
    assert_eq!((typed.scenario.label(), typed.scenario.file), ("nowhere".into(), PathBuf::from("/nowhere.toml")));
}
