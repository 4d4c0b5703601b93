//! Thousands at once: slow clients of every kind, and one generator's connections.

use std::collections::HashSet;

use serde_json::Value;

use crate::kit::crowd::{Asks, CLIENTS, LARGE_BYTES, SMALL_BYTES, come_and_see, may_open};
use crate::kit::server::{Server, spindle};
use crate::kit::{set, value};

#[test]
fn thousands_of_slow_clients_of_every_kind_hold_up_nobody() {
    if !may_open(CLIENTS + 1000) {
        return;
    }
    let server = Server::start(&format!("-m 256 -b 4096 -c {}", CLIENTS + 100));
    for bytes in [SMALL_BYTES, LARGE_BYTES] {
        server.client().say(set(&format!("of-{bytes}"), &value(1, bytes))).expect("STORED\r\n");
    }
    let cache = format!("cache = \"{}\"", server.addresses[0]);
    come_and_see(spindle(""), &server.path(""), &cache, |asks| match asks {
        Asks::Nothing | Asks::Upload => cache.clone(),
        Asks::Download(bytes) => format!("{cache}\nkey = \"of-{bytes}\""),
    });
    assert!(server.stat("total_connections") > CLIENTS);
    server.until_stat("curr_connections", |open| open == 1);
    server.until_stat("lent_bytes", |lent| lent == 0);
}

const CONNECTIONS: usize = 10_000;

#[test]
fn one_generator_uses_ten_thousand_connections() {
    if !may_open(CONNECTIONS as u64 + 2500) {
        return;
    }
    // It says of whom each request is.
    let server = Server::start("-c 12000 -b 4096 -vv");
    let json = server.path("result.json");
    let output = spindle(&format!(
        "load cache {} --connections {CONNECTIONS} --rate 5000 --seconds 2 --warm-up 1 --patience 10 --keys 1000 --json {}",
        server.addresses[0],
        json.display()
    ))
    .output()
    .unwrap();
    // A busy machine makes the generator late.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    let result: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!((&result["errors"], &result["wrong"]), (&0.into(), &0.into()), "{}", result["errors_by_kind"]);
    assert!(result["requests"].as_u64().unwrap() > 9000, "{} requests", result["requests"]);
    let said = server.said();
    let asked = said.lines().filter(|line| line.contains(" request=\"get k") || line.contains(" request=\"set k"));
    let clients: HashSet<&str> = asked.filter_map(|line| line.split(" client=").nth(1)?.split(' ').next()).collect();
    // More requests than connections, which take turns; one more has set the keys, whose number another may have had after.
    assert!(clients.len() >= CONNECTIONS, "{} connections were used", clients.len());
}
