//! A request for several objects, and its answer, object by object as it arrives.

use spindle_net::wire::memcached::reply_parse::{MetaCode, ParsedReply, Reply, parse_reply};

use super::answer::{Item, flag, unique};
use super::stock::{Checked, Look};
use crate::describe::Fault;

/// What has to be remembered of a multiget.
#[derive(Debug)]
pub(in crate::load) struct Multiget {
    /// Of different keys.
    pub(super) parts: Vec<Part>,
    pub(super) checked: Checked,
    /// Where the next object is probably found: servers answer in order.
    next: usize,
    /// The first that was met.
    pub(super) fault: Option<Fault>,
    /// A meta get among them was answered with an error.
    pub(super) refused: bool,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::load) struct Part {
    pub(super) look: Look,
    pub(super) found: bool,
}

/// What comes next in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// An object, and the number of the part that it says to be; none where it says another.
    Found {
        part: Option<usize>,
        item: Item<'a>,
        consumed: usize,
    },
    /// One of several requests was refused.
    Refused {
        consumed: usize,
    },
    End {
        consumed: usize,
    },
    Incomplete {
        bytes_min: usize,
    },
    Malformed,
}

impl Multiget {
    pub(super) fn new(parts: Vec<Part>, checked: Checked) -> Multiget {
        Multiget { parts, checked, next: 0, fault: None, refused: false }
    }

    pub(super) fn has(&self, key: u64) -> bool {
        self.parts.iter().any(|part| part.look.key == key)
    }

    /// What is next in the answer. `number_of` says which key an echoed one is.
    pub(super) fn next<'a>(&mut self, input: &'a [u8], number_of: impl Fn(&[u8]) -> Option<u64>) -> Next<'a> {
        let (reply, consumed) = match parse_reply(input) {
            ParsedReply::Incomplete { bytes_min } => return Next::Incomplete { bytes_min },
            ParsedReply::Malformed => return Next::Malformed,
            ParsedReply::Reply { reply, consumed } => (reply, consumed),
        };
        match reply {
            Reply::Value(value) => {
                let item = Item { key: Some(value.key), unique: value.cas, data: value.data };
                Next::Found { part: number_of(value.key).and_then(|key| self.part_of(key)), item, consumed }
            }
            Reply::MetaValue { data, flags } => {
                let part = flag(flags, b'O').map(|opaque| opaque as usize).filter(|part| *part < self.parts.len());
                Next::Found { part, item: Item { key: None, unique: unique(flags), data }, consumed }
            }
            Reply::End | Reply::Meta { code: MetaCode::Mn, .. } => Next::End { consumed },
            Reply::Error(_) | Reply::ClientError(_) | Reply::ServerError(_) => Next::Refused { consumed },
            _ => Next::Malformed,
        }
    }

    fn part_of(&mut self, key: u64) -> Option<usize> {
        let is_it = |part: &Part| part.look.key == key;
        let after = self.parts[self.next..].iter().position(is_it).map(|ahead| self.next + ahead);
        let part = after.or_else(|| self.parts[..self.next].iter().position(is_it))?;
        self.next = part + 1;
        Some(part)
    }

    /// Of several faults the first is told: one request is wrong once.
    pub(super) fn note(&mut self, judged: Result<(), Fault>) {
        self.fault = self.fault.or(judged.err());
    }
}
