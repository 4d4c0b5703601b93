//! Until when an object may be there, and from when on it may be gone, where objects live for a time.
//!
//! What a set or a touch makes of an object's life is known to within the time that it was under way. Those that are under
//! way together make a round, as in the ledger: until it is over, any of them may have been the last. Eight bytes a key, and
//! a little more for those with a request under way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::str::FromStr;

use spindle_core::simulator::Random;

use crate::describe::Fault;
use crate::share::Share;

/// How far a server's clock may be behind, or its look at it late. memcached's ticks once a second and cuts off what is
/// less than one, which makes two seconds together.
const COARSE_MS: u32 = 2_500;
/// Longer ones are dates to memcached (protocol.txt, "Expiration times").
const TTL_S_MAX: u32 = 60 * 60 * 24 * 30;
const NS_PER_MS: u64 = 1_000_000;

/// How long objects live, in seconds: evenly from `low_s` to `high_s`, both included, which are from 1 to 2592000 (30 days).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    pub low_s: u32,
    pub high_s: u32,
}

impl Ttl {
    /// Of one version of an object: the same, whoever asks.
    pub(super) fn of(&self, key: u64, version: u32, seed: u64) -> u32 {
        self.at(Random::new(Random::new(seed ^ key).draw() ^ u64::from(version)).draw())
    }

    pub(super) fn at(&self, hash: u64) -> u32 {
        self.low_s + (hash % u64::from(self.high_s - self.low_s + 1)) as u32
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no time to live: it is whole seconds from 1 to 2592000, as 60 or 60-600")]
pub struct TtlError(String);

impl FromStr for Ttl {
    type Err = TtlError;

    fn from_str(text: &str) -> Result<Ttl, TtlError> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        match (low.parse(), high.parse()) {
            (Ok(low_s @ 1..), Ok(high_s @ ..=TTL_S_MAX)) if low_s <= high_s => Ok(Ttl { low_s, high_s }),
            _ => Err(TtlError(text.to_owned())),
        }
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Ttl { low_s, high_s } if low_s == high_s => write!(formatter, "{low_s}"),
            Ttl { low_s, high_s } => write!(formatter, "{low_s}-{high_s}"),
        }
    }
}

/// What has to be remembered of a request that looks for an object, from the moment it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    drawn_ms: u32,
    /// From when on the object may be gone.
    gone_ms: u32,
}

/// When the objects of a class expire.
#[derive(Clone, Debug)]
pub(super) struct Expiry {
    ttl: Ttl,
    /// When the first request was drawn. Every other time counts from then.
    epoch_ns: Option<u64>,
    lives: Vec<Life>,
    /// The keys that have a life here.
    share: Share,
    /// Keys with a set or touch under way.
    rounds: HashMap<u64, Round>,
}

/// When an object expires by the server's clock: between the two.
#[derive(Clone, Copy, Debug)]
struct Life {
    earliest_ms: u32,
    latest_ms: u32,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    under_way: u32,
    life: Life,
}

impl Expiry {
    /// Of objects that were all set at some time before the first request.
    pub(super) fn new(ttl: Ttl, keys: u64, share: Share) -> Expiry {
        let life = Life { earliest_ms: 0, latest_ms: ms(ttl.high_s) };
        let lives = vec![life; share.count_of(keys) as usize];
        Expiry { ttl, epoch_ns: None, lives, share, rounds: HashMap::new() }
    }

    fn since_epoch_ms(&mut self, now_ns: u64) -> u32 {
        let epoch_ns = *self.epoch_ns.get_or_insert(now_ns);
        (now_ns.saturating_sub(epoch_ns) / NS_PER_MS) as u32
    }

    /// An object is to be looked for.
    pub(super) fn glance(&mut self, key: u64, now_ns: u64) -> Glance {
        let drawn_ms = self.since_epoch_ms(now_ns);
        let round = self.rounds.get(&key).map_or(u32::MAX, |round| round.life.earliest_ms);
        // And what is set or touched before the object is found lives as long as anything does.
        let later = drawn_ms.saturating_add(ms(self.ttl.low_s));
        let earliest_ms = self.lives[self.share.index_of(key)].earliest_ms.min(round).min(later);
        Glance { drawn_ms, gone_ms: earliest_ms.saturating_sub(COARSE_MS) }
    }

    /// Whether an object that is not there, as is heard now, may have expired.
    pub(super) fn explains_absence(&mut self, glance: Glance, now_ns: u64) -> bool {
        self.since_epoch_ms(now_ns) >= glance.gone_ms
    }

    /// An object is there, as is heard now: it must not have expired before it was looked for. `own` says whether the request
    /// that looked for it is a set or touch itself, and not ended yet.
    pub(super) fn check_presence(&self, key: u64, glance: Glance, own: Own) -> Result<(), Fault> {
        let mut latest_ms = self.lives[self.share.index_of(key)].latest_ms;
        if let Some(round) = self.rounds.get(&key) {
            if round.under_way > u32::from(own == Own::UnderWay) {
                return Ok(());
            }
            latest_ms = latest_ms.max(round.life.latest_ms);
        }
        match glance.drawn_ms.saturating_sub(latest_ms) {
            late_ms if late_ms > COARSE_MS => Err(Fault::Expired { late_ms }),
            _ => Ok(()),
        }
    }

    /// A set or touch is to be sent.
    pub(super) fn begin(&mut self, key: u64, now_ns: u64, ttl_s: u32) {
        let earliest_ms = self.since_epoch_ms(now_ns).saturating_add(ms(ttl_s));
        let none = Round { under_way: 0, life: Life { earliest_ms, latest_ms: 0 } };
        let round = self.rounds.entry(key).or_insert(none);
        round.under_way += 1;
        round.life.earliest_ms = round.life.earliest_ms.min(earliest_ms);
    }

