//! What the head of an answer says to a request, before its body is looked at.

use std::cell::Cell;
use std::rc::Rc;

use super::answer::{Head, Malformed, To};
use super::mix::Method;
use super::request::Only;
use super::validators::Validator;
use crate::describe::{Fault, Object, Part, Sent};

/// What is remembered of a request until its answer is there.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Read(Read),
    Put {
        key: u64,
        version: u32,
    },
    Delete {
        key: u64,
        version: u32,
        /// Before it.
        sent: Sent,
        presence: Presence,
        /// That it was written: a connection may end before it says whether it has heard it.
        times: Cell<u32>,
    },
    Post {
        key: u64,
        version: u32,
    },
}

/// Whether what is deleted has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Certain,
    /// Another delete may come first, or a write was refused.
    Doubtful,
}

#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) key: u64,
    pub(super) sent: Sent,
    pub(super) wanted: Wanted,
    /// Its answer is looked at byte by byte.
    pub(super) checked: bool,
}

/// What a read asks for.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Object,
    Range {
        offset: u64,
        length: u64,
    },
    /// The object, unless the server says that this is still its validator.
    Change(Rc<Validator>),
    /// The head of what [`Wanted::Object`] or [`Wanted::Change`] would be answered.
    Description(Option<Rc<Validator>>),
}

/// What an answer says that has this head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saying {
    /// Here are bytes of the object: the body decides.
    Bytes(Part),
    /// There is such an object.
    Described,
    /// The validator still holds.
    Unchanged {
        version: u32,
    },
    /// There is no such object.
    Absent,
    /// What was asked for is done.
    Done,
    /// An error reply, or none to this request.
    Refused,
    /// An error reply of somebody between: what was asked for may be done, or will be.
    Unclear,
    Wrong(Fault),
}

impl Read {
    pub(super) fn method(&self) -> Method {
        match self.wanted {
            Wanted::Description(_) => Method::Head,
            _ => Method::Get,
        }
    }

    pub(super) fn only(&self) -> Only<'_> {
        match &self.wanted {
            Wanted::Object | Wanted::Description(None) => Only::All,
            Wanted::Range { offset, length } => Only::Range { offset: *offset, length: *length },
            Wanted::Change(validator) | Wanted::Description(Some(validator)) => Only::Changed(&validator.tag),
        }
    }

    /// # Errors
    /// It is no answer.
    fn saying(&self, head: &Head<'_>, object: &Object) -> Result<Saying, Malformed> {
        let expected = object.length;
        Ok(match (&self.wanted, head.status) {
            (Wanted::Description(_), 200) => match head.length {
                Some(got) if got != expected => Saying::Wrong(Fault::Length { expected, got }),
                _ => Saying::Described,
            },
            // A server may pass over a Range field: RFC 9110, 14.2.
            (_, 200) => Saying::Bytes(Part::Whole),
            (Wanted::Range { offset, length }, 206) => ranged(head, object, *offset, *length)?,
            // Every range that is asked for has bytes.
            (Wanted::Range { length, .. }, 416) => Saying::Wrong(Fault::Length { expected: *length, got: 0 }),
            (Wanted::Change(validator) | Wanted::Description(Some(validator)), 304) => {
                Saying::Unchanged { version: validator.version }
            }
            (_, 404 | 410) => Saying::Absent,
            _ => Saying::Refused,
        })
    }
}

/// A range is the one that was asked for, and says so.
fn ranged(head: &Head<'_>, object: &Object, offset: u64, length: u64) -> Result<Saying, Malformed> {
    let range = head.content_range.ok_or(Malformed::ContentRange)?;
    let got = range.last - range.first + 1;
    Ok(match range.total {
        Some(total) if total != object.length => Saying::Wrong(Fault::Length { expected: object.length, got: total }),
        _ if range.first != offset => Saying::Wrong(Fault::Misplaced { asked: offset, got: range.first }),
        _ if got != length => Saying::Wrong(Fault::Length { expected: length, got }),
        _ => Saying::Bytes(Part::Range { offset, length }),
    })
}

impl Request {
    pub(super) fn key(&self) -> u64 {
        match self {
            Request::Read(read) => read.key,
            Request::Put { key, .. } | Request::Delete { key, .. } | Request::Post { key, .. } => *key,
        }
    }

    #[inline]
    pub(super) fn method(&self) -> Method {
        match self {
            Request::Read(read) => read.method(),
            Request::Put { .. } => Method::Put,
            Request::Delete { .. } => Method::Delete,
            Request::Post { .. } => Method::Post,
        }
    }

    pub(super) fn to(&self) -> To {
        match self {
            Request::Read(Read { wanted: Wanted::Description(_), .. }) => To::Head,
            _ => To::Other,
        }
    }

    /// # Errors
    /// It is no answer.
    pub(super) fn saying(&self, head: &Head<'_>, object: &Object) -> Result<Saying, Malformed> {
        Ok(match (self, head.status) {
            (Request::Read(read), _) => return read.saying(head, object),
            (Request::Put { .. }, 200 | 201 | 204) => Saying::Done,
            (Request::Delete { .. }, 200 | 204) => Saying::Done,
            (Request::Delete { .. }, 404 | 410) => Saying::Absent,
            (Request::Post { .. }, 200..=299) => Saying::Done,
            // The gateway does not know: RFC 9110, 15.6.3 and 15.6.5.
            (_, 502 | 504) => Saying::Unclear,
            _ => Saying::Refused,
        })
    }
}
