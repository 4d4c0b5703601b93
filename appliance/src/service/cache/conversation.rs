//! One client's flow: input -> requests -> parcel -> output, until somebody ends it.
#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use spindle_core::{Core, Descriptor, Parcel};
use spindle_net::connection::{Connection, End, Posted};
use spindle_net::wire::memcached::request::CloseReason;

use super::answering::{LIMITS, Next, Unanswered};
use super::counters::ClientCounters;
use super::session::{Patience, Session};
use super::shared::CacheService;
use super::value;

/// What a client may still send after we said our last word.
const LINGER_BYTES_MAX: usize = 1 << 20;

/// And how long we wait for it.
const LINGER_NS: u64 = 500_000_000;

/// How long a get waits for memory that others are being sent, and how often it looks.
const STARVED_NS_MAX: u64 = 1_000_000_000;
const STARVED_STEP_NS: u64 = 1_000_000;

/// How a conversation ended, for the log and the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Connection(End),
    Quit,
    Bound(CloseReason),
    Idle,
    Stopping,
}

impl Ended {
    fn of(end: End) -> Ended {
        if end == End::Silent { Ended::Idle } else { Ended::Connection(end) }
    }
}

/// One client.
pub struct Conversation {
    service: Arc<CacheService>,
    connection: Connection,
    unanswered: Unanswered,
    /// Which core's counters are ours.
    index: u32,
    patience: Patience,
}

/// A turn for everybody else. Apart and out of line: rare, and not to be in the way of what is not.
#[cold]
#[inline(never)]
fn let_others(core: Core) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move { core.yield_now().await })
}

