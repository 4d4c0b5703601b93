//! One client's flow: input -> requests -> parcel -> output, until somebody ends it.
#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use spindle_core::{Core, Descriptor, Parcel};
use spindle_net::connection::{Connection, End, Posted};
use spindle_net::input::Input;
use spindle_net::wire::memcached::request::CloseReason;
use spindle_net::wire::memcached::{Answer, Limits, Parsed, Refusal, Request, data_block, parse_resumed};
use spindle_slab::{Expiry, Key, Outcome, Seconds};

use super::ahead::{KEYS_AHEAD, RequestKeys, look_ahead};
use super::classic::{BegunGet, Progress};
use super::counters::ClientCounters;
use super::shared::CacheService;
use super::{admin, classic, meta, value};
use crate::service::value_sending::HeldShare;
use crate::settings::decided::Switch;

/// A parcel of this size is sent before more is added: what one client can hold of the core's memory, and what it can hold
/// when too many hold much.
const PARCEL_BYTES_MAX: usize = 128 * 1024;
const PARCEL_BYTES_LEAST: usize = 4 * 1024;

/// An unfinished line up to this size is nobody's concern.
const LINE_BYTES_FREE: usize = 16 * 1024;

/// Values from this length on, that are not here as a whole, are received straight into the cache's memory.
pub const UPLOAD_BYTES_MIN: u32 = 16 * 1024;

/// What a client may still send after we said our last word.
const LINGER_BYTES_MAX: usize = 1 << 20;

/// And how long we wait for it.
const LINGER_NS: u64 = 500_000_000;

/// The longest multiget line. memcached has no bound; a client that reaches this one is told and closed.
const LIMITS: Limits = Limits { multiget_line_bytes_max: 4 << 20 };

/// What one request needs to know.
pub struct Session<'a> {
    pub service: &'a CacheService,
    pub counters: &'a ClientCounters,
    pub now: Seconds,
}

impl Session<'_> {
    #[inline]
    pub fn expiry(&self, exptime: i32) -> Expiry {
        self.service.clock.expiry(exptime, self.now)
    }

    #[inline]
    pub fn is_full(&self, parcel: &Parcel) -> bool {
        let bytes = parcel.len();
        bytes >= PARCEL_BYTES_MAX || bytes >= PARCEL_BYTES_LEAST && self.service.held.is_used_up()
    }

    #[inline]
    pub fn has_cas(&self) -> bool {
        self.service.settings.cas == Switch::On
    }

    /// What a client is told whose value does not fit. A set that fails leaves no old value behind either, so that nobody
    /// reads what its writer believes to be replaced.
    pub fn refuse_value(&self, key: &Key<'_>, outcome: Outcome, replaces: bool) -> Refusal {
        if replaces {
            self.service.cache.delete(key, &Default::default(), self.now);
        }
        if outcome == Outcome::TooLarge {
            self.counters.store_too_large.add(1);
            Refusal::TooLarge
        } else {
            self.counters.store_no_memory.add(1);
            Refusal::OutOfMemoryStoring
        }
    }
}

/// How a conversation ended, for the log and the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Connection(End),
    Quit,
    Bound(CloseReason),
    Idle,
    Stopping,
}

/// What to do after what was received is answered as far as possible.
enum Next {
    /// The front of the input is not a whole request.
    Receive,
    /// Send what is there, then go on.
    Flush,
    /// This connection had its share; others first.
    Yield,
    /// A value is to be received straight into the cache.
    Upload,
    Swallow(u64),
    End(Ended),
}

/// One client.
pub struct Conversation {
    service: Arc<CacheService>,
    connection: Connection,
    input: Input,
    /// Which core's counters are ours.
    index: u32,
    /// Bytes at the front of the input that hold no line end.
    searched: u32,
    /// The multiget at the front, when a part of it is answered.
    begun: Option<Box<BegunGet>>,
    /// What a long unfinished line costs the service.
    line: Option<Box<HeldShare>>,
}

impl Conversation {
    pub fn new(core: &Core, service: &Arc<CacheService>, index: usize, socket: Descriptor) -> Conversation {
        Conversation {
            service: Arc::clone(service),
            connection: Connection::new(core, socket),
            input: Input::default(),
            index: index as u32,
            searched: 0,
            begun: None,
            line: None,
        }
    }

    pub fn core(&self) -> &Core {
        self.connection.core()
    }

    pub fn service(&self) -> &CacheService {
        &self.service
    }

    #[inline]
    fn counters(&self) -> &ClientCounters {
        &self.service.clients[self.index as usize]
    }

