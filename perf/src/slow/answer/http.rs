//! An answer of HTTP/1.1.

use super::Verdict;
use crate::load::http::answer::{Answer, HEAD_BYTES_MAX, Step, To};

pub(in crate::slow) struct HttpAnswer {
    answer: Answer,
    /// The beginning of a head or of a line whose end is not here yet.
    kept: Vec<u8>,
}

impl HttpAnswer {
    pub(super) fn new() -> HttpAnswer {
        HttpAnswer { answer: Answer::new(To::Other), kept: Vec::new() }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<Verdict> {
        if self.kept.is_empty() {
            return self.read(bytes);
        }
        self.kept.extend_from_slice(bytes);
        // It is looked at when a line has ended, not at every byte.
        let is_line = memchr::memchr(b'\n', bytes).is_some() || self.kept.len() >= HEAD_BYTES_MAX;
        if !is_line {
            return None;
        }
        let kept = std::mem::take(&mut self.kept);
        self.read(&kept)
    }

    pub(super) fn end(&self) -> Option<Verdict> {
        self.answer.ended().ok().map(|()| Verdict::AsExpected)
    }

    /// Goes on as far as it can, and keeps the rest.
    fn read(&mut self, input: &[u8]) -> Option<Verdict> {
        let mut at = 0;
        loop {
            match self.answer.step(&input[at..]) {
                Err(_) => return Some(Verdict::Malformed),
                // Nobody waits for what an error has to say.
                Ok(Step::Head { head, .. }) if !(200..300).contains(&head.status) => return Some(Verdict::Refused),
                Ok(Step::Head { consumed, .. } | Step::Body { consumed, .. }) => at += consumed,
                Ok(Step::End { .. }) => return Some(Verdict::AsExpected),
                Ok(Step::More { consumed, .. }) => {
                    self.kept.extend_from_slice(&input[at + consumed..]);
                    return None;
                }
            }
        }
    }
}
