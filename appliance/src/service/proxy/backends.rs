//! A core's connections to the backends. Every request goes to the next backend in turn: on a connection that is kept to it,
//! or on a new one. A backend that cannot be reached is passed over for a while, unless all are in that state.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use spindle_core::{Core, Descriptor, Errno};
use spindle_net::connection::{Connection, End, Reception};
use spindle_net::dial::dial;
use spindle_net::input::Input;
use spindle_net::wire::http::Status;

use super::places::{Place, Places};
use crate::settings::decided::ProxySettings;

/// Waiting for room to connect may take at most this, and so may connecting.
const CONNECT_NS_MAX: u64 = 5_000_000_000;
/// A backend that could not be reached is not tried for so long.
const HOLD_OFF_NS: u64 = 5_000_000_000;
/// A connection that nobody needed for so long is closed, before the backend does it at a bad moment.
const IDLE_NS_MAX: u64 = 30_000_000_000;
const SWEEP_PAUSE_NS: u64 = 1_000_000_000;

/// Whether a connection that is kept will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    Welcome,
    /// One that was kept has just turned out to be closed.
    Never,
}

/// What a connection was used for before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    Fresh,
    Kept,
}

/// Why there is no backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    Refused,
    /// All connections that there may be are in use, or we are at another bound of our own.
    Full,
    Slow,
}

impl Unreachable {
    pub fn status(self) -> Status {
        match self {
            Unreachable::Refused | Unreachable::Full => Status::ServiceUnavailable,
            Unreachable::Slow => Status::GatewayTimeout,
        }
    }
}

/// A connection to a backend.
pub struct Backend {
    pub connection: Connection,
    pub input: Input,
    pub past: Past,
    /// Met while nobody could be told: the next who receives meets it.
    pub ended: Option<End>,
    /// Which backend it is to.
    index: usize,
    idle_since_ns: u64,
    /// Of the core's turns: before the next the kernel has not been asked what there is to hear.
    kept_in_turn: Option<u64>,
    _place: Place,
}

impl Backend {
    /// Whether a connection that nobody uses is as it should be: open, with nothing said that nobody asked for.
    fn is_quiet(&mut self) -> bool {
        // Tasks of a core are woken by name: the waker is nobody's.
        let mut context = Context::from_waker(Waker::noop());
        self.connection.poll_receive(&mut self.input, &mut context).is_pending()
    }
}

/// One backend.
struct Address {
    address: SocketAddr,
    /// The one that was used last is used next.
    idle: RefCell<Vec<Backend>>,
    held_off_until_ns: Cell<u64>,
}

impl Address {
    fn kept(&self, turn: u64) -> Option<Backend> {
        let mut idle = self.idle.borrow_mut();
        loop {
            let at = idle.iter().rposition(|backend| backend.kept_in_turn != Some(turn))?;
            let mut backend = idle.remove(at);
            if backend.is_quiet() {
                return Some(backend);
            }
        }
    }
}

/// What there is for one who may open a connection.
enum Room {
    New(Place),
    Kept(Backend),
}

pub struct Backends {
    core: Core,
    addresses: Vec<Address>,
    places: Rc<Places>,
    turn: Cell<usize>,
    connect_ns: u64,
    /// About failures of our own.
    silent_until_ns: Cell<u64>,
}

impl Backends {
    pub fn new(core: &Core, settings: &ProxySettings) -> Backends {
        let address = |address: &SocketAddr| Address {
            address: *address,
            idle: RefCell::default(),
            held_off_until_ns: Cell::new(0),
        };
        let timeout_ns = u64::from(settings.backend_timeout_seconds) * 1_000_000_000;
        Backends {
            core: core.clone(),
            addresses: settings.backends.iter().map(address).collect(),
            places: Places::new(core, settings.backend_connections_max),
            turn: Cell::new(0),
            connect_ns: timeout_ns.min(CONNECT_NS_MAX),
            silent_until_ns: Cell::new(0),
        }
    }

    /// Whose turn it is. The next turn is the next one's.
    pub fn turn(&self) -> usize {
        let turn = self.turn.get();
        self.turn.set((turn + 1) % self.addresses.len());
        turn
    }

    /// A connection that is kept to whose turn it is.
    pub fn at_hand(&self, turn: usize) -> Option<Backend> {
        // Whoever waits in line comes first.
        if self.places.nobody_waits() { self.kept(turn) } else { None }
    }

    fn kept(&self, index: usize) -> Option<Backend> {
        self.addresses[index].kept(self.core.counters().turns.get())
    }

