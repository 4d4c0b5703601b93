//! One connection with one request outstanding: sets of new keys, each followed by a request that does nothing. The two
//! pass through the same machine at the same time, so what disturbs the machine lengthens both alike, and what only the
//! sets suffer is the cache's own.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use hdrhistogram::Histogram;
use spindle_core::Core;
use spindle_core::limits::Idle;
use spindle_net::connection::Connection;
use spindle_net::dial::dial;
use spindle_net::input::Input;

use super::batch::Batch;
use super::keys::{Keys, Order};
use super::tally::response_histogram;
use super::{LoadError, Work, on_a_core, within};

const STORED: &[u8] = b"STORED\r\n";
/// A meta no-op.
const NOTHING: &[u8] = b"mn\r\n";
const NOTHING_DONE: &[u8] = b"MN\r\n";
const FLUSH: &[u8] = b"flush_all\r\n";
const FLUSHED: &[u8] = b"OK\r\n";
/// No-ops before the first that counts: a server that has just been woken catches up meanwhile.
const WARM_UP: usize = 1000;

#[derive(Clone, Debug)]
pub struct Alternation {
    pub server: SocketAddr,
    /// The CPU that the load is pinned to.
    pub cpu: Option<usize>,
    /// 0 to 9 bytes; see [`Keys`].
    pub prefix: &'static str,
    /// The numbers of the keys that are set, each once.
    pub numbers: Range<u64>,
    pub value_bytes: usize,
    pub finale: Finale,
    /// In which all of it has to be done.
    pub at_most: Duration,
}

/// What follows the last pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finale {
    Nothing,
    /// One flush_all, which is timed.
    FlushAll,
}

/// Response times, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Alternated {
    pub set_ns: Histogram<u64>,
    pub nothing_ns: Histogram<u64>,
    pub flush: Option<Duration>,
}

/// Runs it on a thread of its own and waits for its end. Every answer must be the right one.
///
/// # Errors
/// Those of starting and of connecting; any other answer; a server that hangs up, or is not done in time.
pub fn run(alternation: &Alternation) -> Result<Alternated, LoadError> {
    let (cpu, alternation) = (alternation.cpu, alternation.clone());
    on_a_core(cpu, 1, Idle::Spin, move |core| async move {
        let at_most = alternation.at_most;
        within(&core, at_most, drive(&core, &alternation)).await.unwrap_or(Err(LoadError::Late { at_most }))
    })
}

async fn drive(core: &Core, alternation: &Alternation) -> Result<Alternated, LoadError> {
    let server = alternation.server;
    let socket = dial(core, server).await.map_err(|errno| LoadError::Connect { server, errno })?;
    let mut client = Client { connection: Connection::new(core, socket), input: Input::default() };
    for _ in 0..WARM_UP {
        client.time(core, NOTHING, NOTHING_DONE).await?;
    }
    let keys = Keys { prefix: alternation.prefix, order: Order::each_once(alternation.numbers.end) };
    let sets = Batch::new(Work::Set { value_bytes: alternation.value_bytes }, keys, 1);
    let mut set = Vec::new();
    let mut alternated = Alternated { set_ns: response_histogram(), nothing_ns: response_histogram(), flush: None };
    for number in alternation.numbers.clone() {
        set.clear();
        sets.write(&mut set, 1, || number);
        alternated.set_ns.saturating_record(client.time(core, &set, STORED).await?);
        alternated.nothing_ns.saturating_record(client.time(core, NOTHING, NOTHING_DONE).await?);
    }
    if alternation.finale == Finale::FlushAll {
        alternated.flush = Some(Duration::from_nanos(client.time(core, FLUSH, FLUSHED).await?));
    }
    Ok(alternated)
}

struct Client {
    connection: Connection,
    input: Input,
}

impl Client {
    /// How long the answer to `request` takes, in nanoseconds.
    async fn time(&mut self, core: &Core, request: &[u8], expected: &[u8]) -> Result<u64, LoadError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let hung_up = |_| LoadError::HungUp { asked: text(request) };
        let mut parcel = core.parcel();
        parcel.bytes.extend_from_slice(request);
        let asked_ns = core.read_clock_ns();
        self.connection.send(parcel, &mut self.input).await.map_err(hung_up)?;
        // Every answer is one line.
        while !self.input.bytes().ends_with(b"\n") {
            self.connection.receive(&mut self.input).await.map_err(hung_up)?;
        }
        let answered_ns = core.read_clock_ns();
        if self.input.bytes() != expected {
            return Err(LoadError::Answer { asked: text(request), answer: text(self.input.bytes()) });
        }
        self.input.consume(expected.len());
        Ok(answered_ns - asked_ns)
    }
}
