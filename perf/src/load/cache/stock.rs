//! What is known of the objects: which version may be read, which must be there, and until when.

use super::expiry::{Came, Expiry, Glance, Own, Ttl};
use crate::describe::{Fault, Known, Outcome, Part, Sent, State, check};
use crate::load::cache::CachePlan;
use crate::load::keyspace::Keyspace;
use crate::load::split::Slice;

/// What has to be remembered of a request that looks for an object, from the moment it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) struct Look {
    pub(super) key: u64,
    sent: Sent,
    /// Where objects expire.
    glance: Option<Glance>,
}

/// Whether an answer is looked at byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) enum Checked {
    Whole,
    LengthOnly,
}

/// A set or compare-and-swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) struct Store {
    pub(super) key: u64,
    pub(super) version: u32,
    /// Zero where objects do not expire.
    pub(super) ttl_s: u32,
}

/// A write or delete that finds something, or does not: what was known before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) struct Before {
    pub(super) version: u32,
    state: State,
}

pub(super) struct Stock {
    pub(super) keyspace: Keyspace,
    ttl: Option<Ttl>,
    expiry: Option<Expiry>,
    pub(super) seed: u64,
}

impl Stock {
    pub(super) fn new(plan: &CachePlan, slice: &Slice) -> Stock {
        let seed = slice.class.seed;
        Stock {
            keyspace: Keyspace::new(&plan.keys, slice, seed),
            ttl: plan.ttl,
            expiry: plan.ttl.map(|ttl| Expiry::new(ttl, plan.keys.count, slice.share)),
            seed,
        }
    }

    #[inline]
    pub(super) fn look(&mut self, key: u64, now_ns: u64) -> Look {
        let glance = self.expiry.as_mut().map(|expiry| expiry.glance(key, now_ns));
        Look { key, sent: self.keyspace.ledger.read(key), glance }
    }

    #[inline]
    pub(super) fn checked(&mut self) -> Checked {
        if self.keyspace.is_checked() { Checked::Whole } else { Checked::LengthOnly }
    }

    pub(super) fn known(&self, look: &Look) -> Known {
        self.keyspace.ledger.known(look.sent)
    }

    /// A set or compare-and-swap is to be sent. What is known of the object must be asked for before.
    pub(super) fn store(&mut self, key: u64, now_ns: u64) -> Store {
        let version = self.keyspace.ledger.write(key);
        let ttl_s = self.ttl.map_or(0, |ttl| ttl.of(key, version, self.seed));
        self.begin_life(key, now_ns, ttl_s);
        Store { key, version, ttl_s }
    }

    pub(super) fn delete(&mut self, key: u64) -> Before {
        let state = self.keyspace.ledger.state(key);
        Before { version: self.keyspace.ledger.delete(key), state }
    }

    /// A compare-and-swap is to be sent.
    pub(super) fn store_over(&mut self, key: u64, now_ns: u64) -> (Store, Before) {
        let state = self.keyspace.ledger.state(key);
        let store = self.store(key, now_ns);
        (store, Before { version: store.version, state })
    }

    /// A touch is to be sent, its time to live by a hash: how long that is.
    pub(super) fn touch(&mut self, key: u64, now_ns: u64, hash: u64) -> u32 {
        let ttl_s = self.ttl.map_or(0, |ttl| ttl.at(hash));
        self.begin_life(key, now_ns, ttl_s);
        ttl_s
    }

    fn begin_life(&mut self, key: u64, now_ns: u64, ttl_s: u32) {
        if let Some(expiry) = &mut self.expiry {
            expiry.begin(key, now_ns, ttl_s);
        }
    }

    /// A set or compare-and-swap was answered.
    pub(super) fn settle(&mut self, store: &Store, now_ns: u64, outcome: Outcome) {
        self.keyspace.ledger.settle(store.key, store.version, outcome);
        let came = if outcome == Outcome::Acknowledged { Came::Done } else { Came::Nothing };
        self.end_life(store.key, now_ns, store.ttl_s, came);
    }

    /// A delete was answered.
    pub(super) fn settle_delete(&mut self, key: u64, before: Before, outcome: Outcome) {
        self.keyspace.ledger.settle(key, before.version, outcome);
    }

    /// A touch was answered.
    pub(super) fn end_life(&mut self, key: u64, now_ns: u64, ttl_s: u32, came: Came) {
        if let Some(expiry) = &mut self.expiry {
            expiry.end(key, now_ns, ttl_s, came);
        }
    }

    /// What is wrong with a value; its version, where that was looked for.
    #[inline]
    pub(super) fn check_value(&self, look: &Look, data: &[u8], checked: Checked) -> Result<Option<u32>, Fault> {
        let expected = self.keyspace.objects.object(look.key, 0);
        let got = data.len() as u64;
        let version = match checked {
            // Another key's value is swapped, whatever its length.
            Checked::Whole => Some(check(&expected, Part::Whole, data, self.known(look))?),
            Checked::LengthOnly if got != expected.length => {
                return Err(Fault::Length { expected: expected.length, got });
            }
            Checked::LengthOnly => None,
        };
        self.check_life(look, Own::None).map(|()| version)
    }

    fn check_life(&self, look: &Look, own: Own) -> Result<(), Fault> {
        match (&self.expiry, look.glance) {
            (Some(expiry), Some(glance)) => expiry.check_presence(look.key, glance, own),
            _ => Ok(()),
        }
    }

    /// A read or touch found nothing.
    pub(super) fn check_absence(&mut self, look: &Look, now_ns: u64) -> Result<(), Fault> {
        let lost = self.keyspace.ledger.absence(look.sent).map(drop);
        self.unless_expired(look, now_ns, lost)
    }

    fn unless_expired(&mut self, look: &Look, now_ns: u64, lost: Result<(), Fault>) -> Result<(), Fault> {
        let (Err(_), Some(expiry), Some(glance)) = (lost, &mut self.expiry, look.glance) else { return lost };
        if expiry.explains_absence(glance, now_ns) { Ok(()) } else { lost }
    }

    /// A touch found the object, and has not ended yet.
    pub(super) fn check_presence(&self, look: &Look) -> Result<(), Fault> {
        self.keyspace.ledger.presence(look.sent)?;
        self.check_life(look, Own::UnderWay)
    }

    /// Whether a write or delete that has not ended yet knew what it would find.
    fn foresaw(&self, look: &Look, before: Before, state: State) -> bool {
        before.state == state && self.is_alone(look.key, before)
    }

    /// A write or delete, not ended yet, found nothing.
    pub(super) fn check_absence_before(&mut self, look: &Look, before: Before, now_ns: u64) -> Result<(), Fault> {
        if !self.foresaw(look, before, State::There) {
            return Ok(());
        }
        let lost = Err(Fault::Lost { oldest: self.known(look).oldest });
        self.unless_expired(look, now_ns, lost)
    }

    /// A write or delete, not ended yet, found the object. `own`: whether it changes the object's life.
    pub(super) fn check_presence_before(&self, look: &Look, before: Before, own: Own) -> Result<(), Fault> {
        if self.foresaw(look, before, State::Gone) {
            return Err(Fault::Undeleted { version: self.known(look).oldest });
        }
        self.check_life(look, own)
    }

    /// Whether a write that has not ended yet is the only one of its key, and was all the time.
    pub(super) fn is_alone(&self, key: u64, before: Before) -> bool {
        self.keyspace.ledger.is_alone(key, before.version)
    }
}
