//! Which versions of a key a read may return.
//!
//! Every write and delete of a key takes the next version. Those of one key may be under way together, on connections of
//! their own, and then nobody knows in which order the server does them. What is known: a write that was asked for after
//! others were acknowledged replaces those. So versions come in rounds: a round begins with a write asked for while none is
//! under way, and ends when all of its writes are settled. The first acknowledgement of a round puts everything before the
//! round out of a read's reach. Where writes of a key never overlap, which is nearly always, each is a round, and the oldest
//! version that a read may return is the last one acknowledged before it was sent.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::fault::Fault;
use crate::share::Share;

/// Versions that a read may return, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Zero as long as no write is acknowledged.
    pub oldest: u32,
    pub newest: u32,
}

/// What has to be remembered of a read from the moment it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    key: u64,
    oldest: u32,
}

/// Whether anybody but the load removes objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    Never,
    /// The server evicts, or objects expire.
    Allowed,
}

/// How a write or delete ended. One whose end never becomes known, because its connection broke, is never settled: it may be
/// done at any later time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Acknowledged,
    /// A condition was not met: nothing has changed.
    NotStored,
    /// It failed, and the old version may have gone with it, as with a set that memcached has no memory for.
    Refused,
}

/// Why a read may find nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    NeverAcknowledged,
    /// Or a write was refused.
    Deleted,
    /// A write is under way that may yet turn out to be refused.
    Unsettled,
    /// By the server, which is allowed to.
    Removed,
}

/// What is known of an object when a request about it is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It would be lost, were it not there.
    There,
    /// Deleted, acknowledged, and not asked for since.
    Gone,
    Unsure,
}

/// The versions of every key of a load: eight bytes for each, and a little more for those that have a write under way or
/// were ever deleted.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Of those that were written to since the load began. It is asked before the versions are: a bit for each key is in the
    /// CPU's cache where eight bytes are not, and most keys of most loads are only read.
    changed: Vec<u64>,
    /// Of all others.
    at_first: Versions,
    versions: Vec<Versions>,
    /// The keys that it has.
    share: Share,
    /// Keys with writes that are not settled.
    rounds: HashMap<u64, Round>,
    /// The last version of a key that may have left nothing. Kept when it is written over: a read sent before that may be
    /// answered after.
    deleted: HashMap<u64, u32>,
    removal: Removal,
}

#[derive(Clone, Copy, Debug)]
struct Versions {
    /// The last one asked for; zero if there is none.
    asked: u32,
    /// The first one of the last round with an acknowledgement; zero if there is none.
    oldest: u32,
}

/// Bits of a word of `Ledger::changed`.
const WORD: usize = u64::BITS as usize;

const FIRST: Versions = Versions { asked: 1, oldest: 1 };

#[derive(Clone, Copy, Debug)]
struct Round {
    first: u32,
    under_way: u32,
}

impl Ledger {
    /// Of keys numbered from zero, none of them written yet.
    pub fn empty(keys: usize, removal: Removal) -> Ledger {
        Ledger::all(keys as u64, Share::WHOLE, Versions { asked: 0, oldest: 0 }, removal)
    }

    /// Of keys without number that are all there in version 1, and that nobody writes or deletes.
    pub fn unchanging() -> Ledger {
        Ledger::written(0, Share::WHOLE, Removal::Never)
    }

    /// Of a share of the keys, all there in version 1. No other key may be asked about.
    pub fn written(keys: u64, share: Share, removal: Removal) -> Ledger {
        Ledger::all(keys, share, FIRST, removal)
    }

    fn all(keys: u64, share: Share, versions: Versions, removal: Removal) -> Ledger {
        let count = share.count_of(keys) as usize;
        Ledger {
            changed: vec![0; count.div_ceil(WORD)],
            at_first: versions,
            versions: vec![versions; count],
            share,
            rounds: HashMap::new(),
            deleted: HashMap::new(),
            removal,
        }
    }

    #[inline]
    fn versions(&self, key: u64) -> Versions {
        let index = self.share.index_of(key);
        let is_changed = self.changed.get(index / WORD).is_some_and(|word| word >> (index % WORD) & 1 == 1);
        if is_changed { self.versions[index] } else { self.at_first }
    }

    fn versions_mut(&mut self, key: u64) -> &mut Versions {
        let index = self.share.index_of(key);
        self.changed[index / WORD] |= 1 << (index % WORD);
        &mut self.versions[index]
    }

