//! Every key once, before the load: in version 1, as the ledger has it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::answer::{Hearing, Said, hear};
use super::request::Requests;
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
    let mut stream = TcpStream::connect_timeout(&class.server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let objects = Objects::new(&plan.keys, class.seed);
    let requests = Requests::new(&CachePlan { protocol: Protocol::Classic, ..plan.clone() });
    let (mut batch, mut awaited) = (Vec::new(), 0);
    for key in 0..plan.keys.count {
        requests.write_set(&mut batch, &objects.object(key, 1));
        awaited += 1;
        if batch.len() >= BATCH_BYTES || key + 1 == plan.keys.count {
            stream.write_all(&batch)?;
            batch.clear();
            expect_stored(&mut stream, std::mem::take(&mut awaited))?;
        }
    }
    Ok(())
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
            match hear(&input[at..], false) {
                Hearing::Answer { said: Said::Stored, consumed } => {
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
