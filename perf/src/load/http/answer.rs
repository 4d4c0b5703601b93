//! Reads one answer of HTTP/1.1 (RFC 9112) from input that may be split anywhere, and keeps no copy of any of it.
//!
//! ```text
//! answer      where its head and its body end
//!   head      what the head says
//! ```
//!
//! Heads are read as a proxy reads them, and bodies in chunks as the server reads those of uploads.

mod head;

pub use head::Head;
pub use spindle_net::wire::http::answer_head::HEAD_BYTES_MAX;
use spindle_net::wire::http::chunked::{ChunkFault, ChunkStep, Chunked};
pub use spindle_net::wire::http::range::ContentRange;
use spindle_net::wire::http::{AnswerFault, Framing, Persistence};

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error(transparent)]
    Head(#[from] AnswerFault),
    #[error(transparent)]
    Chunk(#[from] ChunkFault),
    #[error("a 206 without a Content-Range that can be read")]
    ContentRange,
    #[error("its connection ended before it did")]
    EndedEarly,
}

/// What was asked: no body follows the answer to a HEAD, whatever its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Head,
    Other,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Keep,
    Close,
}

/// What comes next in the input, and how many bytes of it that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Once; interim answers (1xx) are passed over.
    Head { consumed: usize, head: Head<'a> },
    /// Never empty. How a body is cut into pieces means nothing.
    Body { consumed: usize, piece: &'a [u8] },
    /// The rest of the input belongs to the next answer.
    End { consumed: usize, then: Then },
    /// Nothing, until there are at least so many bytes after those consumed.
    More { consumed: usize, bytes_min: usize },
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Sized { left: u64 },
    Chunked(Chunked),
    UntilEnd,
    End,
}

/// How far one answer has been read.
#[derive(Clone, Debug)]
pub struct Answer {
    to: To,
    state: State,
    then: Then,
    /// Of interim answers.
    passed_over: usize,
}

impl Answer {
    pub fn new(to: To) -> Answer {
        Answer { to, state: State::Head, then: Then::Keep, passed_over: 0 }
    }

    /// Looks at what is next at the front of `input`, which is the first byte that no step before has consumed.
    ///
    /// # Errors
    /// It is no answer: where the next one would begin is not known.
    pub fn step<'a>(&mut self, input: &'a [u8]) -> Result<Step<'a>, Malformed> {
        match &mut self.state {
            State::Head => self.head(input),
            State::Sized { left: 0 } => self.end(0),
            State::Sized { .. } | State::UntilEnd if input.is_empty() => Ok(Step::More { consumed: 0, bytes_min: 1 }),
            State::Sized { left } => {
                let length = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= length as u64;
                Ok(Step::Body { consumed: length, piece: &input[..length] })
            }
            State::Chunked(chunked) => match chunked.step(input)? {
                ChunkStep::Data { before, length } => {
                    Ok(Step::Body { consumed: before + length, piece: &input[before..before + length] })
                }
                ChunkStep::End { consumed } => self.end(consumed),
                ChunkStep::More { consumed, bytes_min } => Ok(Step::More { consumed, bytes_min }),
            },
            State::UntilEnd => Ok(Step::Body { consumed: input.len(), piece: input }),
            State::End => self.end(0),
        }
    }

    /// The connection has ended, after all that came on it was consumed as far as it could be.
    ///
    /// # Errors
    /// More of the answer was to come.
    pub fn ended(&self) -> Result<(), Malformed> {
        match self.state {
            State::UntilEnd | State::End | State::Sized { left: 0 } => Ok(()),
            _ => Err(Malformed::EndedEarly),
        }
    }

    fn end<'a>(&mut self, consumed: usize) -> Result<Step<'a>, Malformed> {
        self.state = State::End;
        Ok(Step::End { consumed, then: self.then })
    }

    fn head<'a>(&mut self, input: &'a [u8]) -> Result<Step<'a>, Malformed> {
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            let room = HEAD_BYTES_MAX - self.passed_over;
            let Some((parsed, head)) = head::parse(&rest[..rest.len().min(room)], self.to)? else {
                return match rest.len() < room {
                    true => Ok(Step::More { consumed, bytes_min: rest.len() + 1 }),
                    false => Err(AnswerFault::TooLong.into()),
                };
            };
            consumed += parsed.bytes;
            match parsed.framing {
                Framing::Interim => self.passed_over += parsed.bytes,
                Framing::None => self.state = State::End,
                Framing::Sized(length) => self.state = State::Sized { left: length },
                Framing::Chunked => self.state = State::Chunked(Chunked::default()),
                Framing::UntilEnd => self.state = State::UntilEnd,
            }
            if !matches!(self.state, State::Head) {
                self.then = if parsed.persistence == Persistence::Persists { Then::Keep } else { Then::Close };
                return Ok(Step::Head { consumed, head });
            }
        }
    }
}

#[cfg(test)]
mod tests;
