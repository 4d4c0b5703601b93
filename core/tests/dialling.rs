//! What the simulator makes of connections that the server opens: whom they reach, and how both ends see them end.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use spindle_core::counters::CoreCounters;
use spindle_core::descriptor::Close;
use spindle_core::flight::Arrived;
use spindle_core::op::Address;
use spindle_core::simulator::{Faults, Peer, Random, SimulatedKernel, Step, Wire, World};
use spindle_core::stall::StallReport;
use spindle_core::{Core, Descriptor, Errno, Flight, Limits, Op};

const SECOND_NS: u64 = 1_000_000_000;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

/// Answers every word with one, until the server's end.
struct Polite {
    heard: Vec<u8>,
    end: Rc<Cell<Option<End>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Orderly,
    Aborted,
}

impl Peer for Polite {
    fn step(&mut self, wire: &mut Wire<'_>, _: &mut Random) -> Step {
        if wire.server_closed() {
            self.end.set(Some(if wire.server_aborted() { End::Aborted } else { End::Orderly }));
            return Step::Done;
        }
        let heard = wire.receive(100);
        self.heard.extend(&heard);
        if self.heard.len() >= 4 {
            self.heard.clear();
            wire.send(b"word");
        }
        if heard.is_empty() { Step::Idle } else { Step::Moved }
    }
}

/// Says a word and closes at once.
struct Curt;

impl Peer for Curt {
    fn step(&mut self, wire: &mut Wire<'_>, _: &mut Random) -> Step {
        wire.send(b"word");
        wire.close();
        Step::Done
    }
}

fn run<F: Future<Output = ()> + 'static>(world: &World, main: impl FnOnce(Core) -> F) {
    let limits = Limits::default();
    let kernel = SimulatedKernel::new(world, &limits).unwrap();
    let core = Core::new(Box::new(kernel), limits, Arc::new(CoreCounters::default()), StallReport::Count);
    let flow = main(core.clone());
    core.run(flow);
    assert_eq!((world.descriptors_open(), world.dialled_open()), (0, 0));
}

fn connecting(core: &Core, socket: &Rc<Descriptor>, server: SocketAddr) -> Flight {
    core.launch(Op::Connect { socket: Rc::clone(socket), address: Box::new(Address::from(server)) })
}

async fn dial(core: &Core, server: SocketAddr) -> Result<Rc<Descriptor>, Errno> {
    let socket = Rc::new(core.socket(server)?);
    connecting(core, &socket, server).await.result?;
    Ok(socket)
}

async fn send(core: &Core, socket: &Rc<Descriptor>) -> Result<u32, Errno> {
    let mut parcel = core.parcel();
    parcel.bytes.extend_from_slice(b"word");
    core.launch(Op::Send { socket: Rc::clone(socket), parcel }).await.result
}

/// How much there is to hear.
async fn receive(core: &Core, socket: &Rc<Descriptor>) -> Result<usize, Errno> {
    let landing = core.launch(Op::Receive { socket: Rc::clone(socket) }).await;
    landing.result?;
    Ok(if let Arrived::Chunk(chunk) = landing.arrived { chunk.len() } else { 0 })
}

fn polite(world: &World, port: u16) -> Rc<Cell<Option<End>>> {
    let end = Rc::new(Cell::new(None));
    let told = Rc::clone(&end);
    let welcome = move |_: &mut Random| {
        let peer = Polite { heard: Vec::new(), end: Rc::clone(&told) };
        Some(Box::new(peer) as Box<dyn Peer>)
    };
    world.serve(address(port), Box::new(welcome));
    end
}

#[test]
fn who_is_served_is_connected_and_who_is_not_is_refused() {
    let world = World::new(1, Faults { late: 50, short: 50, ..Faults::default() });
    let end = polite(&world, 1);
    world.serve(address(2), Box::new(|_| None));
    let seen = world.clone();
    run(&world, |core| async move {
        for nobody in [address(2), address(3), SocketAddr::from(([10, 0, 0, 2], 1))] {
            assert_eq!(dial(&core, nobody).await.err(), Some(Errno::ECONNREFUSED));
        }
        let socket = dial(&core, address(1)).await.unwrap();
        assert_eq!(connecting(&core, &socket, address(1)).await.result, Err(Errno::EISCONN));
        assert_eq!(send(&core, &socket).await, Ok(0));
        assert!(receive(&core, &socket).await.unwrap() > 0);
        core.next_turn().await;
        assert_eq!((seen.dialled_open(), seen.dialled_open_max()), (1, 1));
        drop(socket);
        core.sleep_until(core.now_ns() + SECOND_NS).await;
    });
    assert!(end.get().is_some());
}

#[test]
fn who_is_cut_off_is_waited_for_until_somebody_gives_up_or_it_is_back() {
    let world = World::new(2, Faults::default());
    polite(&world, 1);
    world.cut_off(address(1));
    let seen = world.clone();
    run(&world, |core| async move {
        let deadline_ns = core.now_ns() + SECOND_NS;
        assert!(core.until(deadline_ns, dial(&core, address(1))).await.is_none());
        let socket = Rc::new(core.socket(address(1)).unwrap());
        let flight = connecting(&core, &socket, address(1));
        flight.cancel();
        assert_eq!(flight.await.result, Err(Errno::ECANCELED));
        assert_eq!((seen.dialled_open(), seen.descriptors_open()), (0, 1));
        let flight = connecting(&core, &socket, address(1));
        core.sleep_until(core.now_ns() + SECOND_NS).await;
        assert!(!flight.has_landed());
        seen.restore(address(1));
        assert_eq!(flight.await.result, Ok(0));
    });
}

#[test]
fn a_peer_sees_whether_the_server_has_closed_or_broken_off() {
    for (abrupt, unread, expected) in
        [(false, false, End::Orderly), (true, false, End::Aborted), (false, true, End::Aborted)]
    {
        let world = World::new(3, Faults::default());
        let end = polite(&world, 1);
        run(&world, |core| async move {
            let socket = dial(&core, address(1)).await.unwrap();
            assert_eq!(send(&core, &socket).await, Ok(0));
            if unread {
                core.sleep_until(core.now_ns() + SECOND_NS).await;
            } else {
                assert_eq!(receive(&core, &socket).await, Ok(4));
            }
            if abrupt {
                socket.set_close(Close::Abrupt);
            }
            drop(socket);
            core.sleep_until(core.now_ns() + SECOND_NS).await;
        });
        assert_eq!(end.get(), Some(expected), "{abrupt} {unread}");
    }
}

#[test]
fn what_is_sent_to_one_who_has_closed_is_answered_with_a_reset() {
    let world = World::new(4, Faults::default());
    world.serve(address(1), Box::new(|_| Some(Box::new(Curt))));
    run(&world, |core| async move {
        let socket = dial(&core, address(1)).await.unwrap();
        core.sleep_until(core.now_ns() + SECOND_NS).await;
        // It is sent all the same, and takes with it what had been said.
        assert_eq!(send(&core, &socket).await, Ok(0));
        assert_eq!(receive(&core, &socket).await, Err(Errno::ECONNRESET));
        assert_eq!(send(&core, &socket).await, Err(Errno::EPIPE));
        let socket = dial(&core, address(1)).await.unwrap();
        assert_eq!(receive(&core, &socket).await, Ok(4));
        assert_eq!(receive(&core, &socket).await, Ok(0));
    });
}
