//! `spindle load scenario`, from its file to its exit status and its result.

use std::process::Output;

use crate::kit::server::{Server, spindle};

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

/// Runs a scenario that lies in a server's folder.
fn scenario(server: &Server, text: &str, flags: &str) -> Output {
    let file = server.path("scenario.toml");
    std::fs::write(&file, text).unwrap();
    spindle(&format!("load scenario {} {flags}", file.display())).output().unwrap()
}

#[test]
fn classes_on_two_servers_and_idle_connections_are_measured_together() {
    let (first, second) = (Server::start("-m 64"), Server::start("-m 64"));
    let text = format!(
        "seconds = 1\nwarm_up = 0.2\n\
         [class.etc]\ncache = \"{0}\"\nrate = 1000\nconnections = 4\nkeys = 500\nvalue = \"etc\"\nset_share = 0.2\n\
         [class.other]\ncache = \"{0}\"\nrate = 500\nconnections = 2\nkeys = 100\n\
         [class.meta]\ncache = \"{1}\"\nrate = 500\nconnections = 2\nkeys = 200\nprotocol = \"meta\"\n\
         [slow.idlers]\ncache = \"{1}\"\nbehaviour = \"idle\"\ncount = 50\n\
         [slow.uploads]\ncache = \"{1}\"\nbehaviour = \"trickled-upload\"\ncount = 5\nbody_bytes = 600\n\
         bytes_per_second = 2000\nagain = \"never\"\n",
        first.addresses[0], second.addresses[0]
    );
    let json = first.path("result.json");
    let output = scenario(&first, &text, &format!("--json {}", json.display()));
    // A busy machine may make the generator late, and that is said; nothing may be wrong.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
    let result = std::fs::read_to_string(json).unwrap();
    for line in ["{\"name\": \"etc\"", "{\"name\": \"other\"", "{\"name\": \"meta\"", "\"errors\": 0,", "\"wrong\": 0,"]
    {
        assert!(result.contains(line), "{line} is not in {result}");
    }
    assert!(result.contains("\"name\": \"idlers\", \"attached_now\": 50, \"attached_max\": 50"), "{result}");
    assert!(said(&output).contains("\n  etc: "), "{}", said(&output));
    assert!(said(&output).contains("\nslow idlers: 50 attached, 50 at most; 50 connections"), "{}", said(&output));
    assert!(
        said(&output).contains("\nslow uploads: 0 attached, 5 at most; 5 connections, 5 done"),
        "{}",
        said(&output)
    );
    // Every class has keys of its own, and so have the uploads.
    assert_eq!((first.stat("curr_items"), second.stat("curr_items")), (600, 205));
    assert_eq!(first.stat("get_misses") + second.stat("get_misses"), 0);
}

#[test]
fn a_bad_scenario_is_refused_before_anything_is_sent() {
    let server = Server::start("-m 64");
    let here = server.addresses[0];
    for (class, refusal) in [
        (
            format!("cache = \"{here}\"\nrate = \"fast\""),
            "6: [class.b] rate = \"fast\": it is a number from 0.000001 to 1000000000",
        ),
        (
            format!("cache = \"{here}\"\nrate = 2e9"),
            "6: [class.b] rate = 2e9: it is a number from 0.000001 to 1000000000",
        ),
        (format!("cache = \"{here}\"\nrtae = 5"), "6: [class.b] unknown key rtae; there are cache, http, rate, "),
        (
            "cache = \"127.0.0.1:1\"".into(),
            "5: [class.b] cache = \"127.0.0.1:1\": cannot connect: Connection refused (os error 111)",
        ),
        (
            "http = \"http://nowhere.invalid/\"".into(),
            "5: [class.b] http = \"http://nowhere.invalid/\": no such server",
        ),
    ] {
        let output = scenario(&server, &format!("[class.a]\ncache = \"{here}\"\n\n[class.b]\n{class}\n"), "");
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let last = said(&output).lines().last().unwrap_or_default().to_owned();
        assert!(last.contains(&format!("/scenario.toml:{refusal}")), "{}", said(&output));
    }
    assert_eq!(server.stat("cmd_set"), 0);
}

#[test]
fn errors_and_invalid_measurements_have_exit_statuses_of_their_own() {
    // Values that are larger than the server takes.
    let server = Server::start("-m 64 -I 1k");
    let class =
        |keys: &str| format!("seconds = 0.5\nwarm_up = 0.1\n[class.a]\ncache = \"{}\"\n{keys}", server.addresses[0]);
    let refused = scenario(&server, &class("value = \"1m\"\n"), "");
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    // The only request is due in the warm-up.
    let nothing = scenario(&server, &class("rate = 0.001\narrivals = \"constant\"\nkeys = 10\nvalue = 10\n"), "");
    assert_eq!(nothing.status.code(), Some(3), "{}", said(&nothing));
    assert!(said(&nothing).contains("INVALID\n  no request was answered"), "{}", said(&nothing));
}
