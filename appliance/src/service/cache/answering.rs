//! From the bytes at the front of a conversation's input to the replies in its parcel: parse, serve, say what comes next.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_net::input::Input;
use spindle_net::wire::memcached::request::CloseReason;
use spindle_net::wire::memcached::{Answer, Limits, Parsed, Refusal, Request, data_block, parse, parse_resumed};

use super::ahead::{Batch, first_key, following};
use super::classic::{BegunGet, Progress};
use super::conversation::Ended;
use super::session::Session;
use super::{admin, classic, meta};
use crate::service::value_sending::HeldShare;

/// An unfinished line up to this size is nobody's concern.
const LINE_BYTES_FREE: usize = 16 * 1024;

/// Values from this length on, that are not here as a whole, are received straight into the cache's memory.
pub const UPLOAD_BYTES_MIN: u32 = 16 * 1024;

/// The longest multiget line. memcached has no bound; a client that reaches this one is told and closed.
pub const LIMITS: Limits = Limits { multiget_line_bytes_max: 4 << 20 };

/// What to do after what was received is answered as far as possible.
pub enum Next {
    /// The front of the input is not a whole request.
    Receive,
    /// Send what is there, then go on.
    Flush,
    /// This connection had its share; others first.
    Yield,
    /// The next value is large, and has to wait until others have been sent theirs.
    Starve,
    /// A value is to be received straight into the cache.
    Upload,
    Swallow(u64),
    End(Ended),
}

/// What a client has sent and has not been answered yet.
#[derive(Default)]
pub struct Unanswered {
    pub input: Input,
    /// Bytes at the front of the input that hold no line end.
    searched: u32,
    /// The multiget at the front, when a part of it is answered.
    begun: Option<Box<BegunGet>>,
    /// What a long unfinished line costs the service.
    line: Option<Box<HeldShare>>,
}

impl Unanswered {
    /// The first key that will be looked for; `None` when looking ahead for it is not worth it.
    #[inline]
    pub fn first_key(&self) -> Option<&[u8]> {
        // A line that was looked at before may be long.
        if self.searched > 0 || self.begun.is_some() {
            return None;
        }
        first_key(&parse(self.input.bytes(), &LIMITS))
    }

    /// Answers requests as long as they are whole, the parcel has room and it is this client's turn.
    #[inline]
    pub fn answer(&mut self, session: &Session<'_>, parcel: &mut Parcel) -> Next {
        if let Some(begun) = self.begun.take()
            && let Some(next) = self.go_on(session, *begun, parcel)
        {
            return next;
        }
        let mut requests_left = session.service.settings.requests_per_turn as usize;
        while !self.input.bytes().is_empty() {
            if requests_left == 0 {
                return Next::Yield;
            }
            let Unanswered { input, searched, begun, line } = self;
            let mut answering = Answering { session, input: input.bytes(), bytes: 0, searched, begun, line };
            let next = answering.next_some(&mut requests_left, parcel);
            let bytes = answering.bytes;
            self.input.consume(bytes);
            if let Some(next) = next {
                return next;
            }
        }
        Next::Receive
    }

    /// Answers more of the multiget at the front; what to do next, unless it is all answered.
    fn go_on(&mut self, session: &Session<'_>, begun: BegunGet, parcel: &mut Parcel) -> Option<Next> {
        let (begun, next) = match classic::go_on(session, &begun, self.input.bytes(), parcel) {
            Progress::Done => {
                self.line = None;
                self.input.consume(begun.line_bytes);
                return None;
            }
            Progress::Full(begun) => (begun, Next::Flush),
            Progress::Turn(begun) => (begun, Next::Yield),
            Progress::Starved(begun) => (begun, Next::Starve),
        };
        self.begun = Some(Box::new(begun));
        Some(next)
    }
}

/// One pass over the front of the input.
struct Answering<'a> {
    session: &'a Session<'a>,
    input: &'a [u8],
    /// Of the input that is answered.
    bytes: usize,
    searched: &'a mut u32,
    begun: &'a mut Option<Box<BegunGet>>,
    line: &'a mut Option<Box<HeldShare>>,
}

