//! An answer comes to the same wherever the network cuts it, and no more of the input is taken than it has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spindle_perf::load::http::answer::{Answer, Malformed, Step, Then, To};

#[derive(Debug, PartialEq)]
struct Read {
    status: u16,
    body: Vec<u8>,
    consumed: usize,
    /// None when it ends with its connection.
    then: Option<Then>,
}

/// Hears `input` in two pieces, or byte by byte.
fn read(to: To, input: &[u8], ends: impl Iterator<Item = usize>) -> Result<Read, Malformed> {
    let (mut answer, mut read) = (Answer::new(to), Read { status: 0, body: Vec::new(), consumed: 0, then: None });
    for end in ends {
        loop {
            let rest = &input[read.consumed..end.max(read.consumed)];
            match answer.step(rest)? {
                Step::Head { consumed, head } => {
                    (read.status, read.consumed) = (head.status, read.consumed + consumed);
                }
                Step::Body { consumed, piece } => {
                    assert!(!piece.is_empty() && piece.len() <= consumed);
                    read.body.extend_from_slice(piece);
                    read.consumed += consumed;
                }
                Step::End { consumed, then } => {
                    (read.consumed, read.then) = (read.consumed + consumed, Some(then));
                    return Ok(read);
                }
                Step::More { consumed, bytes_min } => {
                    assert!(bytes_min > rest.len() - consumed, "it is all there");
                    read.consumed += consumed;
                    break;
                }
            }
        }
    }
    answer.ended().map(|()| read)
}

fuzz_target!(|input: (bool, u16, &[u8])| {
    let (is_head, cut, input) = input;
    let to = if is_head { To::Head } else { To::Other };
    let whole = read(to, input, [input.len()].into_iter()).ok();
    if let Some(whole) = &whole {
        assert!(whole.consumed <= input.len() && whole.body.len() <= whole.consumed);
    }
    let cut = usize::from(cut).min(input.len());
    assert_eq!(read(to, input, [cut, input.len()].into_iter()).ok(), whole);
    if input.len() < 1024 {
        assert_eq!(read(to, input, 0..=input.len()).ok(), whole);
    }
});
