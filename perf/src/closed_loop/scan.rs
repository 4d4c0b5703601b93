//! Which reply is the right one. The right one is recognised in one look; every other is parsed and named.
//!
//! Looked at: that it is a hit (a get) or was stored (a set), the length that its head names, and that the value ends
//! where the head says. Not looked at: the bytes of the value and the echo of the key.

use memchr::memchr;
use spindle_net::wire::memcached::reply_parse::{ParsedReply, Reply, parse_reply};

use super::Work;

const VALUE: &[u8] = b"VALUE ";
const VALUE_END: &[u8] = b"\r\nEND\r\n";
const STORED: &[u8] = b"STORED\r\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// A key that should be there is not.
    Miss,
    WrongLength,
    /// An error reply.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// The answer to one request, of `consumed` bytes.
    Answer { verdict: Verdict, consumed: usize },
    /// The answer is not all here.
    Incomplete,
    /// No answer to what was asked: the conversation has lost its place.
    Malformed,
}

pub struct ReplyScan {
    work: Work,
    /// The end of the head of a right hit, after its key.
    head_end: Vec<u8>,
}

impl ReplyScan {
    pub fn new(work: Work) -> ReplyScan {
        let head_end = match work {
            Work::Get { value_bytes } => format!(" 0 {value_bytes}\r\n").into_bytes(),
            Work::Set { .. } => Vec::new(),
        };
        ReplyScan { work, head_end }
    }

    /// Looks at the answer at the front of `bytes`.
    #[inline]
    pub fn scan(&self, bytes: &[u8]) -> Scanned {
        let right = match self.work {
            Work::Get { value_bytes } => self.right_hit(bytes, value_bytes),
            Work::Set { .. } => bytes.starts_with(STORED).then_some(STORED.len()),
        };
        match right {
            Some(consumed) => Scanned::Answer { verdict: Verdict::Right, consumed },
            None => self.name(bytes),
        }
    }

    /// The length of the answer, when it is all here and right.
    #[inline]
    fn right_hit(&self, bytes: &[u8], value_bytes: usize) -> Option<usize> {
        let value_at = memchr(b'\n', bytes)? + 1;
        let answer = bytes.get(..value_at + value_bytes + VALUE_END.len())?;
        let right =
            answer.starts_with(VALUE) && answer[..value_at].ends_with(&self.head_end) && answer.ends_with(VALUE_END);
        right.then_some(answer.len())
    }

    #[cold]
    fn name(&self, bytes: &[u8]) -> Scanned {
        let (reply, consumed) = match parse_reply(bytes) {
            ParsedReply::Incomplete { .. } => return Scanned::Incomplete,
            ParsedReply::Malformed => return Scanned::Malformed,
            ParsedReply::Reply { reply, consumed } => (reply, consumed),
        };
        let answer = |verdict, consumed| Scanned::Answer { verdict, consumed };
        match (self.work, reply) {
            (_, Reply::Error(_) | Reply::ClientError(_) | Reply::ServerError(_)) => answer(Verdict::Refused, consumed),
            (Work::Set { .. }, Reply::Stored) => answer(Verdict::Right, consumed),
            (Work::Set { .. }, Reply::NotStored) => answer(Verdict::Refused, consumed),
            (Work::Get { .. }, Reply::End) => answer(Verdict::Miss, consumed),
            (Work::Get { value_bytes }, Reply::Value(value)) => {
                let right = value.data.len() == value_bytes;
                let verdict = if right { Verdict::Right } else { Verdict::WrongLength };
                match parse_reply(&bytes[consumed..]) {
                    ParsedReply::Reply { reply: Reply::End, consumed: end } => answer(verdict, consumed + end),
                    ParsedReply::Incomplete { .. } => Scanned::Incomplete,
                    _ => Scanned::Malformed,
                }
            }
            _ => Scanned::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(reply: &[u8]) -> Scanned {
        ReplyScan::new(Work::Get { value_bytes: 3 }).scan(reply)
    }

    fn whole(verdict: Verdict, reply: &str) -> Scanned {
        Scanned::Answer { verdict, consumed: reply.len() }
    }

    #[test]
    fn a_hit_is_right_only_whole_and_as_long_as_asked() {
        let hit = "VALUE key_000001 0 3\r\nabc\r\nEND\r\n";
        assert_eq!(get(hit.as_bytes()), whole(Verdict::Right, hit));
        assert_eq!(get(format!("{hit}{hit}").as_bytes()), whole(Verdict::Right, hit));
        for cut in 0..hit.len() {
            assert_eq!(get(&hit.as_bytes()[..cut]), Scanned::Incomplete, "cut at {cut}");
        }
        for (verdict, reply) in [
            (Verdict::WrongLength, "VALUE key_000001 0 2\r\nab\r\nEND\r\n"),
            (Verdict::WrongLength, "VALUE key_000001 0 4\r\nabcd\r\nEND\r\n"),
            (Verdict::Right, "VALUE key_000001 7 3\r\nabc\r\nEND\r\n"),
            (Verdict::Miss, "END\r\n"),
            (Verdict::Refused, "SERVER_ERROR out of memory\r\n"),
            (Verdict::Refused, "ERROR\r\n"),
        ] {
            assert_eq!(get(reply.as_bytes()), whole(verdict, reply), "{reply:?}");
        }
    }

    #[test]
    fn what_answers_no_get_is_malformed() {
        for reply in [
            "STORED\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            "VALUE key_000001 0 3\r\nabcd\r\nEND\r\n",
            "VALUE key_000001 0 3\r\nabc\r\nVALUE key_000002 0 3\r\nabc\r\nEND\r\n",
        ] {
            assert_eq!(get(reply.as_bytes()), Scanned::Malformed, "{reply:?}");
        }
    }

    #[test]
    fn sets() {
        let scan = ReplyScan::new(Work::Set { value_bytes: 3 });
        assert_eq!(scan.scan(b"STORED\r\nSTORED\r\n"), whole(Verdict::Right, "STORED\r\n"));
        assert_eq!(scan.scan(b"STO"), Scanned::Incomplete);
        assert_eq!(scan.scan(b"NOT_STORED\r\n"), whole(Verdict::Refused, "NOT_STORED\r\n"));
        assert_eq!(scan.scan(b"END\r\n"), Scanned::Malformed);
    }
}
