//! Servers of HTTP by a script: what each connection gets to hear, whatever it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// One connection of a client.
pub(crate) struct Client {
    pub(crate) input: BufReader<TcpStream>,
    pub(crate) output: TcpStream,
}

impl Client {
    /// The head of the next request, without its body.
    pub(crate) fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.input.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        Some(head)
    }

    /// The next request, whose body is read and forgotten.
    pub(crate) fn request(&mut self) -> Option<String> {
        let head = self.head()?;
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.input.read_exact(&mut body).ok()?;
        Some(head)
    }

    pub(crate) fn say(&mut self, text: &str) -> Option<()> {
        self.output.write_all(text.as_bytes()).ok()
    }
}

/// Every connection has a thread of its own, and ends with its script. They are numbered as they come, from 0.
pub(crate) fn serve(script: impl Fn(u64, &mut Client) -> Option<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (address, script) = (listener.local_addr().unwrap(), Arc::new(script));
    std::thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming()) {
            let (script, output) = (Arc::clone(&script), stream.unwrap());
            output.set_nodelay(true).unwrap();
            let input = BufReader::new(output.try_clone().unwrap());
            std::thread::spawn(move || script(number, &mut Client { input, output }));
        }
    });
    address
}
