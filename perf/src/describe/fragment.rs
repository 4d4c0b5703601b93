//! Whose bytes a stretch within one block are.

use super::stream::{Author, BLOCK, NAME, WORDS, key_named, version_named};
use super::{HEADER, Object, fill};

/// A stretch of an answer within one block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    /// Of its first byte in the object.
    pub(super) at: u64,
    bytes: [u8; BLOCK],
    length: usize,
}

/// What an answer is checked against: the key, the seed, and how long each version of it is.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) key: u64,
    pub(super) seed: u64,
    pub(super) length_of: &'a dyn Fn(u32) -> u64,
}

/// Somebody who may have written a fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) object: Object,
    /// Where in the fragment the word begins that says so.
    word: Option<usize>,
}

/// Who wrote a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    By(Author),
    /// It changes hands within.
    ByTwo(Author, Author),
    /// And from where on.
    ByNobody {
        at: u64,
    },
}

impl Written {
    pub(super) fn first(self) -> Option<Author> {
        match self {
            Written::By(author) | Written::ByTwo(author, _) => Some(author),
            Written::ByNobody { .. } => None,
        }
    }

    pub(super) fn last(self) -> Option<Author> {
        match self {
            Written::By(author) | Written::ByTwo(_, author) => Some(author),
            Written::ByNobody { .. } => None,
        }
    }
}

impl Whose<'_> {
    pub(super) fn version(&self, version: u32) -> Object {
        Object { key: self.key, version, length: (self.length_of)(version), seed: self.seed }
    }

    /// The object of an author; of somebody else's only the blocks after the first are known.
    pub(super) fn object(&self, author: Author) -> Object {
        if self.owns(&author) {
            self.version(author.version)
        } else {
            Object { key: author.key, version: author.version, length: 0, seed: author.seed }
        }
    }

    pub(super) fn owns(&self, author: &Author) -> bool {
        author.key == self.key && author.seed == self.seed
    }
}

impl Fragment {
    pub(super) fn empty(at: u64) -> Fragment {
        Fragment { at, bytes: [0; BLOCK], length: 0 }
    }

    /// Takes what its block has room for, and says how much that was.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let begin = self.length;
        let taken = bytes.len().min(BLOCK - (self.at % BLOCK as u64) as usize - begin);
        self.bytes[begin..begin + taken].copy_from_slice(&bytes[..taken]);
        self.length += taken;
        taken
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(super) fn is_of(&self, object: &Object) -> bool {
        self.equal_from_front(object) == self.length
    }

    /// Who wrote it, as far as its own words tell, and those who wrote what is around it.
    pub(super) fn written(&self, whose: &Whose, before: Option<Author>, after: Option<Author>) -> Written {
        let whole = |object: &Object| self.is_of(object);
        let around = before.into_iter().chain(after).map(|author| whose.object(author));
        if let Some(object) = around.chain(self.named(whose).map(|named| named.object)).find(whole) {
            return Written::By(object.author());
        }
        let neighbour = |author: Author| Named { object: whose.object(author), word: None };
        let mut at = self.at;
        let mut first: Option<(usize, Author)> = None;
        for named in before.map(neighbour).into_iter().chain(self.named(whose)) {
            let bytes = self.equal_from_front(&named.object);
            at = at.max(self.at + bytes as u64);
            // Whoever is named by a word wrote that word, or else a bit of it was flipped.
            let wrote = bytes > 0 && named.word.is_none_or(|begin| begin + 8 <= bytes);
            if wrote && first.is_none_or(|(most, _)| bytes > most) {
                first = Some((bytes, named.object.author()));
            }
        }
        let Some((fore, first)) = first else { return Written::ByNobody { at } };
        for named in after.map(neighbour).into_iter().chain(self.named(whose)) {
            let begin = self.length - self.equal_from_back(&named.object);
            if begin <= fore && named.word.is_none_or(|word| begin <= word) {
                return Written::ByTwo(first, named.object.author());
            }
        }
        Written::ByNobody { at }
    }

    /// Everyone that its words name: a flipped bit names somebody who wrote nothing.
    pub(super) fn named<'a>(&'a self, whose: &'a Whose) -> impl Iterator<Item = Named> + 'a {
        let index = self.at / BLOCK as u64;
        let words =
            move || (0..WORDS).filter_map(move |place| self.word(place).map(|(begin, word)| (place, begin, word)));
        let versions = move |key: u64| {
            let others = words().filter(|(place, ..)| *place != NAME);
            others.filter_map(move |(place, begin, word)| {
                version_named(word, index, place, key, whose.seed).map(|version| (begin, version))
            })
        };
        let ours = versions(whose.key).chain(self.version_in_header());
        let ours = ours.map(|(begin, version)| Named { object: whose.version(version), word: Some(begin) });
        let header = (self.at == 0).then(|| Object::read(self.bytes())).flatten();
        let foreign = header.filter(|object| !whose.owns(&object.author()));
        let foreign = foreign.map(|object| Named { object, word: Some(HEADER - 8) });
        let name = self.word(NAME).map(|(_, word)| key_named(word, index, whose.seed));
        let theirs = name.filter(|key| *key != whose.key).into_iter().flat_map(move |key| {
            let object = move |version| Object { key, version, length: 0, seed: whose.seed };
            versions(key).map(move |(begin, version)| Named { object: object(version), word: Some(begin) })
        });
        ours.chain(foreign).chain(theirs)
    }

    /// Whom the last of its words that names anybody names.
    pub(super) fn named_last(&self, whose: &Whose) -> Option<Author> {
        self.named(whose).max_by_key(|named| named.word).map(|named| named.object.author())
    }

    /// From the last word of a header, of whose beginning a range may have nothing.
    fn version_in_header(&self) -> Option<(usize, u32)> {
        let (begin, word) = self.word(HEADER / 8 - 1)?;
        (self.at < BLOCK as u64).then_some((begin, word as u32))
    }

    /// A word of its block, if it has all of it, and where that begins.
    fn word(&self, place: usize) -> Option<(usize, u64)> {
        let begin = (place * 8).checked_sub((self.at % BLOCK as u64) as usize)?;
        self.bytes().get(begin..)?.first_chunk().map(|word| (begin, u64::from_le_bytes(*word)))
    }

    fn equal_from_front(&self, object: &Object) -> usize {
        let mut right = [0; BLOCK];
        fill(object, self.at, &mut right[..self.length]);
        self.bytes().iter().zip(&right).take_while(|(byte, right)| byte == right).count()
    }

    fn equal_from_back(&self, object: &Object) -> usize {
        let mut right = [0; BLOCK];
        fill(object, self.at, &mut right[..self.length]);
        let pairs = self.bytes().iter().zip(&right[..self.length]).rev();
        pairs.take_while(|(byte, right)| byte == right).count()
    }
}
