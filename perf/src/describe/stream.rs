//! The bytes of a block, and what a block says about who wrote it.

pub(super) const BLOCK: usize = 64;
pub(super) const WORDS: usize = BLOCK / 8;
/// Of the words of a block the one that names the key; all others name the version.
pub(super) const NAME: usize = 1;

/// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. That the step is the golden
/// ratio is what keeps the words of two versions apart: no two of them meet within 16 GiB of each other.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST: u64 = 0xbf58_476d_1ce4_e5b9;
const SECOND: u64 = 0x94d0_49bb_1331_11eb;

/// Whose bytes: what a block tells. It does not tell the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Author {
    pub(super) key: u64,
    pub(super) seed: u64,
    pub(super) version: u32,
}

/// Where an author's two counters begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    names: u64,
    versions: u64,
}

impl Stream {
    pub(super) fn of(author: &Author) -> Stream {
        Stream {
            names: names(author.seed).wrapping_add(author.key),
            versions: versions(author.key, author.seed).wrapping_add(u64::from(author.version)),
        }
    }

    #[inline]
    pub(super) fn block(&self, index: u64) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let (words, _) = block.as_chunks_mut::<8>();
        let mut count = counter(index, 0);
        for (place, word) in words.iter_mut().enumerate() {
            let begin = if place == NAME { self.names } else { self.versions };
            *word = mix(begin.wrapping_add(count)).to_le_bytes();
            count = count.wrapping_add(STEP);
        }
        block
    }
}

/// The version that a word names to whoever knows the key, if it is one of that key's.
pub(super) fn version_named(word: u64, index: u64, place: usize, key: u64, seed: u64) -> Option<u32> {
    let version = unmix(word).wrapping_sub(counter(index, place)).wrapping_sub(versions(key, seed));
    u32::try_from(version).ok()
}

/// The key that a word names. Every word names one: the rest of the block confirms it.
pub(super) fn key_named(word: u64, index: u64, seed: u64) -> u64 {
    unmix(word).wrapping_sub(counter(index, NAME)).wrapping_sub(names(seed))
}

fn names(seed: u64) -> u64 {
    mix(seed.wrapping_add(STEP))
}

fn versions(key: u64, seed: u64) -> u64 {
    mix(!names(seed) ^ mix(key.wrapping_add(STEP)))
}

#[inline]
fn counter(index: u64, place: usize) -> u64 {
    index.wrapping_mul(WORDS as u64).wrapping_add(place as u64).wrapping_mul(STEP)
}

#[inline]
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(FIRST);
    word = (word ^ (word >> 27)).wrapping_mul(SECOND);
    word ^ (word >> 31)
}

fn unmix(mut word: u64) -> u64 {
    const FIRST_UNDONE: u64 = undone(FIRST);
    const SECOND_UNDONE: u64 = undone(SECOND);
    word = (word ^ (word >> 31) ^ (word >> 62)).wrapping_mul(SECOND_UNDONE);
    word = (word ^ (word >> 27) ^ (word >> 54)).wrapping_mul(FIRST_UNDONE);
    word ^ (word >> 30) ^ (word >> 60)
}

/// What an odd factor is undone with, modulo 2^64: Newton's method, each round of which doubles the bits that are right.
const fn undone(factor: u64) -> u64 {
    let mut inverse = factor;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(factor.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

const _: () = assert!(FIRST.wrapping_mul(undone(FIRST)) == 1 && SECOND.wrapping_mul(undone(SECOND)) == 1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn mixing_can_be_undone(word: u64) {
            prop_assert_eq!(unmix(mix(word)), word);
        }

        #[test]
        fn a_block_names_its_author(key: u64, seed: u64, version: u32, index in 0..1u64 << 58) {
            let block = Stream::of(&Author { key, seed, version }).block(index);
            for (place, word) in block.as_chunks::<8>().0.iter().enumerate() {
                let word = u64::from_le_bytes(*word);
                if place == NAME {
                    prop_assert_eq!(key_named(word, index, seed), key);
                } else {
                    prop_assert_eq!(version_named(word, index, place, key, seed), Some(version));
                }
            }
        }
    }
}
