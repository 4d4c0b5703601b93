//! A server with another one behind it, that is slow, or dies, or lies. For clients that wait for one answer before they send
//! the next request: what arrives together is one request, or one answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::socket;

/// What happens to what passes, on whichever connection.
struct Relay {
    listener: TcpListener,
    server: SocketAddr,
    /// When the request that arrives now is let through; none by a server that has died.
    due: Mutex<Box<Due>>,
    alter: Mutex<Box<Alter>>,
}

type Due = dyn FnMut() -> Option<Instant> + Send;
type Alter = dyn FnMut(&mut [u8]) + Send;

/// Every request waits for so long, however many there are.
pub(crate) fn delaying(server: SocketAddr, delay: Duration) -> SocketAddr {
    start(server, Box::new(move || Some(Instant::now() + delay)), Box::new(|_| {}))
}

/// Requests take so long each, one after the other, as of a server that does one thing at a time.
pub(crate) fn one_at_a_time(server: SocketAddr, each: Duration) -> SocketAddr {
    let mut free = Instant::now();
    let due = move || {
        free = free.max(Instant::now()) + each;
        Some(free)
    };
    start(server, Box::new(due), Box::new(|_| {}))
}

/// Dies at the request of this number, and nobody takes its place.
pub(crate) fn dying_at(server: SocketAddr, number: u64) -> SocketAddr {
    let mut requests = 0;
    let due = move || {
        requests += 1;
        (requests < number).then(Instant::now)
    };
    start(server, Box::new(due), Box::new(|_| {}))
}

/// Of the first answer that begins like this, one bit is another: of the byte that has so many after it.
pub(crate) fn flipping_a_bit(server: SocketAddr, begins: &'static str, bytes_after: usize) -> SocketAddr {
    let mut flipped = false;
    let alter = move |answer: &mut [u8]| {
        if !flipped && answer.starts_with(begins.as_bytes()) {
            let at = answer.len() - 1 - bytes_after;
            answer[at] ^= 0x10;
            flipped = true;
        }
    };
    start(server, Box::new(|| Some(Instant::now())), Box::new(alter))
}

fn start(server: SocketAddr, due: Box<Due>, alter: Box<Alter>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let relay = Arc::new(Relay { listener, server, due: Mutex::new(due), alter: Mutex::new(alter) });
    std::thread::spawn(move || {
        // The first error is that of a listener that has been shut down.
        for client in relay.listener.incoming().map_while(Result::ok) {
            let relay = Arc::clone(&relay);
            std::thread::spawn(move || relay.join(client));
        }
    });
    address
}

impl Relay {
    /// Ends with either side.
    fn join(self: Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        let server = TcpStream::connect(self.server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (relay, from, to) = (Arc::clone(&self), server.try_clone()?, client.try_clone()?);
        let alter = move |answer: &mut [u8]| {
            (relay.alter.lock().unwrap())(answer);
            true
        };
        std::thread::spawn(move || pass(from, to, alter));
        pass(client, server, |_| self.wait())
    }

    /// Until the request that has arrived is due. False of one that never is.
    fn wait(&self) -> bool {
        let due = (self.due.lock().unwrap())();
        match due {
            Some(due) => std::thread::sleep(due.saturating_duration_since(Instant::now())),
            // It was shut down already where another connection has found that it is dead.
            None => drop(socket::shutdown(self.listener.as_raw_fd(), socket::Shutdown::Both)),
        }
        due.is_some()
    }
}

/// Passes on what is said, as long as it `may`.
fn pass(mut from: TcpStream, mut to: TcpStream, mut may: impl FnMut(&mut [u8]) -> bool) -> std::io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut bytes)?;
        if count == 0 || !may(&mut bytes[..count]) {
            // Both sides hear of the end: the other direction's thread ends by it.
            let _ = from.shutdown(Shutdown::Both);
            return to.shutdown(Shutdown::Both);
        }
        to.write_all(&bytes[..count])?;
    }
}