impl Conversation {
    pub fn new(core: &Core, service: &Arc<CacheService>, index: usize, socket: Descriptor) -> Conversation {
        Conversation {
            service: Arc::clone(service),
            connection: Connection::new(core, socket),
            unanswered: Unanswered::default(),
            index: index as u32,
            patience: Patience::Left,
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

    #[inline]
    fn session(&self) -> Session<'_> {
        Session::new(&self.service, self.index, &self.connection, self.patience)
    }

    #[inline]
    fn answer(&mut self, parcel: &mut Parcel) -> Next {
        let session = Session::new(&self.service, self.index, &self.connection, self.patience);
        self.unanswered.answer(&session, parcel)
    }

    /// Counts how it ended, and says what is still to be said.
    pub async fn part(&mut self, ended: Ended) {
        let counters = self.counters();
        match ended {
            Ended::Idle => counters.idle_kicks.add(1),
            Ended::Bound(_) => counters.closed_by_bound.add(1),
            _ => {}
        }
        match ended {
            Ended::Connection(End::Broken(_) | End::Refused) | Ended::Idle => {}
            Ended::Quit | Ended::Bound(_) => {
                let core = self.connection.core().clone();
                let lingering = self.connection.linger(&mut self.unanswered.input, LINGER_BYTES_MAX);
                core.until(core.now_ns() + LINGER_NS, lingering).await;
            }
            // Whoever has no more to say may still be listening.
            Ended::Connection(End::Finished | End::Silent) | Ended::Stopping => {
                let _ = self.connection.flush(&mut self.unanswered.input).await;
            }
        }
    }

    /// Talks until the end, and says why it came.
    pub async fn talk(&mut self) -> Result<Ended, Ended> {
        let mut starving_since_ns = None;
        loop {
            self.foresee().await;
            // In a scope of its own: what is alive while a client says nothing is what an idle conversation takes.
            let (next, bytes, posted) = {
                let mut parcel = self.connection.core().parcel();
                let mut next = self.answer(&mut parcel);
                while let Next::Yield = next {
                    self.counters().conn_yields.add(1);
                    let_others(self.connection.core().clone()).await;
                    next = self.answer(&mut parcel);
                }
                (next, parcel.len() - parcel.lent_bytes(), self.post(parcel)?)
            };
            if posted == Posted::Late {
                // The peer does not keep up: this parcel waits, and one like it is on its way. Rare, and large: apart, so
                // that an idle conversation stays small.
                let _held = self.service.held.charge(2 * bytes);
                let before = self.unanswered.input.bytes().len();
                Box::pin(self.connection.catch_up(&mut self.unanswered.input)).await.map_err(Ended::Connection)?;
                self.count_received(0);
                if self.unanswered.input.bytes().len() > before && matches!(next, Next::Receive) {
                    // The wait took over what arrived meanwhile: that may be all there is.
                    continue;
                }
            }
            match next {
                Next::Yield | Next::Flush => {}
                Next::Starve => {
                    Box::pin(self.starve(&mut starving_since_ns)).await?;
                    continue;
                }
                Next::Receive => self.receive().await?,
                Next::Upload => Box::pin(self.upload()).await?,
                Next::Swallow(bytes) => Box::pin(self.swallow(bytes)).await?,
                Next::End(ended) => return Ok(ended),
            }
            starving_since_ns = None;
            self.patience = Patience::Left;
        }
    }

    /// Waits a moment for the values that others are being sent, once our own are sent; for so long, and then the get is
    /// refused.
    async fn starve(&mut self, since_ns: &mut Option<u64>) -> Result<(), Ended> {
        self.counters().gets_delayed.add(1);
        self.connection.flush(&mut self.unanswered.input).await.map_err(Ended::Connection)?;
        let core = self.connection.core().clone();
        let since_ns = *since_ns.get_or_insert(core.now_ns());
        if core.now_ns() > since_ns + STARVED_NS_MAX || self.service.is_stopping() {
            self.patience = Patience::Over;
        } else {
            core.sleep_until(core.now_ns() + STARVED_STEP_NS).await;
        }
        Ok(())
    }

    /// When others are ready too, their requests are waited for together: the index line of the first key is on its way
    /// while they ask for theirs, and then its item is.
    #[inline]
    async fn foresee(&mut self) {
        if !self.connection.core().can_interleave() {
            return;
        }
        let Some(ahead) = self.unanswered.first_key().map(|key| self.service.cache.prefetch(key)) else { return };
        self.connection.core().step_back().await;
        self.service.cache.prefetch_item(ahead);
        self.connection.core().step_back().await;
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
        self.unanswered.input.rest();
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
            if let Poll::Ready(received) = self.connection.poll_receive(&mut self.unanswered.input, context) {
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
        self.count_received(0);
        Ok(())
    }

    /// Counts what was received into the input, and `direct_bytes` that went past it.
    #[inline]
    fn count_received(&mut self, direct_bytes: u64) {
        let bytes = self.unanswered.input.take_received() + direct_bytes;
        self.counters().bytes_read.add(bytes);
    }

    /// Drops the next `bytes` of the input unread.
    async fn swallow(&mut self, bytes: u64) -> Result<(), Ended> {
        let mut left = bytes;
        loop {
            let here = left.min(self.unanswered.input.bytes().len() as u64);
            self.unanswered.input.consume(here as usize);
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
        let begun = value::begin(&self.session(), self.unanswered.input.bytes(), &LIMITS);
        let Some(begun) = begun else { return Ok(()) };
        let line = begun.line.clone();
        self.unanswered.input.consume(line.len());
        let arrived = value::receive(&self.service, &mut self.connection, &mut self.unanswered.input, begun).await;
        let (finished, swallow_bytes) = arrived.map_err(Ended::of)?;
        self.count_received(finished.direct_bytes);
        let session = self.session();
        value::answer(&session, &line, finished, &LIMITS, &mut parcel);
        if let Some(client) = session.said_of {
            session.say(client, &line, &parcel.bytes);
        }
        if self.post(parcel)? == Posted::Late {
            self.connection.catch_up(&mut self.unanswered.input).await.map_err(Ended::Connection)?;
        }
        self.swallow(swallow_bytes).await
    }
}
