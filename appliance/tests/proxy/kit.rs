//! The test kit: what makes a test five lines.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use process::Process;
use tempfile::TempDir;

#[path = "../kit/content.rs"]
mod content;
#[path = "../kit/narrow.rs"]
mod narrow;
#[path = "../kit/process.rs"]
mod process;
#[path = "../kit/waiting.rs"]
mod waiting;

pub(crate) use waiting::{PATIENCE, eventually};

/// Bytes that tell where one is lost or doubled.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    content::content(0, count)
}

/// A GET of HTTP/1.1 with these fields besides Host.
pub(crate) fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

/// A running `spindle serve`.
pub(crate) struct Server {
    process: Process,
    _folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Server {
    /// A proxy of one core before these backends, with more lines of its table.
    pub(crate) fn proxy(backends: &[SocketAddr], lines: &str) -> Server {
        let names: Vec<String> = backends.iter().map(|backend| format!("\"{backend}\"")).collect();
        let cores = if lines.contains("cores") { "" } else { "cores = 1\n" };
        Server::start(&format!("[proxy]\n{cores}backends = [{}]\n{lines}\n", names.join(", ")))
    }

    /// One service that listens on a port which the kernel chooses. `{}` is a folder of the server's own.
    pub(crate) fn start(table: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let (file, ports) = (folder.path().join("box.toml"), folder.path().join("ports"));
        let table = table.replace("{}", folder.path().to_str().unwrap());
        let process = format!("[process]\nverbosity = \"errors\"\nport_file = \"{}\"\n", ports.display());
        std::fs::write(&file, format!("{table}listen = [\"127.0.0.1:-1\"]\n{process}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_spindle"));
        let mut process = Process::spawn(command.arg("serve").arg(file), folder.path(), None);
        let address = process.addresses(&ports)[0];
        Server { process, _folder: folder, address }
    }

    pub(crate) fn client(&self) -> Peer {
        Peer::over(TcpStream::connect(self.address).unwrap())
    }

    /// Over a connection that holds hardly anything.
    pub(crate) fn narrow_client(&self) -> Peer {
        Peer::over(narrow::narrow(self.address))
    }
}

/// What was said before a body, and the body as it was sent: chunks with their lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn status(&self) -> &str {
        &self.head["HTTP/1.1 ".len()..][..3]
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The values of a field.
    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        let named = |line: &&str| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)).is_some();
        self.head.lines().filter(named).map(|line| line.split_once(": ").unwrap().1).collect()
    }

    /// The data of a body in chunks.
    pub(crate) fn data(&self) -> Vec<u8> {
        let (mut rest, mut data) = (&self.body[..], Vec::new());
        loop {
            let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
            let line = str::from_utf8(&rest[..end]).unwrap();
            let size = usize::from_str_radix(line.split(';').next().unwrap(), 16).unwrap();
            if size == 0 {
                return data;
            }
            data.extend_from_slice(&rest[end + 2..end + 2 + size]);
            rest = &rest[end + 2 + size + 2..];
        }
    }
}

