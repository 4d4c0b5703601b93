//! The engine on the real kernel: loopback and unix sockets, pipes, temporary files and eventfds. Nothing here sleeps to
//! wait for something, and a test that would hang fails instead.
//!
//! receiving   accept, multishot receives, buffers that run out, receives into lent memory
//! sending     parcels with lent memory, slow readers, zero copy, connect, shutdown
//! files       reads and writes at offsets, registered buffers, splice through pooled pipes
//! writing     a disk's own thread, and writes that may not wait
//! naming      opening beneath a folder, and what else is done to names and whole files
//! time        sleeps, deadlines, turns, the stall detector
//! cores       mailboxes between real cores, starting one
//! endings     flights dropped in the air, queues that overflow, rings that die with ops in flight

mod cores;
mod endings;
mod files;
mod naming;
mod receiving;
mod sending;
mod time;
mod writing;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use spindle_core::counters::CoreCounters;
use spindle_core::flight::Arrived;
use spindle_core::ring::Ring;
use spindle_core::stall::StallReport;
use spindle_core::{Chunk, Core, Descriptor, Errno, Flight, Limits, Op};

/// Far beyond what any test takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn limits() -> Limits {
    Limits { receive_buffers: 64, receive_buffer_bytes: 4096, ..Limits::default() }
}

/// Runs the flow of `main` on a ring of this thread.
fn on_ring<F>(limits: Limits, main: impl FnOnce(Core) -> F) -> Arc<CoreCounters>
where
    F: Future<Output = ()> + 'static,
{
    run(Ring::new(&limits).expect("the tests need what the product needs"), limits, StallReport::Count, main)
}

fn run<F>(ring: Ring, limits: Limits, stall_report: StallReport, main: impl FnOnce(Core) -> F) -> Arc<CoreCounters>
where
    F: Future<Output = ()> + 'static,
{
    let counters = Arc::new(CoreCounters::default());
    let core = Core::new(Box::new(ring), limits, Arc::clone(&counters), stall_report);
    let handle = core.clone();
    let flow = main(core.clone());
    core.run(async move {
        let deadline_ns = handle.now_ns() + PATIENCE.as_nanos() as u64;
        handle.until(deadline_ns, flow).await.expect("the flow ends in time");
    });
    counters
}

fn descriptor(fd: impl Into<OwnedFd>) -> Rc<Descriptor> {
    Rc::new(Descriptor::from(fd))
}

/// A connection over loopback: the engine's end, and a blocking one for the test.
fn tcp_pair() -> (Rc<Descriptor>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_write_timeout(Some(PATIENCE)).unwrap();
    (descriptor(listener.accept().unwrap().0), peer)
}

/// Bytes that tell their place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect()
}

/// Polls once, without waiting.
async fn try_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits, turn by turn, until `condition` holds.
async fn turns_until(core: &Core, condition: impl Fn() -> bool) {
    while !condition() {
        core.next_turn().await;
    }
}

/// Waits to be woken.
async fn woken() {
    let waited = Cell::new(false);
    poll_fn(|_| if waited.replace(true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// The chunks of one socket, whatever ends a receive in between.
struct Chunks {
    core: Core,
    socket: Rc<Descriptor>,
    receiving: Option<Flight>,
}

impl Chunks {
    fn new(core: &Core, socket: &Rc<Descriptor>) -> Chunks {
        Chunks { core: core.clone(), socket: Rc::clone(socket), receiving: None }
    }

    /// `None` at the end of the stream.
    async fn next(&mut self) -> Option<Chunk> {
        loop {
            let launch = || self.core.launch(Op::Receive { socket: Rc::clone(&self.socket) });
            let landing = self.receiving.get_or_insert_with(launch).await;
            if !landing.more {
                self.receiving = None;
            }
            match (landing.result, landing.arrived) {
                (Ok(_), Arrived::Chunk(chunk)) if !chunk.is_empty() => return Some(chunk),
                (Ok(_), _) => return None,
                (Err(Errno::ENOBUFS), _) => {
                    self.core.wake_when_buffers_are_home();
                    woken().await;
                }
                (Err(Errno::ECANCELED), _) => {}
                (Err(errno), _) => panic!("a receive failed with {errno}"),
            }
        }
    }

    /// Everything up to the end of the stream.
    async fn collect(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(chunk) = self.next().await {
            all.extend_from_slice(&chunk);
        }
        all
    }
}

/// Sends bytes and waits until they are sent.
async fn send(core: &Core, socket: &Rc<Descriptor>, bytes: &[u8]) -> Result<(), Errno> {
    let mut parcel = core.parcel();
    parcel.bytes.extend_from_slice(bytes);
    core.launch(Op::Send { socket: Rc::clone(socket), parcel }).await.result.map(drop)
}
