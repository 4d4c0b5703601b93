//! Every key once, before the load: in version 1, as the ledger has it.

use super::conversation::{Answered, TalkError, each_object};
use super::objects::ObjectsPlan;
use super::{Filling, HttpPlan};
use crate::load::ClassPlan;
use crate::load::keyspace::Objects;

/// Why objects could not be put where they are to be asked for.
#[derive(Debug, thiserror::Error)]
pub enum HttpFillError {
    #[error(transparent)]
    Talk(#[from] TalkError),
    #[error("PUT {path} was answered {status}: {line}")]
    Answer {
        path: String,
        status: u16,
        /// The first one of the body.
        line: String,
    },
}

/// Puts every key there, if that is to be done.
pub(in crate::load) fn fill(class: &ClassPlan, plan: &HttpPlan) -> Result<(), HttpFillError> {
    let ObjectsPlan::Keys(keys) = &plan.objects else { return Ok(()) };
    let Filling::Put = plan.filling else { return Ok(()) };
    let objects = Objects::new(keys, class.seed);
    each_object(class.server, plan, keys.count, |conversation, key| {
        let answered = conversation.put(&objects.object(key, 1))?;
        if answered.is_done() {
            return Ok(());
        }
        let Answered { status, line } = answered;
        Err(HttpFillError::Answer { path: conversation.path_of(key), status, line })
    })
}
