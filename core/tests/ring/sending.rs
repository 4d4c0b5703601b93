use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::{Rc, Weak};
use std::thread;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, setsockopt, socket, sockopt};
use spindle_core::op::Address;
use spindle_core::{Core, Errno, Lend, Op, Parcel};

use crate::{descriptor, limits, on_ring, pattern, send, tcp_pair, turns_until};

/// A parcel of `pieces` lent pieces of `piece_bytes`, each after a line of the parcel's own; and what it says.
fn mixed(core: &Core, pieces: usize, piece_bytes: usize) -> (Parcel, Vec<u8>, Vec<Weak<dyn Lend>>) {
    let (mut parcel, mut said, mut lent) = (core.parcel(), Vec::new(), Vec::new());
    for number in 0..pieces {
        let owner: Rc<dyn Lend> = Rc::new(vec![number as u8; piece_bytes]);
        let line = format!("piece {number}\n");
        parcel.bytes.extend_from_slice(line.as_bytes());
        parcel.lend(&owner, 0..1);
        said.extend_from_slice(line.as_bytes());
        said.extend_from_slice(owner.piece(0));
        lent.push(Rc::downgrade(&owner));
    }
    parcel.bytes.extend_from_slice(b"END");
    said.extend_from_slice(b"END");
    (parcel, said, lent)
}

/// Reads to the end, in another thread.
fn listen(mut peer: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).unwrap();
        heard
    })
}

#[test]
fn lent_memory_is_sent_in_place_and_let_go() {
    let (socket, peer) = tcp_pair();
    let heard = listen(peer);
    let (tell, told) = std::sync::mpsc::channel();
    on_ring(limits(), |core| async move {
        let (parcel, said, lent) = mixed(&core, 3, 5000);
        core.launch(Op::Send { socket, parcel }).await.result.unwrap();
        assert!(lent.iter().all(|owner| owner.upgrade().is_none()), "a parcel that is sent holds nothing");
        tell.send(said).unwrap();
    });
    assert!(heard.join().unwrap() == told.recv().unwrap());
}

#[test]
fn a_parcel_of_more_segments_than_one_message_holds_is_sent_whole() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let heard = listen(theirs);
    let (tell, told) = std::sync::mpsc::channel();
    let counters = on_ring(limits(), |core| async move {
        let (parcel, said, _) = mixed(&core, 1000, 10);
        core.launch(Op::Send { socket: descriptor(ours), parcel }).await.result.unwrap();
        tell.send(said).unwrap();
    });
    assert!(heard.join().unwrap() == told.recv().unwrap());
    assert!(counters.sends_short.get() >= 7, "2001 segments, 256 at a time");
}

#[test]
fn a_slow_reader_gets_megabytes_whole() {
    let (socket, peer) = tcp_pair();
    let (go, may_read) = std::sync::mpsc::channel();
    let heard = thread::spawn(move || {
        may_read.recv().unwrap();
        listen(peer).join().unwrap()
    });
    let (tell, told) = std::sync::mpsc::channel();
    on_ring(limits(), |core| async move {
        // 16 MiB, more than both socket buffers take: it has to wait for the reader, in plain and in lent memory.
        let (parcel, mut said, lent) = mixed(&core, 512, 32 * 1024);
        let sending = core.launch(Op::Send { socket: Rc::clone(&socket), parcel });
        for _ in 0..10 {
            core.next_turn().await;
        }
        assert!(!sending.has_landed());
        assert!(lent.last().unwrap().upgrade().is_some(), "not sent, so not let go");
        go.send(()).unwrap();
        sending.await.result.unwrap();
        let plain = pattern(16 << 20);
        send(&core, &socket, &plain).await.unwrap();
        said.extend(plain);
        tell.send(said).unwrap();
    });
    assert!(heard.join().unwrap() == told.recv().unwrap());
}

#[test]
fn zero_copy_memory_is_let_go_when_the_kernel_says_so_and_nobody_waits_for_it() {
    let (socket, peer) = tcp_pair();
    let heard = listen(peer);
    let (tell, told) = std::sync::mpsc::channel();
    on_ring(limits(), |core| async move {
        let (parcel, mut said, lent) = mixed(&core, 3, 100_000);
        let landing = core.launch(Op::SendZeroCopy { socket: Rc::clone(&socket), parcel }).await;
        assert_eq!(landing.result, Ok(said.len() as u32));
        send(&core, &socket, b" and the next").await.unwrap();
        said.extend_from_slice(b" and the next");
        turns_until(&core, || lent.iter().all(|owner| owner.upgrade().is_none())).await;
        tell.send(said).unwrap();
    });
    assert!(heard.join().unwrap() == told.recv().unwrap());
}

#[test]
fn zero_copy_is_refused_where_a_socket_cannot() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    on_ring(limits(), |core| async move {
        let (parcel, _, lent) = mixed(&core, 1, 10);
        let landing = core.launch(Op::SendZeroCopy { socket: descriptor(ours), parcel }).await;
        assert_eq!(landing.result, Err(Errno::EOPNOTSUPP));
        turns_until(&core, || lent[0].upgrade().is_none()).await;
    });
}

