//! What is wrong with an answer.

use super::answer::{Item, Said};
use super::asked::Single;
use super::expiry::{Came, Own};
use super::multiget::{Multiget, Next};
use super::stock::{Before, Checked, Look, Store};
use super::uniques::Seen;
use super::{CacheWork, FollowUp, OnMiss, Protocol};
use crate::describe::{Fault, Outcome};
use crate::load::work::{Heard, Then, Verdict};

/// Whose key is none of the load's.
const NOBODY: u64 = u64::MAX;

/// None of a request that was refused.
type Judged = Option<Result<(), Fault>>;

impl CacheWork {
    /// What the answer to a request says. One that does not go with it is an error, as error replies are.
    pub(super) fn verdict(&mut self, asked: &Single, said: Said<'_>, now_ns: u64) -> Verdict {
        let judged = match (asked, said) {
            (Single::Get { look, checked }, Said::Value(item)) => Some(self.judge_value(look, &item, *checked)),
            (Single::Get { look, .. }, Said::NotFound) => Some(self.judge_miss(look, now_ns)),
            (Single::Set(store), said) => self.judge_set(store, said, now_ns),
            (Single::Cas(swap), said) => {
                let judged = self.judge_cas(&swap.look, swap.before, &swap.seen, said, now_ns);
                self.end_cas(&swap.store, said, now_ns);
                judged
            }
            (Single::Delete { look, before }, said) => self.judge_delete(look, *before, said, now_ns),
            (Single::Touch { look, ttl_s }, said) => self.judge_touch(look, *ttl_s, said, now_ns),
            (Single::Incr(increment), Said::Number(number)) => Some(self.counters.counted(*increment, number)),
            (Single::Incr(increment), Said::NotFound) => {
                self.follow_ups.push(FollowUp::BringBack { counter: increment.counter });
                Some(self.counters.missed(*increment))
            }
            (Single::Add { .. }, Said::Done | Said::NotStored) => Some(Ok(())),
            (Single::Get { .. } | Single::Incr(_) | Single::Add { .. }, _) => None,
        };
        match judged {
            None => Verdict::Refused,
            Some(Ok(())) => Verdict::Right,
            Some(Err(fault)) => Verdict::Wrong(fault),
        }
    }

    fn judge_value(&mut self, look: &Look, item: &Item<'_>, checked: Checked) -> Result<(), Fault> {
        if let Some(echoed) = item.key
            && !self.requests.is_key(echoed, look.key)
        {
            return Err(self.swapped(self.requests.number_of(echoed)));
        }
        let version = self.stock.check_value(look, item.data, checked)?;
        if let Some(unique) = item.unique {
            self.uniques.note(look.key, unique, version, self.stock.known(look));
        }
        Ok(())
    }

    fn swapped(&self, key: Option<u64>) -> Fault {
        Fault::Swapped { key: key.unwrap_or(NOBODY), seed: self.stock.seed }
    }

    /// A read found nothing.
    fn judge_miss(&mut self, look: &Look, now_ns: u64) -> Result<(), Fault> {
        self.stock.check_absence(look, now_ns)?;
        if self.on_miss == OnMiss::Set {
            self.follow_ups.push(FollowUp::Set { key: look.key });
        }
        Ok(())
    }

    fn judge_set(&mut self, store: &Store, said: Said<'_>, now_ns: u64) -> Judged {
        if said != Said::Done {
            self.stock.settle(store, now_ns, Outcome::Refused);
            return None;
        }
        self.stored(store, now_ns);
        Some(Ok(()))
    }

    fn stored(&mut self, store: &Store, now_ns: u64) {
        self.stock.keyspace.chooser.note_written(store.key);
        self.stock.settle(store, now_ns, Outcome::Acknowledged);
    }

