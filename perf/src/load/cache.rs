//! The work of a cache: memcached's protocols.
//!
//! ```text
//! mix        what is asked, and how often
//! asked      one request, and what has to be remembered of it
//! request    its bytes
//! hit        what a get is answered when all is well
//! answer     what an answer says
//!   multiget   the answer to a request for several objects
//! judging    what is wrong with it
//!   stock      what is known of the objects: versions, who must be there, until when
//!     expiry     times to live
//!   uniques    what compare-and-swaps compare with
//!   counters   what increments count
//! fill       every key once, before the load
//! ```
//!
//! A multiget is one request, and wrong once, whatever is wrong in it. What follows from an answer, a set after a miss or a
//! counter brought back, is a request of its own, due when the answer is there: it is offered, answered and measured as any
//! other, and comes on top of the rate that is asked for.

use spindle_core::simulator::Random;

use super::ClassPlan;
use super::keyspace::KeyPlan;
use super::split::Slice;
use super::work::{HangUp, Heard, Then, Verdict, Work, Written};
use crate::sizes::even;
use answer::{Hearing, hear};
use asked::Swap;
pub(super) use asked::{Asked, Single};
use counters::{Counters, counters_for};
pub use expiry::{Ttl, TtlError};
pub use fill::CacheFillError;
pub(super) use fill::fill;
use hit::Hits;
use mix::{Kind, Kinds};
pub use mix::{Mix, MixError};
use multiget::{Multiget, Part};
use request::Requests;
use stock::{Stock, Store};
use uniques::Uniques;

pub(crate) mod answer;
mod asked;
mod counters;
mod expiry;
mod fill;
mod hit;
mod judging;
mod mix;
mod multiget;
mod request;
mod stock;
mod uniques;

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
    /// What every key begins with, 1 to 200 bytes without spaces and controls. Counters have an `n` after it.
    pub prefix: String,
    pub keys: KeyPlan,
    pub mix: Mix,
    /// Of whatever is set or touched, but for counters. Without, nothing expires.
    pub ttl: Option<Ttl>,
    pub on_miss: OnMiss,
}

impl CachePlan {
    /// Whether two classes of one server would write the same keys.
    pub fn shares_keys_with(&self, other: &CachePlan) -> bool {
        let counts_in = |one: &CachePlan, other: &CachePlan| {
            one.mix.incr > 0.0 && other.prefix.strip_suffix('n') == Some(one.prefix.as_str())
        };
        self.prefix == other.prefix || counts_in(self, other) || counts_in(other, self)
    }
}

/// What follows a get that found nothing where that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMiss {
    Nothing,
    /// A set of the key, as of an application that had to ask its database.
    Set,
}

/// What follows from an answer.
#[derive(Clone, Copy, Debug)]
enum FollowUp {
    Set { key: u64 },
    BringBack { counter: u64 },
}

pub(super) struct CacheWork {
    protocol: Protocol,
    requests: Requests,
    hits: Hits,
    kinds: Kinds,
    multiget_keys: usize,
    on_miss: OnMiss,
    dice: Random,
    stock: Stock,
    counters: Counters,
    uniques: Uniques,
    follow_ups: Vec<FollowUp>,
    /// Of multigets that were answered.
    spare: Vec<Vec<Part>>,
}

impl CacheWork {
    pub(super) fn new(plan: &CachePlan, slice: &Slice) -> CacheWork {
        let (keys, mix) = (plan.keys.count, &plan.mix);
        CacheWork {
            protocol: plan.protocol,
            requests: Requests::new(plan),
            hits: Hits::new(&plan.prefix),
            kinds: Kinds::of(mix),
            multiget_keys: mix.multiget_keys,
            on_miss: plan.on_miss,
            dice: Random::new(!slice.seed_of_draws()),
            stock: Stock::new(plan, slice),
            counters: Counters::new(
                if mix.incr > 0.0 { counters_for(keys) } else { 0 },
                slice.share,
                plan.keys.removal,
            ),
            uniques: Uniques::new(if mix.cas > 0.0 { keys } else { 0 }, slice.share),
            follow_ups: Vec::new(),
            spare: Vec::new(),
        }
    }

    fn get(&mut self, key: u64, now_ns: u64) -> Single {
        Single::Get { look: self.stock.look(key, now_ns), checked: self.stock.checked() }
    }

    /// A get that was answered as it should be, in the form that nearly every answer has.
    #[inline]
    fn hear_hit(&mut self, single: &Single, input: &[u8]) -> Option<(Verdict, usize)> {
        let Single::Get { look, checked } = single else { return None };
        let length = self.stock.keyspace.objects.object(look.key, 0).length;
        let (data, consumed) = self.hits.find(input, look.key, length)?;
        let verdict = self.stock.check_value(look, data, *checked).map_or_else(Verdict::Wrong, |_| Verdict::Right);
        Some((verdict, consumed))
    }

    fn multiget(&mut self, now_ns: u64) -> Multiget {
        let mut multiget = Multiget::new(self.spare.pop().unwrap_or_default(), self.stock.checked());
        for _ in 0..self.multiget_keys {
            let key = self.stock.keyspace.chooser.draw();
            if !multiget.has(key) {
                multiget.parts.push(Part { look: self.stock.look(key, now_ns), found: false });
            }
        }
        multiget
    }

