//! Every key once, after the load: whether what was uploaded is there, byte by byte.
//!
//! The load is over, and with it the ledger: which of the versions of a key is the last is not known any more. Each has to
//! be one that was written, and whole.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::HttpPlan;
use super::conversation::{Answered, TalkError, each_object};
use super::objects::ObjectsPlan;
use crate::describe::{Fault, Known, Part, Reading};
use crate::load::ClassPlan;
use crate::load::keyspace::Objects;

/// What lies where a load has put its objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// Whole, and as they were filled.
    pub filled: u64,
    /// Whole, in a version of the load's.
    pub uploaded: u64,
    /// A part of one version, a part of another: two uploads met, to a server that writes them in place.
    pub torn: u64,
}

impl ReadBack {
    pub fn objects(&self) -> u64 {
        self.filled + self.uploaded + self.torn
    }
}

/// What is not there as it was written.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    #[error(transparent)]
    Talk(#[from] TalkError),
    #[error("GET {path} was answered {status}: {line}")]
    Answer {
        path: String,
        status: u16,
        /// The first one of the body.
        line: String,
    },
    #[error("{path}: {fault}")]
    Wrong { path: String, fault: Fault },
}

/// More than anybody writes of one key. What claims to be a later version was not written.
const VERSIONS: Known = Known { oldest: 1, newest: 1 << 20 };

/// Reads every object of a class that has filled its keys, or found them filled, and is over. Of a corpus there is none.
///
/// # Errors
/// The first object that is not there, or not as anybody wrote it.
pub fn read_back(class: &ClassPlan, plan: &HttpPlan) -> Result<ReadBack, ReadBackError> {
    let ObjectsPlan::Keys(keys) = &plan.objects else { return Ok(ReadBack::default()) };
    let objects = Objects::new(keys, plan.filling.seed(class.seed));
    let [filled, uploaded, torn] = [const { AtomicU64::new(0) }; 3];
    each_object(class.server, plan, keys.count, |conversation, key| {
        let object = objects.object(key, VERSIONS.oldest);
        let mut reading = Reading::new(object.key, object.seed, Part::Whole);
        let Answered { status, line } = conversation.get(key, |piece| reading.take(piece))?;
        let path = || conversation.path_of(key);
        let found = match status {
            200 => reading.end(VERSIONS, |_| object.length),
            404 | 410 => Err(Fault::Lost { oldest: VERSIONS.oldest }),
            _ => return Err(ReadBackError::Answer { path: path(), status, line }),
        };
        let counter = match found {
            Ok(version) if version == VERSIONS.oldest => &filled,
            Ok(_) => &uploaded,
            Err(Fault::Torn { .. }) => &torn,
            Err(fault) => return Err(ReadBackError::Wrong { path: path(), fault }),
        };
        counter.fetch_add(1, Relaxed);
        Ok(())
    })?;
    Ok(ReadBack { filled: filled.into_inner(), uploaded: uploaded.into_inner(), torn: torn.into_inner() })
}