    /// A write is about to be sent: its version. One key has at most 2^32 - 1 of them.
    pub fn write(&mut self, key: u64) -> u32 {
        let versions = self.versions_mut(key);
        versions.asked = versions.asked.checked_add(1).expect("fewer than 2^32 writes to one key");
        let version = versions.asked;
        self.rounds.entry(key).or_insert(Round { first: version, under_way: 0 }).under_way += 1;
        version
    }

    /// A delete is about to be sent: its version, which no read returns.
    pub fn delete(&mut self, key: u64) -> u32 {
        let version = self.write(key);
        self.deleted.insert(key, version);
        version
    }

    /// A write or delete, of the version that was given to it, has ended.
    pub fn settle(&mut self, key: u64, version: u32, outcome: Outcome) {
        let Entry::Occupied(mut round) = self.rounds.entry(key) else {
            panic!("version {version} of key {key} is settled without being under way");
        };
        let first = round.get().first;
        round.get_mut().under_way -= 1;
        if round.get().under_way == 0 {
            round.remove();
        }
        match outcome {
            Outcome::Acknowledged => self.versions_mut(key).oldest = first,
            Outcome::NotStored => {}
            Outcome::Refused => {
                let deleted = self.deleted.entry(key).or_insert(version);
                *deleted = version.max(*deleted);
            }
        }
    }

    /// Whether a write or delete that is under way is the only one of its key, and has been all the time.
    pub fn is_alone(&self, key: u64, version: u32) -> bool {
        let round = self.rounds.get(&key).copied();
        round.is_some_and(|round| round.first == version && round.under_way == 1) && self.versions(key).asked == version
    }

    /// What is known of an object now. That holds for a write or delete, too, that is asked for next and stays alone.
    pub fn state(&self, key: u64) -> State {
        let Versions { asked, oldest } = self.versions(key);
        match self.absence(self.read(key)) {
            Err(_) => State::There,
            Ok(Absence::Deleted) if asked == oldest && self.deleted.get(&key) == Some(&asked) => State::Gone,
            Ok(_) => State::Unsure,
        }
    }

    /// A read is about to be sent.
    pub fn read(&self, key: u64) -> Sent {
        Sent { key, oldest: self.versions(key).oldest }
    }

    /// What a read may return that is answered now.
    pub fn known(&self, sent: Sent) -> Known {
        Known { oldest: sent.oldest, newest: self.versions(sent.key).asked }
    }

    /// What is wrong when a request that is answered now has found the object, and tells no version.
    pub fn presence(&self, sent: Sent) -> Result<(), Fault> {
        match self.state(sent.key) {
            State::Gone if sent.oldest == self.versions(sent.key).asked => {
                Err(Fault::Undeleted { version: sent.oldest })
            }
            _ => Ok(()),
        }
    }

