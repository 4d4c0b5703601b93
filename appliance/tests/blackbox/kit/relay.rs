//! A server with another one behind it, where requests take the time that the test says. For clients that wait for one
//! answer before they send the next request: what arrives together is one request.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// When the request that arrives now is let through.
type Due = dyn FnMut() -> Instant + Send;

/// Every request waits for so long, however many there are.
pub(crate) fn delaying(server: SocketAddr, delay: Duration) -> SocketAddr {
    start(server, Box::new(move || Instant::now() + delay))
}

/// Requests take so long each, one after the other, as of a server that does one thing at a time.
pub(crate) fn one_at_a_time(server: SocketAddr, each: Duration) -> SocketAddr {
    let mut free = Instant::now();
    let due = move || {
        free = free.max(Instant::now()) + each;
        free
    };
    start(server, Box::new(due))
}

fn start(server: SocketAddr, due: Box<Due>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (address, due) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(due)));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let due = Arc::clone(&due);
            std::thread::spawn(move || relay(client?, TcpStream::connect(server)?, &due));
        }
    });
    address
}

/// Ends with either side.
fn relay(mut client: TcpStream, mut server: TcpStream, due: &Mutex<Box<Due>>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut answers, mut to_client) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut to_client);
        to_client.shutdown(Shutdown::Both)
    });
    let mut request = vec![0; 64 * 1024];
    loop {
        let count = client.read(&mut request)?;
        if count == 0 {
            return server.shutdown(Shutdown::Both);
        }
        let due = (due.lock().unwrap())();
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        server.write_all(&request[..count])?;
    }
}