/// One side of a conversation, the client's or the backend's. Bytes that were read and not yet used stay in `unread`.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl Peer {
    pub(crate) fn over(stream: TcpStream) -> Peer {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Peer { stream, unread: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> &mut Peer {
        self.stream.write_all(bytes.as_ref()).expect("the other side takes what is said");
        self
    }

    /// In pieces of these sizes, again and again, with a pause between.
    pub(crate) fn say_split(&mut self, bytes: &[u8], sizes: &[usize]) {
        let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            self.say(piece);
            rest = after;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// False at the end of the stream.
    fn read_more(&mut self) -> bool {
        let mut piece = [0; 64 * 1024];
        let count = match self.stream.read(&mut piece) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("{error}, after {:?}", String::from_utf8_lossy(&self.unread)),
        };
        self.unread.extend_from_slice(&piece[..count]);
        count > 0
    }

    pub(crate) fn read(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.read_more(), "the end, after {:?}", String::from_utf8_lossy(&self.unread));
        }
        self.unread.drain(..count).collect()
    }

    /// Through the empty line; none at the end of the stream.
    pub(crate) fn try_head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.unread.drain(..at + 4).collect();
                return Some(without_date(String::from_utf8(head).unwrap()));
            }
            if !self.read_more() {
                assert!(self.unread.is_empty(), "cut: {:?}", String::from_utf8_lossy(&self.unread));
                return None;
            }
        }
    }

    #[track_caller]
    pub(crate) fn head(&mut self) -> String {
        self.try_head().expect("a head, not the end")
    }

    /// A request or an answer whose head tells where its body ends; none at the end of the stream.
    pub(crate) fn try_message(&mut self) -> Option<Message> {
        let mut message = Message { head: self.try_head()?, body: Vec::new() };
        let length = message.fields("Content-Length").first().map(|length| length.parse().unwrap());
        let status = message.head.starts_with("HTTP/").then(|| message.status());
        if matches!(status, Some("204" | "304")) {
            return Some(message);
        }
        if let Some(length) = length {
            message.body = self.read(length);
        } else if message.fields("Transfer-Encoding") == ["chunked"] {
            loop {
                let mut line = Vec::new();
                while !line.ends_with(b"\r\n") {
                    line.extend(self.read(1));
                }
                let text = str::from_utf8(&line).unwrap().trim_end();
                let size = usize::from_str_radix(text.split(';').next().unwrap(), 16).unwrap();
                message.body.extend_from_slice(&line);
                if size > 0 {
                    message.body.extend(self.read(size + 2));
                    continue;
                }
                let end = message.body.len() - 2;
                while !message.body[end..].ends_with(b"\r\n\r\n") {
                    message.body.extend(self.read(1));
                }
                break;
            }
        }
        Some(message)
    }

    #[track_caller]
    pub(crate) fn message(&mut self) -> Message {
        self.try_message().expect("a message, not the end")
    }

    /// Sends a request, and reads its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        self.say(request).message()
    }

    /// All that still comes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_more() {}
        std::mem::take(&mut self.unread)
    }

    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }

    /// 200 with a body of this text.
    pub(crate) fn answer(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
        // Whoever is answered may be gone.
        let _ = self.stream.write_all(&[head.as_bytes(), text].concat());
    }

    /// Reads requests to the end, and answers each with its own head.
    pub(crate) fn echo_heads(&mut self) {
        while let Some(request) = self.try_message() {
            self.answer(request.head);
        }
    }

    /// A reset instead of an end, once this is dropped.
    pub(crate) fn reset(&self) {
        let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        setsockopt(&self.stream, sockopt::Linger, &at_once).unwrap();
    }
}

/// A server that the test plays: a thread a connection.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Backend {
    /// `serve` gets each connection, and its number from 0.
    pub(crate) fn start(serve: impl Fn(&mut Peer, usize) + Send + Sync + 'static) -> Backend {
        Backend::on(TcpListener::bind("127.0.0.1:0").unwrap(), serve)
    }

    pub(crate) fn on(listener: TcpListener, serve: impl Fn(&mut Peer, usize) + Send + Sync + 'static) -> Backend {
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (counted, serve) = (Arc::clone(&connections), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut peer, serve) = (Peer::over(stream.unwrap()), Arc::clone(&serve));
                let number = counted.fetch_add(1, SeqCst);
                std::thread::spawn(move || serve(&mut peer, number));
            }
        });
        Backend { address, connections }
    }

    /// One that answers each request with its head.
    pub(crate) fn echo() -> Backend {
        Backend::start(|peer, _| peer.echo_heads())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

/// Where nobody listens.
pub(crate) fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The time that the proxy adds to answers without one tells nothing in a comparison.
fn without_date(head: String) -> String {
    match head.find("\r\nDate: ") {
        Some(at) => {
            let end = at + 2 + head[at + 2..].find("\r\n").unwrap();
            [&head[..at], &head[end..]].concat()
        }
        None => head,
    }
}
