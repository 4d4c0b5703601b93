//! One blocking conversation with a cache: for what is asked once, or slowly.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use spindle_net::wire::memcached::reply_parse::{ParsedReply, Reply, parse_reply};

/// How long an answer may take: a flush of millions of items among them.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const READ_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub struct Talk {
    stream: TcpStream,
    /// Received; up to `at` it is answered.
    bytes: Vec<u8>,
    at: usize,
}

impl Talk {
    /// # Errors
    /// Those of connect(2).
    pub fn new(server: SocketAddr) -> Result<Talk> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        Ok(Talk { stream, bytes: Vec::new(), at: 0 })
    }

    /// # Errors
    /// Those of write(2).
    pub fn say(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request)
    }

    /// Waits for the next reply and hands it to `take`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the server hangs up, `WouldBlock` when it is silent for a minute, `InvalidData` when what it
    /// says is no reply.
    pub fn hear<T>(&mut self, take: impl FnOnce(Reply<'_>) -> T) -> Result<T> {
        loop {
            match parse_reply(&self.bytes[self.at..]) {
                ParsedReply::Reply { reply, consumed } => {
                    self.at += consumed;
                    return Ok(take(reply));
                }
                ParsedReply::Malformed => return Err(ErrorKind::InvalidData.into()),
                ParsedReply::Incomplete { .. } => {}
            }
            self.bytes.drain(..self.at);
            self.at = 0;
            let begin = self.bytes.len();
            self.bytes.resize(begin + READ_BYTES, 0);
            let read = self.stream.read(&mut self.bytes[begin..]);
            self.bytes.truncate(begin + read.as_ref().copied().unwrap_or(0));
            if read? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Says a request and waits for its one reply, which must be `expected`.
    ///
    /// # Errors
    /// As [`Talk::hear`]; `InvalidData`, with the reply, when it is another.
    pub fn ask(&mut self, request: &[u8], expected: Reply<'_>) -> Result<()> {
        self.say(request)?;
        let other = self.hear(|reply| (reply != expected).then(|| format!("{reply:?}")))?;
        other.map_or(Ok(()), |other| Err(Error::new(ErrorKind::InvalidData, format!("answered {other}"))))
    }

    /// The general statistics, by name.
    ///
    /// # Errors
    /// As [`Talk::hear`].
    pub fn stats(&mut self) -> Result<BTreeMap<String, String>> {
        self.say(b"stats\r\n")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut stats = BTreeMap::new();
        loop {
            let stat = self.hear(|reply| match reply {
                Reply::Stat { name, value } => Ok(Some((text(name), text(value)))),
                Reply::End => Ok(None),
                _ => Err(Error::from(ErrorKind::InvalidData)),
            })??;
            match stat {
                Some((name, value)) => stats.insert(name, value),
                None => return Ok(stats),
            };
        }
    }
}
