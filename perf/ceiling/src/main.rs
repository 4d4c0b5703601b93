#![forbid(unsafe_code)]

use clap::Parser;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use spindle_ceiling::options::{Engine, Options};
use spindle_ceiling::{flows, listener, pin, raw, wire::Wire};
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spindle-ceiling: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    if let Some(cpu) = options.cpu {
        pin::to_cpu(cpu)?;
    }
    // Signals arrive as a readable descriptor, so that one that comes just before the wait is not lost.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    let stop = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let listener = listener::open(options.listen)?;
    println!("listening on {}", listener.local_addr()?);
    let wire = Wire::new(options, listener, stop)?;
    match options.engine {
        Engine::Raw => raw::serve(wire),
        Engine::Async => flows::serve(wire),
    }
}
