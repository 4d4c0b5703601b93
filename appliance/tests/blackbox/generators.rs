//! `spindle load ... --cpu A,B`: several generators. They are pinned, and other tests run beside them, so nothing is said of
//! when they did what.

use serde_json::Value;
use spindle_core::thread::cpus_available;

use crate::kit::server::{Server, spindle};

/// As `--cpu` takes them; none where there is only one.
fn two_cpus() -> Option<String> {
    match cpus_available()[..] {
        [first, .., last] => Some(format!("{first},{last}")),
        _ => {
            println!("SKIPPED: two generators need two CPUs");
            None
        }
    }
}

fn result(server: &Server, arguments: &str) -> Value {
    let json = server.path("result.json");
    let output = spindle(&format!("load {arguments} --json {}", json.display())).output().unwrap();
    // A busy machine may make the generators late.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap()
}

#[test]
fn two_generators_find_nothing_wrong_with_the_whole_mix() {
    let Some(cpus) = two_cpus() else { return };
    let server = Server::start("-m 64");
    for protocol in ["classic", "meta"] {
        let result = result(
            &server,
            &format!(
                "cache {} --cpu {cpus} --rate 2000 --seconds 1 --warm-up 0.2 --patience 20 --connections 5 --keys 301 \
                 --key-distribution zipf:0.99 --mix get=50,set=15,multiget=10:8,delete=5,touch=5,incr=10,cas=10 --protocol {protocol}",
                server.addresses[0]
            ),
        );
        assert_eq!((&result["errors"], &result["wrong"]), (&0.into(), &0.into()), "{result}");
        assert_eq!(result["generator"]["threads"], 2);
        assert!(result["requests"].as_u64().unwrap() >= 1900, "{result}");
    }
}

#[test]
fn a_scenario_names_its_generators() {
    let Some(cpus) = two_cpus() else { return };
    let server = Server::start("-m 64");
    let scenario = server.path("two.toml");
    let address = server.addresses[0];
    let text = format!(
        "cpu = \"{cpus}\"\nseconds = 1\nwarm_up = 0.2\npatience = 20\n\
         [class.reads]\ncache = \"{address}\"\nrate = 500\nconnections = 2\nkeys = 50\n\
         [class.alone]\ncache = \"{address}\"\nrate = 100\nconnections = 1\nkeys = 50\n\
         [slow.idlers]\ncache = \"{address}\"\nbehaviour = \"idle\"\ncount = 10\nramp = 0.1\n"
    );
    std::fs::write(&scenario, text).unwrap();
    let result = result(&server, &format!("scenario {}", scenario.display()));
    let classes: Vec<&str> =
        result["classes"].as_array().unwrap().iter().map(|class| class["name"].as_str().unwrap()).collect();
    assert_eq!(classes, ["reads", "alone"], "in the order of the file");
    assert_eq!(result["slow"][0]["name"], "idlers");
    assert_eq!((&result["generator"]["threads"], &result["wrong"]), (&2.into(), &0.into()));
}
