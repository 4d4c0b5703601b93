//! A server of files, in memory: it keeps what is put there, but for a folder, and answers a GET with it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

pub(crate) struct FileServer {
    pub(crate) address: SocketAddr,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    files: Mutex<HashMap<String, Vec<u8>>>,
    puts: AtomicU64,
    reads: AtomicU64,
}

impl FileServer {
    pub(crate) fn start() -> FileServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, kept) = (listener.local_addr().unwrap(), Arc::<Kept>::default());
        let serving = Arc::clone(&kept);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&serving);
                std::thread::spawn(move || kept.serve(stream.unwrap()));
            }
        });
        FileServer { address, kept }
    }

    /// Under their paths.
    pub(crate) fn files(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.kept.files.lock().unwrap()
    }

    pub(crate) fn puts(&self) -> u64 {
        self.kept.puts.load(Relaxed)
    }

    /// GETs and HEADs.
    pub(crate) fn reads(&self) -> u64 {
        self.kept.reads.load(Relaxed)
    }
}

impl Kept {
    /// None when the client has gone.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let (mut input, mut output) = (BufReader::new(stream.try_clone().ok()?), stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if input.read_line(&mut head).ok()? == 0 {
                    return None;
                }
            }
            let mut words = head.split_whitespace();
            let (method, path) = (words.next()?, words.next()?);
            let length =
                head.split_once("Content-Length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap_or("0"));
            let mut body = vec![0; length.parse().ok()?];
            input.read_exact(&mut body).ok()?;
            output.write_all(&self.answer(method, path, body)).ok()?;
        }
    }

    fn answer(&self, method: &str, path: &str, body: Vec<u8>) -> Vec<u8> {
        let mut files = self.files.lock().unwrap();
        if method == "PUT" {
            if path.starts_with("/read-only/") {
                return b"HTTP/1.1 405 Not Allowed\r\nContent-Length: 9\r\n\r\nread only".to_vec();
            }
            self.puts.fetch_add(1, Relaxed);
            files.insert(path.to_owned(), body);
            return b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        self.reads.fetch_add(1, Relaxed);
        let Some(file) = files.get(path) else {
            return b"HTTP/1.1 404 Not Found\r\nServer: memory/1\r\nContent-Length: 0\r\n\r\n".to_vec();
        };
        let head = format!("HTTP/1.1 200 OK\r\nServer: memory/1\r\nContent-Length: {}\r\n\r\n", file.len());
        [head.as_bytes(), if method == "HEAD" { &[] } else { file }].concat()
    }
}
