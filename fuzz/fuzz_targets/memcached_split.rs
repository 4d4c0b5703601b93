//! A stream means the same wherever the network cuts it: whole, in two, or a byte at a time. And a request, written out
//! again, reads back as itself. The first two bytes of the input are the place of the cut, the others the stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spindle_net::wire::memcached::{Limits, Parsed, Request, data_block, parse, parse_resumed};

const LIMITS: Limits = Limits { multiget_line_bytes_max: 4096 };

fuzz_target!(|input: &[u8]| {
    let Some((cut, stream)) = input.split_first_chunk() else { return };
    let cut = usize::from(u16::from_le_bytes(*cut)).min(stream.len());
    let whole = conversation(stream, [stream.len()].into_iter());
    assert_eq!(conversation(stream, [cut, stream.len()].into_iter()), whole);
    assert_eq!(conversation(stream, 1..=stream.len()), whole);
    whole.iter().for_each(reads_back);
});

/// What a connection makes of a stream of which it has received so many bytes, and then so many: requests and refusals,
/// the data blocks between them skipped.
fn conversation(stream: &[u8], received: impl Iterator<Item = usize>) -> Vec<Parsed<'_>> {
    let (mut at, mut searched, mut skip) = (0usize, 0usize, 0u64);
    let mut said = Vec::new();
    for received in received {
        loop {
            let skipped = skip.min((received - at) as u64);
            (at, skip) = (at + skipped as usize, skip - skipped);
            if skip > 0 || at == received {
                break;
            }
            let parsed = parse_resumed(&stream[at..received], searched, &LIMITS);
            if parsed == Parsed::Incomplete {
                searched = received - at;
                break;
            }
            said.push(parsed);
            let consumed;
            (consumed, skip) = match parsed {
                Parsed::Request { request, consumed } => (consumed, request.data_bytes().map_or(0, data_block::bytes)),
                Parsed::Refused { consumed, swallow_bytes, .. } => (consumed, swallow_bytes),
                _ => return said,
            };
            assert!(consumed > 0);
            (at, searched) = (at + consumed, 0);
        }
    }
    said
}

fn reads_back(parsed: &Parsed) {
    let Parsed::Request { request, .. } = parsed else { return };
    let mut line = Vec::new();
    match request {
        Request::Get(get) => get.write(&mut line),
        Request::Store(store) => store.write(&mut line),
        // Written last in its line, this key is also the word that takes the answer away.
        Request::Delete(delete) if delete.key == b"noreply" => return,
        Request::Delete(delete) => delete.write(&mut line),
        Request::Arithmetic(arithmetic) => arithmetic.write(&mut line),
        Request::Touch(touch) => touch.write(&mut line),
        Request::MetaGet(get) => get.write(&mut line),
        Request::MetaSet(set) => set.write(&mut line),
        Request::MetaDelete(delete) => delete.write(&mut line),
        Request::MetaArithmetic(arithmetic) => arithmetic.write(&mut line),
        Request::MetaDebug(debug) => debug.write(&mut line),
        _ => return,
    }
    let expected = Parsed::Request { request: *request, consumed: line.len() };
    assert_eq!(parse(&line, &LIMITS), expected, "{}", String::from_utf8_lossy(&line));
}
