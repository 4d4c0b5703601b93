//! Whatever a meta line asks for, its answer is one that a client can read, and repeats what the line wants repeated. The
//! input is the line less its command: `k v Oabc`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spindle_net::wire::memcached::flags::{Flag, MetaFlags};
use spindle_net::wire::memcached::key::KeyEncoding;
use spindle_net::wire::memcached::ma::{self, MetaNumber};
use spindle_net::wire::memcached::md;
use spindle_net::wire::memcached::me::{self, DebugFacts};
use spindle_net::wire::memcached::mg::{self, Marks, MetaItem, Ttl};
use spindle_net::wire::memcached::ms::{self, MetaStatus};
use spindle_net::wire::memcached::reply_parse::{ParsedReply, Reply, parse_reply};
use spindle_net::wire::memcached::{Limits, Parsed, Request, parse};

const TTL: Ttl = Ttl { before_secs: None, after_secs: Some(u32::MAX), created: true };

const ITEM: MetaItem = MetaItem {
    value_bytes: 0,
    client_flags: u32::MAX,
    cas: u64::MAX,
    ttl: TTL,
    last_access_secs: u32::MAX,
    fetched: true,
    key_encoding: KeyEncoding::Base64,
    marks: Marks { token_sent: true, stale: true, won: true },
};

fuzz_target!(|rest: &[u8]| {
    for command in [&b"mg "[..], b"ms ", b"md ", b"ma ", b"me "] {
        let line = [command, rest, b"\r\n"].concat();
        if let Parsed::Request { request, .. } = parse(&line, &Limits::default()) {
            answer(request);
        }
    }
});

fn answer(request: Request) {
    let mut out = Vec::new();
    match request {
        Request::MetaGet(get) => {
            mg::write_hit(&mut out, &get, &ITEM);
            if get.flags.has(Flag::ReturnValue) {
                out.extend_from_slice(b"\r\n");
            }
            check(&mut out, &get.flags);
            mg::write_miss(&mut out, &get);
            check(&mut out, &get.flags);
        }
        Request::MetaSet(set) => {
            ms::write_reply(&mut out, &set, MetaStatus::Hd, u64::MAX, u32::MAX);
            check(&mut out, &set.flags);
            ms::write_reply(&mut out, &set, MetaStatus::Ns, 0, 0);
            check(&mut out, &set.flags);
        }
        Request::MetaDelete(delete) => {
            md::write_reply(&mut out, &delete, MetaStatus::Ex);
            check(&mut out, &delete.flags);
        }
        Request::MetaArithmetic(arithmetic) => {
            ma::write_number(&mut out, &arithmetic, &MetaNumber { value: u64::MAX, cas: 1, ttl: TTL });
            check(&mut out, &arithmetic.flags);
            ma::write_failure(&mut out, &arithmetic, MetaStatus::Nf);
            check(&mut out, &arithmetic.flags);
        }
        Request::MetaDebug(debug) => {
            let facts = DebugFacts {
                ttl_secs: None,
                last_access_secs: 0,
                cas: 0,
                fetched: false,
                class: 0,
                item_bytes: 0,
                key_encoding: KeyEncoding::Base64,
            };
            me::write_facts(&mut out, &debug, &facts);
            let reply = parse_reply(&out);
            assert!(
                matches!(reply, ParsedReply::Reply { reply: Reply::MetaDebug(_), consumed } if consumed == out.len())
            );
        }
        _ => {}
    }
}

/// The answer is nothing, which only a quiet request may get, or one whole reply with the opaque token in it.
fn check(out: &mut Vec<u8>, flags: &MetaFlags) {
    if out.is_empty() {
        assert!(flags.has(Flag::Quiet));
        return;
    }
    let ParsedReply::Reply { reply, consumed } = parse_reply(out) else {
        panic!("{}", String::from_utf8_lossy(out));
    };
    assert_eq!(consumed, out.len());
    let (Reply::Meta { flags: mut returned, .. } | Reply::MetaValue { flags: mut returned, .. }) = reply else {
        panic!("{reply:?}");
    };
    if let Some((_, opaque)) = flags.iter().find(|(flag, _)| *flag == Flag::Opaque) {
        assert!(returned.any(|token| token[0] == b'O' && &token[1..] == opaque));
    }
    out.clear();
}
