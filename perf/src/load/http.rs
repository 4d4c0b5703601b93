//! The work of a server of files and uploads: HTTP/1.1.
//!
//! ```text
//! url          where it goes
//! mix          what is asked of the objects
//! objects      which objects there are, and under which names
//! request      the bytes of a request
//! judging      what the head of an answer says to a request
//!   answer     where an answer's head and body end
//!   hearing    an answer as far as it is there
//! validators   what servers call versions, for conditional requests
//! conversation every object once, on connections that block
//!   fill       before the load
//!   read_back  after it
//! ```
//!
//! A 304 is a read of the version that its validator was seen with. Servers that make a validator of a file's time in whole
//! seconds and its length, as nginx does, give two versions written within a second the same one: a mix of puts and
//! conditions rightly shows them stale.

use std::cell::Cell;

use spindle_core::simulator::Random;

use super::Operation;
use super::keyspace::Keyspace;
use super::split::Slice;
use super::work::{self, Again, HangUp, Verdict, Work, Written};
use crate::describe::{Absence, Fault, Known, Outcome, Part};
use crate::sizes::even;
use answer::Then;
pub use conversation::TalkError;
pub use fill::HttpFillError;
pub(super) use fill::fill;
use hearing::{Heard, Hearing, Tags};
use judging::{Presence, Read, Request, Saying, Wanted};
pub use mix::{Method, Mix, MixError};
pub use objects::ObjectsPlan;
pub use read_back::{ReadBack, ReadBackError, read_back};
use request::{Only, Requests};
pub use url::{Url, UrlError};
use validators::{Tag, Validators};

pub mod answer;
mod conversation;
mod fill;
mod hearing;
mod judging;
mod mix;
mod objects;
mod read_back;
mod request;
mod url;
mod validators;

/// A server of HTTP under load.
#[derive(Clone, Debug)]
pub struct HttpPlan {
    pub url: Url,
    pub objects: ObjectsPlan,
    /// Of a corpus nothing is put or deleted.
    pub mix: Mix,
    /// Of all GETs, 0 to 1: those for a range of the object.
    pub range_share: f64,
    /// Of all HEADs and other GETs, 0 to 1: those on the condition that the object is not what an earlier answer said it
    /// is. Without an earlier answer that said so there is none.
    pub conditional_share: f64,
    pub filling: Filling,
}

/// Whether the load puts all keys there before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    Put,
    /// They are there already, as an earlier load of this seed and the same sizes has put them.
    Present {
        seed: u64,
    },
}

impl Filling {
    /// What the objects of a class of this seed follow from.
    pub fn seed(self, of_class: u64) -> u64 {
        match self {
            Filling::Put => of_class,
            Filling::Present { seed } => seed,
        }
    }
}

/// On its way.
pub(super) struct Asked {
    request: Request,
    /// Of an answer that has begun.
    hearing: Option<Box<Hearing>>,
}

pub(super) struct HttpWork {
    keyspace: Keyspace,
    requests: Requests,
    validators: Validators,
    mix: Mix,
    range_share: f64,
    conditional_share: f64,
    dice: Random,
    posted: u32,
}

impl HttpWork {
    pub(super) fn new(plan: &HttpPlan, slice: &Slice) -> HttpWork {
        HttpWork {
            keyspace: plan.objects.keyspace(slice, plan.filling),
            requests: Requests::new(&plan.url, plan.objects.names()),
            validators: Validators::default(),
            mix: plan.mix.clone(),
            range_share: plan.range_share,
            conditional_share: plan.conditional_share,
            dice: Random::new(!slice.seed_of_draws()),
            posted: 0,
        }
    }

