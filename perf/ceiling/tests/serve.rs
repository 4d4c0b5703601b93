//! The programs themselves, over loopback: every reply arrives whole and in order, whatever the reader does.
#![forbid(unsafe_code)]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use spindle_ceiling::lines::Work;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(flags: &[&str]) -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_spindle-ceiling"))
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Server { process, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// SIGTERM ends it cleanly, and its port is free at once.
    fn stop(mut self) {
        kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM).unwrap();
        assert!(self.process.wait().unwrap().success());
        assert!(TcpStream::connect(&self.address).is_err());
    }
}

/// A failed test leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const VARIANTS: [&[&str]; 6] = [
    &["--engine", "raw", "--send", "inline"],
    &["--engine", "raw", "--send", "kept", "--files", "plain"],
    &["--engine", "async", "--send", "inline", "--files", "plain"],
    &["--engine", "async", "--send", "kept"],
    &["--engine", "async", "--consumption", "incremental", "--buffers", "2", "--buffer-bytes", "1000"],
    &["--engine", "raw", "--buffers", "1", "--buffer-bytes", "7"],
];

fn expected(work: Work, replies: usize) -> Vec<u8> {
    let mut bytes = vec![0; work.reply_bytes() * replies];
    work.write_replies(&mut bytes);
    bytes
}

/// Asks for far more than the sockets hold before reading a byte: inline sends are cut short and must be resumed.
#[test]
fn a_slow_reader_gets_every_byte() {
    const REQUESTS: usize = 100_000;
    for flags in VARIANTS {
        let server = Server::start(flags);
        let mut stream = server.connect();
        stream.write_all(&b"get key_0000000000\r\n".repeat(REQUESTS)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut replies = Vec::new();
        stream.read_to_end(&mut replies).unwrap();
        assert!(replies == expected(Work::Get, REQUESTS), "{flags:?}: {} bytes", replies.len());
        server.stop();
    }
}

#[test]
fn sets_and_gets_live_side_by_side_and_hang_ups_harm_nobody() {
    for flags in VARIANTS {
        let server = Server::start(flags);
        let (mut gets, mut sets) = (server.connect(), server.connect());
        for _ in 0..20 {
            let mut rude = server.connect();
            rude.write_all(&b"get a\r\n".repeat(1000)).unwrap();
            drop(rude);
            gets.write_all(b"get a\r\nget b\r\n").unwrap();
            sets.write_all(b"set a 0 0 1\r\nx\r\n").unwrap();
            let mut reply = expected(Work::Get, 2);
            gets.read_exact(&mut reply).unwrap();
            assert!(reply == expected(Work::Get, 2));
            let mut reply = expected(Work::Set, 1);
            sets.read_exact(&mut reply).unwrap();
            assert!(reply == expected(Work::Set, 1));
        }
        server.stop();
    }
}

/// What the toy was given it gives back, to every connection, though the first reads nothing before it has asked for all.
#[test]
fn the_toy_returns_what_was_set() {
    const REQUESTS: usize = 5_000;
    let value = b"\nx\r\n".repeat(700);
    let set = [format!("set a 5 0 {}\r\n", value.len()).as_bytes(), &value, b"\r\n"].concat();
    let hit = [format!("VALUE a 5 {}\r\n", value.len()).as_bytes(), &value, b"\r\nEND\r\n"].concat();
    for flags in VARIANTS {
        let server = Server::start(&[flags, &["--store", "toy"]].concat());
        let (mut slow, mut other) = (server.connect(), server.connect());
        slow.write_all(&set).unwrap();
        slow.write_all(&b"get a\r\n".repeat(REQUESTS)).unwrap();
        slow.shutdown(Shutdown::Write).unwrap();
        let mut replies = Vec::new();
        slow.read_to_end(&mut replies).unwrap();
        assert!(replies == [b"STORED\r\n", &hit.repeat(REQUESTS)[..]].concat(), "{flags:?}: {} bytes", replies.len());
        other.write_all(b"get b\r\nget a\r\n").unwrap();
        let mut reply = vec![0; b"END\r\n".len() + hit.len()];
        other.read_exact(&mut reply).unwrap();
        assert!(reply == [b"END\r\n", &hit[..]].concat(), "{flags:?}");
        server.stop();
    }
}
