//! An answer, piece by piece as it arrives: right, or what is wrong with it.

use super::Object;
use super::fault::Fault;
use super::fragment::{Fragment, Whose, Written};
use super::ledger::Known;
use super::stream::{Author, BLOCK, Stream};

/// How far below those that may be read a version is looked for that no whole word names.
const OLDER: u32 = 64;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// In bytes, from an offset below 2^63. What goes past the object's end is not answered.
    Range {
        offset: u64,
        length: u64,
    },
}

/// Checks one answer. Holds no more than three blocks of it, and never allocates.
///
/// The first block and the last, of which a range may have any part, wait for the end, when it is known which versions may
/// be read. Those between are whole, name their authors themselves, and are done with as they come.
#[derive(Clone, Debug)]
pub struct Reading {
    key: u64,
    seed: u64,
    part: Part,
    head: Fragment,
    tail: Fragment,
    bytes: u64,
    body: Body,
}

/// The blocks between the first and the last.
#[derive(Clone, Debug, Default)]
struct Body {
    first: Option<Author>,
    /// Of what comes before the next block.
    before: Option<Author>,
    /// Of the last block, if that is a block of the body.
    stream: Option<Stream>,
    /// That the author before did not write: the one after may have written its end.
    unexplained: Option<Fragment>,
    found: Found,
}

/// Who wrote an answer, as far as it has been looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    corrupt_at: Option<u64>,
    foreign: Option<Author>,
    version: Option<u32>,
    torn: Option<(u32, u32)>,
}

/// Checks an answer that is there in one piece. All versions are as long as `expected`, whose own version does not matter.
/// What comes back is the version read, or where the bytes tell of none the newest that has them.
pub fn check(expected: &Object, part: Part, bytes: &[u8], known: Known) -> Result<u32, Fault> {
    // Nearly every answer is this one, and to know that is much less work than to say what it is.
    if part == Part::Whole && (Object { version: known.newest, ..*expected }).is(bytes) && known.newest > 0 {
        return Ok(known.newest);
    }
    let mut reading = Reading::new(expected.key, expected.seed, part);
    reading.take(bytes);
    reading.end(known, |_| expected.length)
}

impl Reading {
    pub fn new(key: u64, seed: u64, part: Part) -> Reading {
        let offset = match part {
            Part::Whole => 0,
            Part::Range { offset, .. } => offset,
        };
        let next = (offset / BLOCK as u64 + 1) * BLOCK as u64;
        let (head, tail) = (Fragment::empty(offset), Fragment::empty(next));
        Reading { key, seed, part, head, tail, bytes: 0, body: Body::default() }
    }

    /// The next bytes of the answer.
    pub fn take(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        bytes = &bytes[self.head.take(bytes)..];
        while !bytes.is_empty() {
            let block = bytes.first_chunk().filter(|_| self.tail.bytes().is_empty());
            if block.is_some_and(|block| self.body.goes_on(self.tail.at, block)) {
                bytes = &bytes[BLOCK..];
            } else {
                bytes = &bytes[self.tail.take(bytes)..];
                if self.tail.bytes().len() < BLOCK {
                    return;
                }
                // Only the first block of an object depends on its length.
                let whose = Whose { key: self.key, seed: self.seed, length_of: &|_| 0 };
                if self.body.before.is_none() {
                    self.body.before = self.head.named_last(&whose);
                }
                self.body.block(self.tail, &whose);
            }
            self.tail = Fragment::empty(self.tail.at + BLOCK as u64);
        }
    }

    /// What came of it. `length_of` says how long any version is, those that nobody asked for too.
    pub fn end(&self, known: Known, length_of: impl Fn(u32) -> u64) -> Result<u32, Fault> {
        let whose = Whose { key: self.key, seed: self.seed, length_of: &length_of };
        let found = self.by_one(known, &whose).unwrap_or_else(|| self.by_several(known, &whose));
        if let Some(Author { key, seed, .. }) = found.foreign {
            return Err(Fault::Swapped { key, seed });
        }
        let expected = self.expected(length_of(found.version.unwrap_or(known.newest)));
        match found {
            _ if known.newest == 0 => Err(Fault::Corrupt { at: self.head.at }),
            Found { torn: Some((first, second)), corrupt_at: None, .. } => Err(Fault::Torn { first, second }),
            _ if self.bytes != expected => Err(Fault::Length { expected, got: self.bytes }),
            Found { corrupt_at: Some(at), .. } => Err(Fault::Corrupt { at }),
            Found { version: Some(version), .. } if version < known.oldest => {
                Err(Fault::Stale { version, oldest: known.oldest })
            }
            Found { version: Some(version), .. } if version > known.newest => Err(Fault::Corrupt { at: self.head.at }),
            Found { version, .. } => Ok(version.unwrap_or(known.newest)),
        }
    }