/// It has to be cancelled like any other: a peer that does not read would hold its memory and its socket for ever.
#[test]
fn a_zero_copy_send_that_nobody_waits_for_is_cancelled() {
    const BYTES: usize = 64 << 20;
    let (socket, peer) = tcp_pair();
    let (go, may_read) = std::sync::mpsc::channel();
    let heard = thread::spawn(move || {
        may_read.recv().unwrap();
        listen(peer).join().unwrap()
    });
    on_ring(limits(), |core| async move {
        let gone = Rc::downgrade(&socket);
        let mut parcel = core.parcel();
        parcel.bytes.resize(BYTES, 1);
        let sending = core.launch(Op::SendZeroCopy { socket, parcel });
        for _ in 0..10 {
            core.next_turn().await;
        }
        assert!(!sending.has_landed(), "the peer does not read");
        drop(sending);
        core.next_turn().await;
        go.send(()).unwrap();
        turns_until(&core, || gone.upgrade().is_none()).await;
    });
    assert!(heard.join().unwrap().len() < BYTES);
}

#[test]
fn a_cancelled_send_says_so_though_a_part_was_sent() {
    let (socket, _peer) = tcp_pair();
    on_ring(limits(), |core| async move {
        for lent in [false, true] {
            let mut parcel = core.parcel();
            parcel.bytes.resize(64 << 20, 1);
            if lent {
                let owner: Rc<dyn Lend> = Rc::new(vec![2; 4096]);
                parcel.lend(&owner, 0..1);
            }
            let sending = core.launch(Op::Send { socket: Rc::clone(&socket), parcel });
            for _ in 0..10 {
                core.next_turn().await;
            }
            assert!(!sending.has_landed(), "the peer does not read");
            sending.cancel();
            assert_eq!(sending.await.result, Err(Errno::ECANCELED));
        }
    });
}

#[test]
fn a_send_to_a_peer_that_is_gone_is_an_error() {
    let (socket, peer) = tcp_pair();
    drop(peer);
    on_ring(limits(), |core| async move {
        let errno = loop {
            if let Err(errno) = send(&core, &socket, &[0; 4096]).await {
                break errno;
            }
        };
        assert!(matches!(errno, Errno::EPIPE | Errno::ECONNRESET), "{errno}");
    });
}

#[test]
fn an_empty_parcel_is_sent_at_once() {
    let (socket, _peer) = tcp_pair();
    on_ring(limits(), |core| async move {
        send(&core, &socket, b"").await.unwrap();
    });
}

#[test]
fn a_shutdown_ends_the_peers_stream_after_what_was_sent() {
    let (socket, peer) = tcp_pair();
    let heard = listen(peer);
    on_ring(limits(), |core| async move {
        send(&core, &socket, b"last words").await.unwrap();
        let how = Shutdown::Write;
        core.launch(Op::Shutdown { socket: Rc::clone(&socket), how }).await.result.unwrap();
        assert_eq!(heard.join().unwrap(), b"last words", "the end was seen while our end is still open");
    });
}

#[test]
fn connecting_reaches_a_listener_and_not_a_dead_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let on_unix = UnixListener::bind(&path).unwrap();
    let fresh = |family| descriptor(socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap());
    on_ring(limits(), |core| async move {
        let connect = async |family, address: Address| {
            let (socket, address) = (fresh(family), Box::new(address));
            core.launch(Op::Connect { socket: Rc::clone(&socket), address }).await.result.map(|_| socket)
        };
        let socket = connect(AddressFamily::Inet, address.into()).await.unwrap();
        send(&core, &socket, b"over tcp").await.unwrap();
        drop(socket);
        let mut heard = String::new();
        listener.accept().unwrap().0.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "over tcp");
        drop(listener);
        let refused = connect(AddressFamily::Inet, address.into()).await;
        assert_eq!(refused.unwrap_err(), Errno::ECONNREFUSED);

        let unix = Address::Unix(UnixAddr::new(&path).unwrap());
        connect(AddressFamily::Unix, unix.clone()).await.unwrap();
        drop(on_unix);
        assert_eq!(connect(AddressFamily::Unix, unix).await.unwrap_err(), Errno::ECONNREFUSED);
    });
}

/// Small buffers make every layer stop and go.
#[test]
fn small_socket_buffers_only_take_more_turns() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let ours = listener.accept().unwrap().0;
    setsockopt(&ours, sockopt::SndBuf, &4096).unwrap();
    setsockopt(&peer, sockopt::RcvBuf, &4096).unwrap();
    let heard = listen(peer);
    let said = pattern(40_000);
    let expected = said.clone();
    on_ring(limits(), |core| async move {
        let socket = descriptor(ours);
        for part in said.chunks(10_000) {
            send(&core, &socket, part).await.unwrap();
        }
    });
    assert!(heard.join().unwrap() == expected);
}
