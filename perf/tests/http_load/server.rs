//! A server of HTTP that is honest but for one answer, and says it in the way that is asked for.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// What a dishonest server does to one of its answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lie {
    None,
    FlippedBit,
    /// The first version of all.
    Stale,
    /// Half of the newest version, half of the one before.
    Torn,
    ShortBody,
    /// The object that was asked for before.
    Swapped,
    /// 404.
    Lost,
    /// The bytes are right, and said to be others.
    OtherRange,
    /// 416.
    NoRange,
    /// 304, and it was written since.
    Unchanged,
    /// To a HEAD.
    OtherLength,
    /// To a DELETE of what is there: 404.
    Gone,
    Unavailable,
    /// Bytes that nobody announced.
    Babble,
    /// Ends a body early.
    HangsUp,
    /// Hangs up, and nobody takes its place.
    Dies,
}

/// How true answers are given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Sized,
    /// In chunks of one byte, then two, and so on, byte by byte to the kernel at first.
    Chunked,
    /// And the connection closes after each.
    Closing,
    /// HTTP/1.0: what ends the body is the end of the connection.
    UntilEnd,
    /// After another one that says that it is to come.
    Interim,
    /// What changed is told by its time alone.
    Timed,
    /// What is heard is not answered after so many answers.
    Silent(u64),
}

#[derive(Clone, Default)]
struct Versions {
    first: Vec<u8>,
    before: Vec<u8>,
    newest: Vec<u8>,
    count: u64,
}

pub(crate) struct Liar {
    lie: Lie,
    manner: Manner,
    /// The number of the answer that is not true, of those of which it could be said.
    at: u64,
    lied_about: AtomicU64,
    answers: AtomicU64,
    is_dead: AtomicBool,
    pub(crate) connections: AtomicU64,
    objects: Mutex<HashMap<String, Versions>>,
    last: Mutex<Vec<u8>>,
    /// All that clients said.
    pub(crate) heard: Mutex<Vec<u8>>,
}

struct Request {
    method: String,
    path: String,
    fields: HashMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    fields: String,
    body: Vec<u8>,
}

impl Answer {
    fn bare(status: u16) -> Answer {
        Answer { status, fields: String::new(), body: Vec::new() }
    }
}

