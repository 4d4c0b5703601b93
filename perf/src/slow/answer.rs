//! One answer, in pieces as small as they come: whether it is a success, and where it ends. Bodies are not looked at.
//!
//! ```text
//! http        as the load beside reads them: crate::load::http::answer
//! memcached   one line, or one value
//! ```

use http::HttpAnswer;
use memcached::MemcachedAnswer;

mod http;
mod memcached;

/// What is a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Of HTTP/1.1: `2xx`.
    Success,
    /// Of memcached: `STORED`.
    Stored,
    /// Of memcached: one value.
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    AsExpected,
    Refused,
    /// No answer to what was asked.
    Malformed,
}

/// How far an answer has come.
pub(super) enum Answer {
    Http(HttpAnswer),
    Memcached(MemcachedAnswer),
}

impl Answer {
    pub(super) fn new(expected: Expected) -> Answer {
        match expected {
            Expected::Success => Answer::Http(HttpAnswer::new()),
            Expected::Stored | Expected::Value => Answer::Memcached(MemcachedAnswer::new(expected)),
        }
    }

    /// The next bytes of it; something when it is over with them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<Verdict> {
        match self {
            Answer::Http(answer) => answer.take(bytes),
            Answer::Memcached(answer) => answer.take(bytes),
        }
    }

    /// The connection has ended; nothing if that is in the middle of the answer.
    pub(super) fn end(&self) -> Option<Verdict> {
        match self {
            Answer::Http(answer) => answer.end(),
            // It says how long it is.
            Answer::Memcached(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict, and after how many bytes; the same in pieces of every length.
    fn told(expected: Expected, bytes: &[u8]) -> Option<(Verdict, usize)> {
        let in_pieces = |length: usize| {
            let (mut answer, mut at) = (Answer::new(expected), 0);
            for piece in bytes.chunks(length) {
                at += piece.len();
                if let Some(verdict) = answer.take(piece) {
                    return Some((verdict, at));
                }
            }
            answer.end().map(|verdict| (verdict, at))
        };
        let bytewise = in_pieces(1);
        for length in 2..=bytes.len() {
            assert_eq!(in_pieces(length).map(|told| told.0), bytewise.map(|told| told.0), "in pieces of {length}");
        }
        bytewise
    }

    #[test]
    fn answers_of_http() {
        let told = |text: &str| told(Expected::Success, text.as_bytes());
        let with_body = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(told(with_body), Some((Verdict::AsExpected, with_body.len())));
        assert_eq!(told(&with_body[..with_body.len() - 1]), None, "the connection ended in the middle");
        assert_eq!(told(&with_body[..20]), None);
        let stored = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(told(stored), Some((Verdict::AsExpected, stored.len())));
        assert_eq!(told("HTTP/1.1 204 No Content\r\n\r\n").unwrap().0, Verdict::AsExpected);
        let unbounded = "HTTP/1.0 200 OK\r\n\r\nall that there is";
        assert_eq!(told(unbounded), Some((Verdict::AsExpected, unbounded.len())));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        assert_eq!(told(chunked), Some((Verdict::AsExpected, chunked.len())));
        assert_eq!(told(&chunked[..chunked.len() - 1]), None, "its last chunk is not there");
        let followed = told(&[chunked, "HTTP/1.1 400 x"].concat()).unwrap();
        assert_eq!(followed, (Verdict::AsExpected, chunked.len()), "the connection need not end with it");
        assert_eq!(told(&["HTTP/1.1 100 Continue\r\n\r\n", with_body].concat()).unwrap().0, Verdict::AsExpected);
        assert_eq!(told("HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap().0, Verdict::Refused);
        assert_eq!(told("HTTP/1.1 302 Found\r\n\r\n").unwrap().0, Verdict::Refused);
        assert_eq!(told("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").unwrap().0, Verdict::Malformed);
        assert_eq!(told("HTTP/1.1 101 Switching\r\n\r\n").unwrap().0, Verdict::Malformed);
        let two_lengths = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12";
        assert_eq!(told(two_lengths).unwrap().0, Verdict::Malformed);
        assert_eq!(told("STORED\r\n").unwrap().0, Verdict::Malformed);
    }

    #[test]
    fn answers_of_memcached() {
        let value = b"VALUE k 0 5\r\nhe\r\no\r\nEND\r\n";
        assert_eq!(told(Expected::Value, value), Some((Verdict::AsExpected, value.len())));
        assert_eq!(told(Expected::Value, &value[..value.len() - 1]), None);
        assert_eq!(told(Expected::Value, b"END\r\n").unwrap().0, Verdict::Refused);
        assert_eq!(told(Expected::Stored, b"STORED\r\n").unwrap().0, Verdict::AsExpected);
        for text in ["ERROR\r\n", "CLIENT_ERROR line too long\r\n", "SERVER_ERROR out of memory storing object\r\n"] {
            assert_eq!(told(Expected::Value, text.as_bytes()).unwrap().0, Verdict::Refused);
            assert_eq!(told(Expected::Stored, text.as_bytes()).unwrap().0, Verdict::Refused);
        }
        assert_eq!(told(Expected::Stored, value).unwrap().0, Verdict::Malformed);
        assert_eq!(told(Expected::Value, b"STORED\r\n").unwrap().0, Verdict::Malformed);
    }

    #[test]
    fn heads_without_end_are_malformed() {
        let mut answer = Answer::new(Expected::Success);
        let line = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-a: b\r\n".repeat(32)].concat();
        assert_eq!(answer.take(&line), None);
        let mut answer = Answer::new(Expected::Success);
        assert_eq!(answer.take(b"HTTP/1.1 200 OK\r\nX: "), None);
        let verdicts = (0..70).filter_map(|_| answer.take(&[b'a'; 1024])).next();
        assert_eq!(verdicts, Some(Verdict::Malformed));
    }
}
