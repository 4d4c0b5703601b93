//! `flush_all`: forget every item, now or at a given time.

use super::number;
use super::refusal::Refusal;
use super::request::{Answer, Fault, Request};
use super::token::{self, Tokens};

/// Answered by [`super::admin::OK`], or [`Refusal::FlushNotAllowed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushAll {
    /// When, as received: relative or absolute like an expiry time; 0 and below is now.
    pub exptime: i32,
    pub answer: Answer,
}

pub(super) fn parse<'a>(mut args: Tokens<'a>, line: &[u8]) -> Result<Request<'a>, Fault> {
    let answer = token::answer_wanted(line);
    let fault = Fault { refusal: Refusal::InvalidExptime, answer, swallow_bytes: 0 };
    let exptime = match (args.next(), answer) {
        (None, _) => 0,
        (Some(_), Answer::Suppressed) if args.rest().is_empty() => 0,
        (Some(token), _) => number::exptime_strict(token).ok_or(fault)?,
    };
    Ok(Request::FlushAll(FlushAll { exptime, answer }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, refused_with, request};
    use super::*;

    #[test]
    fn now_or_later_with_or_without_an_answer() {
        for (line, exptime, answer) in [
            ("flush_all\r\n", 0, Answer::Wanted),
            ("flush_all \r\n", 0, Answer::Wanted),
            ("flush_all noreply\r\n", 0, Answer::Suppressed),
            ("flush_all 10\r\n", 10, Answer::Wanted),
            ("flush_all -1\r\n", -1, Answer::Wanted),
            ("flush_all 2147483647 noreply\r\n", i32::MAX, Answer::Suppressed),
        ] {
            assert_eq!(request(line), Request::FlushAll(FlushAll { exptime, answer }), "{line}");
        }
    }

    #[test]
    fn malformed_lines() {
        for line in ["flush_all x\r\n", "flush_all 2147483648\r\n", "flush_all noreply 1\r\n"] {
            refused(line, Refusal::InvalidExptime);
        }
        refused_with("flush_all x noreply\r\n", Refusal::InvalidExptime, Answer::Suppressed, 0);
    }
}
