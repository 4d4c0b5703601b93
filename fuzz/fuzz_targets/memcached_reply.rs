//! A reply means the same however much of what follows it has come, and `Incomplete` never asks for more than the reply
//! has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spindle_net::wire::memcached::reply_parse::{ParsedReply, parse_reply};

fuzz_target!(|input: &[u8]| {
    let ParsedReply::Reply { consumed, .. } = parse_reply(input) else { return };
    assert!(consumed > 0 && consumed <= input.len());
    let whole = parse_reply(&input[..consumed]);
    assert_eq!(whole, parse_reply(input));
    for cut in 0..consumed {
        match parse_reply(&input[..cut]) {
            ParsedReply::Incomplete { bytes_min } => assert!(cut < bytes_min && bytes_min <= consumed),
            other => panic!("{other:?} in {cut} bytes of {whole:?}"),
        }
    }
});
