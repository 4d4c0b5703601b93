//! The keys of a class, what is stored under each, and what is known of it.

use spindle_core::simulator::Random;

use super::Verify;
use super::split::Slice;
use crate::corpus::Corpus;
use crate::describe::{Ledger, Object, Removal};
use crate::popularity::{Chooser, Popularity};
use crate::sizes::Sizes;

/// Of so many answers one is checked byte by byte when they are sampled.
const SAMPLED_OF: u64 = 64;

/// Which keys, how popular each, and how large what is stored there.
#[derive(Clone, Debug)]
pub struct KeyPlan {
    /// At least 1.
    pub count: u64,
    pub popularity: Popularity,
    pub sizes: Sizes,
    pub removal: Removal,
}

/// What is stored under each key.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    sizes: Sizes,
    seed: u64,
}

impl Objects {
    pub(super) fn new(keys: &KeyPlan, seed: u64) -> Objects {
        Objects { sizes: keys.sizes.clone(), seed }
    }

    /// All versions of a key are of one length, which its number and the seed decide.
    pub(super) fn object(&self, key: u64, version: u32) -> Object {
        Object { key, version, length: self.sizes.length_of(key, self.seed), seed: self.seed }
    }
}

pub(super) struct Keyspace {
    pub(super) chooser: Chooser,
    pub(super) objects: Objects,
    pub(super) ledger: Ledger,
    pub(super) verify: Verify,
    /// For the sample alone: what is asked for is the same, however much of it is checked.
    dice: Random,
}

impl Keyspace {
    /// All keys of the slice are there in version 1, with what follows from a seed that may be another than that of what is drawn.
    /// Takes its time with many of them.
    pub(super) fn new(keys: &KeyPlan, slice: &Slice, seed_of_objects: u64) -> Keyspace {
        let mut seeds = Random::new(slice.seed_of_draws());
        Keyspace {
            chooser: Chooser::of_share(keys.popularity, keys.count, slice.share, seeds.draw()),
            objects: Objects::new(keys, seed_of_objects),
            ledger: Ledger::written(keys.count, slice.share, keys.removal),
            verify: slice.class.verify,
            dice: Random::new(seeds.draw()),
        }
    }

    /// The files of a corpus: all are there, and nobody changes them.
    pub(super) fn of_corpus(corpus: &Corpus, popularity: Popularity, slice: &Slice) -> Keyspace {
        let mut seeds = Random::new(slice.seed_of_draws());
        Keyspace {
            chooser: Chooser::of_share(popularity, corpus.files, slice.share, seeds.draw()),
            objects: Objects { sizes: corpus.sizes.clone(), seed: corpus.seed },
            ledger: Ledger::unchanging(),
            verify: slice.class.verify,
            dice: Random::new(seeds.draw()),
        }
    }

    /// Whether the next answer is looked at byte by byte.
    pub(super) fn is_checked(&mut self) -> bool {
        match self.verify {
            Verify::All => true,
            Verify::Sampled => self.dice.draw().is_multiple_of(SAMPLED_OF),
            Verify::Off => false,
        }
    }
}
