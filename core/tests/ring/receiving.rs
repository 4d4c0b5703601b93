use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;
use std::thread;

use spindle_core::flight::Arrived;
use spindle_core::op::Fill;
use spindle_core::{Core, Descriptor, Errno, Limits, Op};

use crate::{Chunks, descriptor, limits, on_ring, pattern, send, tcp_pair, try_once, turns_until, woken};

/// Says it, in pieces of odd sizes, and wants to hear the same.
fn talk(mut stream: impl Read + Write, said: &[u8]) {
    let mut heard = vec![0; said.len()];
    for (said, heard) in said.chunks(7919).zip(heard.chunks_mut(7919)) {
        stream.write_all(said).unwrap();
        stream.read_exact(heard).unwrap();
    }
    assert!(heard == said);
}

async fn echo(core: Core, socket: Rc<Descriptor>) {
    let mut chunks = Chunks::new(&core, &socket);
    while let Some(chunk) = chunks.next().await {
        send(&core, &socket, &chunk).await.unwrap();
    }
}

/// Accepts `connections` and serves each to its end.
async fn serve(core: Core, listener: Rc<Descriptor>, connections: usize) {
    let ended = Rc::new(Cell::new(0));
    let mut accepting = core.launch(Op::Accept { listener });
    for _ in 0..connections {
        let Arrived::Descriptor(socket) = (&mut accepting).await.arrived else { panic!("no connection") };
        let (flow, ended) = (echo(core.clone(), Rc::new(socket)), Rc::clone(&ended));
        core.spawn("echo", async move {
            flow.await;
            ended.set(ended.get() + 1);
        });
    }
    turns_until(&core, || ended.get() == connections).await;
}

#[test]
fn tcp_connections_are_accepted_and_echoed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peers: Vec<_> = (0..8)
        .map(|number| thread::spawn(move || talk(TcpStream::connect(address).unwrap(), &pattern(20_000 * number))))
        .collect();
    on_ring(limits(), |core| serve(core, descriptor(listener), 8));
    peers.into_iter().for_each(|peer| peer.join().unwrap());
}

#[test]
fn unix_connections_are_accepted_and_echoed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || talk(UnixStream::connect(path).unwrap(), &pattern(100_000)));
    on_ring(limits(), |core| serve(core, descriptor(listener), 1));
    peer.join().unwrap();
}

#[test]
fn one_receive_brings_many_chunks_in_order() {
    let said = pattern(1 << 20);
    let (socket, mut peer) = tcp_pair();
    let saying = said.clone();
    let writer = thread::spawn(move || peer.write_all(&saying).unwrap());
    on_ring(limits(), |core| async move {
        assert!(Chunks::new(&core, &socket).collect().await == said);
    });
    writer.join().unwrap();
}

#[test]
fn a_receive_that_finds_no_buffer_goes_on_when_they_are_home() {
    let said = pattern(100_000);
    let (socket, mut peer) = tcp_pair();
    let saying = said.clone();
    let writer = thread::spawn(move || peer.write_all(&saying).unwrap());
    let counters = on_ring(Limits { receive_buffers: 2, ..limits() }, |core| async move {
        let (mut heard, mut held) = (Vec::new(), Vec::new());
        let mut receiving = core.launch(Op::Receive { socket: Rc::clone(&socket) });
        while heard.len() < said.len() {
            let landing = (&mut receiving).await;
            if let Arrived::Chunk(chunk) = landing.arrived {
                heard.extend_from_slice(&chunk);
                held.push(chunk);
            }
            if !landing.more {
                if landing.result == Err(Errno::ENOBUFS) {
                    assert_eq!(held.len(), 2, "every buffer is out");
                    core.wake_when_buffers_are_home();
                    assert!(core.receive_buffers_scarce());
                    held.clear();
                    woken().await;
                }
                receiving = core.launch(Op::Receive { socket: Rc::clone(&socket) });
            }
        }
        assert!(heard == said);
    });
    writer.join().unwrap();
    assert!(counters.receive_buffers_exhausted.get() > 10);
}