    /// Why a read that is answered now may have found nothing; it is lost if there is no reason.
    pub fn absence(&self, sent: Sent) -> Result<Absence, Fault> {
        if sent.oldest == 0 {
            return Ok(Absence::NeverAcknowledged);
        }
        if self.deleted.get(&sent.key).is_some_and(|deleted| *deleted >= sent.oldest) {
            return Ok(Absence::Deleted);
        }
        if self.rounds.contains_key(&sent.key) {
            return Ok(Absence::Unsettled);
        }
        match self.removal {
            Removal::Allowed => Ok(Absence::Removed),
            Removal::Never => Err(Fault::Lost { oldest: sent.oldest }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    const KEY: u64 = 1;

    #[test]
    fn what_never_changes_is_there_in_its_first_version() {
        let ledger = Ledger::unchanging();
        let sent = ledger.read(u64::MAX);
        assert_eq!(ledger.known(sent), Known { oldest: 1, newest: 1 });
        assert_eq!(ledger.absence(sent), Err(Fault::Lost { oldest: 1 }));
    }

    #[test]
    fn a_share_keeps_its_own_keys_apart() {
        let mut ledger = Ledger::written(5, Share { part: 1, of: 2 }, Removal::Never);
        assert_eq!((ledger.write(3), ledger.write(3), ledger.write(1)), (2, 3, 2));
        ledger.settle(3, 3, Outcome::Acknowledged);
        let sent = ledger.read(3);
        assert_eq!(ledger.known(sent), Known { oldest: 2, newest: 3 });
    }

    #[test]
    fn a_key_that_changes_leaves_its_neighbours_as_they_were() {
        let share = Share { part: 1, of: 2 };
        let keys: Vec<u64> = (0..130).map(|index| share.key_at(index)).collect();
        let mut ledger = Ledger::written(260, share, Removal::Never);
        for (before, index) in [0, 62, 63, 64, 65, 127, 128, 129].into_iter().enumerate() {
            let version = ledger.write(keys[index]);
            ledger.settle(keys[index], version, Outcome::Acknowledged);
            let mut changed = 0;
            for &key in &keys {
                let known = ledger.known(ledger.read(key));
                let versions = if known == (Known { oldest: 1, newest: 1 }) { 1 } else { 2 };
                assert_eq!(known, Known { oldest: versions, newest: versions }, "{key}");
                changed += versions - 1;
            }
            assert_eq!(changed as usize, before + 1);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Write,
        Delete,
        /// The server does one of those that are under way, and how.
        Do(Index, Outcome),
        /// The load hears of one that is done.
        Settle(Index),
        Read,
        /// The server answers one of the reads, as things are now.
        Answer(Index),
        /// The load has the answer.
        Check(Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let outcome = prop_oneof![
            4 => Just(Outcome::Acknowledged),
            1 => Just(Outcome::NotStored),
            1 => Just(Outcome::Refused)
        ];
        let step = prop_oneof![
            3 => Just(Step::Write),
            1 => Just(Step::Delete),
            4 => (any::<Index>(), outcome).prop_map(|(which, outcome)| Step::Do(which, outcome)),
            4 => any::<Index>().prop_map(Step::Settle),
            3 => Just(Step::Read),
            3 => any::<Index>().prop_map(Step::Answer),
            3 => any::<Index>().prop_map(Step::Check)
        ];
        prop::collection::vec(step, 1..200)
    }

    fn pick<T>(from: &mut Vec<T>, which: &Index) -> Option<T> {
        (!from.is_empty()).then(|| from.swap_remove(which.index(from.len())))
    }

    /// A server that does what is under way in any order, and is always right.
    #[derive(Default)]
    struct Server {
        /// Nothing after a delete.
        stored: Option<u32>,
        /// What it was asked for: a version, and whether that is to be stored.
        asked: Vec<(u32, Option<u32>)>,
        done: Vec<(u32, Outcome)>,
        reads: Vec<Sent>,
        answers: Vec<(Sent, Option<u32>)>,
    }

    impl Server {
        fn step(&mut self, ledger: &mut Ledger, step: &Step) {
            match step {
                Step::Write => {
                    let version = ledger.write(KEY);
                    self.asked.push((version, Some(version)));
                }
                Step::Delete => self.asked.push((ledger.delete(KEY), None)),
                Step::Do(which, outcome) => {
                    let Some((version, stored)) = pick(&mut self.asked, which) else { return };
                    match outcome {
                        Outcome::Acknowledged => self.stored = stored,
                        Outcome::NotStored => {}
                        Outcome::Refused => self.stored = None,
                    }
                    self.done.push((version, *outcome));
                }
                Step::Settle(which) => {
                    let Some((version, outcome)) = pick(&mut self.done, which) else { return };
                    ledger.settle(KEY, version, outcome);
                }
                Step::Read => {
                    match ledger.state(KEY) {
                        State::There => assert!(self.stored.is_some()),
                        State::Gone => assert!(self.stored.is_none()),
                        State::Unsure => {}
                    }
                    self.reads.push(ledger.read(KEY));
                }
                Step::Answer(which) => {
                    let Some(sent) = pick(&mut self.reads, which) else { return };
                    self.answers.push((sent, self.stored));
                }
                Step::Check(which) => {
                    let Some((sent, answer)) = pick(&mut self.answers, which) else { return };
                    let known = ledger.known(sent);
                    match answer {
                        Some(version) => {
                            assert!((known.oldest..=known.newest).contains(&version));
                            assert!(ledger.presence(sent).is_ok());
                        }
                        None => assert!(ledger.absence(sent).is_ok()),
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_server_that_is_right_is_never_called_wrong(steps in steps()) {
            let mut ledger = Ledger::empty(2, Removal::Never);
            let mut server = Server::default();
            for step in &steps {
                server.step(&mut ledger, step);
            }
        }
    }

    fn done(ledger: &mut Ledger) -> u32 {
        let version = ledger.write(KEY);
        ledger.settle(KEY, version, Outcome::Acknowledged);
        version
    }

    #[test]
    fn a_read_may_return_what_was_acknowledged_before_it_and_all_since() {
        let mut ledger = Ledger::empty(2, Removal::Never);
        let early = ledger.read(KEY);
        assert_eq!(ledger.known(early), Known { oldest: 0, newest: 0 });
        assert_eq!((done(&mut ledger), done(&mut ledger)), (1, 2));
        let late = ledger.read(KEY);
        done(&mut ledger);
        ledger.write(KEY);
        assert_eq!(ledger.known(early), Known { oldest: 0, newest: 4 });
        assert_eq!(ledger.known(late), Known { oldest: 2, newest: 4 });
        assert_eq!(ledger.known(ledger.read(KEY)), Known { oldest: 3, newest: 4 });
    }

    #[test]
    fn of_writes_that_overlap_any_may_be_the_last_one_done() {
        let mut ledger = Ledger::written(2, Share::WHOLE, Removal::Never);
        let (first, second) = (ledger.write(KEY), ledger.write(KEY));
        ledger.settle(KEY, second, Outcome::Acknowledged);
        assert_eq!(ledger.known(ledger.read(KEY)), Known { oldest: first, newest: second });
        ledger.settle(KEY, first, Outcome::Acknowledged);
        assert_eq!(ledger.known(ledger.read(KEY)), Known { oldest: first, newest: second });
        let third = done(&mut ledger);
        assert_eq!(ledger.known(ledger.read(KEY)), Known { oldest: third, newest: third });
    }

    #[test]
    fn a_write_that_was_not_done_leaves_the_old_version() {
        let mut ledger = Ledger::written(2, Share::WHOLE, Removal::Never);
        let version = ledger.write(KEY);
        ledger.settle(KEY, version, Outcome::NotStored);
        assert_eq!(ledger.known(ledger.read(KEY)).oldest, 1);
        assert_eq!(ledger.absence(ledger.read(KEY)), Err(Fault::Lost { oldest: 1 }));
        let version = ledger.write(KEY);
        ledger.settle(KEY, version, Outcome::Refused);
        assert_eq!(ledger.known(ledger.read(KEY)).oldest, 1);
        assert_eq!(ledger.absence(ledger.read(KEY)), Ok(Absence::Deleted));
    }

    #[test]
    fn nothing_there_is_lost_unless_there_is_a_reason() {
        let mut ledger = Ledger::empty(2, Removal::Never);
        assert_eq!(ledger.absence(ledger.read(KEY)), Ok(Absence::NeverAcknowledged));
        done(&mut ledger);
        assert_eq!(ledger.absence(ledger.read(KEY)), Err(Fault::Lost { oldest: 1 }));
        let before = ledger.read(KEY);
        let version = ledger.delete(KEY);
        assert_eq!(ledger.absence(before), Ok(Absence::Deleted));
        ledger.settle(KEY, version, Outcome::Acknowledged);
        assert_eq!(ledger.absence(ledger.read(KEY)), Ok(Absence::Deleted));
        done(&mut ledger);
        assert_eq!(ledger.absence(before), Ok(Absence::Deleted), "it was sent before the key was there again");
        assert_eq!(ledger.absence(ledger.read(KEY)), Err(Fault::Lost { oldest: 3 }));
        ledger.write(KEY);
        assert_eq!(ledger.absence(ledger.read(KEY)), Ok(Absence::Unsettled));
    }

    #[test]
    fn what_is_known_before_a_write_holds_while_it_is_alone() {
        let mut ledger = Ledger::written(2, Share::WHOLE, Removal::Never);
        assert_eq!(ledger.state(KEY), State::There);
        let delete = ledger.delete(KEY);
        assert!(ledger.is_alone(KEY, delete));
        assert_eq!(ledger.state(KEY), State::Unsure);
        ledger.settle(KEY, delete, Outcome::Acknowledged);
        assert_eq!(ledger.state(KEY), State::Gone);
        let late = ledger.read(KEY);
        assert_eq!(ledger.presence(late), Err(Fault::Undeleted { version: delete }));
        let (first, second) = (ledger.write(KEY), ledger.write(KEY));
        assert_eq!(ledger.presence(late), Ok(()), "a write may bring it back");
        assert!(!ledger.is_alone(KEY, first) && !ledger.is_alone(KEY, second));
        ledger.settle(KEY, first, Outcome::Acknowledged);
        assert!(!ledger.is_alone(KEY, second), "it was not alone all the time");
        ledger.settle(KEY, second, Outcome::Acknowledged);
        assert_eq!(ledger.state(KEY), State::There);
    }

    #[test]
    fn a_server_that_may_remove_loses_nothing() {
        let ledger = Ledger::written(2, Share::WHOLE, Removal::Allowed);
        assert_eq!(ledger.absence(ledger.read(KEY)), Ok(Absence::Removed));
    }
}
