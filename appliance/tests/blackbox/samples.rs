//! `spindle load ... --samples`: a row for every request.

use std::collections::BTreeMap;

use crate::kit::server::{Server, spindle};

#[test]
fn every_request_has_a_row_that_says_what_became_of_it() {
    let server = Server::start("-m 64");
    let (samples, json) = (server.path("samples.csv"), server.path("result.json"));
    let arguments = format!(
        "load cache {} --rate 3000 --seconds 1 --warm-up 0.2 --keys 100 --connections 4 --samples {} --json {}",
        server.addresses[0],
        samples.display(),
        json.display()
    );
    let output = spindle(&arguments).output().unwrap();
    // A busy machine may make the generator late.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("left out"), "{output:?}");
    let text = std::fs::read_to_string(samples).unwrap();
    let mut rows = text.lines();
    let head = "class,operation,due_ns,response_ns,service_ns,lag_server_ns,lag_generator_ns,outcome";
    assert_eq!(rows.next(), Some(head));
    let (mut outcomes, mut count, mut slowest_ns) = (BTreeMap::new(), 0, 0);
    for row in rows {
        let fields: Vec<&str> = row.split(',').collect();
        let [class, operation, due, response, service, lag_server, lag_generator, outcome] = fields[..] else {
            panic!("{row}")
        };
        let [due, response, service, lag_server, lag_generator] =
            [due, response, service, lag_server, lag_generator].map(|ns| ns.parse::<u64>().unwrap());
        assert!(class == "cache" && matches!(operation, "get" | "set") && due < 1_000_000_000 && service > 0, "{row}");
        assert_eq!(response, service + lag_server + lag_generator, "{row}");
        *outcomes.entry(outcome).or_insert(0) += 1;
        (count, slowest_ns) = (count + 1, response.max(slowest_ns));
    }
    assert_eq!(outcomes, BTreeMap::from([("right", count)]));
    let result: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(result["requests"], count);
    let max_ns = result["response_ns"]["max"].as_u64().unwrap();
    // Histograms keep three digits.
    assert!(max_ns >= slowest_ns && max_ns - slowest_ns <= max_ns / 500, "{max_ns}, {slowest_ns}");
}

#[test]
fn samples_that_cannot_be_kept_are_no_silent_loss() {
    let server = Server::start("-m 64");
    let arguments = format!("load cache {} --rate 1000 --seconds 0.2 --keys 100 --samples", server.addresses[0]);
    let output = spindle(&format!("{arguments} /dev/full")).output().unwrap();
    assert_eq!(output.status.code(), Some(71), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write /dev/full"), "{output:?}");
    let output = spindle(&format!("{arguments} /nowhere/samples")).output().unwrap();
    assert_eq!(output.status.code(), Some(71), "{output:?}");
}
