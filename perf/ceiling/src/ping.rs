//! The load of `bin/ping`: connections, batches, and the server's CPU time.
#![allow(unsafe_code)]

use crate::buffers::{Buffers, Consumption, GROUP};
use crate::lines::Work;
use crate::ring::{IoWait, Ring, SqArray, Wait};
use io_uring::{cqueue, opcode, squeue, types};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const RECEIVE_BUFFERS: u16 = 64;
const RECEIVE_BYTES: usize = 32 * 1024;

/// A finished run.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub requests: u64,
    pub seconds: f64,
}

/// A server's process.
#[derive(Clone, Copy, Debug)]
pub struct Server(pub u32);

impl Server {
    /// CPU seconds of all its threads, to the nanosecond of the scheduler's last look (a tick at worst).
    ///
    /// # Errors
    /// Those of reading /proc/PID/task/*/schedstat.
    pub fn cpu_seconds(&self) -> io::Result<f64> {
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0))? {
            let line = std::fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += line.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(nanoseconds as f64 / 1e9)
    }
}

struct Client {
    stream: TcpStream,
    /// Reply bytes of the batch that are still to come.
    awaited: usize,
}

pub struct Load {
    // Dropped in this order: the ring first, then what its operations point to.
    ring: Ring,
    buffers: Buffers,
    batch: Vec<u8>,
    depth: usize,
    batch_reply_bytes: usize,
    clients: Vec<Client>,
}

impl Load {
    /// Connects, stores the key that gets ask for, and learns the length of a reply.
    ///
    /// # Errors
    /// Those of connecting and of the ring; `InvalidData` when the server does not answer as expected.
    pub fn new(to: SocketAddr, connections: usize, work: Work, depth: usize) -> io::Result<Load> {
        let set = format!("set key_0000000000 0 0 100\r\n{}\r\n", "0123456789".repeat(10));
        probe(to, set.as_bytes(), b"STORED\r\n")?;
        let (request, reply_bytes) = match work {
            Work::Get => ("get key_0000000000\r\n".to_owned(), probe(to, b"get key_0000000000\r\n", b"END\r\n")?),
            Work::Set => (set, b"STORED\r\n".len()),
        };
        let ring = Ring::new(Wait { completions: 1, at_least: Duration::ZERO }, SqArray::Kept, IoWait::Counted)?;
        let buffers = Buffers::register(ring.submitter(), RECEIVE_BUFFERS, RECEIVE_BYTES, Consumption::Whole)?;
        let batch = request.repeat(depth).into_bytes();
        let batch_reply_bytes = reply_bytes * depth;
        let mut load = Load { ring, buffers, batch, depth, batch_reply_bytes, clients: Vec::new() };
        for id in 0..connections {
            let stream = TcpStream::connect(to)?;
            stream.set_nodelay(true)?;
            load.clients.push(Client { stream, awaited: 0 });
            load.receive(id)?;
        }
        Ok(load)
    }

    /// Loads the server for `span`, then waits until every batch is answered.
    ///
    /// # Errors
    /// Those of the ring; `UnexpectedEof` when the server hangs up.
    pub fn run(&mut self, span: Duration) -> io::Result<Outcome> {
        let start = Instant::now();
        for id in 0..self.clients.len() {
            self.send(id)?;
        }
        let mut batches = 0;
        let mut busy = self.clients.len();
        let mut completions = Vec::new();
        while busy > 0 {
            self.ring.turn(&mut completions)?;
            let over = start.elapsed() >= span;
            for completion in completions.drain(..) {
                let id = completion.user_data() as usize;
                if !self.received(id, &completion)? {
                    continue;
                }
                batches += 1;
                if over {
                    busy -= 1;
                } else {
                    self.send(id)?;
                }
            }
        }
        Ok(Outcome { requests: batches * self.depth as u64, seconds: start.elapsed().as_secs_f64() })
    }

    /// Takes in reply bytes; true when they complete the client's batch.
    fn received(&mut self, id: usize, completion: &cqueue::Entry) -> io::Result<bool> {
        let more = cqueue::more(completion.flags());
        match completion.result() {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            error if error < 0 && error != -libc::ENOBUFS => return Err(io::Error::from_raw_os_error(-error)),
            _ => {}
        }
        let Some(chunk) = self.buffers.take(completion) else {
            self.receive(id)?;
            return Ok(false);
        };
        let bytes = self.buffers.bytes(&chunk).len();
        self.buffers.give_back(chunk);
        if !more {
            self.receive(id)?;
        }
        let client = &mut self.clients[id];
        client.awaited = client.awaited.checked_sub(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(client.awaited == 0)
    }

    fn receive(&mut self, id: usize) -> io::Result<()> {
        let receive = opcode::RecvMulti::new(types::Fd(self.clients[id].stream.as_raw_fd()), GROUP).build();
        // SAFETY: the operation has no pointer; its buffers belong to `Buffers`, which outlives the ring.
        unsafe { self.ring.push(&receive.user_data(id as u64)) }
    }

    fn send(&mut self, id: usize) -> io::Result<()> {
        self.clients[id].awaited = self.batch_reply_bytes;
        let fd = types::Fd(self.clients[id].stream.as_raw_fd());
        let flags = libc::MSG_WAITALL | libc::MSG_NOSIGNAL;
        let send = opcode::Send::new(fd, self.batch.as_ptr(), self.batch.len() as u32).flags(flags).build();
        // A failed send shows as a hang-up in the receive, too; success needs no completion.
        let send = send.flags(squeue::Flags::SKIP_SUCCESS).user_data(id as u64);
        // SAFETY: the batch never changes and outlives the ring.
        unsafe { self.ring.push(&send) }
    }
}

/// Asks once, over a connection of its own, and returns the length of the reply, which must end in `end`.
fn probe(to: SocketAddr, request: &[u8], end: &[u8]) -> io::Result<usize> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request)?;
    let mut reply = Vec::new();
    let mut part = [0; 4096];
    while !reply.ends_with(end) {
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => reply.extend_from_slice(&part[..read]),
        }
    }
    if reply.len() == end.len() && end != b"STORED\r\n" {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the server did not keep the key"));
    }
    Ok(reply.len())
}