    /// A set or touch that began was answered.
    pub(super) fn end(&mut self, key: u64, now_ns: u64, ttl_s: u32, came: Came) {
        let latest_ms = self.since_epoch_ms(now_ns).saturating_add(ms(ttl_s));
        let Entry::Occupied(mut entry) = self.rounds.entry(key) else { return };
        let round = entry.get_mut();
        round.under_way -= 1;
        if came == Came::Done {
            round.life.latest_ms = round.life.latest_ms.max(latest_ms);
        }
        if round.under_way == 0 {
            let life = entry.remove().life;
            // In a round of which nothing came, the life before goes on.
            if life.latest_ms > 0 {
                self.lives[self.share.index_of(key)] = life;
            }
        }
    }
}

/// What came of a set or touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Done,
    Nothing,
}

/// Whether a request that looks for an object changes its life, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    None,
    UnderWay,
}

fn ms(seconds: u32) -> u32 {
    seconds.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 1;
    const S: u64 = 1_000_000_000;

    /// One object that was set at the epoch, to live for ten seconds.
    fn set_once() -> Expiry {
        let mut expiry = Expiry::new(Ttl { low_s: 10, high_s: 10 }, 2, Share::WHOLE);
        expiry.begin(KEY, 5 * S, 10);
        expiry.end(KEY, 5 * S, 10, Came::Done);
        expiry
    }

    fn absence_is_explained(expiry: &mut Expiry, at_s: u64) -> bool {
        let glance = expiry.glance(KEY, at_s * S);
        expiry.explains_absence(glance, at_s * S)
    }

    fn presence(expiry: &mut Expiry, at_s: u64) -> Result<(), Fault> {
        let glance = expiry.glance(KEY, at_s * S);
        expiry.check_presence(KEY, glance, Own::None)
    }

    #[test]
    fn an_object_is_there_for_its_time_and_not_after() {
        let mut expiry = set_once();
        for (at_s, may_be_absent, may_be_there) in
            [(5, false, true), (12, false, true), (13, true, true), (17, true, true), (18, true, false)]
        {
            assert_eq!(absence_is_explained(&mut expiry, at_s), may_be_absent, "at {at_s}");
            assert_eq!(presence(&mut expiry, at_s).is_ok(), may_be_there, "at {at_s}");
        }
        assert_eq!(presence(&mut expiry, 18), Err(Fault::Expired { late_ms: 3_000 }));
    }

    #[test]
    fn a_touch_begins_its_life_again_and_one_that_fails_does_not() {
        let mut expiry = set_once();
        expiry.begin(KEY, 10 * S, 10);
        assert!(!absence_is_explained(&mut expiry, 11) && absence_is_explained(&mut expiry, 13));
        assert_eq!(presence(&mut expiry, 30), Ok(()), "the touch may be done at any time");
        let glance = expiry.glance(KEY, 30 * S);
        assert!(expiry.check_presence(KEY, glance, Own::UnderWay).is_err(), "but not before itself");
        expiry.end(KEY, 11 * S, 10, Came::Done);
        assert!(!absence_is_explained(&mut expiry, 17) && presence(&mut expiry, 23).is_ok());
        expiry.begin(KEY, 23 * S, 10);
        expiry.end(KEY, 23 * S, 10, Came::Nothing);
        assert!(presence(&mut expiry, 24).is_err(), "nothing came of it");
    }

    #[test]
    fn of_those_that_overlap_any_may_be_the_last() {
        let mut expiry = set_once();
        expiry.begin(KEY, 10 * S, 20);
        expiry.begin(KEY, 11 * S, 10);
        expiry.end(KEY, 12 * S, 20, Came::Done);
        expiry.end(KEY, 13 * S, 10, Came::Done);
        assert!(!absence_is_explained(&mut expiry, 18) && absence_is_explained(&mut expiry, 19));
        assert!(presence(&mut expiry, 34).is_ok() && presence(&mut expiry, 35).is_err());
    }

    #[test]
    fn what_was_there_when_it_was_looked_for_counts() {
        let mut expiry = set_once();
        let glance = expiry.glance(KEY, 13 * S);
        expiry.begin(KEY, 13 * S, 10);
        expiry.end(KEY, 14 * S, 10, Came::Done);
        assert!(expiry.explains_absence(glance, 14 * S), "it had expired, and was set again before that was heard");
    }

    #[test]
    fn what_the_fill_left_may_be_gone_at_once() {
        let mut expiry = Expiry::new(Ttl { low_s: 1, high_s: 10 }, 2, Share::WHOLE);
        assert!(absence_is_explained(&mut expiry, 100));
        assert!(presence(&mut expiry, 112).is_ok() && presence(&mut expiry, 113).is_err());
    }

    #[test]
    fn times_to_live_are_read_as_they_are_written() {
        for text in ["1", "60-600", "2592000"] {
            assert_eq!(text.parse::<Ttl>().unwrap().to_string(), text);
        }
        for text in ["", "0", "0-5", "6-5", "2592001", "1-2592001", "-1", "1.5", "soon"] {
            assert_eq!(text.parse::<Ttl>(), Err(TtlError(text.into())));
        }
        let ttl = Ttl { low_s: 5, high_s: 7 };
        let all: std::collections::BTreeSet<u32> = (0..100).map(|key| ttl.of(key, 1, 3)).collect();
        assert!(all.into_iter().eq(5..=7));
    }
}
