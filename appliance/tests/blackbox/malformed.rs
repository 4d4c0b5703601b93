//! Every line that is wrong, its exact reply, and whether the connection lives on.

use crate::kit::server::Server;

const LINE: &str = "CLIENT_ERROR bad command line format\r\n";
const CHUNK: &str = "CLIENT_ERROR bad data chunk\r\n";
const DELTA: &str = "CLIENT_ERROR invalid numeric delta argument\r\n";
const EXPTIME: &str = "CLIENT_ERROR invalid exptime argument\r\n";
const TOKEN: &str = "CLIENT_ERROR bad token in command line format\r\n";
const FLAGS_OF_MA: &str = "CLIENT_ERROR invalid or duplicate flag\r\n";
const MEMLIMIT_BYTES: &str = "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n";

/// Each is refused, nothing is stored, and the next request is understood. `{}` is a key of 251 bytes.
#[track_caller]
fn refused(table: &[(&str, &str)]) {
    let server = Server::start("");
    let long = "k".repeat(251);
    for (request, reply) in table {
        let mut client = server.client();
        client.say(request.replace("{}", &long)).expect(reply).is_quiet();
        client.say("get k\r\n").expect("END\r\n").is_quiet();
    }
    assert_eq!(server.stat("curr_items"), 0);
}

#[test]
fn lines_that_are_no_command() {
    refused(&[
        ("\r\n", LINE),
        ("\n", LINE),
        ("a\r\n", LINE),
        ("mn\n", LINE),
        ("hello\r\n", "ERROR\r\n"),
        ("GET k\r\n", "ERROR\r\n"),
        (" get k\r\n", "ERROR\r\n"),
        ("get\tk\r\n", "ERROR\r\n"),
        ("\0\0\0\0\r\n", "ERROR\r\n"),
        ("\u{ff}\u{fe}\u{fd}\r\n", "ERROR\r\n"),
        ("mx k v\r\n", "ERROR\r\n"),
        ("HTTP/1.1\r\n", "ERROR\r\n"),
        ("hello noreply\r\n", ""),
    ]);
}

#[test]
fn lines_without_a_key_or_with_too_long_a_one() {
    refused(&[
        ("get\r\n", LINE),
        ("get \r\n", LINE),
        ("gets\r\n", LINE),
        ("gat\r\n", LINE),
        ("gat 1\r\n", LINE),
        ("gat soon k\r\n", EXPTIME),
        ("get {}\r\n", LINE),
        ("get k {}\r\n", LINE),
        ("delete\r\n", LINE),
        ("delete {}\r\n", LINE),
        ("touch k\r\n", LINE),
        ("touch k soon\r\n", EXPTIME),
        ("touch {} 1\r\n", LINE),
        ("incr k\r\n", LINE),
        ("incr {} 1\r\n", LINE),
        ("incr k x\r\n", DELTA),
        ("decr k -1\r\n", DELTA),
        ("decr k 18446744073709551616\r\n", DELTA),
    ]);
}

#[test]
fn stores_whose_length_is_none_swallow_nothing() {
    refused(&[
        ("set\r\n", LINE),
        ("set k\r\n", LINE),
        ("set k 0 0\r\n", LINE),
        ("add k 0 0 noreply\r\n", LINE),
        ("set k 0 0 -1\r\n", LINE),
        ("set k 0 0 x\r\n", LINE),
        ("set k 0 0 5x\r\n", LINE),
        ("set k 0 0 2147483646\r\n", LINE),
        ("set k 0 0 4294967297\r\n", LINE),
        ("set k 0 0 99999999999999999999\r\n", LINE),
        ("set k 0 0 -1\r\nversion\r\n", "CLIENT_ERROR bad command line format\r\nVERSION 1.6.45\r\n"),
    ]);
}

