//! `touch`: a new expiry time for one key.

use super::refusal::Refusal;
use super::request::{Answer, Fault, Request};
use super::token::{self, Tokens};
use super::{KEY_BYTES_MAX, number};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch<'a> {
    /// 1 to [`KEY_BYTES_MAX`] bytes.
    pub key: &'a [u8],
    /// As received.
    pub exptime: i32,
    pub answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TouchReply {
    Touched,
    NotFound,
}

impl TouchReply {
    pub const fn line(self) -> &'static [u8] {
        match self {
            TouchReply::Touched => b"TOUCHED\r\n",
            TouchReply::NotFound => b"NOT_FOUND\r\n",
        }
    }
}

pub(super) fn parse<'a>(mut args: Tokens<'a>, line: &[u8]) -> Result<Request<'a>, Fault> {
    let key = args.next().ok_or(Refusal::BadCommandLine)?;
    let exptime = args.next().ok_or(Refusal::BadCommandLine)?;
    let answer = token::answer_wanted(line);
    let fault = |refusal| Fault { refusal, answer, swallow_bytes: 0 };
    if key.len() > KEY_BYTES_MAX {
        return Err(fault(Refusal::BadCommandLine));
    }
    let exptime = number::exptime(exptime).ok_or(fault(Refusal::InvalidExptime))?;
    Ok(Request::Touch(Touch { key, exptime, answer }))
}

impl Touch<'_> {
    /// Appends the request line.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"touch ");
        out.extend_from_slice(self.key);
        out.push(b' ');
        number::write(out, self.exptime);
        token::write_end(out, self.answer);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, refused_with, request};
    use super::*;

    #[test]
    fn a_key_and_a_time() {
        let touch = Touch { key: b"k", exptime: -1, answer: Answer::Wanted };
        assert_eq!(request("touch k -1\r\n"), Request::Touch(touch));
        assert_eq!(request("touch k -1 noreply\r\n"), Request::Touch(Touch { answer: Answer::Suppressed, ..touch }));
    }

    #[test]
    fn malformed_lines() {
        for line in ["touch\r\n", "touch k\r\n"] {
            refused(line, Refusal::BadCommandLine);
        }
        refused(&format!("touch {} 1\r\n", "k".repeat(KEY_BYTES_MAX + 1)), Refusal::BadCommandLine);
        refused("touch k x\r\n", Refusal::InvalidExptime);
        refused_with("touch k x noreply\r\n", Refusal::InvalidExptime, Answer::Suppressed, 0);
        refused_with("touch k noreply\r\n", Refusal::InvalidExptime, Answer::Suppressed, 0);
    }

    #[test]
    fn replies() {
        assert_eq!(TouchReply::Touched.line(), b"TOUCHED\r\n");
        assert_eq!(TouchReply::NotFound.line(), b"NOT_FOUND\r\n");
    }
}
