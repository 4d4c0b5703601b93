//! Short ways for the tests of the commands to say what a line means.

use super::{Answer, Limits, Parsed, Refusal, Request, parse};

/// The request in `line`, all of which is consumed.
pub(super) fn request(line: &str) -> Request<'_> {
    match parse(line.as_bytes(), &Limits::default()) {
        Parsed::Request { request, consumed } => {
            assert_eq!(consumed, line.len(), "{line:?}");
            request
        }
        other => panic!("{line:?}: {other:?}"),
    }
}

/// The first line of `input` is refused with an answer, and swallows nothing.
pub(super) fn refused(input: &str, refusal: Refusal) {
    refused_with(input, refusal, Answer::Wanted, 0);
}

pub(super) fn refused_with(input: &str, refusal: Refusal, answer: Answer, swallow_bytes: u64) {
    let consumed = input.find('\n').expect("a whole line") + 1;
    let expected = Parsed::Refused { refusal, answer, consumed, swallow_bytes };
    assert_eq!(parse(input.as_bytes(), &Limits::default()), expected, "{input:?}");
}
