//! A client that says bytes and expects bytes, and gives up at a deadline instead of hanging.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::waiting::PATIENCE;

/// Names and values, as `stats` shows them.
pub(crate) type Stats = BTreeMap<String, String>;

/// One connection. Bytes that were read and not yet expected stay in `unread`.
pub(crate) struct Client {
    stream: Stream,
    unread: Vec<u8>,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Client {
    pub(crate) fn tcp(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Client::over(Stream::Tcp(stream))
    }

    pub(crate) fn unix(path: &Path) -> Client {
        Client::over(Stream::Unix(UnixStream::connect(path).unwrap()))
    }

    /// Over a connection that holds hardly anything.
    pub(crate) fn narrow(address: SocketAddr) -> Client {
        Client::over(Stream::Tcp(super::narrow::narrow(address)))
    }

    fn over(stream: Stream) -> Client {
        let client = Client { stream, unread: Vec::new() };
        client.read_timeout(PATIENCE);
        client.write_timeout(PATIENCE);
        client
    }

    /// Sends all of it.
    #[track_caller]
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.stream.write_all(bytes.as_ref()).expect("the server takes what is said");
        self
    }

    /// Reads exactly these bytes; the first that differs ends the test.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) -> &mut Client {
        let expected = expected.as_ref();
        while self.unread.len() < expected.len() {
            let matching = expected.starts_with(&self.unread);
            if !matching || !self.read_more() {
                break;
            }
        }
        let here = self.unread.len().min(expected.len());
        assert!(self.unread[..here] == *expected, "expected {}, got {}", shown(expected), shown(&self.unread));
        self.unread.drain(..here);
        self
    }

    /// Says `request` and expects `reply`, reading while it writes: neither side ever waits for the other.
    #[track_caller]
    pub(crate) fn converse(&mut self, request: &[u8], reply: &[u8]) -> &mut Client {
        let mut writer = self.stream.another();
        std::thread::scope(|scope| {
            scope.spawn(move || writer.write_all(request).expect("the server takes what is said"));
            self.expect(reply);
        });
        self
    }

    /// Asserts that nothing unexpected has been answered so far, and that the connection lives.
    #[track_caller]
    pub(crate) fn is_quiet(&mut self) -> &mut Client {
        self.say("mn\r\n").expect("MN\r\n")
    }

    /// Whether something has been answered, now.
    pub(crate) fn has_news(&mut self) -> bool {
        self.stream.set_nonblocking(true);
        let mut bytes = [0; 4096];
        if let Ok(count) = self.stream.read(&mut bytes) {
            self.unread.extend_from_slice(&bytes[..count]);
        }
        self.stream.set_nonblocking(false);
        !self.unread.is_empty()
    }

    /// Asserts that nothing comes for a moment. For a client that is not being served and cannot ask.
    #[track_caller]
    pub(crate) fn hears_nothing(&mut self) -> &mut Client {
        self.read_timeout(Duration::from_millis(100));
        let mut byte = [0];
        let read = self.stream.read(&mut byte).map_err(|error| error.kind());
        assert!(matches!(read, Err(ErrorKind::WouldBlock)), "{read:?}");
        self.read_timeout(PATIENCE);
        self
    }

    /// Asserts that the server sends nothing more and closes.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) {
        while self.read_more() {}
        assert!(self.unread.is_empty(), "nothing but the end was expected: {}", shown(&self.unread));
    }

    /// Reads exactly so many bytes.
    #[track_caller]
    pub(crate) fn read(&mut self, bytes: usize) -> Vec<u8> {
        while self.unread.len() < bytes {
            assert!(self.read_more(), "{bytes} bytes were expected, {} came", self.unread.len());
        }
        self.unread.drain(..bytes).collect()
    }

    /// Reads one line, without its terminator.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return String::from_utf8_lossy(line.strip_suffix(b"\r\n").unwrap_or(&line)).into_owned();
            }
            assert!(self.read_more(), "a line was expected: {}", shown(&self.unread));
        }
    }

    /// Reads lines up to the one that is `END`.
    #[track_caller]
    pub(crate) fn lines_to_end(&mut self) -> Vec<String> {
        std::iter::repeat_with(|| self.line()).take_while(|line| line != "END").collect()
    }

    /// The statistics of a subject, or the general ones for an empty name.
    #[track_caller]
    pub(crate) fn stats(&mut self, subject: &str) -> Stats {
        self.say(format!("stats {subject}\r\n"));
        let entry = |line: String| {
            let (name, value) = line.strip_prefix("STAT ").unwrap().split_once(' ').unwrap();
            (name.to_owned(), value.to_owned())
        };
        self.lines_to_end().into_iter().map(entry).collect()
    }

    /// Sends as much as the server takes before it closes.
    pub(crate) fn say_what_it_takes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends `request` again and again until the server has taken nothing for a moment.
    pub(crate) fn say_until_stuck(&mut self, request: &[u8]) {
        self.write_timeout(Duration::from_millis(100));
        let mut said_bytes = 0;
        while let Ok(count) = self.stream.write(&request[said_bytes % request.len()..]) {
            said_bytes += count;
        }
        self.write_timeout(PATIENCE);
    }

    /// Ends what the client says, and goes on listening.
    pub(crate) fn finish(&mut self) -> &mut Client {
        // Who was closed already has nothing to finish.
        let _ = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
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
            Err(error) => panic!("no answer ({error}) after {}", shown(&self.unread)),
        }
    }

    fn read_timeout(&self, patience: Duration) {
        match &self.stream {
            Stream::Tcp(stream) => stream.set_read_timeout(Some(patience)).unwrap(),
            Stream::Unix(stream) => stream.set_read_timeout(Some(patience)).unwrap(),
        }
    }

    fn write_timeout(&self, patience: Duration) {
        match &self.stream {
            Stream::Tcp(stream) => stream.set_write_timeout(Some(patience)).unwrap(),
            Stream::Unix(stream) => stream.set_write_timeout(Some(patience)).unwrap(),
        }
    }
}

impl Stream {
    fn set_nonblocking(&self, on: bool) {
        match self {
            Stream::Tcp(stream) => stream.set_nonblocking(on).unwrap(),
            Stream::Unix(stream) => stream.set_nonblocking(on).unwrap(),
        }
    }

    /// The same connection, for another thread.
    fn another(&self) -> Stream {
        match self {
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone().unwrap()),
            Stream::Unix(stream) => Stream::Unix(stream.try_clone().unwrap()),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(into),
            Stream::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The end of the bytes, where the difference is, in one readable line.
fn shown(bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 200;
    let from = bytes.len().saturating_sub(SHOWN_BYTES);
    format!("{} bytes: ...{}", bytes.len(), bytes[from..].escape_ascii())
}
