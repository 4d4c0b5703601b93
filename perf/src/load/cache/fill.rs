//! Every key once, before the load: in version 1, as the ledger has it. Every counter at zero.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::answer::{Hearing, Question, Said, hear};
use super::counters::counters_for;
use super::request::Requests;
use super::stock::Store;
use super::{CachePlan, ClassPlan, Protocol};
use crate::load::keyspace::Objects;

/// Why a cache could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum CacheFillError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("it hung up")]
    HungUp,
    #[error("a set was answered {0:?}")]
    Answer(String),
}

/// A batch is sent at about this size, and answered before the next.
const BATCH_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

pub(in crate::load) fn fill(class: &ClassPlan, plan: &CachePlan) -> Result<(), CacheFillError> {
    let stream = TcpStream::connect_timeout(&class.server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let objects = Objects::new(&plan.keys, class.seed);
    let requests = Requests::new(&CachePlan { protocol: Protocol::Classic, ..plan.clone() }, class.seed);
    let mut filling = Filling { stream, batch: Vec::new(), awaited: 0 };
    for key in 0..plan.keys.count {
        let ttl_s = plan.ttl.map_or(0, |ttl| ttl.of(key, 1, class.seed));
        let store = (&Store { key, version: 1, ttl_s }, None);
        requests.write_store(&mut filling.batch, &objects.object(key, 1), store, 0, usize::MAX);
        filling.wrote_one()?;
    }
    let counters = if plan.mix.incr > 0.0 { counters_for(plan.keys.count) } else { 0 };
    for counter in 0..counters {
        requests.write_zero(&mut filling.batch, counter);
        filling.wrote_one()?;
    }
    filling.send()
}

struct Filling {
    stream: TcpStream,
    batch: Vec<u8>,
    awaited: u64,
}

impl Filling {
    fn wrote_one(&mut self) -> Result<(), CacheFillError> {
        self.awaited += 1;
        if self.batch.len() < BATCH_BYTES { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<(), CacheFillError> {
        self.stream.write_all(&self.batch)?;
        self.batch.clear();
        expect_stored(&mut self.stream, std::mem::take(&mut self.awaited))
    }
}

fn expect_stored(stream: &mut TcpStream, mut awaited: u64) -> Result<(), CacheFillError> {
    let (mut input, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    while awaited > 0 {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Err(CacheFillError::HungUp);
        }
        input.extend_from_slice(&chunk[..count]);
        let mut at = 0;
        loop {
            match hear(&input[at..], Question::Store) {
                Hearing::Answer { said: Said::Done, consumed } => {
                    at += consumed;
                    awaited = awaited.saturating_sub(1);
                }
                Hearing::Incomplete { .. } => break,
                _ => {
                    let answer = String::from_utf8_lossy(&input[at..]).chars().take(80).collect();
                    return Err(CacheFillError::Answer(answer));
                }
            }
        }
        input.drain(..at);
    }
    Ok(())
}
