//! What is said to a person: lines on standard error, and the texts of `-h`, `-V` and `-i` on standard output. Whoever
//! listens may have gone, or have a full disk. `eprintln!` and `print!` end the process then, and a cache must not end
//! because nobody reads what it says; so nothing in this crate writes to those streams but this, and the events.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Says a line on standard error, if anybody hears it.
pub fn line(text: impl Display) {
    // One write, so that lines of several threads, or processes, do not mix.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Prints what was asked for on standard output. A reader who has seen enough (`-h | head`) is no error.
///
/// # Errors
/// The text cannot be written, as on a full disk.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
