//! The raw engine: completions drive a table of states by hand.
#![forbid(unsafe_code)]

use crate::lines::Lines;
use crate::wire::{Event, Wire};
use std::io;

/// Serves until told to stop.
///
/// # Errors
/// Those of the ring.
pub fn serve(mut wire: Wire) -> io::Result<()> {
    let mut lines: Vec<Lines> = Vec::new();
    let mut completions = Vec::new();
    loop {
        wire.turn(&mut completions)?;
        for completion in completions.drain(..) {
            match wire.event(&completion)? {
                Event::Accepted(id) => {
                    lines.resize(lines.len().max(id + 1), Lines::default());
                    lines[id] = Lines::default();
                }
                Event::Received(id, chunk) => {
                    let (work, requests) = lines[id].count(wire.buffers.bytes(&chunk));
                    wire.buffers.give_back(chunk);
                    wire.owe(id, work, requests);
                }
                Event::Ended(id) => wire.end(id),
                Event::Stop => return wire.stop(),
                Event::Handled => {}
            }
        }
        wire.flush()?;
    }
}