impl Answering<'_> {
    /// Answers the next request, or as many as are looked at together.
    #[inline]
    fn next_some(&mut self, requests_left: &mut usize, parcel: &mut Parcel) -> Option<Next> {
        let first = match std::mem::take(self.searched) {
            0 => parse(self.input, &LIMITS),
            searched => parse_resumed(self.input, searched as usize, &LIMITS),
        };
        let rest = following(&first, self.input);
        if rest.is_empty() {
            *requests_left -= 1;
            return self.next(&first, parcel);
        }
        let batch = Batch::read(&self.session.service.cache, first, rest, *requests_left, &LIMITS);
        *requests_left -= batch.requests().len();
        batch.requests().iter().find_map(|parsed| self.next(parsed, parcel))
    }

    /// Answers one request, and says so where that is wanted; what to do if not to go on.
    #[inline]
    fn next(&mut self, parsed: &Parsed<'_>, parcel: &mut Parcel) -> Option<Next> {
        if self.session.is_full(parcel) {
            return Some(Next::Flush);
        }
        let Some(client) = self.session.said_of else { return self.answer(parsed, parcel) };
        let (request, reply_at) = (&self.input[self.bytes..], parcel.bytes.len());
        let next = self.answer(parsed, parcel);
        if !matches!(next, Some(Next::Receive | Next::Upload | Next::Starve)) {
            self.session.say(client, request, &parcel.bytes[reply_at..]);
        }
        next
    }

    fn answer(&mut self, parsed: &Parsed<'_>, parcel: &mut Parcel) -> Option<Next> {
        match *parsed {
            Parsed::Incomplete => Some(self.wait_for_line(parcel)),
            Parsed::Request { ref request, consumed } => {
                match serve(self.session, request, &self.input[self.bytes..], consumed, parcel) {
                    Served::Whole { block_bytes } => {
                        *self.line = None;
                        self.bytes += consumed + block_bytes;
                        None
                    }
                    Served::Full(begun) => self.pause_get(begun, Next::Flush),
                    Served::Turn(begun) => self.pause_get(begun, Next::Yield),
                    Served::Starved(Some(begun)) => self.pause_get(begun, Next::Starve),
                    Served::Starved(None) => Some(Next::Starve),
                    Served::NeedsBlock => Some(Next::Receive),
                    Served::NeedsUpload => Some(Next::Upload),
                    Served::Quit => Some(Next::End(Ended::Quit)),
                }
            }
            Parsed::Refused { refusal, answer, consumed, swallow_bytes } => {
                self.session.counters.refused_requests.add(1);
                classic::reply(parcel, answer, refusal.line());
                *self.line = None;
                self.bytes += consumed;
                (swallow_bytes > 0).then_some(Next::Swallow(swallow_bytes))
            }
            Parsed::Close { refusal, reason } => {
                if let Some(refusal) = refusal {
                    classic::reply(parcel, Answer::Wanted, refusal.line());
                }
                Some(Next::End(Ended::Bound(reason)))
            }
        }
    }

    /// Remembers how far a multiget came.
    fn pause_get(&mut self, begun: BegunGet, next: Next) -> Option<Next> {
        *self.begun = Some(Box::new(begun));
        Some(next)
    }

    /// What a long line holds while it is incomplete counts, and may be too much.
    fn wait_for_line(&mut self, parcel: &mut Parcel) -> Next {
        let bytes = self.input.len() - self.bytes;
        *self.searched = bytes as u32;
        *self.line = None;
        if bytes > LINE_BYTES_FREE {
            *self.line = self.session.service.held.take(bytes).map(Box::new);
            if self.line.is_none() {
                classic::reply(parcel, Answer::Wanted, Refusal::OutOfMemoryReadingRequest.line());
                return Next::End(Ended::Bound(CloseReason::LineTooLong));
            }
        }
        Next::Receive
    }
}

/// What came of one request.
enum Served {
    /// Answered; the line was followed by this many bytes of data block.
    Whole {
        block_bytes: usize,
    },
    /// The parcel is full before a multiget is answered.
    Full(BegunGet),
    /// A multiget had its share of the turn.
    Turn(BegunGet),
    /// There is no memory to send the next value from: of a multiget, or of the request as a whole.
    Starved(Option<BegunGet>),
    /// The data block is not all here.
    NeedsBlock,
    /// The data block is large and not all here.
    NeedsUpload,
    Quit,
}

/// Answers the request whose line is the first `line_bytes` of `input`.
#[inline]
fn serve(session: &Session<'_>, request: &Request<'_>, input: &[u8], line_bytes: usize, parcel: &mut Parcel) -> Served {
    match request {
        Request::Get(get) => match classic::get(session, get, input, line_bytes, parcel) {
            Progress::Done => {}
            Progress::Full(begun) => return Served::Full(begun),
            Progress::Turn(begun) => return Served::Turn(begun),
            Progress::Starved(begun) => return Served::Starved(Some(begun)),
        },
        Request::Store(_) | Request::MetaSet(_) => return serve_block(session, request, &input[line_bytes..], parcel),
        Request::MetaGet(get) => {
            if !meta::get(session, get, parcel) {
                return Served::Starved(None);
            }
        }
        Request::Delete(delete) => classic::delete(session, delete, parcel),
        Request::Arithmetic(arithmetic) => classic::arithmetic(session, arithmetic, parcel),
        Request::Touch(touch) => classic::touch(session, touch, parcel),
        Request::MetaDelete(delete) => meta::delete(session, delete, parcel),
        Request::MetaArithmetic(arithmetic) => meta::arithmetic(session, arithmetic, parcel),
        Request::MetaNoop => parcel.bytes.extend_from_slice(spindle_net::wire::memcached::mn::MN),
        Request::MetaDebug(debug) => meta::debug(session, debug, parcel),
        Request::Quit => return Served::Quit,
        rare => admin::serve(session, rare, parcel),
    }
    Served::Whole { block_bytes: 0 }
}

/// Answers a request with a data block, if that is here.
#[inline]
fn serve_block(session: &Session<'_>, request: &Request<'_>, after: &[u8], parcel: &mut Parcel) -> Served {
    let Some(data_bytes) = request.data_bytes() else { return Served::Whole { block_bytes: 0 } };
    let block_bytes = data_block::bytes(data_bytes) as usize;
    let Some(block) = after.get(..block_bytes) else {
        return if data_bytes >= UPLOAD_BYTES_MIN { Served::NeedsUpload } else { Served::NeedsBlock };
    };
    let (value, end) = block.split_at(data_bytes as usize);
    match (data_block::check([end[0], end[1]]), request) {
        (Err(refusal), _) => {
            session.counters.refused_requests.add(1);
            let answer = if let Request::Store(store) = request { store.answer } else { Answer::Wanted };
            classic::reply(parcel, answer, refusal.line());
        }
        (Ok(()), Request::Store(store)) => classic::store(session, store, value, parcel),
        (Ok(()), Request::MetaSet(set)) => meta::set(session, set, value, parcel),
        (Ok(()), _) => {}
    }
    Served::Whole { block_bytes }
}
