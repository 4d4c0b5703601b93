#![forbid(unsafe_code)]
//! A closed-loop load: every connection sends `depth` requests at once, waits for all their replies, and starts again.
//!
//! One thread on one ring, so that the client's core is not what is measured. Prints one line:
//! requests a second of the clock, and a second of the server's CPU (`--pid`, all its threads).

use clap::Parser;
use spindle_ceiling::lines::Work;
use spindle_ceiling::pin;
use spindle_ceiling::ping::{Load, Server};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Parser)]
struct Options {
    /// The server to load
    #[arg(long, default_value = "127.0.0.1:11299")]
    to: SocketAddr,
    /// Process whose CPU time is read
    #[arg(long)]
    pid: Option<u32>,
    /// Core to be pinned to
    #[arg(long)]
    cpu: Option<usize>,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests that a connection has outstanding
    #[arg(long, default_value_t = 1)]
    depth: usize,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    #[arg(long, value_enum, default_value = "get")]
    work: Work,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ping: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    if let Some(cpu) = options.cpu {
        pin::to_cpu(cpu)?;
    }
    let server = options.pid.map(Server);
    let mut load = Load::new(options.to, options.connections, options.work, options.depth)?;
    load.run(Duration::from_millis(200))?;
    let cpu_before = server.as_ref().map(Server::cpu_seconds).transpose()?;
    let result = load.run(Duration::from_secs_f64(options.seconds))?;
    let cpu_after = server.as_ref().map(Server::cpu_seconds).transpose()?;
    let rate = result.requests as f64 / result.seconds;
    print!("{:>4} x {:<3} {:>10.0} requests/s", options.connections, options.depth, rate);
    if let (Some(before), Some(after)) = (cpu_before, cpu_after) {
        let cpu = after - before;
        print!(
            "  {:>10.0} per server CPU second  (server {:.2} of a core)",
            result.requests as f64 / cpu,
            cpu / result.seconds
        );
    }
    println!();
    Ok(())
}
