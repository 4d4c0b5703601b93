//! The work of a cache: memcached's protocols.
//!
//! ```text
//! request   the bytes of a request
//! answer    what an answer says
//! fill      every key once, before the load
//! ```

use spindle_core::simulator::Random;

use super::ClassPlan;
use super::keyspace::{KeyPlan, Keyspace};
use super::work::{HangUp, Heard, Then, Verdict, Work, Written};
use crate::describe::{Fault, Outcome, Part, Sent, check};
use crate::sizes::even;
use answer::{Hearing, Said, hear};
pub use fill::CacheFillError;
pub(super) use fill::fill;
use request::Requests;

pub(crate) mod answer;
mod fill;
mod request;

/// Which of memcached's protocols is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Classic,
    Meta,
}

/// A cache under load.
#[derive(Clone, Debug)]
pub struct CachePlan {
    pub protocol: Protocol,
    /// What every key begins with, 1 to 200 bytes without spaces and controls: classes of one server must not share it.
    pub prefix: String,
    pub keys: KeyPlan,
    /// Of all requests, 0 to 1; the others are gets.
    pub set_share: f64,
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// A get, and whether its answer is looked at byte by byte.
    Get {
        key: u64,
        sent: Sent,
        checked: bool,
    },
    Set {
        key: u64,
        version: u32,
    },
}

pub(super) struct CacheWork {
    keyspace: Keyspace,
    requests: Requests,
    set_share: f64,
    dice: Random,
}

impl CacheWork {
    pub(super) fn new(plan: &CachePlan, class: &ClassPlan) -> CacheWork {
        CacheWork {
            keyspace: Keyspace::new(&plan.keys, class),
            requests: Requests::new(plan),
            set_share: plan.set_share,
            dice: Random::new(!class.seed),
        }
    }

    /// What is wrong with the answer to a get.
    fn judge(&self, key: u64, sent: Sent, checked: bool, echoed: Option<&[u8]>, data: &[u8]) -> Result<(), Fault> {
        let expected = self.keyspace.objects.object(key, 0);
        if let Some(other) = echoed.and_then(|echoed| self.requests.other_key(echoed, key)) {
            return Err(Fault::Swapped { key: other, seed: expected.seed });
        }
        if data.len() as u64 != expected.length {
            return Err(Fault::Length { expected: expected.length, got: data.len() as u64 });
        }
        if checked {
            check(&expected, Part::Whole, data, self.keyspace.ledger.known(sent))?;
        }
        Ok(())
    }

    fn verdict(&mut self, asked: Asked, said: Said<'_>) -> Verdict {
        let judged = match (asked, said) {
            (Asked::Set { key, version }, Said::Stored) => {
                self.keyspace.chooser.note_written(key);
                self.keyspace.ledger.settle(key, version, Outcome::Acknowledged);
                Ok(())
            }
            (Asked::Set { key, version }, _) => {
                self.keyspace.ledger.settle(key, version, Outcome::Refused);
                return Verdict::Refused;
            }
            (Asked::Get { key, sent, checked }, Said::Value { key: echoed, data }) => {
                self.judge(key, sent, checked, echoed, data)
            }
            (Asked::Get { sent, .. }, Said::Nothing) => self.keyspace.ledger.absence(sent).map(drop),
            (Asked::Get { .. }, _) => return Verdict::Refused,
        };
        judged.map_or_else(Verdict::Wrong, |()| Verdict::Right)
    }
}

impl Work for CacheWork {
    type Asked = Asked;
    const HANG_UP: HangUp = HangUp::Trouble;

    fn draw(&mut self, _now_ns: u64) -> Asked {
        if even(self.dice.draw()) < self.set_share {
            let key = self.keyspace.chooser.draw_for_write();
            return Asked::Set { key, version: self.keyspace.ledger.write(key) };
        }
        let key = self.keyspace.chooser.draw();
        Asked::Get { key, sent: self.keyspace.ledger.read(key), checked: self.keyspace.is_checked() }
    }

    fn write(&self, asked: &Asked, from: u64, room: usize, out: &mut Vec<u8>) -> Written {
        match *asked {
            Asked::Get { key, .. } => {
                self.requests.write_get(out, key);
                Written::Whole
            }
            Asked::Set { key, version } => {
                let object = self.keyspace.objects.object(key, version);
                self.requests.write_set_from(out, &object, from, room)
            }
        }
    }

    fn hear(&mut self, asked: &mut Asked, input: &[u8], _now_ns: u64) -> Heard {
        match hear(input, matches!(asked, Asked::Get { .. })) {
            Hearing::Answer { said, consumed } => {
                Heard::Answer { consumed, verdict: self.verdict(*asked, said), then: Then::Keep }
            }
            Hearing::Incomplete { bytes_min } => Heard::More { consumed: 0, bytes_min },
            Hearing::Malformed => Heard::Malformed,
        }
    }
}