#[test]
fn many_connections_share_two_buffers() {
    let pairs: Vec<_> = (0..16).map(|_| tcp_pair()).collect();
    let (sockets, peers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let writers: Vec<_> =
        peers.into_iter().map(|mut peer| thread::spawn(move || peer.write_all(&pattern(30_000)).unwrap())).collect();
    on_ring(Limits { receive_buffers: 2, ..limits() }, |core| async move {
        let ended = Rc::new(Cell::new(0));
        for socket in sockets {
            let (core, ended) = (core.clone(), Rc::clone(&ended));
            core.clone().spawn("reader", async move {
                assert!(Chunks::new(&core, &socket).collect().await == pattern(30_000));
                ended.set(ended.get() + 1);
            });
        }
        turns_until(&core, || ended.get() == 16).await;
    });
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

#[test]
fn a_flow_that_does_not_keep_up_has_its_receive_paused_and_loses_nothing() {
    let said = pattern(1 << 20);
    let (socket, mut peer) = tcp_pair();
    let saying = said.clone();
    let writer = thread::spawn(move || peer.write_all(&saying).unwrap());
    on_ring(Limits { backlog_chunks_max: 3, ..limits() }, |core| async move {
        let mut chunks = Chunks::new(&core, &socket);
        let mut heard = chunks.next().await.unwrap().to_vec();
        turns_until(&core, || core.counters().receives_paused.get() > 0).await;
        heard.extend(chunks.collect().await);
        assert!(heard == said);
    });
    writer.join().unwrap();
}

#[test]
fn receive_into_waits_for_the_whole_piece() {
    let (socket, mut peer) = tcp_pair();
    let writer = thread::spawn(move || {
        peer.set_nodelay(true).unwrap();
        pattern(300_000).chunks(1013).for_each(|piece| peer.write_all(piece).unwrap());
    });
    on_ring(limits(), |core| async move {
        for part in pattern(300_000).chunks(100_000) {
            let (count, into) = core.receive_into(&socket, Box::new(vec![0u8; 100_000])).await;
            assert_eq!(count, Ok(100_000));
            assert!(into.unwrap().piece() == part);
        }
    });
    writer.join().unwrap();
}

#[test]
fn what_has_arrived_can_be_received_into_a_piece() {
    let (socket, mut peer) = tcp_pair();
    on_ring(limits(), |core| async move {
        for part in [&b"12"[..], b"345"] {
            peer.write_all(part).unwrap();
            let (into, fill) = (Box::new(vec![0u8; 3]), Fill::Arrived);
            let mut flight = core.launch(Op::ReceiveInto { socket: Rc::clone(&socket), into, filled: 0, fill });
            assert_eq!((&mut flight).await.result, Ok(part.len() as u32));
            let Some(Op::ReceiveInto { mut into, filled, .. }) = flight.into_cargo() else { panic!("no cargo") };
            assert_eq!((filled, &into.piece()[..filled]), (part.len(), part));
        }
    });
}

#[test]
fn receive_into_is_short_at_the_end_of_the_stream_only() {
    let (socket, mut peer) = tcp_pair();
    on_ring(limits(), |core| async move {
        peer.write_all(b"12345").unwrap();
        drop(peer);
        let (count, into) = core.receive_into(&socket, Box::new(vec![0u8; 10])).await;
        assert_eq!((count, &into.unwrap().piece()[..5]), (Ok(5), &b"12345"[..]));
        assert_eq!(core.receive_into(&socket, Box::new(vec![0u8; 10])).await.0, Ok(0));
    });
}

#[test]
fn a_reset_is_an_error_that_gives_the_memory_back() {
    let (socket, peer) = tcp_pair();
    on_ring(limits(), |core| async move {
        send(&core, &socket, b"never read").await.unwrap();
        // Closing with something unread resets the connection.
        turns_until(&core, || peer.peek(&mut [0; 1]).is_ok()).await;
        drop(peer);
        let (count, into) = core.receive_into(&socket, Box::new(vec![7u8; 10])).await;
        assert_eq!(count, Err(Errno::ECONNRESET));
        assert_eq!(into.unwrap().piece().len(), 10);
    });
}

#[test]
fn a_cancelled_receive_says_so_and_loses_nothing() {
    let (socket, mut peer) = tcp_pair();
    on_ring(limits(), |core| async move {
        let mut receiving = core.launch(Op::Receive { socket: Rc::clone(&socket) });
        assert!(try_once(&mut receiving).await.is_none());
        core.next_turn().await;
        peer.write_all(b"before").unwrap();
        receiving.cancel();
        receiving.cancel();
        let mut heard = Vec::new();
        let last = loop {
            let landing = (&mut receiving).await;
            if let Arrived::Chunk(chunk) = &landing.arrived {
                heard.extend_from_slice(chunk);
            }
            if !landing.more {
                break landing.result;
            }
        };
        assert_eq!(last, Err(Errno::ECANCELED));
        receiving.cancel();
        peer.write_all(b" after").unwrap();
        drop(peer);
        heard.extend(Chunks::new(&core, &socket).collect().await);
        assert_eq!(heard, b"before after");
    });
}
