//! One blocking conversation about objects: for what is done to each of them once, before a load or after it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use super::HttpPlan;
use super::answer::{Answer, Malformed, Step, Then, To};
use super::mix::Method;
use super::request::{Only, Requests};
use crate::describe::Object;
use crate::load::work::Written;

/// Why a server was not answering.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it hung up")]
    HungUp,
    #[error("an answer is none: {0}")]
    Malformed(#[from] Malformed),
}

/// Each has a connection of its own, and waits for every answer.
const THREADS_MAX: u64 = 4;
/// A body is sent in pieces of this size, so that no object is in memory.
const PIECE_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);
/// Of a body that says why something was refused.
const LINE_BYTES_MAX: usize = 200;

pub(super) struct Conversation {
    server: SocketAddr,
    stream: TcpStream,
    /// After the last answer.
    then: Then,
    requests: Requests,
    out: Vec<u8>,
    input: Vec<u8>,
}

pub(super) struct Answered {
    pub(super) status: u16,
    /// The first one of the body, or as much of it as fits a message.
    pub(super) line: String,
}

/// Does something to each of `keys` objects, until it fails.
pub(super) fn each_object<E: From<TalkError> + Send>(
    server: SocketAddr,
    plan: &HttpPlan,
    keys: u64,
    each: impl Fn(&mut Conversation, u64) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let (threads, stopped) = (THREADS_MAX.min(keys), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let speakers: Vec<_> = (0..threads)
            .map(|first| {
                let (each, stopped) = (&each, &stopped);
                scope.spawn(move || {
                    let mut conversation = Conversation::begin(server, plan)?;
                    let mut own = (first..keys).step_by(threads as usize);
                    let done = own.try_for_each(|key| match stopped.load(Relaxed) {
                        true => Ok(()),
                        false => each(&mut conversation, key),
                    });
                    stopped.fetch_or(done.is_err(), Relaxed);
                    done
                })
            })
            .collect();
        let ends = speakers.into_iter().map(|speaker| speaker.join().unwrap_or(Err(TalkError::HungUp.into())));
        ends.collect()
    })
}

impl Answered {
    /// As it is to a PUT.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.status, 200 | 201 | 204)
    }
}

impl Conversation {
    fn begin(server: SocketAddr, plan: &HttpPlan) -> Result<Conversation, TalkError> {
        let requests = Requests::new(&plan.url, plan.objects.names());
        let stream = dial(server)?;
        Ok(Conversation { server, stream, then: Then::Keep, requests, out: Vec::new(), input: Vec::new() })
    }

    /// Before a request.
    fn go_on(&mut self) -> io::Result<()> {
        if self.then == Then::Close {
            (self.stream, self.then) = (dial(self.server)?, Then::Keep);
            self.input.clear();
        }
        Ok(())
    }

    pub(super) fn put(&mut self, object: &Object) -> Result<Answered, TalkError> {
        self.go_on()?;
        let mut from = 0;
        loop {
            self.out.clear();
            let written = self.requests.write_upload(&mut self.out, Method::Put, object, from, PIECE_BYTES);
            if let Err(error) = self.stream.write_all(&self.out) {
                // A server that refuses may hang up before it has heard everything, and has said why.
                let told = self.answer(|_| {}).ok().filter(|answered| !answered.is_done());
                return told.ok_or(error.into());
            }
            match written {
                Written::Part { next } => from = next,
                Written::Whole => return self.answer(|_| {}),
            }
        }
    }

    /// Hands the body of the answer to `take`, piece by piece.
    pub(super) fn get(&mut self, key: u64, take: impl FnMut(&[u8])) -> Result<Answered, TalkError> {
        self.go_on()?;
        self.out.clear();
        self.requests.write_bare(&mut self.out, Method::Get, key, Only::All);
        self.stream.write_all(&self.out)?;
        self.answer(take)
    }

    /// Where an object lies.
    pub(super) fn path_of(&self, key: u64) -> String {
        self.requests.path_of(key)
    }

    fn answer(&mut self, mut take: impl FnMut(&[u8])) -> Result<Answered, TalkError> {
        let (mut answer, mut status, mut line) = (Answer::new(To::Other), 0, Vec::new());
        let mut chunk = [0; 16 * 1024];
        self.then = loop {
            let consumed = match answer.step(&self.input)? {
                Step::Head { consumed, head } => {
                    status = head.status;
                    consumed
                }
                Step::Body { consumed, piece } => {
                    line.extend_from_slice(&piece[..piece.len().min(LINE_BYTES_MAX - line.len())]);
                    take(piece);
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
                        answer.ended().map_err(|_| TalkError::HungUp)?;
                        break Then::Close;
                    }
                    self.input.extend_from_slice(&chunk[..count]);
                    0
                }
            };
            self.input.drain(..consumed);
        };
        Ok(Answered { status, line: first_line(&line) })
    }
}

fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn dial(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
