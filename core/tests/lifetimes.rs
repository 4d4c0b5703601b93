//! Whatever a flow launches, drops, cancels and collects, in whatever order the kernel answers: cargo is alive until its
//! op has landed, free soon after, and in the end every descriptor is closed and every receive buffer is home.
//!
//! The simulator moves the bytes of a send only when it completes, or when its notification comes: cargo that is freed too
//! early hits an assertion there.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;

use proptest::collection::vec;
use proptest::prelude::*;
use spindle_core::buffers::provided::Provided;
use spindle_core::counters::CoreCounters;
use spindle_core::flight::Arrived;
use spindle_core::kernel::Kernel;
use spindle_core::op::{Address, Blocking, Fill, Offset};
use spindle_core::simulator::{Faults, Peer, Random, SimulatedKernel, Step, Wire, World};
use spindle_core::stall::StallReport;
use spindle_core::{Chunk, Core, Descriptor, Flight, Lend, Limits, Op};

const CONNECTIONS: usize = 3;

/// One that is served, one that refuses, one that nobody hears from, one that is not there.
const SERVERS: [SocketAddr; 4] = [server(1), server(2), server(3), server(4)];

const fn server(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)
}

#[derive(Clone, Debug)]
enum Act {
    Launch {
        what: What,
        connection: usize,
        length: usize,
    },
    /// Polls a flight once.
    Collect {
        flight: usize,
    },
    Cancel {
        flight: usize,
    },
    Drop {
        flight: usize,
    },
    /// Gives the cargo of a landed flight back.
    TakeCargo {
        flight: usize,
    },
    /// Lets go of one connection, as far as the flow holds it.
    Hang {
        connection: usize,
    },
    /// Lets go of the oldest chunk.
    DropChunk,
    Turn,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Receive,
    ReceiveInto,
    Send,
    SendZeroCopy,
    Shutdown,
    /// Of a connection that is there, or of a new one.
    Connect,
    Read,
    Write,
}

fn act() -> impl Strategy<Value = Act> {
    use What::*;
    let what = prop::sample::select(vec![Receive, ReceiveInto, Send, SendZeroCopy, Shutdown, Connect, Read, Write]);
    let flight = || any::<prop::sample::Index>().prop_map(|index| index.index(16));
    prop_oneof![
        6 => (what, 0..CONNECTIONS, 1..3000usize)
            .prop_map(|(what, connection, length)| Act::Launch { what, connection, length }),
        6 => flight().prop_map(|flight| Act::Collect { flight }),
        1 => flight().prop_map(|flight| Act::Cancel { flight }),
        2 => flight().prop_map(|flight| Act::Drop { flight }),
        1 => flight().prop_map(|flight| Act::TakeCargo { flight }),
        1 => (0..CONNECTIONS).prop_map(|connection| Act::Hang { connection }),
        2 => Just(Act::DropChunk),
        4 => Just(Act::Turn),
    ]
}

fn faults() -> impl Strategy<Value = Faults> {
    (0..60u8, 0..60u8, 0..20u8, 0..20u8, 0..20u8, 0..2u64).prop_map(
        |(short, late, no_buffers, ends_early, input_output, slow)| Faults {
            short,
            late,
            no_buffers,
            ends_early,
            input_output,
            no_space: input_output,
            disk_ns: slow * 50_000,
        },
    )
}

/// Sends, reads, stalls, finishes and resets as it likes, until it is tired.
struct Fickle {
    moves_left: usize,
}

impl Peer for Fickle {
    fn step(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Step {
        if self.moves_left == 0 {
            return Step::Idle;
        }
        self.moves_left -= 1;
        wire.set_window(2000);
        match random.below(40) {
            0..10 => wire.send(&[7; 900]),
            10..30 => drop(wire.receive(random.below(3000))),
            30 => wire.finish(),
            31 => wire.reset(),
            _ => {}
        }
        Step::Moved
    }
}

struct Watched {
    flight: Flight,
    /// The memory that the op lends, where it lends some.
    lent: Option<Weak<dyn Lend>>,
    /// Its last landing was collected.
    ended: bool,
}

/// What the flow holds.
struct Flow {
    core: Core,
    sockets: Vec<Option<Rc<Descriptor>>>,
    file: Rc<Descriptor>,
    flights: Vec<Watched>,
    chunks: Vec<Chunk>,
}

impl Flow {
    fn launch(&mut self, what: What, connection: usize, length: usize) -> Option<Weak<dyn Lend>> {
        let socket = Rc::clone(self.sockets[connection].as_ref()?);
        let file = Rc::clone(&self.file);
        let mut parcel = self.core.parcel();
        let mut lent = None;
        if matches!(what, What::Send | What::SendZeroCopy) {
            let owner: Rc<dyn Lend> = Rc::new(vec![1; length]);
            parcel.bytes.extend_from_slice(b"head");
            parcel.lend(&owner, 0..1);
            lent = Some(Rc::downgrade(&owner));
        }
        let op = match what {
            What::Receive => Op::Receive { socket },
            What::ReceiveInto => {
                Op::ReceiveInto { socket, into: Box::new(vec![0u8; length]), filled: 0, fill: Fill::Whole }
            }
            What::Send => Op::Send { socket, parcel },
            What::SendZeroCopy => Op::SendZeroCopy { socket, parcel },
            What::Shutdown => Op::Shutdown { socket, how: std::net::Shutdown::Write },
            What::Connect => {
                let server = SERVERS[length % SERVERS.len()];
                let socket = if length < 1500 { socket } else { Rc::new(self.core.socket(server).ok()?) };
                Op::Connect { socket, address: Box::new(Address::from(server)) }
            }
            What::Read => Op::Read { file, buffer: vec![0; length], offset: Offset::At(length as u64) },
            What::Write => {
                Op::Write { file, buffer: vec![1; length], offset: Offset::At(0), blocking: Blocking::Allowed }
            }
        };
        self.flights.push(Watched { flight: self.core.launch(op), lent: lent.clone(), ended: false });
        lent
    }

