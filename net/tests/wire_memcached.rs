//! Properties of the memcached wire format: what a stream means does not depend on how the network cuts it, a request
//! that is written reads back as itself, and a reply that is written is one that a client can read.

use proptest::collection::vec;
use proptest::prelude::*;
use spindle_net::wire::memcached::arithmetic::{Arithmetic, Direction};
use spindle_net::wire::memcached::delete::Delete;
use spindle_net::wire::memcached::flags::MetaFlags;
use spindle_net::wire::memcached::get::{self, CasColumn, Get, Keys};
use spindle_net::wire::memcached::key::MetaKey;
use spindle_net::wire::memcached::md::MetaDelete;
use spindle_net::wire::memcached::mg::MetaGet;
use spindle_net::wire::memcached::ms::{MetaSet, SetMode};
use spindle_net::wire::memcached::reply_parse::{ParsedReply, Reply, Value, parse_reply};
use spindle_net::wire::memcached::store::{Store, StoreVerb};
use spindle_net::wire::memcached::touch::Touch;
use spindle_net::wire::memcached::{
    Answer, DATA_BYTES_MAX, KEY_BYTES_MAX, Limits, Parsed, Refusal, Request, data_block, parse, parse_resumed,
};

const LIMITS: Limits = Limits { multiget_line_bytes_max: 4096 };

/// Reads a stream as a connection does, from pieces that end at the given places, and tells in words what it asked for.
fn conversation(stream: &[u8], mut cuts: Vec<usize>) -> Vec<String> {
    cuts.push(stream.len());
    cuts.sort_unstable();
    let (mut at, mut searched, mut skip) = (0usize, 0usize, 0u64);
    let mut said = Vec::new();
    for received in cuts.into_iter().map(|cut| cut.min(stream.len())) {
        loop {
            let skipped = skip.min(received.saturating_sub(at) as u64);
            (at, skip) = (at + skipped as usize, skip - skipped);
            if skip > 0 || at >= received {
                break;
            }
            match parse_resumed(&stream[at..received], searched, &LIMITS) {
                Parsed::Incomplete => {
                    searched = received - at;
                    break;
                }
                Parsed::Request { request, consumed } => {
                    said.push(format!("{request:?}"));
                    (at, searched) = (at + consumed, 0);
                    skip = request.data_bytes().map_or(0, data_block::bytes);
                }
                Parsed::Refused { refusal, answer, consumed, swallow_bytes } => {
                    said.push(format!("{refusal:?} {answer:?}"));
                    (at, searched, skip) = (at + consumed, 0, swallow_bytes);
                }
                Parsed::Close { refusal, reason } => {
                    said.push(format!("{refusal:?} {reason:?}"));
                    return said;
                }
            }
        }
    }
    said
}

fn read(line: &[u8]) -> Request<'_> {
    match parse(line, &LIMITS) {
        Parsed::Request { request, consumed } => {
            assert_eq!(consumed, line.len());
            request
        }
        other => panic!("{}: {other:?}", String::from_utf8_lossy(line)),
    }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>().prop_filter("a key byte", |byte| !matches!(byte, b' ' | b'\r' | b'\n')), 1..=KEY_BYTES_MAX)
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![Just(Answer::Wanted), Just(Answer::Suppressed)]
}

/// Lines that are nearly right, which random bytes never are.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        "(get|gets|gat|gats|set|add|cas|append|delete|incr|touch|flush_all|stats|verbosity|mg|ms|md|ma|mn|me|noreply)",
        "[0-9]{1,3}",
        "-?[0-9]{1,22}",
        "[bcfhklqstuvxI]",
        "[OPLCEDFJMNRT][0-9a-z+-]{0,4}",
        "[a-zA-Z/=]{1,8}",
        "HTTP/1.1",
        "[ -~]{1,40}",
    ];
    let end =
        prop_oneof![4 => Just(&b"\r\n"[..]), 1 => Just(&b"\n"[..]), 1 => Just(&b"\r\r\n"[..]), 1 => Just(&b""[..])];
    (vec(word, 0..8), end).prop_map(|(words, end)| [words.join(" ").as_bytes(), end].concat())
}

