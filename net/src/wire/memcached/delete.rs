//! `delete`: take one key away.

use super::KEY_BYTES_MAX;
use super::refusal::Refusal;
use super::request::{Answer, Fault, Request};
use super::token::{self, Tokens};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delete<'a> {
    /// 1 to [`KEY_BYTES_MAX`] bytes.
    pub key: &'a [u8],
    pub answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteReply {
    Deleted,
    NotFound,
}

impl DeleteReply {
    pub const fn line(self) -> &'static [u8] {
        match self {
            DeleteReply::Deleted => b"DELETED\r\n",
            DeleteReply::NotFound => b"NOT_FOUND\r\n",
        }
    }
}

/// Words between the key and `noreply` are ignored, as since 1.6.40; earlier versions knew a delay there.
#[inline]
pub(super) fn parse<'a>(mut args: Tokens<'a>, line: &[u8]) -> Result<Request<'a>, Fault> {
    let key = args.next().ok_or(Refusal::BadCommandLine)?;
    let answer = token::answer_wanted(line);
    if key.len() > KEY_BYTES_MAX {
        return Err(Fault { refusal: Refusal::BadCommandLine, answer, swallow_bytes: 0 });
    }
    Ok(Request::Delete(Delete { key, answer }))
}

impl Delete<'_> {
    /// Appends the request line.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"delete ");
        out.extend_from_slice(self.key);
        token::write_end(out, self.answer);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, refused_with, request};
    use super::*;

    #[test]
    fn a_key_and_whatever_follows_it() {
        let wanted = Request::Delete(Delete { key: b"k", answer: Answer::Wanted });
        for line in ["delete k\r\n", "delete  k \n", "delete k 0\r\n", "delete k noreply 0\r\n"] {
            assert_eq!(request(line), wanted);
        }
        let silent = Request::Delete(Delete { key: b"k", answer: Answer::Suppressed });
        assert_eq!(request("delete k noreply\r\n"), silent);
        assert_eq!(request("delete k 0 noreply\r\n"), silent);
    }

    #[test]
    fn noreply_may_be_the_key_itself() {
        let expected = Request::Delete(Delete { key: b"noreply", answer: Answer::Suppressed });
        assert_eq!(request("delete noreply\r\n"), expected);
    }

    #[test]
    fn malformed_lines() {
        refused("delete\r\n", Refusal::BadCommandLine);
        refused("delete  \r\n", Refusal::BadCommandLine);
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        refused(&format!("delete {long}\r\n"), Refusal::BadCommandLine);
        refused_with(&format!("delete {long} noreply\r\n"), Refusal::BadCommandLine, Answer::Suppressed, 0);
    }

    #[test]
    fn replies() {
        assert_eq!(DeleteReply::Deleted.line(), b"DELETED\r\n");
        assert_eq!(DeleteReply::NotFound.line(), b"NOT_FOUND\r\n");
    }
}