    fn draw_read(&mut self, method: Method) -> Read {
        let key = self.keyspace.chooser.draw();
        // All are thrown for every read, so that no answer changes what later ones show.
        let [ranged, conditional, long, far] = [(); 4].map(|()| even(self.dice.draw()));
        let validator = if conditional < self.conditional_share { self.validators.get(key) } else { None };
        let wanted = match (method, validator) {
            (Method::Head, validator) => Wanted::Description(validator),
            _ if ranged < self.range_share => {
                let whole = self.keyspace.objects.object(key, 0).length;
                let length = 1 + ((whole as f64 * long) as u64).min(whole - 1);
                Wanted::Range { offset: (((whole - length + 1) as f64 * far) as u64).min(whole - length), length }
            }
            (_, Some(validator)) => Wanted::Change(validator),
            (_, None) => Wanted::Object,
        };
        Read { key, sent: self.keyspace.ledger.read(key), wanted, checked: self.keyspace.is_checked() }
    }

    fn draw_delete(&mut self) -> Request {
        let key = self.keyspace.chooser.draw();
        let sent = self.keyspace.ledger.read(key);
        let presence = self.keyspace.ledger.absence(sent).map_or(Presence::Certain, |_| Presence::Doubtful);
        Request::Delete { key, version: self.keyspace.ledger.delete(key), sent, presence, times: Cell::new(0) }
    }

    fn verdict(&mut self, request: &Request, hearing: &mut Hearing) -> Verdict {
        let ledger = &mut self.keyspace.ledger;
        match (request, hearing.saying.unwrap_or(Saying::Refused)) {
            (Request::Read(read), saying) => return self.read_verdict(read, saying, hearing),
            (Request::Put { key, version }, Saying::Done) => {
                ledger.settle(*key, *version, Outcome::Acknowledged);
                self.keyspace.chooser.note_written(*key);
                self.note(*key, Some(*version), hearing.tag.take());
            }
            (Request::Delete { key, version, .. }, Saying::Done) => {
                ledger.settle(*key, *version, Outcome::Acknowledged);
            }
            (Request::Delete { key, version, sent, presence, times }, Saying::Absent) => {
                let Known { oldest, newest } = ledger.known(*sent);
                ledger.settle(*key, *version, Outcome::Acknowledged);
                if *presence == Presence::Certain && newest == *version && times.get() == 1 {
                    return Verdict::Wrong(Fault::Lost { oldest });
                }
            }
            (Request::Post { .. }, Saying::Done) => {}
            // Never settled: it may be done at any later time.
            (_, Saying::Unclear) => return Verdict::Refused,
            (Request::Put { key, version } | Request::Delete { key, version, .. }, _) => {
                ledger.settle(*key, *version, Outcome::Refused);
                return Verdict::Refused;
            }
            (Request::Post { .. }, _) => return Verdict::Refused,
        }
        Verdict::Right
    }

    fn read_verdict(&mut self, read: &Read, saying: Saying, hearing: &mut Hearing) -> Verdict {
        let known = self.keyspace.ledger.known(read.sent);
        let object = self.keyspace.objects.object(read.key, known.newest);
        // Where only one version could be answered, that one was.
        let only = (known.oldest == known.newest).then_some(known.newest);
        let read_version = match saying {
            Saying::Bytes(part) => match &hearing.reading {
                Some(reading) => reading.end(known, |_| object.length).map(Some),
                None => self.there(read, known).and(counted(part, object.length, hearing.bytes)).map(|()| only),
            },
            Saying::Described => self.there(read, known).map(|()| only),
            Saying::Unchanged { version } if version < known.oldest => {
                Err(Fault::Stale { version, oldest: known.oldest })
            }
            Saying::Unchanged { .. } => Ok(None),
            Saying::Absent => self.keyspace.ledger.absence(read.sent).map(|_| None),
            Saying::Wrong(fault) => Err(fault),
            Saying::Done | Saying::Refused | Saying::Unclear => return Verdict::Refused,
        };
        match read_version {
            Ok(version) => {
                self.note(read.key, version, hearing.tag.take());
                Verdict::Right
            }
            Err(fault) => Verdict::Wrong(fault),
        }
    }

    /// Whether an object may be there of which no byte was looked at: not if the last that was done to it is a delete.
    fn there(&self, read: &Read, known: Known) -> Result<(), Fault> {
        let is_settled = known.oldest == known.newest;
        match self.keyspace.ledger.absence(read.sent) {
            Ok(Absence::Deleted) if is_settled => {
                Err(Fault::Stale { version: known.newest.saturating_sub(1), oldest: known.oldest })
            }
            _ => Ok(()),
        }
    }