    /// A connection to whose turn it is, or to the next that can be reached.
    ///
    /// # Errors
    /// There is no room within the time for connecting, or no connection within it once there is.
    pub async fn reach(&self, turn: usize, reuse: Reuse) -> Result<Backend, Unreachable> {
        let room_until_ns = self.core.now_ns().saturating_add(self.connect_ns);
        let place = match self.room(reuse, room_until_ns).await.ok_or(Unreachable::Full)? {
            Room::Kept(backend) => return Ok(backend),
            Room::New(place) => place,
        };
        // No backend is to be blamed for what the wait for room took.
        let began_ns = self.core.now_ns();
        let deadline_ns = began_ns.saturating_add(self.connect_ns);
        let count = self.addresses.len();
        let in_turn = || (turn..turn + count).map(|index| index % count);
        // Those that were held off before come last, and those that failed just now not again.
        let standing = in_turn().filter(|index| self.held_off_until(*index) <= began_ns);
        let held_off =
            in_turn().filter(|index| (began_ns + 1..began_ns + HOLD_OFF_NS).contains(&self.held_off_until(*index)));
        let mut unreachable = Unreachable::Refused;
        for (tried, index) in standing.chain(held_off).enumerate() {
            if reuse == Reuse::Welcome
                && let Some(backend) = self.kept(index)
            {
                return Ok(backend);
            }
            // One that does not answer must leave some time for the others.
            let left_ns = deadline_ns.saturating_sub(self.core.now_ns());
            let until_ns = self.core.now_ns() + left_ns / (count - tried).max(1) as u64;
            match self.core.until(until_ns, dial(&self.core, self.addresses[index].address)).await {
                Some(Ok(socket)) => return Ok(self.fresh(index, socket, place)),
                Some(Err(errno)) if is_our_own(errno) => {
                    if self.core.now_ns() >= self.silent_until_ns.get() {
                        self.silent_until_ns.set(self.core.now_ns() + HOLD_OFF_NS);
                        tracing::warn!(%errno, "no connection to a backend can be made");
                    }
                    return Err(Unreachable::Full);
                }
                Some(Err(errno)) => self.hold_off(index, errno),
                None => {
                    self.hold_off(index, Errno::ETIMEDOUT);
                    unreachable = Unreachable::Slow;
                }
            }
        }
        Err(unreachable)
    }

    /// Keeps a connection for the next request. All that was asked on it is answered.
    pub fn keep(&self, mut backend: Backend) {
        backend.past = Past::Kept;
        let was_heard = backend.connection.is_receiving();
        backend.connection.set_reception(Reception::Chunks);
        backend.input.rest();
        backend.idle_since_ns = self.core.now_ns();
        backend.kept_in_turn = (!was_heard).then(|| self.core.counters().turns.get());
        if backend.is_quiet() {
            self.addresses[backend.index].idle.borrow_mut().push(backend);
        }
        self.places.let_look();
    }

    /// Closes what has ended or was not needed, again and again. Who is idle is heard by nobody in between.
    pub async fn sweep(&self) {
        loop {
            self.core.sleep_until(self.core.now_ns() + SWEEP_PAUSE_NS).await;
            let oldest_ns = self.core.now_ns().saturating_sub(IDLE_NS_MAX);
            for address in &self.addresses {
                let kept = |backend: &mut Backend| backend.idle_since_ns >= oldest_ns && backend.is_quiet();
                address.idle.borrow_mut().retain_mut(kept);
            }
        }
    }

    fn held_off_until(&self, index: usize) -> u64 {
        self.addresses[index].held_off_until_ns.get()
    }

    fn hold_off(&self, index: usize, errno: Errno) {
        let backend = &self.addresses[index];
        let is_news = self.core.now_ns() >= backend.held_off_until_ns.get();
        backend.held_off_until_ns.set(self.core.now_ns() + HOLD_OFF_NS);
        if is_news {
            tracing::warn!(backend = %backend.address, %errno, "a backend cannot be reached");
        }
    }

    fn fresh(&self, index: usize, socket: Descriptor, place: Place) -> Backend {
        self.addresses[index].held_off_until_ns.set(0);
        Backend {
            connection: Connection::new(&self.core, socket),
            input: Input::default(),
            past: Past::Fresh,
            ended: None,
            index,
            idle_since_ns: 0,
            kept_in_turn: None,
            _place: place,
        }
    }

    /// Waits for room, in line.
    async fn room(&self, reuse: Reuse, deadline_ns: u64) -> Option<Room> {
        if self.places.nobody_waits()
            && let Some(room) = self.room_now(reuse)
        {
            return Some(room);
        }
        let spot = self.places.line_up();
        let first = poll_fn(|_| match spot.is_first().then(|| self.room_now(reuse)).flatten() {
            Some(room) => Poll::Ready(room),
            None => Poll::Pending,
        });
        self.core.until(deadline_ns, first).await
    }

    /// At the bound, whatever connection is kept goes before whose turn it is.
    fn room_now(&self, reuse: Reuse) -> Option<Room> {
        if let Some(place) = self.places.take() {
            return Some(Room::New(place));
        }
        if reuse == Reuse::Welcome
            && let Some(backend) = (0..self.addresses.len()).find_map(|index| self.kept(index))
        {
            return Some(Room::Kept(backend));
        }
        let idle = self.addresses.iter().find_map(|address| address.idle.borrow_mut().pop());
        drop(idle);
        self.places.take().map(Room::New)
    }
}

/// Whether a failure to connect says nothing of the backend.
fn is_our_own(errno: Errno) -> bool {
    use Errno::{EADDRNOTAVAIL, EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM};
    matches!(errno, EADDRNOTAVAIL | EAGAIN | EMFILE | ENFILE | ENOBUFS | ENOMEM)
}