    /// Talks until the end, and says why it came.
    pub async fn run(&mut self) -> Ended {
        let ended = match self.talk().await {
            Ok(ended) | Err(ended) => ended,
        };
        let counters = self.counters();
        match ended {
            Ended::Idle => counters.idle_kicks.add(1),
            Ended::Bound(_) => counters.closed_by_bound.add(1),
            _ => {}
        }
        if !matches!(ended, Ended::Connection(End::Broken(_) | End::Refused) | Ended::Idle) {
            Box::pin(self.part(ended)).await;
        }
        ended
    }

    /// Says what is still to be said.
    async fn part(&mut self, ended: Ended) {
        if matches!(ended, Ended::Quit | Ended::Bound(_)) {
            let core = self.connection.core().clone();
            let lingering = self.connection.linger(&mut self.input, LINGER_BYTES_MAX);
            core.until(core.now_ns() + LINGER_NS, lingering).await;
        } else {
            // Whoever has no more to say may still be listening.
            let _ = self.connection.flush(&mut self.input).await;
        }
    }

    async fn talk(&mut self) -> Result<Ended, Ended> {
        loop {
            let mut parcel = self.connection.core().parcel();
            let mut next = self.answer(&mut parcel);
            while let Next::Yield = next {
                self.counters().conn_yields.add(1);
                self.connection.core().yield_now().await;
                next = self.answer(&mut parcel);
            }
            let bytes = parcel.len() - parcel.lent_bytes();
            if self.post(parcel)? == Posted::Late {
                // The peer does not keep up: this parcel waits, and one like it is on its way. Rare, and large: apart, so
                // that an idle conversation stays small.
                let _held = self.service.held.charge(2 * bytes);
                let before = self.input.bytes().len();
                Box::pin(self.connection.catch_up(&mut self.input)).await.map_err(Ended::Connection)?;
                if self.input.bytes().len() > before && matches!(next, Next::Receive) {
                    // The wait took over what arrived meanwhile: that may be all there is.
                    continue;
                }
            }
            match next {
                Next::Yield | Next::Flush => {}
                Next::Receive => self.receive().await?,
                Next::Upload => Box::pin(self.upload()).await?,
                Next::Swallow(bytes) => Box::pin(self.swallow(bytes)).await?,
                Next::End(ended) => return Ok(ended),
            }
        }
    }

    /// Answers requests from the front of the input as long as they are whole, the parcel has room and it is our turn.
    #[inline]
    fn answer(&mut self, parcel: &mut Parcel) -> Next {
        let service = &*self.service;
        let session = Session {
            service,
            counters: &service.clients[self.index as usize],
            now: service.clock.seconds(self.connection.core().now_ns()),
        };
        for served in 0..service.settings.requests_per_turn {
            if session.is_full(parcel) {
                return Next::Flush;
            }
            let input = self.input.bytes();
            if input.is_empty() {
                return Next::Receive;
            }
            if let Some(begun) = self.begun.take() {
                match classic::go_on(&session, &begun, input, parcel) {
                    Progress::Done => self.input.consume(begun.line_bytes),
                    Progress::Full(begun) => return self.pause_get(begun, Next::Flush),
                    Progress::Turn(begun) => return self.pause_get(begun, Next::Yield),
                }
                continue;
            }
            if served % KEYS_AHEAD as u32 == 1 {
                // There is more than the one request just served: a pipeline.
                look_ahead(&service.cache, RequestKeys { input, limits: &LIMITS });
            }
            match parse(input, self.searched as usize, &LIMITS) {
                Parsed::Incomplete => {
                    self.searched = input.len() as u32;
                    return self.wait_for_line(parcel);
                }
                Parsed::Request { request, consumed } => {
                    self.searched = 0;
                    match serve(&session, &request, input, consumed, parcel) {
                        Served::Whole { block_bytes } => {
                            self.line = None;
                            self.input.consume(consumed + block_bytes);
                        }
                        Served::Full(begun) => return self.pause_get(begun, Next::Flush),
                        Served::Turn(begun) => return self.pause_get(begun, Next::Yield),
                        Served::NeedsBlock => return Next::Receive,
                        Served::NeedsUpload => return Next::Upload,
                        Served::Quit => return Next::End(Ended::Quit),
                    }
                }
                Parsed::Refused { refusal, answer, consumed, swallow_bytes } => {
                    self.searched = 0;
                    session.counters.refused_requests.add(1);
                    classic::reply(parcel, answer, refusal.line());
                    self.input.consume(consumed);
                    if swallow_bytes > 0 {
                        return Next::Swallow(swallow_bytes);
                    }
                }
                Parsed::Close { refusal, reason } => {
                    if let Some(refusal) = refusal {
                        classic::reply(parcel, Answer::Wanted, refusal.line());
                    }
                    return Next::End(Ended::Bound(reason));
                }
            }
        }
        Next::Yield
    }