    async fn collect(&mut self, number: usize) {
        let Some(watched) = self.flights.get_mut(number).filter(|watched| !watched.ended) else { return };
        let before = watched.flight.has_landed();
        let landing = poll_fn(|context| match Pin::new(&mut watched.flight).poll(context) {
            Poll::Ready(landing) => Poll::Ready(Some(landing)),
            Poll::Pending => Poll::Ready(None),
        });
        let Some(landing) = landing.await else {
            assert!(!before, "a landing that was there did not come");
            return;
        };
        // The notification of a zero-copy send is nothing that a flow collects.
        watched.ended = !landing.more || watched.lent.is_some();
        if let Arrived::Chunk(chunk) = landing.arrived {
            self.chunks.push(chunk);
        }
    }

    async fn act(&mut self, act: Act, lent: &mut Vec<Weak<dyn Lend>>) {
        match act {
            Act::Launch { what, connection, length } => lent.extend(self.launch(what, connection, length)),
            Act::Collect { flight } => self.collect(flight).await,
            Act::Cancel { flight } => drop(self.flights.get(flight).map(|watched| watched.flight.cancel())),
            Act::Drop { flight } if flight < self.flights.len() => drop(self.flights.swap_remove(flight)),
            Act::TakeCargo { flight } if flight < self.flights.len() => {
                drop(self.flights.swap_remove(flight).flight.into_cargo());
            }
            Act::Hang { connection } => self.sockets[connection] = None,
            Act::DropChunk if !self.chunks.is_empty() => drop(self.chunks.remove(0)),
            Act::Drop { .. } | Act::TakeCargo { .. } | Act::DropChunk => {}
            Act::Turn => self.core.next_turn().await,
        }
        for watched in &self.flights {
            let held = watched.lent.as_ref().is_none_or(|lent| lent.strong_count() == 1);
            assert!(held || watched.flight.has_landed() || watched.ended, "freed while the op is in the air");
        }
    }
}

async fn accept(core: &Core, listener: Rc<Descriptor>) -> Vec<Option<Rc<Descriptor>>> {
    let mut sockets = Vec::new();
    while sockets.len() < CONNECTIONS {
        let mut accepting = core.launch(Op::Accept { listener: Rc::clone(&listener) });
        loop {
            let landing = (&mut accepting).await;
            if let Arrived::Descriptor(socket) = landing.arrived {
                sockets.push(Some(Rc::new(socket)));
            }
            if !landing.more || sockets.len() == CONNECTIONS {
                break;
            }
        }
    }
    sockets
}

/// Whether the main flow ends by itself with everything let go, or in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    LetGo,
    InTheAir,
}

/// Runs the acts; what they lent, and the receive buffers.
fn live(
    world: &World,
    acts: Vec<Act>,
    ending: Ending,
    counters: &Arc<CoreCounters>,
) -> (Vec<Weak<dyn Lend>>, Rc<Provided>) {
    let limits = Limits { receive_buffers: 4, receive_buffer_bytes: 256, backlog_chunks_max: 2, ..Limits::default() };
    let kernel = SimulatedKernel::new(world, &limits).unwrap();
    let provided = kernel.provided();
    let core = Core::new(Box::new(kernel), limits, Arc::clone(counters), StallReport::Count);
    let listener = Rc::new(world.listen());
    (0..CONNECTIONS).for_each(|_| world.connect(&listener, Box::new(Fickle { moves_left: 200 })));
    world.serve(SERVERS[0], Box::new(|_| Some(Box::new(Fickle { moves_left: 20 }))));
    world.serve(SERVERS[1], Box::new(|_| None));
    world.serve(SERVERS[2], Box::new(|_| None));
    world.cut_off(SERVERS[2]);
    let file = Rc::new(world.file(&[5; 4000]));
    let lent = Rc::new(std::cell::RefCell::new(Vec::new()));
    let (handle, lent_by_flow) = (core.clone(), Rc::clone(&lent));
    core.run(async move {
        let sockets = accept(&handle, listener).await;
        let mut flow = Flow { core: handle.clone(), sockets, file, flights: Vec::new(), chunks: Vec::new() };
        for act in acts {
            let mut lent = lent_by_flow.take();
            flow.act(act, &mut lent).await;
            lent_by_flow.replace(lent);
        }
        if ending == Ending::LetGo {
            drop(flow);
            handle.next_turn().await;
        }
    });
    (lent.take(), provided)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_cargo_is_lost_and_none_is_freed_in_the_air(
        seed in any::<u64>(),
        faults in faults(),
        acts in vec(act(), 0..120),
        ending in prop::sample::select(vec![Ending::LetGo, Ending::InTheAir]),
    ) {
        let world = World::new(seed, faults);
        let counters = Arc::new(CoreCounters::default());
        let (lent, provided) = live(&world, acts, ending, &counters);
        prop_assert_eq!(counters.rings_abandoned.get(), 0, "it drains");
        prop_assert!(lent.iter().all(|lent| lent.upgrade().is_none()), "everything that was lent is free");
        prop_assert_eq!(provided.out(), 0, "every receive buffer is home");
        prop_assert_eq!(world.descriptors_open(), 0);
    }
}
