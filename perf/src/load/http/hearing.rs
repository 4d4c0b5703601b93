//! An answer as far as it is there.

use super::answer::{Answer, Malformed, Step, Then};
use super::judging::{Read, Request, Saying};
use super::validators::Tag;
use crate::describe::{Object, Reading};

pub(super) struct Hearing {
    answer: Answer,
    /// After its head.
    pub(super) saying: Option<Saying>,
    /// Of the body.
    pub(super) bytes: u64,
    /// Of a body that is looked at.
    pub(super) reading: Option<Reading>,
    /// What the server calls what it answered with.
    pub(super) tag: Option<Tag>,
}

/// How far it goes.
pub(super) enum Heard {
    /// After `consumed`, nothing is to be said before there are `bytes_min` bytes.
    More {
        consumed: usize,
        bytes_min: usize,
    },
    All {
        consumed: usize,
        then: Then,
    },
}

/// Whether it matters what the server calls a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    Kept,
    Unused,
}

impl Hearing {
    pub(super) fn new(request: &Request) -> Hearing {
        Hearing { answer: Answer::new(request.to()), saying: None, bytes: 0, reading: None, tag: None }
    }

    /// Reads on in the answer to `request`, which is about `object`.
    ///
    /// # Errors
    /// It is no answer.
    pub(super) fn hear(
        &mut self,
        request: &Request,
        object: &Object,
        tags: Tags,
        input: &[u8],
    ) -> Result<Heard, Malformed> {
        let mut at = 0;
        loop {
            match self.answer.step(&input[at..])? {
                Step::Head { consumed, head } => {
                    at += consumed;
                    let saying = request.saying(&head, object)?;
                    if let (Saying::Bytes(part), Request::Read(Read { checked: true, .. })) = (saying, request) {
                        self.reading = Some(Reading::new(object.key, object.seed, part));
                    }
                    self.saying = Some(saying);
                    self.tag = if tags == Tags::Kept { Tag::of(&head) } else { None };
                }
                Step::Body { consumed, piece } => {
                    at += consumed;
                    self.bytes += piece.len() as u64;
                    if let Some(reading) = &mut self.reading {
                        reading.take(piece);
                    }
                }
                Step::End { consumed, then } => return Ok(Heard::All { consumed: at + consumed, then }),
                Step::More { consumed, bytes_min } => return Ok(Heard::More { consumed: at + consumed, bytes_min }),
            }
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// The answer has not.
    pub(super) fn ended(&self) -> Result<(), Malformed> {
        self.answer.ended()
    }
}
