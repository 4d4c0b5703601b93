//! The head of an answer, and short texts, into a buffer. Answers say HTTP/1.1 whatever was asked in (RFC 9112, 2.3), and
//! have no Server field: which software it is helps attackers, and nobody else.

use super::head::{Method, Persistence, Request, Version};
use super::number;
use super::refusal::Refusal;
use super::status::Status;
use super::{date, range};

/// Room for any head, the texts that it borrows not counted, in bytes: a buffer that has this and them never grows.
pub const HEAD_BYTES_MAX: usize = 448;

/// Tells a client that waits that it may send its body (RFC 9110, 10.1.1). It goes before the answer.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Whether content follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Follows,
    /// To a HEAD: the head is that of a GET, lengths and all (RFC 9110, 9.3.2).
    Withheld,
}

/// What all answers to one request have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct To<'a> {
    pub version: Version,
    pub persistence: Persistence,
    pub content: Content,
    /// Of [`super::DateLine`], terminator included.
    pub date_line: &'a str,
}

/// What is said of the bytes that an answer has, or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranged {
    /// Of a 206.
    Part(range::ContentRange),
    /// Of a 416: the length of the file, in bytes.
    Unsatisfied { total: u64 },
}

/// The head of an answer. Texts are the appliance's own or checked: they have no line ends.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    pub to: To<'a>,
    pub status: Status,
    /// In bytes. It is needed wherever the status has content (RFC 9112, 6.3: without it the end is not known), and left out
    /// elsewhere.
    pub content_length: u64,
    pub content_type: Option<&'a str>,
    /// Since 1970. Not later than the Date, says RFC 9110, 8.8.2.1.
    pub modified_seconds: Option<u64>,
    /// With its quotes.
    pub entity_tag: Option<&'a str>,
    pub accept_ranges: AcceptRanges,
    pub ranged: Option<Ranged>,
    /// Methods, of a 405 (RFC 9110, 15.5.6) and to OPTIONS.
    pub allow: Option<&'a str>,
}

/// Whether the client is told that it may ask for parts (RFC 9110, 14.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptRanges {
    Unsaid,
    Bytes,
}

impl<'a> To<'a> {
    pub fn request(request: &Request<'_>, date_line: &'a str) -> To<'a> {
        let content = if request.method == Method::Head { Content::Withheld } else { Content::Follows };
        To { version: request.version, persistence: request.persistence, content, date_line }
    }

    /// To a client whose request could not be read: nothing is known of it, and it is the last.
    pub fn unread(date_line: &'a str) -> To<'a> {
        let (version, persistence) = (Version::Http11, Persistence::Closes);
        To { version, persistence, content: Content::Follows, date_line }
    }

    /// The same, closing: the body of the request is not going to be read, or the server is going away.
    pub fn closing(self) -> To<'a> {
        To { persistence: Persistence::Closes, ..self }
    }
}

