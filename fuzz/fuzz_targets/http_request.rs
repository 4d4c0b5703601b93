//! A request comes to the same wherever the network cuts it, no more of the input is taken than it has, and what it is
//! aimed at lies beneath the root.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spindle_net::wire::http::chunked::{ChunkStep, Chunked};
use spindle_net::wire::http::range::{Selection, content_range, select};
use spindle_net::wire::http::{Answer, Body, Parsed, Persistence, Request, Status, To, Validators};
use spindle_net::wire::http::{answer, conditional, parse, target};

/// Files' lengths, in bytes, that ranges are held against.
const LENGTHS: [u64; 4] = [0, 1, 1000, u64::MAX];

/// Part of the input says what the whole says, or nothing yet.
fn is_alike(input: &[u8], cut: usize) {
    let (whole, part) = (parse(input), parse(&input[..cut]));
    match whole {
        Ok(Parsed::Complete { consumed, .. }) if cut >= consumed => assert_eq!(part, whole),
        Err(_) if part.is_err() => assert_eq!(part, whole),
        _ => assert_eq!(part, Ok(Parsed::Incomplete)),
    }
}

fn is_beneath_its_root(request: &Request<'_>) {
    let mut path = b"what was there".to_vec();
    if target::path(request.target, &mut path).is_err() {
        assert!(path.is_empty());
    } else if !path.is_empty() {
        assert!(path.len() <= target::PATH_BYTES_MAX && !path.contains(&0));
        for name in path.split(|&byte| byte == b'/') {
            assert!(!matches!(name, b"" | b"." | b"..") && name.len() <= target::NAME_BYTES_MAX);
        }
    }
}

fn is_within_the_file(request: &Request<'_>) {
    for length in LENGTHS {
        if let Selection::Part { first, last } = request.range.map_or(Selection::Whole, |range| select(range, length)) {
            assert!(first <= last && last < length);
        }
    }
    if let Some(range) = request.content_range.and_then(content_range) {
        assert!(range.first <= range.last && range.total.is_none_or(|total| range.last < total));
    }
}

/// What is not there has not been read by anybody.
fn is_answered(request: &Request<'_>) {
    let verdict = conditional::evaluate(&request.conditions, request.method, &Validators::Absent);
    assert_ne!(verdict, conditional::Verdict::NotModified);
    let there = Validators::Present { entity_tag: "\"a\"", modified_seconds: 784_111_777 };
    conditional::evaluate(&request.conditions, request.method, &there);
    conditional::range_use(&request.conditions, &there);
    let mut out = Vec::with_capacity(answer::HEAD_BYTES_MAX);
    Answer::new(To::request(request, ""), Status::NoContent).write(&mut out);
    let says_close = out.windows(7).any(|word| word == b": close");
    assert!(!(says_close && request.persistence == Persistence::Persists));
}

/// A body in chunks takes no more than there is, wherever it is cut.
fn chunks(input: &[u8], cut: usize) -> Option<(Vec<u8>, usize)> {
    let (mut chunked, mut data, mut at) = (Chunked::default(), Vec::new(), 0);
    for end in [cut, input.len()] {
        loop {
            match chunked.step(&input[at..end.max(at)]).ok()? {
                ChunkStep::Data { before, length } => {
                    assert!(length > 0);
                    data.extend_from_slice(&input[at + before..at + before + length]);
                    at += before + length;
                }
                ChunkStep::End { consumed } => return Some((data, at + consumed)),
                ChunkStep::More { consumed, bytes_min } => {
                    at += consumed;
                    assert!(bytes_min > end.saturating_sub(at), "it is all there");
                    break;
                }
            }
        }
    }
    None
}

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, input) = input;
    let cut = usize::from(cut).min(input.len());
    is_alike(input, cut);
    if input.len() < 1024 {
        (0..input.len()).for_each(|cut| is_alike(input, cut));
    }
    let Ok(Parsed::Complete { request, consumed }) = parse(input) else { return };
    assert!(consumed <= input.len());
    is_beneath_its_root(&request);
    is_within_the_file(&request);
    is_answered(&request);
    let body = &input[consumed..];
    if request.body == Body::Chunked {
        let whole = chunks(body, body.len());
        assert_eq!(chunks(body, cut.min(body.len())), whole);
        assert!(whole.is_none_or(|(data, consumed)| data.len() <= consumed && consumed <= body.len()));
    }
});
