//! The classic commands as conversations (memcached's doc/protocol.txt).

use crate::kit::server::Server;
use crate::kit::{hit, set, value};

/// Says each request and expects its reply, in order, on one connection.
#[track_caller]
fn conversation(server: &Server, lines: &[(&str, &str)]) {
    let mut client = server.client();
    for (request, reply) in lines {
        client.say(request).expect(reply).is_quiet();
    }
}

#[test]
fn each_store_command_has_its_condition() {
    let server = Server::start("");
    conversation(
        &server,
        &[
            ("get k\r\n", "END\r\n"),
            ("replace k 0 0 1\r\nx\r\n", "NOT_STORED\r\n"),
            ("append k 0 0 1\r\nx\r\n", "NOT_STORED\r\n"),
            ("prepend k 0 0 1\r\nx\r\n", "NOT_STORED\r\n"),
            ("add k 1 0 1\r\na\r\n", "STORED\r\n"),
            ("add k 2 0 1\r\nb\r\n", "NOT_STORED\r\n"),
            ("get k\r\n", "VALUE k 1 1\r\na\r\nEND\r\n"),
            ("set k 4294967295 0 3\r\nbcd\r\n", "STORED\r\n"),
            ("get k\r\n", "VALUE k 4294967295 3\r\nbcd\r\nEND\r\n"),
            ("replace k 5 0 0\r\n\r\n", "STORED\r\n"),
            ("get k\r\n", "VALUE k 5 0\r\n\r\nEND\r\n"),
            ("append k 9 0 2\r\nyz\r\n", "STORED\r\n"),
            ("prepend k 9 0 2\r\nwx\r\n", "STORED\r\n"),
            ("get k\r\n", "VALUE k 5 4\r\nwxyz\r\nEND\r\n"),
            ("delete k\r\n", "DELETED\r\n"),
            ("delete k\r\n", "NOT_FOUND\r\n"),
            ("delete k 0 noreply ignored\r\n", "NOT_FOUND\r\n"),
            ("get k\r\n", "END\r\n"),
        ],
    );
}

#[test]
fn bare_line_feeds_end_lines_too_and_spaces_do_not_count() {
    conversation(
        &Server::start(""),
        &[
            ("set  k   0  0  1 \nx\r\n", "STORED\r\n"),
            ("get   k  k \n", "VALUE k 0 1\r\nx\r\nVALUE k 0 1\r\nx\r\nEND\r\n"),
            ("version\n", "VERSION 1.6.45\r\n"),
            ("version and more\r\n", "VERSION 1.6.45\r\n"),
        ],
    );
}

#[test]
fn a_key_is_any_250_bytes_without_space_and_line_end() {
    let server = Server::start("");
    let mut key: Vec<u8> = (1..=255).filter(|byte| !b" \r\n".contains(byte) && *byte != 0x80).collect();
    key.truncate(250);
    let mut client = server.client();
    client.say([b"set ", &key[..], b" 0 0 2\r\nhi\r\n"].concat()).expect("STORED\r\n");
    client.say([b"get ", &key[..], b"\r\n"].concat());
    client.expect([b"VALUE ", &key[..], b" 0 2\r\nhi\r\nEND\r\n"].concat()).is_quiet();
}

#[test]
fn values_are_any_bytes() {
    let server = Server::start("");
    let every: Vec<u8> = (0..=255).collect();
    for value in [&every[..], b"\r\n\r\n", b"\0", b"END\r\nget k\r\n", b"\x80\x01"] {
        server.client().say(set("k", value)).expect("STORED\r\n").say("get k\r\n").expect(hit("k", value)).is_quiet();
    }
}