impl<'a> Answer<'a> {
    /// An answer that says no more than its status.
    pub fn new(to: To<'a>, status: Status) -> Answer<'a> {
        Answer {
            to,
            status,
            content_length: 0,
            content_type: None,
            modified_seconds: None,
            entity_tag: None,
            accept_ranges: AcceptRanges::Unsaid,
            ranged: None,
            allow: None,
        }
    }

    /// The answer to a request that is refused; it closes the connection where the refusal does.
    pub fn refusal(to: To<'a>, refusal: Refusal) -> Answer<'a> {
        let to = if refusal.persistence() == Persistence::Closes { to.closing() } else { to };
        Answer::new(to, refusal.status())
    }

    /// Appends the head, the empty line after it included.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.status.line().as_bytes());
        out.extend_from_slice(self.to.date_line.as_bytes());
        if self.status.has_content() {
            self.write_content_fields(out);
        }
        if let Some(seconds) = self.modified_seconds {
            out.extend_from_slice(b"Last-Modified: ");
            date::write(out, seconds);
            out.extend_from_slice(b"\r\n");
        }
        field(out, b"ETag: ", self.entity_tag);
        if self.accept_ranges == AcceptRanges::Bytes {
            out.extend_from_slice(b"Accept-Ranges: bytes\r\n");
        }
        field(out, b"Allow: ", self.allow);
        // What a version does anyhow need not be said: RFC 9112, 9.3.
        out.extend_from_slice(match (self.to.version, self.to.persistence) {
            (Version::Http11, Persistence::Closes) => b"Connection: close\r\n\r\n",
            (Version::Http10, Persistence::Persists) => b"Connection: keep-alive\r\n\r\n",
            _ => b"\r\n",
        });
    }

    /// Appends the head, and the status as a line of text where there can be content.
    pub fn write_short(&self, out: &mut Vec<u8>) {
        let text = self.status.text();
        Answer { content_length: text.len() as u64, content_type: Some("text/plain"), ..*self }.write(out);
        if self.status.has_content() && self.to.content == Content::Follows {
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn write_content_fields(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Content-Length: ");
        number::write(out, self.content_length);
        out.extend_from_slice(b"\r\n");
        field(out, b"Content-Type: ", self.content_type);
        if let Some(ranged) = self.ranged {
            ranged.write(out);
        }
    }
}

impl Ranged {
    /// RFC 9110, 14.4.
    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Content-Range: bytes ");
        let total = match self {
            Ranged::Part(part) => {
                number::write(out, part.first);
                out.push(b'-');
                number::write(out, part.last);
                part.total
            }
            Ranged::Unsatisfied { total } => {
                out.push(b'*');
                Some(total)
            }
        };
        out.push(b'/');
        match total {
            Some(total) => number::write(out, total),
            None => out.push(b'*'),
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn field(out: &mut Vec<u8>, name_and_colon: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        debug_assert!(!value.contains(['\r', '\n']), "{value:?} would end its field");
        out.extend_from_slice(name_and_colon);
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::date::DateLine;
    use super::super::head::{Parsed, parse};
    use super::super::range::ContentRange;
    use super::*;

    const DATE: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    const TO: To<'_> =
        To { version: Version::Http11, persistence: Persistence::Persists, content: Content::Follows, date_line: DATE };

    fn head(answer: &Answer<'_>) -> String {
        let mut out = Vec::new();
        answer.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn short(answer: &Answer<'_>) -> String {
        let mut out = Vec::new();
        answer.write_short(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_file() {
        let answer = Answer {
            content_length: 1234,
            content_type: Some("image/jpeg"),
            modified_seconds: Some(784_111_777),
            entity_tag: Some("\"a\""),
            accept_ranges: AcceptRanges::Bytes,
            ..Answer::new(TO, Status::Ok)
        };
        let expected = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 1234\r\n\
            Content-Type: image/jpeg\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"a\"\r\n\
            Accept-Ranges: bytes\r\n\r\n";
        assert_eq!(head(&answer), expected);
        let unchanged = Answer { status: Status::NotModified, ..answer };
        let expected = "HTTP/1.1 304 Not Modified\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
            Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"a\"\r\nAccept-Ranges: bytes\r\n\r\n";
        assert_eq!(head(&unchanged), expected);
        assert_eq!(short(&unchanged), expected);
    }

    #[test]
    fn a_part_and_no_part() {
        let part = ContentRange { first: 5, last: 9, total: Some(10) };
        let answer =
            Answer { content_length: 5, ranged: Some(Ranged::Part(part)), ..Answer::new(TO, Status::PartialContent) };
        assert!(head(&answer).contains("\r\nContent-Length: 5\r\nContent-Range: bytes 5-9/10\r\n"));
        let unknown = Answer { ranged: Some(Ranged::Part(ContentRange { total: None, ..part })), ..answer };
        assert!(head(&unknown).contains("\r\nContent-Range: bytes 5-9/*\r\n"));
        let none =
            Answer { ranged: Some(Ranged::Unsatisfied { total: 10 }), ..Answer::new(TO, Status::RangeNotSatisfiable) };
        assert!(short(&none).contains("\r\nContent-Range: bytes */10\r\n"));
    }

    #[test]
    fn a_short_text_says_the_status_and_none_where_none_can_be() {
        let not_found =
            format!("HTTP/1.1 404 Not Found\r\n{DATE}Content-Length: 14\r\nContent-Type: text/plain\r\n\r\n");
        assert_eq!(short(&Answer::new(TO, Status::NotFound)), format!("{not_found}404 Not Found\n"));
        assert_eq!(short(&Answer::new(To { content: Content::Withheld, ..TO }, Status::NotFound)), not_found);
        let nothing = format!("HTTP/1.1 204 No Content\r\n{DATE}\r\n");
        assert_eq!(short(&Answer::new(TO, Status::NoContent)), nothing);
        let created = format!("HTTP/1.1 201 Created\r\n{DATE}Content-Length: 0\r\n\r\n");
        assert_eq!(head(&Answer::new(TO, Status::Created)), created);
        let answer = Answer { allow: Some("GET, HEAD"), ..Answer::new(TO, Status::MethodNotAllowed) };
        assert!(short(&answer).contains("\r\nAllow: GET, HEAD\r\n"));
    }

    #[test]
    fn a_connection_is_spoken_of_where_it_differs_from_what_the_version_does() {
        let connection = |version, persistence| {
            let text = head(&Answer::new(To { version, persistence, ..TO }, Status::NoContent));
            text.lines().find_map(|line| line.strip_prefix("Connection: ").map(str::to_owned)).unwrap_or_default()
        };
        assert_eq!(connection(Version::Http11, Persistence::Persists), "");
        assert_eq!(connection(Version::Http11, Persistence::Closes), "close");
        assert_eq!(connection(Version::Http10, Persistence::Persists), "keep-alive");
        assert_eq!(connection(Version::Http10, Persistence::Closes), "");
    }

    #[test]
    fn an_answer_is_to_its_request() {
        let text = b"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        let Ok(Parsed::Complete { request, .. }) = parse(text) else { panic!("no request") };
        let to = To::request(&request, DATE);
        assert_eq!(to, To { version: Version::Http10, content: Content::Withheld, ..TO });
        assert!(short(&Answer::refusal(to, Refusal::Target)).contains("keep-alive"));
        assert!(!short(&Answer::refusal(to, Refusal::Chunked)).contains("keep-alive"));
        let refused = short(&Answer::refusal(To::unread(DATE), Refusal::HeadTooLarge));
        assert!(refused.starts_with("HTTP/1.1 431 ") && refused.contains("\r\nConnection: close\r\n"));
    }

    #[test]
    fn a_continue_is_a_whole_answer() {
        assert_eq!(CONTINUE, [Status::Continue.line(), "\r\n"].concat().as_bytes());
    }

    #[test]
    fn the_largest_head_fits_its_room() {
        let mut date = DateLine::default();
        let (content_type, entity_tag, allow) = ("text/plain", "\"a\"", "GET");
        for status in Status::ALL {
            let persistence = Persistence::Persists;
            let part = ContentRange { first: u64::MAX, last: u64::MAX, total: Some(u64::MAX) };
            let answer = Answer {
                to: To { version: Version::Http10, persistence, date_line: date.at(u64::MAX), ..TO },
                status: *status,
                content_length: u64::MAX,
                content_type: Some(content_type),
                modified_seconds: Some(u64::MAX),
                entity_tag: Some(entity_tag),
                accept_ranges: AcceptRanges::Bytes,
                ranged: Some(Ranged::Part(part)),
                allow: Some(allow),
            };
            let borrowed = content_type.len() + entity_tag.len() + allow.len();
            assert!(head(&answer).len() <= HEAD_BYTES_MAX + borrowed, "{status:?}");
        }
    }
}
