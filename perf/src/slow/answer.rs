//! One answer, in pieces as small as they come: whether it is a success, and where it ends. Bodies are not looked at.

use spindle_net::wire::memcached::reply_parse::{ParsedReply, Reply, parse_reply};

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

pub(super) struct Answer {
    expected: Expected,
    place: Place,
}

/// How far the answer has come.
enum Place {
    /// In the head, of which this is here.
    Head(Vec<u8>),
    /// So many bytes are missing.
    Body { missing: u64 },
    /// The body ends with the connection.
    ToTheEnd,
}

/// Longer heads are malformed.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 64;

/// What comes after the one value of a `get`.
const AFTER_VALUE: &[u8] = b"END\r\n";

/// What a head says.
enum Head {
    Incomplete,
    /// One that another follows, in bytes.
    Interim(usize),
    Verdict(Verdict),
    /// A success of this length, head and all.
    Long(u64),
    /// A success until the connection ends.
    Unbounded,
}

impl Answer {
    pub(super) fn new(expected: Expected) -> Answer {
        Answer { expected, place: Place::Head(Vec::new()) }
    }

    /// The next bytes of it; something when it is over with them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<Verdict> {
        match &mut self.place {
            Place::Head(head) => {
                head.extend_from_slice(bytes);
                // A head is looked at when a line of it has ended, not at every byte.
                let is_longer = memchr::memchr(b'\n', bytes).is_some() || head.len() > HEAD_BYTES_MAX;
                if is_longer { self.look() } else { None }
            }
            Place::Body { missing } => {
                *missing = missing.saturating_sub(bytes.len() as u64);
                (*missing == 0).then_some(Verdict::AsExpected)
            }
            Place::ToTheEnd => None,
        }
    }

    /// The connection has ended; nothing if that is in the middle of the answer.
    pub(super) fn end(&self) -> Option<Verdict> {
        matches!(self.place, Place::ToTheEnd).then_some(Verdict::AsExpected)
    }

    fn look(&mut self) -> Option<Verdict> {
        while let Place::Head(head) = &mut self.place {
            let said = match self.expected {
                Expected::Success => http_head(head),
                Expected::Stored | Expected::Value => memcached_head(head, self.expected),
            };
            let here = head.len() as u64;
            match said {
                Head::Incomplete if here > HEAD_BYTES_MAX as u64 => return Some(Verdict::Malformed),
                Head::Incomplete => return None,
                Head::Interim(length) => drop(head.drain(..length)),
                Head::Verdict(verdict) => return Some(verdict),
                Head::Long(length) if length <= here => return Some(Verdict::AsExpected),
                Head::Long(length) => self.place = Place::Body { missing: length - here },
                Head::Unbounded => self.place = Place::ToTheEnd,
            }
        }
        None
    }
}

fn http_head(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Head::Incomplete,
        Err(_) => return Head::Verdict(Verdict::Malformed),
    };
    match response.code {
        Some(101) | None => return Head::Verdict(Verdict::Malformed),
        Some(100..200) => return Head::Interim(length),
        Some(204) => return Head::Verdict(Verdict::AsExpected),
        Some(200..300) => {}
        Some(_) => return Head::Verdict(Verdict::Refused),
    }
    // A transfer coding overrides a length (RFC 9112, 6.3), and this connection is to be closed after it.
    if header(&response, "transfer-encoding").is_some() {
        return Head::Unbounded;
    }
    match header(&response, "content-length").map(|text| std::str::from_utf8(text).ok()?.trim().parse::<u64>().ok()) {
        None => Head::Unbounded,
        Some(Some(body)) => Head::Long(body.saturating_add(length as u64)),
        Some(None) => Head::Verdict(Verdict::Malformed),
    }
}

fn header<'a>(response: &httparse::Response<'_, 'a>, name: &str) -> Option<&'a [u8]> {
    response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// The first line tells all, also how long a value is that follows it.
fn memcached_head(bytes: &[u8], expected: Expected) -> Head {
    let value = |length: usize| match expected {
        Expected::Value => Head::Long((length + AFTER_VALUE.len()) as u64),
        _ => Head::Verdict(Verdict::Malformed),
    };
    match (parse_reply(bytes), expected) {
        (ParsedReply::Incomplete { bytes_min }, _) if memchr::memchr(b'\n', bytes).is_some() => value(bytes_min),
        (ParsedReply::Incomplete { .. }, _) => Head::Incomplete,
        (ParsedReply::Reply { reply: Reply::Value(_), consumed }, _) => value(consumed),
        (ParsedReply::Reply { reply: Reply::Stored, .. }, Expected::Stored) => Head::Verdict(Verdict::AsExpected),
        (ParsedReply::Reply { reply: Reply::NotStored, .. }, Expected::Stored) => Head::Verdict(Verdict::Refused),
        (ParsedReply::Reply { reply: Reply::End, .. }, Expected::Value) => Head::Verdict(Verdict::Refused),
        (ParsedReply::Reply { reply: Reply::Error(_) | Reply::ClientError(_) | Reply::ServerError(_), .. }, _) => {
            Head::Verdict(Verdict::Refused)
        }
        _ => Head::Verdict(Verdict::Malformed),
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
        assert_eq!(told(&["HTTP/1.1 100 Continue\r\n\r\n", with_body].concat()).unwrap().0, Verdict::AsExpected);
        assert_eq!(told("HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap().0, Verdict::Refused);
        assert_eq!(told("HTTP/1.1 302 Found\r\n\r\n").unwrap().0, Verdict::Refused);
        assert_eq!(told("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").unwrap().0, Verdict::Malformed);
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