impl Liar {
    pub(crate) fn start(lie: Lie, at: u64, manner: Manner) -> (SocketAddr, Arc<Liar>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let liar = Arc::new(Liar {
            lie,
            manner,
            at,
            lied_about: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            is_dead: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            objects: Mutex::default(),
            last: Mutex::default(),
            heard: Mutex::default(),
        });
        let serving = Arc::clone(&liar);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.is_dead.load(Relaxed) {
                    return;
                }
                serving.connections.fetch_add(1, Relaxed);
                let liar = Arc::clone(&serving);
                std::thread::spawn(move || liar.serve(stream.unwrap()));
            }
        });
        (address, liar)
    }

    /// Makes something be there.
    pub(crate) fn know(&self, path: String, bytes: Vec<u8>) {
        let versions = Versions { first: bytes.clone(), before: bytes.clone(), newest: bytes, count: 1 };
        self.objects.lock().unwrap().insert(path, versions);
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let (mut input, mut output) = (BufReader::new(stream.try_clone().ok()?), stream);
        loop {
            let request = self.hear(&mut input)?;
            if let Manner::Silent(answers) = self.manner
                && self.answers.fetch_add(1, Relaxed) >= answers
            {
                continue;
            }
            let (mut answer, lies) = self.answer(&request);
            let is_head = request.method == "HEAD";
            match self.lie {
                Lie::Dies if lies => {
                    self.is_dead.store(true, Relaxed);
                    return None;
                }
                Lie::Babble if lies => answer.fields.push_str("Content-Length: 0\r\nContent-Length: 1\r\n"),
                Lie::HangsUp if lies => {
                    let half = &answer.body[..answer.body.len() / 2];
                    let head = format!("HTTP/1.1 {} x\r\nContent-Length: {}\r\n\r\n", answer.status, answer.body.len());
                    return output.write_all(&[head.as_bytes(), half].concat()).ok();
                }
                _ => {}
            }
            self.say(&mut output, &answer, is_head)?;
            if matches!(self.manner, Manner::Closing | Manner::UntilEnd) {
                // What comes after is passed over, and must not reset the connection before the answer is read.
                output.shutdown(Shutdown::Write).ok()?;
                return std::io::copy(&mut input, &mut std::io::sink()).ok().map(drop);
            }
        }
    }

    fn hear(&self, input: &mut BufReader<TcpStream>) -> Option<Request> {
        let (mut line, mut words, mut fields) = (String::new(), Vec::new(), HashMap::new());
        while input.read_line(&mut line).ok()? > 0 {
            self.heard.lock().ok()?.extend_from_slice(line.as_bytes());
            match line.trim_end().split_once(": ") {
                _ if words.is_empty() => words = line.split_whitespace().map(str::to_owned).collect(),
                Some((name, value)) => _ = fields.insert(name.to_owned(), value.to_owned()),
                None => break,
            }
            line.clear();
        }
        let length = fields.get("Content-Length").map_or(0, |length| length.parse().unwrap_or(0));
        let mut body = vec![0; length];
        input.read_exact(&mut body).ok()?;
        self.heard.lock().ok()?.extend_from_slice(&body);
        let mut words = words.into_iter();
        Some(Request { method: words.next()?, path: words.next()?, fields, body })
    }

    /// What there is to say, and whether it is the lie.
    fn answer(&self, request: &Request) -> (Answer, bool) {
        let mut objects = self.objects.lock().unwrap();
        match request.method.as_str() {
            _ if request.path.starts_with("/read-only/") => {
                (Answer { body: b"\nread only\nfor ever\n".to_vec(), ..Answer::bare(403) }, false)
            }
            "PUT" => {
                let versions = objects.entry(request.path.clone()).or_default();
                let is_new = versions.newest.is_empty();
                versions.before = std::mem::replace(&mut versions.newest, request.body.clone());
                if is_new {
                    versions.first.clone_from(&request.body);
                }
                versions.count += 1;
                (Answer::bare(if is_new { 201 } else { 204 }), false)
            }
            "DELETE" => {
                let there = objects.get_mut(&request.path).filter(|versions| !versions.newest.is_empty());
                let was_there = there.map(|versions| versions.newest.clear()).is_some();
                let lies = was_there && self.lie == Lie::Gone && self.lied_about.fetch_add(1, Relaxed) == self.at;
                (Answer::bare(if was_there && !lies { 204 } else { 404 }), lies)
            }
            "POST" => (Answer { body: b"thanks".to_vec(), ..Answer::bare(202) }, false),
            _ => match objects.get(&request.path).filter(|versions| !versions.newest.is_empty()) {
                Some(versions) => self.read(request, &versions.clone()),
                None => (Answer::bare(404), false),
            },
        }
    }

    fn read(&self, request: &Request, versions: &Versions) -> (Answer, bool) {
        let mut last = self.last.lock().unwrap();
        let tag = format!("\"v{}\"", versions.count);
        let is_timed = self.manner == Manner::Timed;
        let fields =
            if is_timed { format!("Last-Modified: {tag}\r\nDate: now\r\n") } else { format!("ETag: {tag}\r\n") };
        let condition = request.fields.get(if is_timed { "If-Modified-Since" } else { "If-None-Match" });
        let range = request.fields.get("Range").map(|range| {
            let (first, end) = range.trim_start_matches("bytes=").split_once('-').unwrap();
            first.parse::<usize>().unwrap()..end.parse::<usize>().unwrap() + 1
        });
        let changed = versions.before != versions.newest && versions.count > 1;
        let could_lie = match self.lie {
            Lie::None | Lie::Gone => false,
            Lie::Stale | Lie::Torn => changed && condition.is_none(),
            Lie::Swapped => *last != versions.newest && !last.is_empty(),
            Lie::NoRange => range.is_some(),
            Lie::OtherRange => range.as_ref().is_some_and(|range| range.end < versions.newest.len()),
            Lie::Unchanged => condition.is_some_and(|condition| *condition != tag),
            Lie::OtherLength => request.method == "HEAD",
            _ => request.method == "GET" && range.is_none() && condition.is_none(),
        };
        let lies = could_lie && self.lied_about.fetch_add(1, Relaxed) == self.at;
        if condition == Some(&tag) || (lies && self.lie == Lie::Unchanged) {
            return (Answer { fields, ..Answer::bare(304) }, lies);
        }
        let mut body = versions.newest.clone();
        let total = body.len() + usize::from(lies && self.lie == Lie::OtherLength);
        match self.lie {
            Lie::FlippedBit if lies => body[50] ^= 0x10,
            Lie::Stale if lies => body.clone_from(&versions.first),
            Lie::Torn if lies => body[..64].copy_from_slice(&versions.before[..64]),
            Lie::ShortBody if lies => body.truncate(body.len() - 1),
            Lie::Swapped if lies => body.clone_from(&last),
            Lie::Lost if lies => return (Answer::bare(404), lies),
            Lie::NoRange if lies => return (Answer::bare(416), lies),
            Lie::Unavailable if lies => return (Answer { body: b"later".to_vec(), ..Answer::bare(503) }, lies),
            _ => {}
        }
        last.clone_from(&versions.newest);
        if request.method == "HEAD" {
            return (Answer { fields: format!("{fields}Content-Length: {total}\r\n"), ..Answer::bare(200) }, lies);
        }
        let Some(range) = range else { return (Answer { status: 200, fields, body }, lies) };
        let first = range.start + usize::from(lies && self.lie == Lie::OtherRange);
        let fields = format!("{fields}Content-Range: bytes {first}-{}/{total}\r\n", first + range.len() - 1);
        (Answer { status: 206, fields, body: body[range].to_vec() }, lies)
    }

    fn say(&self, output: &mut TcpStream, answer: &Answer, is_head: bool) -> Option<()> {
        let Answer { status, fields, body } = answer;
        let has_none = is_head || matches!(status, 204 | 304);
        let sized = if has_none { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let said = match self.manner {
            Manner::Sized | Manner::Timed | Manner::Silent(_) => {
                [format!("HTTP/1.1 {status} x\r\n{fields}{sized}\r\n").as_bytes(), body].concat()
            }
            Manner::Interim => {
                let interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
                [format!("{interim}HTTP/1.1 {status} x\r\n{fields}{sized}\r\n").as_bytes(), body].concat()
            }
            Manner::Closing => {
                [format!("HTTP/1.1 {status} x\r\n{fields}{sized}Connection: close\r\n\r\n").as_bytes(), body].concat()
            }
            Manner::UntilEnd => [format!("HTTP/1.0 {status} x\r\n{fields}\r\n").as_bytes(), body].concat(),
            Manner::Chunked if has_none => format!("HTTP/1.1 {status} x\r\n{fields}\r\n").into_bytes(),
            Manner::Chunked => {
                let mut said =
                    format!("HTTP/1.1 {status} x\r\n{fields}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
                let (mut rest, mut length) = (&body[..], 1);
                while !rest.is_empty() {
                    let (chunk, after) = rest.split_at(rest.len().min(length));
                    said.extend_from_slice(format!("{:x}; n=\"{length}\"\r\n", chunk.len()).as_bytes());
                    said.extend_from_slice(chunk);
                    said.extend_from_slice(b"\r\n");
                    (rest, length) = (after, length + 1);
                }
                said.extend_from_slice(b"0\r\nDigest: none\r\n\r\n");
                // The head's last bytes and the first chunks one by one.
                let at = said.len().min(120);
                for byte in &said[..at] {
                    output.write_all(&[*byte]).ok()?;
                }
                said.split_off(at)
            }
        };
        output.write_all(&said).ok()
    }
}
