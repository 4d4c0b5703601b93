//! The work of a cache: memcached's protocols.
//!
//! ```text
//! mix        what is asked, and how often
//! asked      one request, and what has to be remembered of it
//! request    its bytes
//!   key      those of a key
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

use super::keyspace::KeyPlan;
use super::split::Slice;
use super::work::{HangUp, Heard, Then, Verdict, Work, Written};
use super::{ClassPlan, Operation};
use crate::sizes::{Sizes, even};
use answer::{Hearing, hear};
use asked::Swap;
pub(super) use asked::{Asked, Single};
use counters::{Counters, counters_for};
pub use expiry::{Ttl, TtlError};
pub use fill::CacheFillError;
pub(super) use fill::fill;
use hit::Hits;
pub use key::KEY_BYTES_MAX;
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
mod key;
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
    /// How long a key is, prefix and number included: drawn by its number and the seed of the class. 250 at most (longer ones
    /// are cut), and never too short for prefix and number, which is how long all are without a law.
    pub key_sizes: Option<Sizes>,
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
        let requests = Requests::new(plan, slice.class.seed);
        CacheWork {
            protocol: plan.protocol,
            hits: requests.hits(),
            requests,
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

    fn operations(&self) -> Vec<Operation> {
        let mut operations: Vec<Operation> = self.kinds.all().map(Kind::operation).collect();
        let has = |operation| operations.contains(&operation);
        let reads = [Operation::Get, Operation::Multiget, Operation::Cas].into_iter().any(has);
        let following = [
            // To see what to compare with.
            has(Operation::Cas).then_some(Operation::Get),
            (reads && self.on_miss == OnMiss::Set).then_some(Operation::Set),
            has(Operation::Incr).then_some(Operation::Add),
        ];
        for operation in following.into_iter().flatten() {
            if !operations.contains(&operation) {
                operations.push(operation);
            }
        }
        operations
    }

    #[inline]
    fn operation(asked: &Asked) -> Operation {
        asked.operation()
    }

    fn draw_operation(&mut self) -> Operation {
        self.kinds.at(even(self.dice.draw())).operation()
    }

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
    use crate::load::{Pace, Verify, WorkPlan};
    use crate::popularity::Popularity;

    fn plan(prefix: &str, mix: &str, on_miss: OnMiss) -> CachePlan {
        let keys =
            KeyPlan { count: 3, popularity: Popularity::Uniform, sizes: Sizes::Fixed(1), removal: Removal::Allowed };
        let mix = mix.parse().unwrap();
        CachePlan { protocol: Protocol::Classic, prefix: prefix.into(), key_sizes: None, keys, mix, ttl: None, on_miss }
    }

    #[test]
    fn classes_share_keys_by_their_prefixes_or_by_those_of_their_counters() {
        let plan = |prefix: &str, mix: &str| plan(prefix, mix, OnMiss::Nothing);
        let (counting, other, beside) = (plan("a", "incr=1"), plan("an", "get=1"), plan("a", "get=1"));
        assert!(counting.shares_keys_with(&beside));
        assert!(counting.shares_keys_with(&other) && other.shares_keys_with(&counting));
        assert!(!beside.shares_keys_with(&other));
    }

    fn work(mix: &str, on_miss: OnMiss) -> CacheWork {
        let plan = plan("k", mix, on_miss);
        let class = ClassPlan {
            name: String::new(),
            server: ([127, 0, 0, 1], 11211).into(),
            pace: Pace::Closed,
            connections: 1,
            depth: 1,
            churn: None,
            verify: Verify::All,
            seed: 7,
            work: WorkPlan::Cache(plan.clone()),
        };
        CacheWork::new(&plan, &Slice::whole(0, &class))
    }

    #[test]
    fn a_class_says_beforehand_what_it_asks_for() {
        use Operation::{Add, Cas, Delete, Get, Incr, Multiget, Set, Touch};
        for (mix, on_miss, operations) in [
            ("get=1", OnMiss::Nothing, vec![Get]),
            ("get=1", OnMiss::Set, vec![Get, Set]),
            ("multiget=1:2", OnMiss::Set, vec![Multiget, Set]),
            ("set=1,get=9", OnMiss::Set, vec![Get, Set]),
            ("set=1", OnMiss::Set, vec![Set]),
            ("delete=1,touch=1", OnMiss::Set, vec![Delete, Touch]),
            ("cas=1", OnMiss::Nothing, vec![Cas, Get]),
            ("cas=1", OnMiss::Set, vec![Cas, Get, Set]),
            ("incr=1", OnMiss::Set, vec![Incr, Add]),
        ] {
            assert_eq!(work(mix, on_miss).operations(), operations, "{mix}");
        }
    }

    /// Of a server without anything, so that all follows that may.
    #[test]
    fn a_class_asks_for_nothing_else() {
        for mix in
            ["get=1", "multiget=1:2", "cas=1", "incr=1", "get=1,set=1,multiget=1:2,delete=1,touch=1,incr=1,cas=1"]
        {
            let mut work = work(mix, OnMiss::Set);
            let operations = work.operations();
            let mut seen = Vec::new();
            for now_ns in 0..300 {
                let mut asked = work.follow_up(now_ns).unwrap_or_else(|| work.draw(now_ns));
                let operation = CacheWork::operation(&asked);
                let answer: &[u8] = match operation {
                    Operation::Get | Operation::Multiget => b"END\r\n",
                    Operation::Set | Operation::Add => b"STORED\r\n",
                    Operation::Delete | Operation::Touch | Operation::Incr | Operation::Cas => b"NOT_FOUND\r\n",
                    _ => panic!("{operation:?} is not asked of a cache"),
                };
                let heard = work.hear(&mut asked, answer, now_ns);
                assert!(
                    matches!(heard, Heard::Answer { consumed, .. } if consumed == answer.len()),
                    "{mix}: {heard:?}"
                );
                assert!(operations.contains(&operation) && operations.contains(&work.draw_operation()), "{mix}");
                seen.push(operation);
            }
            // Nobody has seen what a compare-and-swap would compare with.
            let unseen: Vec<_> = operations.iter().filter(|operation| !seen.contains(operation)).collect();
            assert!(unseen.iter().all(|operation| **operation == Operation::Cas), "{mix}: {unseen:?}");
        }
    }
}
