//! Where requests begin and end: pipelines, pieces, lines without an end, and what is no memcached at all.

use crate::kit::server::Server;
use crate::kit::{hit, set, value};

/// The longest line that is no multiget, memcached's.
const LINE_BYTES_MAX: usize = 2048;

#[test]
fn a_pipeline_of_thousands_is_answered_in_order() {
    let server = Server::start("");
    let (mut request, mut reply) = (Vec::new(), Vec::new());
    for number in 0..10_000 {
        request.extend_from_slice(format!("set key{number} 0 0 4\r\n{number:04}\r\nget key{number}\r\n").as_bytes());
        reply.extend_from_slice(format!("STORED\r\nVALUE key{number} 0 4\r\n{number:04}\r\nEND\r\n").as_bytes());
    }
    server.client().converse(&request, &reply).is_quiet();
    assert!(server.stat("conn_yields") > 0, "others had their turn in between");
}

#[test]
fn a_pipeline_of_large_values_is_answered_in_order() {
    let server = Server::start("");
    let (small, large) = (value(1, 300), value(2, 100_000));
    let mut client = server.client();
    client.say([set("s", &small), set("l", &large)].concat()).expect("STORED\r\nSTORED\r\n");
    let reply = [hit("s", &small), hit("l", &large)].concat();
    client.converse(&b"get s\r\nget l\r\n".repeat(200), &reply.repeat(200)).is_quiet();
}

/// Leaves nothing behind, so it can be said again and again.
const CONVERSATION: &[u8] = b"set k 5 0 10\r\n0123456789\r\nget k none\r\nmg k s v f\r\nms k 2 E7\r\nhi\r\n\
    append k 0 0 4 noreply\r\n\r\n\r\n\r\nget k\nincr k 1\r\nbogus\r\nset k x 0 3\r\nabc\r\ndelete k\r\nmn\r\n";
const ANSWERS: &[u8] = b"STORED\r\nVALUE k 5 10\r\n0123456789\r\nEND\r\nVA 10 s10 f5\r\n0123456789\r\nHD\r\n\
    VALUE k 0 6\r\nhi\r\n\r\n\r\nEND\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nERROR\r\n\
    CLIENT_ERROR bad command line format\r\nDELETED\r\nMN\r\n";

#[test]
fn a_conversation_may_be_cut_in_two_anywhere() {
    let server = Server::start("");
    let mut client = server.client();
    for cut in 0..=CONVERSATION.len() {
        let (front, back) = CONVERSATION.split_at(cut);
        client.say(front).say(back).expect(ANSWERS);
    }
    client.is_quiet();
}

#[test]
fn a_conversation_may_come_byte_by_byte() {
    let server = Server::start("");
    let mut client = server.client();
    for byte in CONVERSATION {
        client.say([*byte]);
    }
    client.expect(ANSWERS).is_quiet();
}

#[test]
fn a_line_that_does_not_end_ends_the_connection() {
    let server = Server::start("");
    let longest = [b"delete k ".as_slice(), &[b'x'; LINE_BYTES_MAX - 9]].concat();
    server.client().say(&longest).say("\n").expect("NOT_FOUND\r\n").is_quiet();
    for beyond in [&b"x"[..], b"xx\r\n", &[b'x'; 100_000]] {
        server.client().say(&longest).say(beyond).expect_closed();
    }
    server.client().say([b'x'; LINE_BYTES_MAX + 1]).expect_closed();
    server.client().say("mn\r\n").say([b'x'; 50_000]).expect("MN\r\n").expect_closed();
    assert_eq!(server.stat("closed_by_bound"), 5);
}

#[test]
fn a_multiget_that_does_not_end_has_a_bound_too() {
    let server = Server::start("");
    let before = server.resident_bytes();
    let mut client = server.client();
    let line = [b"get".as_slice(), &b" key".repeat((5 << 20) / 4)].concat();
    client.converse(&line, b"SERVER_ERROR out of memory reading request\r\n").finish().expect_closed();
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more than before");
    server.client().is_quiet();
}

#[test]
fn the_binary_protocol_is_refused() {
    let server = Server::start("");
    // A no-op of 24 bytes.
    let noop = [&[0x80, 0x0a][..], &[0; 22]].concat();
    for request in [&noop[..], &[0x80], &[0x80; 5000]] {
        server.client().say(request).expect("SERVER_ERROR binary protocol not supported\r\n").expect_closed();
    }
}

#[test]
fn a_browser_is_shown_the_door() {
    let server = Server::start("");
    server.client().say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect_closed();
    server.client().say("POST /set HTTP/1.0\r\n\r\nset k 0 0 1\r\nx\r\n").expect_closed();
    server.client().say("get k\r\n").expect("END\r\n");
}

#[test]
fn garbage_harms_nobody() {
    let server = Server::start("");
    let mut bystander = server.client();
    bystander.say("set k 0 0 1\r\nx\r\n").expect("STORED\r\n");
    for seed in 0..100 {
        let mut client = server.client();
        client.say_what_it_takes(&value(seed, 20_000));
        client.finish();
        bystander.say("get k\r\n").expect("VALUE k 0 1\r\nx\r\nEND\r\n");
    }
    server.until_stat("curr_connections", |open| open == 2);
}

#[test]
fn a_client_that_has_finished_still_gets_its_answers() {
    let server = Server::start("");
    let big = value(1, 400_000);
    let mut client = server.client();
    client.say(set("k", &big)).expect("STORED\r\n");
    client.say("get k\r\nget k\r\nget k").finish();
    client.expect(hit("k", &big)).expect(hit("k", &big)).expect_closed();
}
