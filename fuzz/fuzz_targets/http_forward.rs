//! What a proxy passes on is read as what it received: where the message ends, whom it is for, and nothing more.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spindle_net::wire::http::forward::{self, Forwarded, Recipient};
use spindle_net::wire::http::{Content, Framing, Hop, Parsed, Passage, Persistence, Version, parse};
use spindle_net::wire::http::{answer_head, head};

const HOP: Hop<'_> = Hop { client: "192.0.2.1", host: "backend" };

/// Of a head, which has a line before them and one after.
fn fields(head: &[u8]) -> usize {
    head.iter().filter(|&&byte| byte == b'\n').count() - 2
}

fn is_alike_as_a_request(input: &[u8]) {
    let mut out = Vec::new();
    let Ok(Parsed::Complete { request: before, consumed }) = forward::request(input, &HOP, &mut out) else {
        assert!(out.is_empty());
        return;
    };
    // It may have grown beyond the bounds of a head.
    let Ok(Parsed::Complete { request: after, consumed: whole }) = parse(&out) else {
        return assert!(out.len() > head::HEAD_BYTES_MAX || fields(&out) > head::FIELDS_MAX);
    };
    assert_eq!(whole, out.len());
    assert_eq!((after.method, after.body, after.expectation), (before.method, before.body, before.expectation));
    assert_eq!(after.host, before.host.or(Some(HOP.host.as_bytes())));
    assert_eq!((after.version, after.persistence), (Version::Http11, Persistence::Persists));
    is_passed_on_alike(Passage::of_request(before.body), &input[consumed..]);
}

fn is_alike_as_an_answer(input: &[u8], to: &Recipient) {
    let mut out = Vec::new();
    let Ok(Some(Forwarded { head, persistence, .. })) = forward::answer(input, to, &mut out) else {
        return assert!(out.is_empty());
    };
    let is_old = to.version == Version::Http10;
    if is_old && head.framing == Framing::Interim {
        return assert!(out.is_empty());
    }
    let Ok(Some(after)) = answer_head::parse(&out, to.content, |_, _| {}) else {
        return assert!(out.len() > answer_head::HEAD_BYTES_MAX || fields(&out) > answer_head::FIELDS_MAX);
    };
    let framing = if is_old && head.framing == Framing::Chunked { Framing::UntilEnd } else { head.framing };
    assert_eq!((after.status, after.framing, after.bytes), (head.status, framing, out.len()));
    if !is_old && head.framing != Framing::Interim {
        assert_eq!(after.persistence, persistence);
    }
    is_passed_on_alike(Passage::of_answer(head.framing, to.version), &input[head.bytes..]);
}

/// A body is the same wherever it is cut, and no more of the input is taken than there is.
fn is_passed_on_alike(passage: Passage, input: &[u8]) {
    let pass = |ends: &[usize]| {
        let (mut passage, mut out, mut at) = (passage, Vec::new(), 0);
        for &end in ends {
            at += passage.pass(&input[at..end.max(at)], &mut out).ok()?;
        }
        Some((out, at, passage.is_over()))
    };
    let whole = pass(&[input.len()]);
    assert_eq!(pass(&[input.len() / 2, input.len()]), whole);
    assert!(whole.is_none_or(|(out, taken, _)| out.len() <= taken && taken <= input.len()));
}

fuzz_target!(|input: (bool, bool, &[u8])| {
    let (is_old, withheld, input) = input;
    is_alike_as_a_request(input);
    let to = Recipient {
        version: if is_old { Version::Http10 } else { Version::Http11 },
        persistence: Persistence::Persists,
        content: if withheld { Content::Withheld } else { Content::Follows },
    };
    is_alike_as_an_answer(input, &to);
});
