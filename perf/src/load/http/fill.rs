//! Every key once, before the load: in version 1, as the ledger has it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use super::answer::{Answer, Malformed, Step, Then, To};
use super::mix::Method;
use super::objects::ObjectsPlan;
use super::request::Requests;
use super::{Filling, HttpPlan};
use crate::load::ClassPlan;
use crate::load::keyspace::Objects;
use crate::load::work::Written;

/// Why objects could not be put where they are to be asked for.
#[derive(Debug, thiserror::Error)]
pub enum HttpFillError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it hung up")]
    HungUp,
    #[error("an answer is none: {0}")]
    Malformed(#[from] Malformed),
    #[error("PUT {path} was answered {status}: {line}")]
    Answer {
        path: String,
        status: u16,
        /// The first one of the body, or as much of it as fits a message.
        line: String,
    },
}

/// Each has a connection of its own, and waits for every answer.
const THREADS_MAX: u64 = 4;
/// A body is sent in pieces of this size, so that no object is in memory.
const PIECE_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);
/// Of a body that says why something was refused.
const LINE_BYTES_MAX: usize = 200;

/// Puts every key there, if that is to be done.
pub(in crate::load) fn fill(class: &ClassPlan, plan: &HttpPlan) -> Result<(), HttpFillError> {
    let ObjectsPlan::Keys(keys) = &plan.objects else { return Ok(()) };
    let Filling::Put = plan.filling else { return Ok(()) };
    let (objects, stopped) = (Objects::new(keys, class.seed), AtomicBool::new(false));
    let threads = THREADS_MAX.min(keys.count);
    std::thread::scope(|scope| {
        let fillers: Vec<_> = (0..threads)
            .map(|first| {
                let (objects, stopped) = (&objects, &stopped);
                scope.spawn(move || {
                    let mut filler = Filler::new(class.server, plan)?;
                    let mut own = (first..keys.count).step_by(threads as usize);
                    let put = own.try_for_each(|key| match stopped.load(Relaxed) {
                        true => Ok(()),
                        false => filler.put(objects, key),
                    });
                    stopped.fetch_or(put.is_err(), Relaxed);
                    put
                })
            })
            .collect();
        let ends = fillers.into_iter().map(|filler| filler.join().unwrap_or(Err(HttpFillError::HungUp)));
        ends.collect()
    })
}

struct Filler {
    server: SocketAddr,
    stream: TcpStream,
    requests: Requests,
    out: Vec<u8>,
    input: Vec<u8>,
}

impl Filler {
    fn new(server: SocketAddr, plan: &HttpPlan) -> Result<Filler, HttpFillError> {
        let requests = Requests::new(&plan.url, plan.objects.names());
        Ok(Filler { server, stream: dial(server)?, requests, out: Vec::new(), input: Vec::new() })
    }

    fn put(&mut self, objects: &Objects, key: u64) -> Result<(), HttpFillError> {
        let (object, mut from) = (objects.object(key, 1), 0);
        loop {
            self.out.clear();
            let written = self.requests.write_upload(&mut self.out, Method::Put, &object, from, PIECE_BYTES);
            if let Err(error) = self.stream.write_all(&self.out) {
                // A server that refuses may hang up before it has heard everything, and has said why.
                return Err(match self.answer(key) {
                    Err(told @ HttpFillError::Answer { .. }) => told,
                    _ => error.into(),
                });
            }
            match written {
                Written::Part { next } => from = next,
                Written::Whole => break,
            }
        }
        if self.answer(key)? == Then::Close {
            self.stream = dial(self.server)?;
            self.input.clear();
        }
        Ok(())
    }

    /// Waits for the answer to the PUT of `key`.
    fn answer(&mut self, key: u64) -> Result<Then, HttpFillError> {
        let (mut answer, mut status, mut line) = (Answer::new(To::Other), 0, Vec::new());
        let mut chunk = [0; 16 * 1024];
        let then = loop {
            let consumed = match answer.step(&self.input)? {
                Step::Head { consumed, head } => {
                    status = head.status;
                    consumed
                }
                Step::Body { consumed, piece } => {
                    line.extend_from_slice(&piece[..piece.len().min(LINE_BYTES_MAX - line.len())]);
                    consumed
                }
                Step::End { consumed, then } => {
                    self.input.drain(..consumed);
                    break then;
                }
                Step::More { consumed, .. } => {
                    self.input.drain(..consumed);
                    let count = self.stream.read(&mut chunk)?;
                    if count == 0 {
                        answer.ended().map_err(|_| HttpFillError::HungUp)?;
                        break Then::Close;
                    }
                    self.input.extend_from_slice(&chunk[..count]);
                    0
                }
            };
            self.input.drain(..consumed);
        };
        match status {
            200 | 201 | 204 => Ok(then),
            status => Err(self.refusal(key, status, &line)),
        }
    }

    fn refusal(&self, key: u64, status: u16, body: &[u8]) -> HttpFillError {
        let line =
            String::from_utf8_lossy(body).lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
        HttpFillError::Answer { path: self.requests.path_of(key), status, line: line.unwrap_or_default() }
    }
}

fn dial(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
