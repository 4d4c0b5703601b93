//! Thousands of slow clients of every kind, beside one that is fast.

use std::process::Command;

use crate::kit::content;
use crate::kit::crowd::{Asks, CLIENTS, LARGE_BYTES, SMALL_BYTES, come_and_see, may_open};
use crate::kit::eventually;
use crate::kit::server::Server;

#[test]
fn thousands_of_slow_clients_of_every_kind_hold_up_nobody() {
    // Two for each client, and 1024 files that each core keeps open.
    if !may_open(2 * CLIENTS + 2 * 1024 + 1000) {
        return;
    }
    let server = Server::start(&format!("connections_max = {}\nbacklog = 4096\ncores = 2", CLIENTS + 100));
    for bytes in [SMALL_BYTES, LARGE_BYTES] {
        server.lay(&format!("dev1/of-{bytes}"), &content(1, bytes));
    }
    let (spindle, here) = (Command::new(env!("CARGO_BIN_EXE_spindle")), server.address);
    let fast = format!("http = \"http://{here}/dev2/fast/\"\nmethod = \"get\"");
    come_and_see(spindle, &server.path(""), &fast, |asks| match asks {
        Asks::Nothing | Asks::Upload => format!("http = \"http://{here}/dev1/up/\""),
        Asks::Download(bytes) => format!("http = \"http://{here}/dev1/of-{bytes}\""),
    });
    eventually("nothing of their uploads", || (server.temporaries() == 0).then_some(()));
}
