//! The raw engine: completions drive a table of states by hand.
#![forbid(unsafe_code)]

use crate::session::Session;
use crate::wire::{Event, Wire};
use std::io;

/// Serves until told to stop.
///
/// # Errors
/// Those of the ring.
pub fn serve(mut wire: Wire) -> io::Result<()> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut completions = Vec::new();
    loop {
        wire.turn(&mut completions)?;
        for completion in completions.drain(..) {
            match wire.event(&completion)? {
                Event::Accepted(id, session) => match sessions.get_mut(id) {
                    Some(old) => *old = session,
                    // A new number is the next one.
                    None => sessions.push(session),
                },
                Event::Received(id, chunk) => wire.answer(id, &mut sessions[id], chunk),
                Event::Ended(id) => wire.end(id),
                Event::Stop => return wire.stop(),
                Event::Handled => {}
            }
        }
        wire.flush()?;
    }
}
