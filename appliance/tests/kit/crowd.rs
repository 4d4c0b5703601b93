//! A crowd of slow clients, so many of each kind, beside a class that is fast: a scenario, and what it has to come to.

use std::path::Path;
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit};
use serde_json::Value;

/// Clients of each kind.
pub(crate) const EACH: u64 = 500;
pub(crate) const CLIENTS: u64 = EACH * KINDS.len() as u64;

/// What all of a kind have come to when the measured time ends.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Attached,
    Aborted,
    Answered,
}

/// What a kind has to be told of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asks {
    Nothing,
    Upload,
    /// For something of so many bytes.
    Download(usize),
}

/// More than the kernel keeps for who does not read.
pub(crate) const LARGE_BYTES: usize = 200_000;
pub(crate) const SMALL_BYTES: usize = 1000;

const SMALL: Asks = Asks::Download(SMALL_BYTES);
const LARGE: Asks = Asks::Download(LARGE_BYTES);

/// Every behaviour of docs/scenarios.md, and each way to go away. Nobody comes back, so that whoever is missing is seen.
/// Bodies are smaller than a cache's largest item, and heads do not come to what is too much for a server.
const KINDS: [(&str, &str, Asks, Fate); 11] = [
    ("trickled-upload", "body_bytes = \"20k\"", Asks::Upload, Fate::Attached),
    ("slow-reader", "", LARGE, Fate::Attached),
    ("stalled-reader", "", LARGE, Fate::Attached),
    ("slow-headers", "bytes_per_second = 50", SMALL, Fate::Attached),
    ("abort-mid-body", "how = \"fin\"\nbody_bytes = \"20k\"", Asks::Upload, Fate::Aborted),
    ("abort-mid-body", "how = \"reset\"\nbody_bytes = \"20k\"", Asks::Upload, Fate::Aborted),
    ("abort-mid-answer", "how = \"fin\"", LARGE, Fate::Aborted),
    ("abort-mid-answer", "how = \"reset\"", LARGE, Fate::Aborted),
    ("half-close", "", SMALL, Fate::Answered),
    ("never-read", "", SMALL, Fate::Attached),
    ("idle", "", Asks::Nothing, Fate::Attached),
];

/// Runs it from a folder for at most ten seconds, and looks at what came of everybody. `fast` are the keys of the class,
/// `whom` those that say whom a kind asks for what.
#[track_caller]
pub(crate) fn come_and_see(mut spindle: Command, folder: &Path, fast: &str, whom: impl Fn(Asks) -> String) {
    let (scenario, json) = (folder.join("crowd.toml"), folder.join("crowd.json"));
    // Whoever shares the machine has its CPUs, too.
    let run = "seconds = 2\nwarm_up = 3\npatience = 4\nspin = \"near\"\n";
    let mut text = format!("{run}[class.fast]\nrate = 300\nconnections = 8\nkeys = 200\nvalue = 500\n{fast}\n");
    for (number, (behaviour, own, asks, _)) in KINDS.iter().enumerate() {
        text += &format!("[slow.kind-{number}]\nbehaviour = \"{behaviour}\"\ncount = {EACH}\n{own}\n{}\n", whom(*asks));
        text += "again = \"never\"\n";
    }
    std::fs::write(&scenario, text).unwrap();
    spindle.args(["load", "scenario"]).arg(scenario).arg("--json").arg(&json);
    let output = spindle.output().unwrap();
    // A busy machine makes the generator late.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    let result: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!((&result["errors"], &result["wrong"]), (&0.into(), &0.into()), "{}", result["errors_by_kind"]);
    assert!(result["requests"].as_u64().unwrap() > 400, "{} requests of 600", result["requests"]);
    let groups = result["slow"].as_array().unwrap();
    assert_eq!(groups.len(), KINDS.len());
    for (group, (behaviour, own, _, fate)) in groups.iter().zip(KINDS) {
        let count = |field: &str| group[field].as_u64().unwrap();
        for none in ["connect_failed", "refused", "unexpected", "cut_by_server"] {
            assert_eq!(count(none), 0, "{none} of {behaviour}, {own:?}: {group}");
        }
        let came = match fate {
            Fate::Attached => count("attached_now").min(count("attached_max")),
            Fate::Aborted => count("aborted"),
            Fate::Answered => count("answered_as_expected"),
        };
        assert_eq!(came, EACH, "{fate:?} of {behaviour}, {own:?}: {group}");
    }
}

/// Whether a process of this user may have so many files open; says so where it may not.
pub(crate) fn may_open(wanted: u64) -> bool {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if hard < wanted {
        eprintln!("SKIPPED: {wanted} open files are needed, and `ulimit -Hn` is {hard}");
    }
    hard >= wanted
}