    /// Remembers how far a multiget came.
    fn pause_get(&mut self, begun: BegunGet, next: Next) -> Next {
        self.begun = Some(Box::new(begun));
        next
    }

    /// What a long line holds while it is incomplete counts, and may be too much.
    fn wait_for_line(&mut self, parcel: &mut Parcel) -> Next {
        let bytes = self.input.bytes().len();
        self.line = None;
        if bytes > LINE_BYTES_FREE {
            self.line = self.service.held.take(bytes).map(Box::new);
            if self.line.is_none() {
                classic::reply(parcel, Answer::Wanted, Refusal::OutOfMemoryReadingRequest.line());
                return Next::End(Ended::Bound(CloseReason::LineTooLong));
            }
        }
        Next::Receive
    }

    /// Hands the parcel over, if there is anything in it.
    #[inline]
    fn post(&mut self, parcel: Parcel) -> Result<Posted, Ended> {
        if parcel.is_empty() {
            return Ok(Posted::Sending);
        }
        self.counters().bytes_written.add(parcel.len() as u64);
        self.connection.post(parcel).map_err(Ended::Connection)
    }

    /// Waits for more input; for a client that says nothing for too long, and for the end of the service.
    async fn receive(&mut self) -> Result<(), Ended> {
        self.input.rest();
        let before = self.input.bytes().len();
        let mut idle = match self.service.settings.idle_timeout_seconds {
            0 => None,
            seconds => {
                let (core, deadline_ns) = (
                    self.connection.core().clone(),
                    self.connection.core().now_ns() + u64::from(seconds) * 1_000_000_000,
                );
                Some(Box::pin(async move { core.sleep_until(deadline_ns).await }))
            }
        };
        poll_fn(|context| {
            if let Poll::Ready(received) = self.connection.poll_receive(&mut self.input, context) {
                return Poll::Ready(received.map_err(Ended::Connection));
            }
            if self.service.is_stopping() {
                return Poll::Ready(Err(Ended::Stopping));
            }
            match idle.as_mut().map(|idle| idle.as_mut().poll(context)) {
                Some(Poll::Ready(())) => Poll::Ready(Err(Ended::Idle)),
                _ => Poll::Pending,
            }
        })
        .await?;
        let received = self.input.bytes().len() - before;
        self.counters().bytes_read.add(received as u64);
        Ok(())
    }

    /// Drops the next `bytes` of the input unread.
    async fn swallow(&mut self, bytes: u64) -> Result<(), Ended> {
        let mut left = bytes;
        loop {
            let here = left.min(self.input.bytes().len() as u64);
            self.input.consume(here as usize);
            left -= here;
            if left == 0 {
                return Ok(());
            }
            self.receive().await?;
        }
    }

    /// Receives the value of the store at the front of the input straight into the cache.
    async fn upload(&mut self) -> Result<(), Ended> {
        let mut parcel = self.connection.core().parcel();
        let begun = {
            let session = Session {
                service: &self.service,
                counters: self.counters(),
                now: self.service.clock.seconds(self.connection.core().now_ns()),
            };
            value::begin(&session, self.input.bytes(), &LIMITS)
        };
        let Some(begun) = begun else { return Ok(()) };
        let line = begun.line.clone();
        self.input.consume(line.len());
        let arrived = value::receive(&self.service, &mut self.connection, &mut self.input, begun).await;
        let (finished, swallow_bytes) = arrived.map_err(Ended::Connection)?;
        let session = Session {
            service: &self.service,
            counters: self.counters(),
            now: self.service.clock.seconds(self.connection.core().now_ns()),
        };
        session.counters.bytes_read.add(finished.received_bytes);
        value::answer(&session, &line, finished, &LIMITS, &mut parcel);
        if self.post(parcel)? == Posted::Late {
            self.connection.catch_up(&mut self.input).await.map_err(Ended::Connection)?;
        }
        self.swallow(swallow_bytes).await
    }
}

#[inline]
fn parse<'a>(input: &'a [u8], searched: usize, limits: &Limits) -> Parsed<'a> {
    if searched == 0 {
        spindle_net::wire::memcached::parse(input, limits)
    } else {
        parse_resumed(input, searched, limits)
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
        },
        Request::Store(_) | Request::MetaSet(_) => return serve_block(session, request, &input[line_bytes..], parcel),
        Request::MetaGet(get) => meta::get(session, get, parcel),
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
