use std::future::pending;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use nix::sys::eventfd::EventFd;
use spindle_core::flight::Arrived;
use spindle_core::op::{Blocking, Fill, Offset};
use spindle_core::{Core, Errno, Limits, Op};

use crate::{descriptor, limits, on_ring, tcp_pair, try_once, turns_until};

/// The kernel holds the memory and the socket until the cancellation has landed; then both are let go.
#[test]
fn a_flight_dropped_in_the_air_lets_go_when_it_has_landed() {
    let (socket, mut peer) = tcp_pair();
    on_ring(limits(), |core| async move {
        let gone = Rc::downgrade(&socket);
        let mut flight =
            core.launch(Op::ReceiveInto { socket, into: Box::new(vec![0u8; 1 << 20]), filled: 0, fill: Fill::Whole });
        assert!(try_once(&mut flight).await.is_none());
        peer.write_all(&[1; 1000]).unwrap();
        core.next_turn().await;
        drop(flight);
        assert!(gone.upgrade().is_some(), "the kernel still holds it");
        turns_until(&core, || gone.upgrade().is_none()).await;
        // What had arrived went down with the receive, or is reset with the socket.
        assert!(matches!(peer.read(&mut [0; 1]), Ok(0) | Err(_)));
    });
}

#[test]
fn a_flight_dropped_before_the_kernel_has_seen_it_is_cancelled_too() {
    let (socket, _peer) = tcp_pair();
    on_ring(limits(), |core| async move {
        let gone = Rc::downgrade(&socket);
        drop(core.launch(Op::Receive { socket }));
        turns_until(&core, || gone.upgrade().is_none()).await;
    });
}

/// Whoever takes a landing only if it is there must hear of a refusal too: a reply would be lost in silence.
#[test]
fn a_refused_flight_says_so_however_it_is_asked() {
    let (socket, _peer) = tcp_pair();
    on_ring(Limits { slots_max: 1, ..limits() }, |core| async move {
        let receive = || core.launch(Op::Receive { socket: Rc::clone(&socket) });
        let _takes_the_only_slot = receive();
        let mut refused = receive();
        assert!(refused.has_landed());
        assert_eq!(refused.take_landing().map(|landing| landing.result), Some(Err(Errno::EAGAIN)));
        assert_eq!(refused.await.result, Err(Errno::EAGAIN));
    });
}

/// More ops than the submission queue holds, and more completions than the completion queue does.
#[test]
fn queues_that_overflow_lose_nothing() {
    const OPS: u64 = 1000;
    let narrow = Limits { submissions: 4, completions: 8, ..limits() };
    on_ring(narrow, |core| async move {
        let event = descriptor(EventFd::from_value_and_flags(0, nix::sys::eventfd::EfdFlags::EFD_SEMAPHORE).unwrap());
        let read = || Op::Read { file: Rc::clone(&event), buffer: vec![0; 8], offset: Offset::Current };
        let waiting: Vec<_> = (0..OPS).map(|_| core.launch(read())).collect();
        let write = Op::Write {
            file: Rc::clone(&event),
            buffer: OPS.to_ne_bytes().to_vec(),
            offset: Offset::Current,
            blocking: Blocking::Allowed,
        };
        assert_eq!(core.launch(write).await.result, Ok(8));
        for flight in waiting {
            assert_eq!(flight.await.result, Ok(8), "each reader takes one");
        }
    });
}

/// Everything that can be in the air at once, when the main flow ends.
async fn leave_in_the_air(core: Core, listener: Rc<spindle_core::Descriptor>, event: Rc<spindle_core::Descriptor>) {
    let mut accepting = core.launch(Op::Accept { listener: Rc::clone(&listener) });
    let Arrived::Descriptor(socket) = (&mut accepting).await.arrived else { panic!("no connection") };
    let socket = Rc::new(socket);
    let mut large = core.parcel();
    large.bytes.resize(32 << 20, 1);
    let (pipe, _held_open) = nix::unistd::pipe().unwrap();
    // Splice waits on a worker thread of the kernel, where a cancellation has to reach it.
    let splice = Op::Splice {
        from: descriptor(pipe),
        from_offset: Offset::Current,
        to: Rc::clone(&socket),
        to_offset: Offset::Current,
        length_bytes: 4096,
    };
    let flights = [
        core.launch(Op::Receive { socket: Rc::clone(&socket) }),
        core.launch(Op::ReceiveInto {
            socket: Rc::clone(&socket),
            into: Box::new(vec![0u8; 4096]),
            filled: 0,
            fill: Fill::Whole,
        }),
        core.launch(Op::Send { socket: Rc::clone(&socket), parcel: large }),
        core.launch(Op::Read { file: event, buffer: vec![0; 8], offset: Offset::Current }),
        core.launch(splice),
    ];
    core.next_turn().await;
    assert!(flights.iter().all(|flight| !flight.has_landed()));
    for flight in flights {
        core.spawn("waits for ever", async move { drop(flight.await) });
    }
    core.spawn("accepts for ever", async move { drop(accepting.await) });
    core.spawn("never ends", pending());
    core.next_turn().await;
}

#[test]
fn a_ring_that_dies_with_ops_in_flight_drains_and_its_port_is_free_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut peer = TcpStream::connect(address).unwrap();
    let event = descriptor(EventFd::new().unwrap());
    let held = Rc::downgrade(&event);
    let counters = on_ring(limits(), |core| leave_in_the_air(core, descriptor(listener), event));
    assert_eq!(counters.rings_abandoned.get(), 0);
    assert!(held.upgrade().is_none(), "every cargo is free");
    TcpListener::bind(address).expect("nobody listens there any more");
    let mut heard = Vec::new();
    let _ = peer.read_to_end(&mut heard);
    assert!(heard.len() < 32 << 20, "the rest of the send was cancelled");
}