proptest! {
    #[test]
    fn cuts_change_nothing(lines in vec(line(), 0..20), cuts in vec(0usize..1000, 0..20)) {
        let stream = lines.concat();
        let whole = conversation(&stream, vec![]);
        prop_assert_eq!(&conversation(&stream, cuts), &whole);
        prop_assert_eq!(&conversation(&stream, (0..stream.len()).collect()), &whole);
    }

    #[test]
    fn cuts_change_nothing_in_long_lines(keys in 1usize..1500, verb in "(get|gets|gat 1|delete|  get) ", cut in 0usize..6000) {
        let stream = [verb.as_bytes(), "key ".repeat(keys).as_bytes(), b"\r\nmn\r\n"].concat();
        prop_assert_eq!(conversation(&stream, vec![cut]), conversation(&stream, vec![]));
    }

    #[test]
    fn no_bytes_are_too_odd(stream in vec(any::<u8>(), 0..3000)) {
        conversation(&stream, vec![]);
        let _ = parse_reply(&stream);
    }

    #[test]
    fn fetches_read_back(
        keys in vec(key(), 1..10),
        cas in prop_oneof![Just(CasColumn::Hidden), Just(CasColumn::Shown)],
        exptime: Option<i32>,
    ) {
        let text = keys.join(&b' ');
        let get = Get { keys: Keys::of(&text), cas, exptime };
        let mut line = Vec::new();
        get.write(&mut line);
        prop_assume!(line.len() <= LIMITS.multiget_line_bytes_max);
        prop_assert_eq!(read(&line), Request::Get(get));
    }

    #[test]
    fn stores_read_back(
        key in key(),
        flags: u32,
        exptime: i32,
        data_bytes in 0..=DATA_BYTES_MAX,
        verb in prop_oneof![
            Just(StoreVerb::Set), Just(StoreVerb::Add), Just(StoreVerb::Replace),
            Just(StoreVerb::Append), Just(StoreVerb::Prepend), any::<u64>().prop_map(StoreVerb::Cas),
        ],
        answer in answer(),
    ) {
        let store = Store { verb, key: &key, flags, exptime, data_bytes, answer };
        let mut line = Vec::new();
        store.write(&mut line);
        prop_assert_eq!(read(&line), Request::Store(store));
    }

    #[test]
    fn small_commands_read_back(key in key(), number: u64, exptime: i32, answer in answer()) {
        prop_assume!(key != b"noreply");
        let delete = Delete { key: &key, answer };
        let touch = Touch { key: &key, exptime, answer };
        let arithmetic = Arithmetic { direction: Direction::Down, key: &key, delta: number, answer };
        let mut lines = [Vec::new(), Vec::new(), Vec::new()];
        delete.write(&mut lines[0]);
        touch.write(&mut lines[1]);
        arithmetic.write(&mut lines[2]);
        prop_assert_eq!(read(&lines[0]), Request::Delete(delete));
        prop_assert_eq!(read(&lines[1]), Request::Touch(touch));
        prop_assert_eq!(read(&lines[2]), Request::Arithmetic(arithmetic));
    }

    #[test]
    fn meta_requests_read_back(key in vec(any::<u8>(), 1..=186), data_bytes in 0..=DATA_BYTES_MAX, ttl: i32, cas: u64) {
        let mut text = Vec::new();
        spindle_net::wire::base64::write(&mut text, &key);
        let key = MetaKey::base64(&text).expect("sound");
        let flags = format!("b v k T{ttl} C{cas} Oabc q MS");
        let flags = MetaFlags::of(flags.as_bytes()).expect("sound");
        let set = MetaSet { key, data_bytes, mode: SetMode::Set, flags };
        let mut lines = [Vec::new(), Vec::new(), Vec::new()];
        MetaGet { key, flags }.write(&mut lines[0]);
        MetaDelete { key, flags }.write(&mut lines[1]);
        set.write(&mut lines[2]);
        prop_assert_eq!(read(&lines[0]), Request::MetaGet(MetaGet { key, flags }));
        prop_assert_eq!(read(&lines[1]), Request::MetaDelete(MetaDelete { key, flags }));
        prop_assert_eq!(read(&lines[2]), Request::MetaSet(set));
    }

    #[test]
    fn values_read_back(key in key(), flags: u32, cas: Option<u64>, data in vec(any::<u8>(), 0..300), cut in 0usize..600) {
        let mut out = Vec::new();
        get::write_value_head(&mut out, &key, flags, data.len() as u32, cas);
        out.extend_from_slice(&data);
        out.extend_from_slice(b"\r\n");
        let reply = Reply::Value(Value { key: &key, flags, cas, data: &data });
        prop_assert_eq!(parse_reply(&out), ParsedReply::Reply { reply, consumed: out.len() });
        let cut = cut.min(out.len() - 1);
        let ParsedReply::Incomplete { bytes_min } = parse_reply(&out[..cut]) else { panic!("cut at {cut}") };
        prop_assert!(cut < bytes_min && bytes_min <= out.len());
    }
}

/// Every refusal is a reply that a client can tell from the others.
#[test]
fn refusals_read_back() {
    for refusal in Refusal::ALL {
        let line = refusal.line();
        let ParsedReply::Reply { reply, consumed } = parse_reply(line) else { panic!("{refusal:?}") };
        assert_eq!(consumed, line.len());
        assert!(matches!(reply, Reply::Error(_) | Reply::ClientError(_) | Reply::ServerError(_)), "{refusal:?}");
    }
}

/// A value longer than announced: its block is refused, and the rest of it is read as a line.
#[test]
fn a_value_that_runs_over_becomes_a_line() {
    let stream = b"set k 0 0 4\r\nabcdefgh\r\nmn\r\n";
    let said = conversation(stream, vec![]);
    assert_eq!(said.len(), 3);
    assert!(said[0].starts_with("Store"));
    assert_eq!(said[1], "Error Wanted", "the line gh");
    assert_eq!(said[2], "MetaNoop");
    assert_eq!(data_block::check([stream[17], stream[18]]), Err(Refusal::BadDataChunk));
}
