//! Readers that are slow hold what they are being sent, and delay nobody.

use std::time::Duration;

use crate::kit::client::{Client, Content, put_head};
use crate::kit::content;
use crate::kit::server::Server;

const MIB: u64 = 1 << 20;

#[test]
fn slow_readers_of_large_files_cost_little_memory_and_stop_nobody() {
    let server = Server::start("cores = 1");
    let large = content(1, 50_000_000);
    server.lay("dev1/large", &large);
    server.lay("dev1/small", b"content");
    let mut quick = server.client();
    quick.get("/dev1/small").has(b"content");
    quick.get("/dev1/large").has(&large);
    let before = server.resident_bytes();
    let mut slow: Vec<Client> = (0..20).map(|_| server.narrow_client()).collect();
    for client in &mut slow {
        client.say("GET /dev1/large HTTP/1.1\r\nHost: here\r\n\r\n");
    }
    for round in 0..50 {
        quick.get("/dev1/small").has(b"content");
        quick.put("/dev1/new", &content(round, 100_000)).is(201);
        let reader = &mut slow[usize::from(round) % 20];
        reader.read(1000);
    }
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 8 * MIB, "{grown} bytes for 20 slow readers");
    quick.get("/dev1/large").has(&large);
}

#[test]
fn a_last_answer_comes_whole_however_slowly_it_is_taken() {
    let server = Server::start("");
    let file = content(1, 16_000);
    server.lay("dev1/a", &file);
    let mut client = server.narrow_client();
    client.say("GET /dev1/a HTTP/1.0\r\n\r\n");
    std::thread::sleep(Duration::from_millis(1500));
    client.answer(Content::Follows).has(&file);
    client.expect_closed();
}

#[test]
fn who_has_said_all_and_reads_slowly_costs_no_computing() {
    let server = Server::start("cores = 1");
    let large = content(1, 10_000_000);
    server.lay("dev1/large", &large);
    let mut client = server.narrow_client();
    client.say("GET /dev1/large HTTP/1.1\r\nHost: here\r\n\r\n").finish();
    std::thread::sleep(Duration::from_millis(100));
    let before = server.cpu_time();
    std::thread::sleep(Duration::from_secs(2));
    let computed = server.cpu_time() - before;
    assert!(computed < Duration::from_millis(500), "{computed:?} in two seconds of waiting");
    client.answer(Content::Follows).has(&large);
    client.expect_closed();
}

#[test]
fn slow_readers_of_many_small_files_hold_no_more_than_they_are_sent() {
    let server = Server::start("cores = 1");
    let small = content(1, 10_000);
    server.lay("dev1/small", &small);
    let mut quick = server.client();
    quick.get("/dev1/small").has(&small);
    let before = server.resident_bytes();
    let request = "GET /dev1/small HTTP/1.1\r\nHost: here\r\n\r\n";
    let mut slow: Vec<Client> = (0..30).map(|_| server.client()).collect();
    slow.iter_mut().for_each(|client| client.say_until_stuck(request.repeat(100).as_bytes()));
    for round in 0..50 {
        quick.get("/dev1/small").has(&small);
        quick.put("/dev1/new", &content(round, 100_000)).is(201);
    }
    let grown = server.resident_bytes().saturating_sub(before);
    // What had arrived when receiving stopped is kept, at most all the receive buffers of a core.
    assert!(grown < 30 * MIB, "{grown} bytes for 30 clients that do not read");
    for client in &mut slow {
        client.answer(Content::Follows).has(&small);
    }
}

#[test]
fn bodies_that_trickle_in_hundreds_of_pieces_hold_no_thread() {
    const PIECES: usize = 300;
    let server = Server::start("cores = 1");
    let mut clients: Vec<Client> = (0..40).map(|_| server.client()).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.say(put_head(&format!("/dev1/{at}"), "", PIECES));
    }
    for piece in 0..PIECES {
        for client in &mut clients {
            client.say([piece as u8]);
        }
        // So that each is met by itself.
        std::thread::sleep(Duration::from_millis(2));
        if piece == PIECES - 10 {
            let threads = server.threads();
            assert!(threads < 30, "{threads} threads for {} clients", clients.len());
        }
    }
    let body: Vec<u8> = (0..PIECES).map(|piece| piece as u8).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.answer(Content::Follows).is(201);
        client.get(&format!("/dev1/{at}")).has(&body);
    }
}