#[test]
fn stores_with_other_faults_swallow_their_value() {
    refused(&[
        ("set {} 0 0 7\r\nversion\r\n", LINE),
        ("set k x 0 7\r\nversion\r\n", LINE),
        ("set k -1 0 7\r\nversion\r\n", LINE),
        ("set k 0 soon 7\r\nversion\r\n", LINE),
        ("cas k 0 0 7\r\nversion\r\n", LINE),
        ("cas k 0 0 7 x\r\nversion\r\n", LINE),
        ("set k x 0 7 noreply\r\nversion\r\n", ""),
    ]);
}

#[test]
fn values_that_do_not_end_where_they_should() {
    refused(&[
        ("set k 0 0 3\r\nabcde", CHUNK),
        ("set k 0 0 3\r\nabcdefgh\r\n", "CLIENT_ERROR bad data chunk\r\nERROR\r\n"),
        ("set k 0 0 3\r\nabc\n\n", CHUNK),
        ("set k 0 0 0\r\nxx", CHUNK),
        ("ms k 3\r\nabcde", CHUNK),
        ("set k 0 0 3 noreply\r\nabcde", ""),
    ]);
}

#[test]
fn meta_lines() {
    refused(&[
        ("mg\r\n", LINE),
        ("mg {} v\r\n", LINE),
        ("mg k v v\r\n", "CLIENT_ERROR duplicate flag\r\n"),
        ("mg k Z\r\n", "CLIENT_ERROR invalid flag\r\n"),
        ("mg k Tsoon\r\n", TOKEN),
        ("mg k! b\r\n", "CLIENT_ERROR error decoding key\r\n"),
        ("mg k O0123456789012345678901234567890\r\n", "EN O0123456789012345678901234567890\r\n"),
        ("mg k O01234567890123456789012345678901\r\n", "CLIENT_ERROR opaque token too long\r\n"),
        ("mg k b c f h k l O q s t u v C1 E1 N1 R1 T1 P1 L1\r\n", "CLIENT_ERROR options flags are too long\r\n"),
        ("ms k\r\n", LINE),
        ("ms k x\r\n", LINE),
        ("ms k -1\r\n", LINE),
        ("ms k 7 v v\r\nversion\r\n", "CLIENT_ERROR duplicate flag\r\n"),
        ("ms k 7 Z\r\nversion\r\n", "CLIENT_ERROR invalid flag\r\n"),
        ("ms k 7 MX\r\nversion\r\n", "CLIENT_ERROR invalid mode for ms M token\r\n"),
        ("ms !! 7 b\r\nversion\r\n", "CLIENT_ERROR error decoding key\r\n"),
        ("ms {} 7\r\nversion\r\n", LINE),
        ("md\r\n", LINE),
        ("md k q q\r\n", "CLIENT_ERROR duplicate flag\r\n"),
        ("md k Cx\r\n", TOKEN),
        ("ma\r\n", LINE),
        ("ma k q q\r\n", FLAGS_OF_MA),
        ("ma k Dx\r\n", FLAGS_OF_MA),
        ("ma k MX\r\n", "CLIENT_ERROR invalid mode for ma M token\r\n"),
        ("me\r\n", LINE),
        ("me k\r\n", "EN\r\n"),
    ]);
}

#[test]
fn operators_lines() {
    refused(&[
        ("flush_all soon\r\n", EXPTIME),
        ("verbosity\r\n", LINE),
        ("verbosity loud\r\n", LINE),
        ("cache_memlimit\r\n", "ERROR\r\n"),
        ("cache_memlimit much\r\n", "ERROR\r\n"),
        ("cache_memlimit 7\r\n", "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n"),
        ("cache_memlimit 1000000001\r\n", MEMLIMIT_BYTES),
        ("cache_memlimit 999999999\r\n", "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n"),
        ("shutdown\r\n", "SERVER_ERROR: shutdown not enabled\r\n"),
        ("shutdown graceful\r\n", "SERVER_ERROR: shutdown not enabled\r\n"),
        ("stats nonsense\r\n", "ERROR\r\n"),
        ("stats detail\r\n", "CLIENT_ERROR usage: stats detail on|off|dump\r\n"),
        ("slabs\r\n", "ERROR\r\n"),
        ("lru_crawler\r\n", "ERROR\r\n"),
    ]);
}
