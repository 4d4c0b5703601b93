//! A client of HTTP that says bytes and reads whole answers, and gives up at a deadline instead of hanging.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::waiting::PATIENCE;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Whether an answer brings its content along.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Follows,
    /// To a HEAD.
    Withheld,
}

impl Answer {
    /// The value of a field, by its name as the server writes it.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.fields))
    }

    /// Asserts the status; the body may be looked at afterwards.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Answer {
        let shown = String::from_utf8_lossy(&self.body[..self.body.len().min(80)]);
        assert_eq!(self.status, status, "{:?} {shown}", self.fields);
        self
    }

    /// Asserts 200 and the whole content.
    #[track_caller]
    pub(crate) fn has(self, content: &[u8]) -> Answer {
        let answer = self.is(200);
        let same = answer.body.iter().zip(content).take_while(|(one, other)| one == other).count();
        let (lengths, sized) = ((answer.body.len(), content.len()), answer.field("Content-Length"));
        assert!(answer.body == content, "the same up to {same} of {lengths:?} ({sized} were promised)");
        answer
    }
}

/// One connection. Bytes that were read and not yet looked at stay in `unread`.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Client::over(stream)
    }

    /// Over a connection that holds hardly anything.
    pub(crate) fn narrow(address: SocketAddr) -> Client {
        Client::over(super::narrow::narrow(address))
    }

    fn over(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, unread: Vec::new() }
    }

    /// Sends all of it.
    #[track_caller]
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.stream.write_all(bytes.as_ref()).expect("the server takes what is said");
        self
    }

    /// Sends it a byte a segment.
    #[track_caller]
    pub(crate) fn spell(&mut self, bytes: &[u8]) -> &mut Client {
        for byte in bytes {
            self.say([*byte]);
        }
        self
    }

    /// Sends as much as the server takes before it closes.
    pub(crate) fn say_what_it_takes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends `request` again and again until the server has taken nothing for a moment.
    pub(crate) fn say_until_stuck(&mut self, request: &[u8]) {
        self.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let mut said_bytes = 0;
        while let Ok(count) = self.stream.write(&request[said_bytes % request.len()..]) {
            said_bytes += count;
        }
        self.stream.set_write_timeout(Some(PATIENCE)).unwrap();
    }

    /// Says a request and reads its answer. The fields end with CRLF each.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, path: &str, fields: &str) -> Answer {
        self.say(format!("{method} {path} HTTP/1.1\r\nHost: here\r\n{fields}\r\n"));
        self.answer(if method == "HEAD" { Content::Withheld } else { Content::Follows })
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    #[track_caller]
    pub(crate) fn put(&mut self, path: &str, body: &[u8]) -> Answer {
        self.put_with(path, "", body)
    }

    #[track_caller]
    pub(crate) fn put_with(&mut self, path: &str, fields: &str, body: &[u8]) -> Answer {
        self.say(put_head(path, fields, body.len()));
        self.say(body).answer(Content::Follows)
    }

    /// Reads one answer.
    #[track_caller]
    pub(crate) fn answer(&mut self, content: Content) -> Answer {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_more(), "an answer was expected: {}", self.unread.escape_ascii());
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let (line, rest) = head.split_once("\r\n").unwrap();
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)).unwrap_or_else(|| panic!("{line}"));
        let fields = rest.lines().filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut answer = Answer { status: status.parse().unwrap(), fields, body: Vec::new() };
        if content == Content::Follows {
            let length = answer.get("Content-Length").map_or(0, |length| length.parse().unwrap());
            answer.body = self.read(length);
        }
        answer
    }

    /// Reads exactly so many bytes.
    #[track_caller]
    pub(crate) fn read(&mut self, bytes: usize) -> Vec<u8> {
        while self.unread.len() < bytes {
            assert!(self.read_more(), "{bytes} bytes were expected, {} came", self.unread.len());
        }
        self.unread.drain(..bytes).collect()
    }

    /// Asserts that the server sends nothing more and closes.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) {
        while self.read_more() {}
        assert!(self.unread.is_empty(), "nothing but the end was expected: {}", self.unread.escape_ascii());
    }

    /// Asserts that nothing comes for a moment.
    #[track_caller]
    pub(crate) fn hears_nothing(&mut self) -> &mut Client {
        assert!(self.unread.is_empty(), "{}", self.unread.escape_ascii());
        self.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut byte = [0];
        let read = self.stream.read(&mut byte).map_err(|error| error.kind());
        assert!(matches!(read, Err(ErrorKind::WouldBlock)), "{read:?}");
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        self
    }

    /// Whether an answer comes before the end; it is read and forgotten.
    #[track_caller]
    pub(crate) fn hears_answer(&mut self) -> bool {
        let comes = !self.unread.is_empty() || self.read_more();
        if comes {
            self.answer(Content::Follows);
        }
        comes
    }

    /// Ends what the client says, and goes on listening.
    pub(crate) fn finish(&mut self) -> &mut Client {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// False at the end of the stream; a reset is an end, too.
    #[track_caller]
    fn read_more(&mut self) -> bool {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(count) => {
                self.unread.extend_from_slice(&bytes[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer ({error}) after {} bytes", self.unread.len()),
        }
    }
}

pub(crate) fn put_head(path: &str, fields: &str, length: usize) -> String {
    format!("PUT {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\n{fields}\r\n")
}