#[test]
fn cas_stores_only_what_nobody_changed() {
    let server = Server::start("");
    let mut client = server.client();
    let cas_of = |client: &mut crate::kit::client::Client| -> u64 {
        client.say("gets k\r\n");
        let head = client.line();
        client.line();
        client.expect("END\r\n");
        head.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    client.say("cas k 0 0 1 1\r\nx\r\n").expect("NOT_FOUND\r\n");
    client.say(set("k", b"a")).expect("STORED\r\n");
    let first = cas_of(&mut client);
    assert_eq!(first, cas_of(&mut client), "a read changes nothing");
    client.say(format!("cas k 7 0 1 {}\r\nb\r\n", first + 1)).expect("EXISTS\r\n");
    client.say(format!("cas k 7 0 1 {first}\r\nb\r\n")).expect("STORED\r\n");
    client.say(format!("cas k 8 0 1 {first}\r\nc\r\n")).expect("EXISTS\r\n");
    assert!(cas_of(&mut client) > first);
    client.say("get k\r\n").expect("VALUE k 7 1\r\nb\r\nEND\r\n");
    for change in ["touch k 0\r\n", "append k 0 0 1\r\n+\r\n", "set k 0 0 1\r\n5\r\n", "incr k 1\r\n"] {
        let before = cas_of(&mut client);
        client.say(change).line();
        let kept = change.starts_with("touch");
        assert_eq!(cas_of(&mut client) == before, kept, "{change}");
    }
    assert_eq!(server.stat("cas_misses"), 1);
    assert_eq!((server.stat("cas_hits"), server.stat("cas_badval")), (1, 2));
}

#[test]
fn without_cas_nobody_sees_an_id() {
    conversation(
        &Server::start("-C"),
        &[
            ("set k 0 0 1\r\nx\r\n", "STORED\r\n"),
            ("gets k\r\n", "VALUE k 0 1 0\r\nx\r\nEND\r\n"),
            ("mg k c v\r\n", "VA 1 c0\r\nx\r\n"),
        ],
    );
}

#[test]
fn numbers_wrap_upwards_and_stop_at_zero() {
    conversation(
        &Server::start(""),
        &[
            ("incr n 1\r\n", "NOT_FOUND\r\n"),
            ("decr n 1\r\n", "NOT_FOUND\r\n"),
            ("set n 3 0 2\r\n99\r\n", "STORED\r\n"),
            ("incr n 1\r\n", "100\r\n"),
            ("get n\r\n", "VALUE n 3 3\r\n100\r\nEND\r\n"),
            ("decr n 1\r\n", "99\r\n"),
            // In place: what became shorter is filled up with spaces.
            ("get n\r\n", "VALUE n 3 3\r\n99 \r\nEND\r\n"),
            ("decr n 100\r\n", "0\r\n"),
            ("incr n 18446744073709551615\r\n", "18446744073709551615\r\n"),
            ("incr n 1\r\n", "0\r\n"),
            ("incr n 0\r\n", "0\r\n"),
            ("incr n -1\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n"),
            ("incr n 18446744073709551616\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n"),
            ("decr n x\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n"),
            ("incr n 1 noreply\r\n", ""),
            ("incr n 1\r\n", "2\r\n"),
            ("set t 0 0 4\r\ntext\r\n", "STORED\r\n"),
            ("incr t 1\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
            ("set t 0 0 0\r\n\r\n", "STORED\r\n"),
            ("decr t 1\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
            ("set t 0 0 20\r\n18446744073709551616\r\n", "STORED\r\n"),
            ("incr t 1\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
        ],
    );
}

#[test]
fn touch_and_gat_find_what_is_there() {
    conversation(
        &Server::start(""),
        &[
            ("touch k 10\r\n", "NOT_FOUND\r\n"),
            ("gat 10 k\r\n", "END\r\n"),
            ("set k 0 1000 1\r\nx\r\n", "STORED\r\n"),
            ("touch k 0\r\n", "TOUCHED\r\n"),
            ("mg k t\r\n", "HD t-1\r\n"),
            ("gat 2000000000 k missing\r\n", "VALUE k 0 1\r\nx\r\nEND\r\n"),
            ("ms k 1 E9\r\nx\r\n", "HD\r\n"),
            ("gats 0 k\r\n", "VALUE k 0 1 9\r\nx\r\nEND\r\n"),
            ("mg k t\r\n", "HD t-1\r\n"),
            ("gat -1 k\r\n", "VALUE k 0 1\r\nx\r\nEND\r\n"),
            ("get k\r\n", "END\r\n"),
        ],
    );
}

#[test]
fn noreply_is_silent_about_everything_but_what_cannot_be_read() {
    conversation(
        &Server::start(""),
        &[
            ("set k 0 0 1 noreply\r\n5\r\n", ""),
            ("add k 0 0 1 noreply\r\n6\r\n", ""),
            ("replace l 0 0 1 noreply\r\n6\r\n", ""),
            ("append k 0 0 1 noreply\r\n0\r\n", ""),
            ("prepend k 0 0 1 noreply\r\n1\r\n", ""),
            ("cas k 0 0 1 999 noreply\r\nx\r\n", ""),
            ("incr k 1 noreply\r\n", ""),
            ("decr missing 1 noreply\r\n", ""),
            ("touch k 0 noreply\r\n", ""),
            ("get k\r\n", "VALUE k 0 3\r\n151\r\nEND\r\n"),
            ("set k 0 0 3 noreply\r\nabcdefg\r\n", "ERROR\r\n"),
            ("set k 0 0 -1 noreply\r\n", "CLIENT_ERROR bad command line format\r\n"),
            ("delete k noreply\r\n", ""),
            ("verbosity 1 noreply\r\n", ""),
            ("flush_all noreply\r\n", ""),
            ("get k\r\n", "END\r\n"),
        ],
    );
}

#[test]
fn appending_grows_a_value_across_all_sizes() {
    let server = Server::start("");
    let mut client = server.client();
    let (front, back) = (value(1, 60_000), value(2, 60_000));
    let mut expected = b"middle".to_vec();
    client.say(set("k", &expected)).expect("STORED\r\n");
    for _ in 0..8 {
        client.say([&b"append k 0 0 60000\r\n"[..], &back, b"\r\n"].concat()).expect("STORED\r\n");
        client.say([&b"prepend k 0 0 60000\r\n"[..], &front, b"\r\n"].concat()).expect("STORED\r\n");
        expected = [&front[..], &expected, &back].concat();
    }
    client.say("get k\r\n").expect(hit("k", &expected));
    let more = value(3, 200_000);
    client.say([&b"append k 0 0 200000\r\n"[..], &more, b"\r\n"].concat());
    client.expect("SERVER_ERROR object too large for cache\r\n");
    client.say("get k\r\n").expect(hit("k", &expected)).is_quiet();
}

#[test]
fn a_multiget_of_ten_thousand_keys_answers_the_hits_in_order() {
    let server = Server::start("");
    let mut client = server.client();
    let (mut request, mut reply, mut stores) = (b"get".to_vec(), Vec::new(), Vec::new());
    for number in 0..10_000 {
        request.extend_from_slice(format!(" key_{number}").as_bytes());
        if number % 3 != 0 {
            stores.extend_from_slice(format!("set key_{number} 0 0 5 noreply\r\n{number:05}\r\n").as_bytes());
            reply.extend_from_slice(format!("VALUE key_{number} 0 5\r\n{number:05}\r\n").as_bytes());
        }
    }
    request.extend_from_slice(b"\r\n");
    reply.extend_from_slice(b"END\r\n");
    client.say(stores).is_quiet().converse(&request, &reply).is_quiet();
    assert_eq!((server.stat("cmd_get"), server.stat("get_hits")), (10_000, 6_666));
}

#[test]
fn quit_is_the_last_word_and_what_was_asked_before_is_answered() {
    let server = Server::start("");
    let big = value(7, 500_000);
    let mut client = server.client();
    client.say(set("k", &big)).expect("STORED\r\n");
    client.say("get k\r\nget none\r\nquit\r\nget k\r\n").expect(hit("k", &big)).expect("END\r\n").expect_closed();
    server.client().say("quit with words\r\n").expect_closed();
}