    fn note(&mut self, key: u64, version: Option<u32>, tag: Option<Tag>) {
        if let (Some(version), Some(tag)) = (version, tag) {
            self.validators.note(key, version, tag);
        }
    }
}

/// The length of an answer that was not looked at.
fn counted(part: Part, whole: u64, got: u64) -> Result<(), Fault> {
    let expected = match part {
        Part::Whole => whole,
        Part::Range { length, .. } => length,
    };
    if got == expected { Ok(()) } else { Err(Fault::Length { expected, got }) }
}

impl Work for HttpWork {
    type Asked = Asked;
    const HANG_UP: HangUp = HangUp::Usual;

    fn operations(&self) -> Vec<Operation> {
        self.mix.methods().map(Method::operation).collect()
    }

    #[inline]
    fn operation(asked: &Asked) -> Operation {
        asked.request.method().operation()
    }

    fn draw_operation(&mut self) -> Operation {
        self.mix.at(even(self.dice.draw())).operation()
    }

    fn draw(&mut self, _now_ns: u64) -> Asked {
        let request = match self.mix.at(even(self.dice.draw())) {
            method @ (Method::Get | Method::Head) => Request::Read(self.draw_read(method)),
            Method::Put => {
                let key = self.keyspace.chooser.draw_for_write();
                Request::Put { key, version: self.keyspace.ledger.write(key) }
            }
            Method::Delete => self.draw_delete(),
            Method::Post => {
                // A version that no other POST has, as long as they can be told apart.
                self.posted = self.posted.wrapping_add(1);
                Request::Post { key: self.keyspace.chooser.draw(), version: self.posted }
            }
        };
        Asked { request, hearing: None }
    }

    fn write(&self, asked: &Asked, from: u64, room: usize, out: &mut Vec<u8>) -> Written {
        let (requests, objects) = (&self.requests, &self.keyspace.objects);
        match &asked.request {
            Request::Read(read) => requests.write_bare(out, read.method(), read.key, read.only()),
            Request::Delete { key, times, .. } => {
                times.set(times.get() + 1);
                requests.write_bare(out, Method::Delete, *key, Only::All);
            }
            Request::Put { key, version } => {
                return requests.write_upload(out, Method::Put, &objects.object(*key, *version), from, room);
            }
            Request::Post { key, version } => {
                return requests.write_upload(out, Method::Post, &objects.object(*key, *version), from, room);
            }
        }
        Written::Whole
    }

    fn hear(&mut self, asked: &mut Asked, input: &[u8], _now_ns: u64) -> work::Heard {
        let Asked { request, hearing } = asked;
        let mut begun = hearing.take().unwrap_or_else(|| Box::new(Hearing::new(request)));
        let tags = if self.conditional_share > 0.0 { Tags::Kept } else { Tags::Unused };
        match begun.hear(request, &self.keyspace.objects.object(request.key(), 0), tags, input) {
            Ok(Heard::More { consumed, bytes_min }) => {
                *hearing = Some(begun);
                work::Heard::More { consumed, bytes_min }
            }
            Ok(Heard::All { consumed, then }) => {
                let then = match then {
                    Then::Keep => work::Then::Keep,
                    Then::Close => work::Then::Close,
                };
                work::Heard::Answer { consumed, verdict: self.verdict(request, &mut begun), then }
            }
            Err(_) => work::Heard::Malformed,
        }
    }

    fn again(asked: &Asked) -> Again {
        // The only method of the mix that is not idempotent.
        if matches!(asked.request, Request::Post { .. }) { Again::Never } else { Again::Once }
    }

    fn finished(&mut self, asked: &mut Asked, _now_ns: u64) -> Option<Verdict> {
        let mut hearing = asked.hearing.take().filter(|hearing| hearing.ended().is_ok())?;
        Some(self.verdict(&asked.request, &mut hearing))
    }
}

#[cfg(test)]
mod tests;
