//! `spindle load http`, from its command line to its exit status.

use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::kit::files::FileServer;
use crate::kit::relay;
use crate::kit::server::spindle;

fn load(arguments: &str) -> Output {
    spindle(&format!("load {arguments}")).output().unwrap()
}

fn said(output: &Output) -> String {
    [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat()
}

const SHORT: &str = "--rate 500 --seconds 0.4 --warm-up 0 --connections 4 --depth 2 --keys 20 --value 1-5000";
/// No request is sent before the one before it is answered.
const ONE_BY_ONE: &str = "--rate 500 --seconds 0.4 --warm-up 0 --connections 4 --keys 20 --value 40-5000";

#[test]
fn a_load_uploads_its_objects_and_checks_what_comes_back() {
    let server = FileServer::start();
    let (address, folder) = (server.address, tempfile::tempdir().unwrap());
    let json = folder.path().join("result.json");
    let output = load(&format!("http http://{address}/up/ {SHORT} --method get=3,put=1 --json {}", json.display()));
    // A busy machine may make the generator late, and that is said; nothing may be wrong.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
    assert!(said(&output).contains("0 errors, 0 wrong"), "{}", said(&output));
    assert_eq!(server.files().len(), 20);
    assert!(server.files().contains_key("/up/k00000000019"));
    let result = std::fs::read_to_string(json).unwrap();
    assert!(result.contains("\"server_version\": \"memory/1\""), "{result}");
}

#[test]
fn what_was_changed_meanwhile_is_wrong() {
    let server = FileServer::start();
    let address = server.address;
    let arguments = format!("http http://{address} {SHORT} --method get");
    assert!(matches!(load(&arguments).status.code(), Some(0 | 3)));
    server.files().values_mut().for_each(|file| file.truncate(file.len() - 1));
    let output = load(&format!("{arguments} --filled"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("length"), "{}", said(&output));
}

#[test]
fn an_object_that_is_not_true_is_wrong_by_name() {
    let server = FileServer::start();
    let address = relay::flipping_a_bit(server.address, "HTTP/1.1 200 OK", 0);
    let output = load(&format!("http http://{address} {ONE_BY_ONE} --method get"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("0 errors, 1 wrong") && said(&output).contains("1 corrupt"), "{}", said(&output));
}

#[test]
fn a_server_that_dies_leaves_a_report_of_what_happened_until_then() {
    let (server, folder) = (FileServer::start(), TempDir::new().unwrap());
    let json = folder.path().join("result.json");
    let address = relay::dying_at(server.address, 120);
    let output = load(&format!("http http://{address} {ONE_BY_ONE} --method get --json {}", json.display()));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("every connection was ended"), "{}", said(&output));
    let result: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!((&result["valid"], &result["wrong"]), (&false.into(), &0.into()), "{result}");
    assert!((50..=100).contains(&result["requests"].as_u64().unwrap()), "{result}");
    assert!(result["errors_by_kind"]["broken"].as_u64().unwrap() > 0, "{result}");
}

#[test]
fn a_load_that_cannot_be_is_refused_before_anything_is_sent() {
    let server = FileServer::start();
    let address = server.address;
    for (arguments, reason) in [
        ("ftp://HERE", "it begins with http://"),
        ("https://HERE", "TLS is not spoken"),
        ("http://HERE/?a", "a query"),
        ("http://HERE --method patch", "none of get, head"),
        ("http://HERE --range-share 2", "from 0 to 1"),
        ("http://HERE --corpus /nowhere/at/all", "--corpus /nowhere/at/all"),
        ("http://HERE --corpus /dev/null --keys 5", "--keys"),
        ("http://HERE --corpus /dev/null --method put", "nobody puts"),
        ("http://nowhere.invalid/", "no such server"),
        ("http://127.0.0.1:1/", "cannot connect"),
    ] {
        let output = load(&format!("http {}", arguments.replace("HERE", &address.to_string())));
        assert_eq!(output.status.code(), Some(2), "{arguments}: {}", said(&output));
        assert!(said(&output).contains(reason), "{arguments}: {}", said(&output));
    }
    assert!(server.files().is_empty());
}

#[test]
fn a_server_without_uploads_is_told_of() {
    let address = FileServer::start().address;
    let output = load(&format!("http http://{address}/read-only {SHORT}"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("405: read only"), "{}", said(&output));
}