    fn delete(&mut self, key: u64, now_ns: u64) -> Single {
        Single::Delete { look: self.stock.look(key, now_ns), before: self.stock.delete(key) }
    }

    fn touch(&mut self, key: u64, now_ns: u64) -> Single {
        let look = self.stock.look(key, now_ns);
        Single::Touch { look, ttl_s: self.stock.touch(key, now_ns, self.dice.draw()) }
    }

    /// Compares with what was seen last, or sees what is there to compare with the next time.
    fn cas(&mut self, key: u64, now_ns: u64) -> Single {
        let Some(seen) = self.uniques.take(key) else { return self.get(key, now_ns) };
        let look = self.stock.look(key, now_ns);
        let (store, before) = self.stock.store_over(key, now_ns);
        Single::Cas(Box::new(Swap { look, before, store, seen }))
    }

    fn write_single(&self, asked: &Single, from: u64, room: usize, out: &mut Vec<u8>) -> Written {
        match asked {
            Single::Set(store) => return self.write_store(store, None, from, room, out),
            Single::Cas(swap) => {
                return self.write_store(&swap.store, Some(swap.seen.unique()), from, room, out);
            }
            Single::Get { look, .. } => self.requests.write_get(out, look.key),
            Single::Delete { look, .. } => self.requests.write_delete(out, look.key),
            Single::Touch { look, ttl_s } => self.requests.write_touch(out, look.key, *ttl_s),
            Single::Incr(increment) => self.requests.write_incr(out, increment.counter),
            Single::Add { counter } => self.requests.write_add(out, *counter),
        }
        Written::Whole
    }

    fn write_store(&self, store: &Store, unique: Option<u64>, from: u64, room: usize, out: &mut Vec<u8>) -> Written {
        let object = self.stock.keyspace.objects.object(store.key, store.version);
        self.requests.write_store(out, &object, (store, unique), from, room)
    }
}

impl Work for CacheWork {
    type Asked = Asked;
    const HANG_UP: HangUp = HangUp::Trouble;

    fn draw(&mut self, now_ns: u64) -> Asked {
        let kind = self.kinds.at(even(self.dice.draw()));
        let chooser = &mut self.stock.keyspace.chooser;
        let key = match kind {
            Kind::Multiget => return Asked::Several(Box::new(self.multiget(now_ns))),
            Kind::Set => chooser.draw_for_write(),
            Kind::Get | Kind::Delete | Kind::Touch | Kind::Incr | Kind::Cas => chooser.draw(),
        };
        Asked::One(match kind {
            Kind::Set => Single::Set(self.stock.store(key, now_ns)),
            Kind::Delete => self.delete(key, now_ns),
            Kind::Touch => self.touch(key, now_ns),
            Kind::Incr => Single::Incr(self.counters.ask(key)),
            Kind::Cas => self.cas(key, now_ns),
            Kind::Get | Kind::Multiget => self.get(key, now_ns),
        })
    }

    fn follow_up(&mut self, now_ns: u64) -> Option<Asked> {
        let single = match self.follow_ups.pop()? {
            FollowUp::Set { key } => Single::Set(self.stock.store(key, now_ns)),
            FollowUp::BringBack { counter } => Single::Add { counter },
        };
        Some(Asked::One(single))
    }

    fn write(&self, asked: &Asked, from: u64, room: usize, out: &mut Vec<u8>) -> Written {
        match asked {
            Asked::One(single) => self.write_single(single, from, room, out),
            Asked::Several(multiget) => {
                self.requests.write_multiget(out, multiget.parts.iter().map(|part| part.look.key));
                Written::Whole
            }
        }
    }

    fn hear(&mut self, asked: &mut Asked, input: &[u8], now_ns: u64) -> Heard {
        let single = match asked {
            Asked::One(single) => single,
            Asked::Several(multiget) => return self.hear_multiget(multiget, input, now_ns),
        };
        if let Some((verdict, consumed)) = self.hear_hit(single, input) {
            return Heard::Answer { consumed, verdict, then: Then::Keep };
        }
        match hear(input, single.question()) {
            Hearing::Answer { said, consumed } => {
                Heard::Answer { consumed, verdict: self.verdict(single, said, now_ns), then: Then::Keep }
            }
            Hearing::Incomplete { bytes_min } => Heard::More { consumed: 0, bytes_min },
            Hearing::Malformed => Heard::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::Removal;
    use crate::popularity::Popularity;
    use crate::sizes::Sizes;

    #[test]
    fn classes_share_keys_by_their_prefixes_or_by_those_of_their_counters() {
        let plan = |prefix: &str, mix: &str| CachePlan {
            protocol: Protocol::Classic,
            prefix: prefix.into(),
            keys: KeyPlan {
                count: 1,
                popularity: Popularity::Uniform,
                sizes: Sizes::Fixed(1),
                removal: Removal::Never,
            },
            mix: mix.parse().unwrap(),
            ttl: None,
            on_miss: OnMiss::Nothing,
        };
        let (counting, other, beside) = (plan("a", "incr=1"), plan("an", "get=1"), plan("a", "get=1"));
        assert!(counting.shares_keys_with(&beside));
        assert!(counting.shares_keys_with(&other) && other.shares_keys_with(&counting));
        assert!(!beside.shares_keys_with(&other));
    }
}