    fn judge_cas(&mut self, look: &Look, before: Before, seen: &Seen, said: Said<'_>, now_ns: u64) -> Judged {
        let found = || self.stock.check_presence_before(look, before, Own::UnderWay);
        match said {
            Said::Done => Some(seen.check_stored(self.stock.known(look).oldest).and_then(|()| found())),
            Said::Exists if self.stock.is_alone(look.key, before) => {
                Some(seen.check_exists(before.version).and_then(|()| found()))
            }
            Said::Exists => Some(found()),
            Said::NotFound => Some(self.stock.check_absence_before(look, before, now_ns)),
            _ => None,
        }
    }

    fn end_cas(&mut self, store: &Store, said: Said<'_>, now_ns: u64) {
        match said {
            Said::Done => self.stored(store, now_ns),
            Said::Exists | Said::NotFound => self.stock.settle(store, now_ns, Outcome::NotStored),
            _ => self.stock.settle(store, now_ns, Outcome::Refused),
        }
    }

    fn judge_delete(&mut self, look: &Look, before: Before, said: Said<'_>, now_ns: u64) -> Judged {
        let judged = match said {
            Said::Done => Some(self.stock.check_presence_before(look, before, Own::None)),
            Said::NotFound => Some(self.stock.check_absence_before(look, before, now_ns)),
            _ => None,
        };
        // What was not there is as good as deleted.
        let outcome = if judged.is_some() { Outcome::Acknowledged } else { Outcome::Refused };
        self.stock.settle_delete(look.key, before, outcome);
        judged
    }

    fn judge_touch(&mut self, look: &Look, ttl_s: u32, said: Said<'_>, now_ns: u64) -> Judged {
        let (judged, came) = match said {
            Said::Done => (Some(self.stock.check_presence(look)), Came::Done),
            Said::NotFound => (Some(self.stock.check_absence(look, now_ns)), Came::Nothing),
            _ => (None, Came::Nothing),
        };
        self.stock.end_life(look.key, now_ns, ttl_s, came);
        judged
    }

    /// Reads on in the answer to a multiget.
    pub(super) fn hear_multiget(&mut self, asked: &mut Multiget, input: &[u8], now_ns: u64) -> Heard {
        let mut at = 0;
        loop {
            match asked.next(&input[at..], |echoed| self.requests.number_of(echoed)) {
                Next::Found { part, item, consumed } => {
                    at += consumed;
                    let judged = self.judge_part(asked, part, &item);
                    asked.note(judged);
                }
                Next::Refused { consumed } => {
                    at += consumed;
                    asked.refused = true;
                    if self.protocol == Protocol::Classic {
                        return self.end_multiget(asked, at, now_ns);
                    }
                }
                Next::End { consumed } => return self.end_multiget(asked, at + consumed, now_ns),
                Next::Incomplete { bytes_min } => return Heard::More { consumed: at, bytes_min },
                Next::Malformed => return Heard::Malformed,
            }
        }
    }

    /// An object among several: asked for, and not answered before.
    fn judge_part(&mut self, asked: &mut Multiget, part: Option<usize>, item: &Item<'_>) -> Result<(), Fault> {
        let Some(part) = part.and_then(|part| asked.parts.get_mut(part)) else {
            return Err(self.swapped(item.key.and_then(|echoed| self.requests.number_of(echoed))));
        };
        if std::mem::replace(&mut part.found, true) {
            return Err(self.swapped(Some(part.look.key)));
        }
        let look = part.look;
        self.judge_value(&look, item, asked.checked)
    }

    fn end_multiget(&mut self, asked: &mut Multiget, consumed: usize, now_ns: u64) -> Heard {
        let mut parts = std::mem::take(&mut asked.parts);
        for part in parts.iter().filter(|part| !part.found && !asked.refused) {
            let judged = self.judge_miss(&part.look, now_ns);
            asked.fault = asked.fault.or(judged.err());
        }
        parts.clear();
        self.spare.push(parts);
        let verdict = match asked.fault {
            Some(fault) => Verdict::Wrong(fault),
            None if asked.refused => Verdict::Refused,
            None => Verdict::Right,
        };
        Heard::Answer { consumed, verdict, then: Then::Keep }
    }
}
