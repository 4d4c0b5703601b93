//! The ceiling program's toy server on glommio: one flow a connection, one recv and one send a batch.
//!
//! Same counting, same canned replies (`spindle_ceiling::lines`), so that the difference is the engine.
#![forbid(unsafe_code)]

use clap::Parser;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::{TcpListener, TcpStream};
use glommio::{LocalExecutorBuilder, Placement};
use nix::sys::signal::{SigSet, Signal};
use spindle_ceiling::lines::Lines;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

const RECEIVE_BYTES: usize = 16 * 1024;
/// Replies of one send, bytes: what the ceiling program sends at most, too.
const SEND_BYTES_MAX: usize = 64 * 1024;

/// A toy server that answers every line with one canned value, on glommio.
#[derive(Debug, Parser)]
struct Options {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:11297")]
    listen: SocketAddr,
    /// Core to be pinned to
    #[arg(long)]
    cpu: Option<usize>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spindle-glommio-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGTERM);
    stop.add(Signal::SIGINT);
    stop.thread_block()?;
    // glommio has no signals of its own. A thread that only waits costs the measured core nothing.
    std::thread::spawn(move || {
        if stop.wait().is_ok() {
            std::process::exit(0);
        }
    });
    let listen = options.listen;
    let placement = options.cpu.map_or(Placement::Unbound, Placement::Fixed);
    LocalExecutorBuilder::new(placement).make().map_err(io::Error::from)?.run(async move { serve(listen).await })
}

async fn serve(listen: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(listen)?;
    loop {
        let stream = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A connection's failure is its own end and nobody else's.
        glommio::spawn_local(async move { converse(stream).await.ok() }).detach();
    }
}

async fn converse(mut stream: TcpStream) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut received = vec![0; RECEIVE_BYTES];
    let mut outbox = vec![0; SEND_BYTES_MAX];
    loop {
        let bytes = stream.read(&mut received).await?;
        if bytes == 0 {
            return Ok(());
        }
        let (work, requests) = lines.count(&received[..bytes]);
        let mut left = requests as usize * work.reply_bytes();
        while left > 0 {
            let len = left.min(SEND_BYTES_MAX / work.reply_bytes() * work.reply_bytes());
            work.write_replies(&mut outbox[..len]);
            stream.write_all(&outbox[..len]).await?;
            left -= len;
        }
    }
}
