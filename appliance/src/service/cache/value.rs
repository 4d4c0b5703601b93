//! Large values: received straight into the memory that they will be served from, without a second copy.
#![forbid(unsafe_code)]

use std::sync::Arc;

use spindle_core::Parcel;
use spindle_net::connection::{Connection, End};
use spindle_net::input::Input;
use spindle_net::wire::memcached::{Answer, Limits, Parsed, Refusal, Request, data_block, parse};
use spindle_slab::{Outcome, Stored, Upload};

use super::session::Session;
use super::shared::CacheService;
use super::{classic, meta};
use crate::service::bridge::UploadInto;

/// Less than this is left of a value: received with the terminator, through the ordinary buffers.
const DIRECT_BYTES_MIN: usize = 4 * 1024;

/// An upload about to begin. The line is kept, since the reply needs its words when the value has arrived.
pub struct Begun {
    pub line: Vec<u8>,
    upload: Result<Upload, Outcome>,
    data_bytes: u64,
}

/// What became of the value.
pub struct Finished {
    outcome: Result<Upload, Failure>,
    /// That went straight into the cache, past the input.
    pub direct_bytes: u64,
}

enum Failure {
    Store(Outcome),
    BadBlock,
}

/// Reads the store at the front of the input and prepares its upload; `None` when there is none.
pub fn begin(session: &Session<'_>, input: &[u8], limits: &Limits) -> Option<Begun> {
    let Parsed::Request { request, consumed } = parse(input, limits) else { return None };
    let cache = &session.service.cache;
    let data_bytes = request.data_bytes()?;
    let mut scratch = [0; 250];
    let (key, how) = match &request {
        Request::Store(store) => (cache.key(store.key), classic::how(session, store)),
        Request::MetaSet(set) => (meta::key(session, &set.key, &mut scratch), meta::how(session, set)),
        _ => return None,
    };
    let upload = cache.reserve(&key, data_bytes as usize, &how).map_err(refused);
    Some(Begun { line: input[..consumed].to_vec(), upload, data_bytes: u64::from(data_bytes) })
}

fn refused(refusal: spindle_slab::Refusal) -> Outcome {
    match refusal {
        spindle_slab::Refusal::TooLarge => Outcome::TooLarge,
        spindle_slab::Refusal::OutOfMemory => Outcome::OutOfMemory,
    }
}

/// Receives the value and its terminator. Also answers how many bytes of the block are still to be swallowed.
pub async fn receive(
    service: &Arc<CacheService>,
    connection: &mut Connection,
    input: &mut Input,
    begun: Begun,
) -> Result<(Finished, u64), End> {
    let block_bytes = begun.data_bytes + data_block::TERMINATOR.len() as u64;
    let failed = |outcome, received_bytes, direct_bytes| {
        (Finished { outcome: Err(Failure::Store(outcome)), direct_bytes }, block_bytes - received_bytes)
    };
    let mut upload = match begun.upload {
        Ok(upload) => upload,
        Err(outcome) => return Ok(failed(outcome, 0, 0)),
    };
    let core = connection.core().clone();
    let now = || service.clock.seconds(core.now_ns());
    let deadline_ns = || service.settings.idle_deadline_ns(core.now_ns());
    // What is received already goes in first, and what arrives while the multishot receive ends.
    connection.pause(input).await?;
    let mut direct_bytes = 0;
    loop {
        let here = upload.remaining().min(input.bytes().len());
        let received = begun.data_bytes - upload.remaining() as u64;
        if upload.write(&input.bytes()[..here], now()).is_err() {
            return Ok(failed(Outcome::OutOfMemory, received, direct_bytes));
        }
        input.consume(here);
        if upload.remaining() == 0 {
            break;
        }
        if upload.remaining() < DIRECT_BYTES_MIN {
            connection.receive_until(input, deadline_ns()).await?;
            continue;
        }
        let received = begun.data_bytes - upload.remaining() as u64;
        let into = match UploadInto::new(upload, now()) {
            Ok(into) => Box::new(into),
            Err(refusal) => return Ok(failed(refused(refusal), received, direct_bytes)),
        };
        let (count, lent) = connection.receive_into(into, deadline_ns()).await;
        let count = count?;
        upload = lent.and_then(|lent| UploadInto::finish(lent, count)).ok_or(End::Refused)?;
        direct_bytes += count as u64;
        if count == 0 {
            return Err(End::Finished);
        }
    }
    while input.bytes().len() < data_block::TERMINATOR.len() {
        connection.receive_until(input, deadline_ns()).await?;
    }
    let end = [input.bytes()[0], input.bytes()[1]];
    input.consume(end.len());
    let outcome = data_block::check(end).map(|()| upload).map_err(|_| Failure::BadBlock);
    Ok((Finished { outcome, direct_bytes }, 0))
}

/// Commits the upload and answers; `line` is the request's.
pub fn answer(session: &Session<'_>, line: &[u8], finished: Finished, limits: &Limits, parcel: &mut Parcel) {
    let Parsed::Request { request, .. } = parse(line, limits) else { return };
    let stored = match finished.outcome {
        Ok(upload) => upload.commit(session.now),
        Err(Failure::Store(outcome)) => Stored { outcome, cas: 0, bytes: 0 },
        Err(Failure::BadBlock) => {
            session.counters.refused_requests.add(1);
            let answer = if let Request::Store(store) = &request { store.answer } else { Answer::Wanted };
            return classic::reply(parcel, answer, Refusal::BadDataChunk.line());
        }
    };
    match &request {
        Request::Store(store) => {
            let key = session.service.cache.key(store.key);
            classic::answer_store(session, &key, store, stored, parcel);
        }
        Request::MetaSet(set) => {
            let mut scratch = [0; 250];
            let key = meta::key(session, &set.key, &mut scratch);
            meta::answer_set(session, &key, set, stored, parcel);
        }
        _ => {}
    }
}