    fn expected(&self, length: u64) -> u64 {
        match self.part {
            Part::Whole => length,
            Part::Range { offset, length: asked } => length.saturating_sub(offset).min(asked),
        }
    }

    /// Tries whether one author wrote everything. Where the bytes leave a choice, a version that may be read comes first:
    /// an answer that is right is never called wrong.
    fn by_one(&self, known: Known, whose: &Whose) -> Option<Found> {
        let Found { corrupt_at: None, foreign: None, torn: None, .. } = self.body.found else { return None };
        if self.body.unexplained.is_some() {
            return None;
        }
        let wrote = |object: &Object| self.head.is_of(object) && self.tail.is_of(object);
        let object = match self.body.first {
            Some(author) => Some(whose.object(author)).filter(wrote),
            None => {
                let named = self.head.named(whose).chain(self.tail.named(whose)).map(|named| named.object);
                let newest = std::iter::once(whose.version(known.newest));
                newest.chain(named).chain(unnamed(&self.head, known, whose)).find(wrote)
            }
        }?;
        let mut found = Found::default();
        found.note(Written::By(object.author()), whose);
        Some(found)
    }

    /// Says of each stretch who wrote it, with the help of its neighbours.
    fn by_several(&self, known: Known, whose: &Whose) -> Found {
        let mut body = self.body.clone();
        let after_head = body.first.or_else(|| self.tail.written(whose, None, None).first());
        let head = written(&self.head, known, whose, None, after_head);
        let before_tail = body.before.or(head.last());
        let tail = written(&self.tail, known, whose, before_tail, None);
        body.explain(tail.first(), whose);
        let mut found = Found::default();
        found.note(head, whose);
        found.join(body.found);
        if !self.tail.bytes().is_empty() {
            found.note(tail, whose);
        }
        found
    }
}

impl Body {
    /// Whether a block is by the author of the one before. This is where the time goes.
    fn goes_on(&self, at: u64, block: &[u8; BLOCK]) -> bool {
        let index = at / BLOCK as u64;
        self.unexplained.is_none() && self.stream.is_some_and(|stream| stream.block(index) == *block)
    }

    fn block(&mut self, block: Fragment, whose: &Whose) {
        let written = block.written(whose, self.before, None);
        self.explain(written.first(), whose);
        let Some(last) = written.last() else {
            self.unexplained = Some(block);
            return;
        };
        self.first = self.first.or(written.first());
        self.before = Some(last);
        self.stream = Some(Stream::of(&last));
        self.found.note(written, whose);
    }

    /// Explains what is unexplained, now that it is known who wrote what comes after it.
    fn explain(&mut self, after: Option<Author>, whose: &Whose) {
        if let Some(block) = self.unexplained.take() {
            self.found.note(block.written(whose, self.before, after), whose);
        }
    }
}

impl Found {
    fn note(&mut self, written: Written, whose: &Whose) {
        let authors = match written {
            Written::By(author) => [Some(author), None],
            Written::ByTwo(first, second) => [Some(first), Some(second)],
            Written::ByNobody { at } => {
                self.corrupt_at.get_or_insert(at);
                [None, None]
            }
        };
        for author in authors.into_iter().flatten() {
            if whose.owns(&author) {
                self.note_version(author.version);
            } else {
                self.foreign.get_or_insert(author);
            }
        }
    }

    fn note_version(&mut self, version: u32) {
        let first = *self.version.get_or_insert(version);
        if version != first {
            self.torn.get_or_insert((first, version));
        }
    }

    /// What was found after it.
    fn join(&mut self, later: Found) {
        self.corrupt_at = self.corrupt_at.or(later.corrupt_at);
        self.foreign = self.foreign.or(later.foreign);
        if let Some(version) = later.version {
            self.note_version(version);
        }
        self.torn = self.torn.or(later.torn);
    }
}

/// Who wrote a fragment, also where no whole word of it says so.
fn written(fragment: &Fragment, known: Known, whose: &Whose, before: Option<Author>, after: Option<Author>) -> Written {
    match fragment.written(whose, before, after) {
        Written::ByNobody { at } => {
            let newest = std::iter::once(whose.version(known.newest));
            let version = newest.chain(unnamed(fragment, known, whose)).find(|object| fragment.is_of(object));
            version.map_or(Written::ByNobody { at }, |object| Written::By(object.author()))
        }
        written => written,
    }
}

/// The versions below the newest that a fragment is compared with because no word of it names any: those that may be read,
/// and a few older ones, unless it is a single byte, which one of so many would have too often.
fn unnamed<'a>(fragment: &Fragment, known: Known, whose: &'a Whose) -> impl Iterator<Item = Object> + 'a {
    let older = if fragment.bytes().len() > 1 { OLDER } else { 0 };
    let lowest = known.oldest.saturating_sub(older).max(1);
    (lowest..known.newest).rev().map(|version| whose.version(version))
}
