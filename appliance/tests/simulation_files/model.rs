//! What each name may hold. A client knows it from the answers to what it asked: after a 201 it is that content and no other;
//! after a failure, or where no answer came, it is what it was, or what was asked for.

use std::collections::{BTreeMap, BTreeSet};

use spindle_core::simulator::Random;

/// How the disks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// No disk fails.
    Fair,
    /// EIO and ENOSPC, now and then.
    Faults,
    /// dev1 does not answer for a while.
    Hang,
}

/// Says which content it is: every content follows from its label, so that a torn one is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label {
    pub(crate) number: u32,
    pub(crate) bytes: usize,
}

impl Label {
    pub(crate) fn random(random: &mut Random) -> Label {
        let bytes = match random.below(12) {
            0 => random.between(100_000, 400_000),
            1 => 131_072,
            2..=4 => random.between(1000, 60_000),
            5 => 8,
            _ => random.between(8, 1000),
        };
        Label { number: random.draw() as u32, bytes }
    }

    pub(crate) fn content(self) -> Vec<u8> {
        let mut content = Vec::with_capacity(self.bytes + 8);
        content.extend(self.number.to_le_bytes());
        content.extend((self.bytes as u32).to_le_bytes());
        let mut random = Random::new(u64::from(self.number));
        while content.len() < self.bytes {
            content.extend(random.draw().to_le_bytes());
        }
        content.truncate(self.bytes);
        content
    }
}

/// The label of a whole content; none of a torn one.
pub(crate) fn label_of(bytes: &[u8]) -> Option<Label> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let label = Label { number: word(0)?, bytes: word(4)? as usize };
    (label.bytes == bytes.len() && label.content() == bytes).then_some(label)
}

/// What a name may hold; `None` is that there is no such file.
pub(crate) type Possible = BTreeSet<Option<Label>>;

/// The names of one client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model(BTreeMap<String, Possible>);

impl Model {
    pub(crate) fn names(&self) -> impl Iterator<Item = (&String, &Possible)> {
        self.0.iter()
    }

    pub(crate) fn possible(&mut self, name: &str) -> &mut Possible {
        self.0.entry(name.to_owned()).or_insert_with(|| [None].into())
    }

    /// It is certain now.
    pub(crate) fn is(&mut self, name: &str, content: Option<Label>) {
        *self.possible(name) = [content].into();
    }

    /// Nobody knows whether that was done.
    pub(crate) fn may_be(&mut self, name: &str, content: Option<Label>) {
        self.possible(name).insert(content);
    }
}
