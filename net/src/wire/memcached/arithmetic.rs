//! `incr`, `decr`: add to, or take from, a value that is a decimal number. Up wraps at 2^64, down stops at 0.

use super::refusal::Refusal;
use super::request::{Answer, Fault, Request};
use super::token::{self, Tokens};
use super::{KEY_BYTES_MAX, number};

/// Answered by [`write_number`], [`NOT_FOUND`], or [`Refusal::NonNumericValue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arithmetic<'a> {
    pub direction: Direction,
    /// 1 to [`KEY_BYTES_MAX`] bytes.
    pub key: &'a [u8],
    pub delta: u64,
    pub answer: Answer,
}

/// Which way a number goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

pub const NOT_FOUND: &[u8] = b"NOT_FOUND\r\n";

#[inline]
pub(super) fn parse<'a>(verb: &[u8], mut args: Tokens<'a>, line: &[u8]) -> Result<Request<'a>, Fault> {
    let direction = if verb == b"incr" { Direction::Up } else { Direction::Down };
    let key = args.next().ok_or(Refusal::BadCommandLine)?;
    let delta = args.next().ok_or(Refusal::BadCommandLine)?;
    let answer = token::answer_wanted(line);
    let fault = |refusal| Fault { refusal, answer, swallow_bytes: 0 };
    if key.len() > KEY_BYTES_MAX {
        return Err(fault(Refusal::BadCommandLine));
    }
    let delta = number::u64_lenient(delta).ok_or(fault(Refusal::InvalidDelta))?;
    Ok(Request::Arithmetic(Arithmetic { direction, key, delta, answer }))
}

impl Arithmetic<'_> {
    /// Appends the request line.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.direction {
            Direction::Up => b"incr ",
            Direction::Down => b"decr ",
        });
        out.extend_from_slice(self.key);
        out.push(b' ');
        number::write(out, self.delta);
        token::write_end(out, self.answer);
    }
}

/// Appends the new value.
pub fn write_number(out: &mut Vec<u8>, value: u64) {
    number::write(out, value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, refused_with, request};
    use super::*;

    #[test]
    fn both_directions() {
        let up = Arithmetic { direction: Direction::Up, key: b"k", delta: u64::MAX, answer: Answer::Wanted };
        assert_eq!(request("incr k 18446744073709551615\r\n"), Request::Arithmetic(up));
        let down = Arithmetic { direction: Direction::Down, key: b"k", delta: 0, answer: Answer::Suppressed };
        assert_eq!(request("decr k 0 noreply\r\n"), Request::Arithmetic(down));
    }

    #[test]
    fn malformed_lines() {
        for line in ["incr\r\n", "incr k\r\n", "decr k \r\n"] {
            refused(line, Refusal::BadCommandLine);
        }
        for delta in ["x", "-1", "1x", "18446744073709551616", "1.0"] {
            refused(&format!("incr k {delta}\r\n"), Refusal::InvalidDelta);
            refused_with(&format!("decr k {delta} noreply\r\n"), Refusal::InvalidDelta, Answer::Suppressed, 0);
        }
        refused_with("incr k noreply\r\n", Refusal::InvalidDelta, Answer::Suppressed, 0);
        refused(&format!("incr {} 1\r\n", "k".repeat(KEY_BYTES_MAX + 1)), Refusal::BadCommandLine);
    }

    #[test]
    fn replies() {
        let mut out = Vec::new();
        write_number(&mut out, u64::MAX);
        write_number(&mut out, 0);
        assert_eq!(out, b"18446744073709551615\r\n0\r\n");
        assert_eq!(NOT_FOUND, b"NOT_FOUND\r\n");
    }
}
