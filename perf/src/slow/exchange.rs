//! One request and its answer.

use super::answer::{Answer, Expected, Verdict};
use super::client::End;
use super::wire::{READ_BYTES_MAX, Wire};

/// How much of the request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A success would be an answer to nothing.
    Unfinished,
    Whole,
}

pub(super) struct Exchange<'w, 'a> {
    pub(super) wire: &'w mut Wire<'a>,
    pub(super) request: Request,
    answer: Answer,
}

/// Most steps end the connection when they fail, and say how.
pub(super) type Step<T> = Result<T, End>;

impl<'w, 'a> Exchange<'w, 'a> {
    pub(super) fn new(wire: &'w mut Wire<'a>, expected: Expected) -> Exchange<'w, 'a> {
        Exchange { wire, request: Request::Unfinished, answer: Answer::new(expected) }
    }

    /// Sends what `write` writes. A server that does not take it may have said why.
    pub(super) async fn say(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Step<()> {
        match self.wire.send(write).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.listen_to_the_end().await),
        }
    }

    /// Reads once, `bytes_max` at most: how many it was, while more is to come.
    pub(super) async fn listen(&mut self, bytes_max: u64) -> Step<u64> {
        let heard = self.wire.read(bytes_max).await;
        let verdict = match heard {
            Ok([]) => self.answer.end(),
            Ok(bytes) => match self.answer.take(bytes) {
                None => return Ok(bytes.len() as u64),
                verdict => verdict,
            },
            Err(_) => None,
        };
        Err(self.end(verdict))
    }

    fn end(&self, verdict: Option<Verdict>) -> End {
        match (verdict, self.request) {
            (None, _) => End::Cut,
            (Some(Verdict::Refused), _) => End::Refused,
            (Some(Verdict::AsExpected), Request::Whole) => End::Answered,
            (Some(Verdict::AsExpected), Request::Unfinished) | (Some(Verdict::Malformed), _) => End::Unexpected,
        }
    }

    pub(super) async fn listen_to_the_end(&mut self) -> End {
        loop {
            if let Err(end) = self.listen(READ_BYTES_MAX).await {
                return end;
            }
        }
    }

    /// Listens until the time has come.
    pub(super) async fn listen_until(&mut self, deadline_ns: u64) -> Step<()> {
        let core = self.wire.core();
        let end = core.until(deadline_ns, self.listen_to_the_end()).await;
        end.map_or(Ok(()), Err)
    }
}
