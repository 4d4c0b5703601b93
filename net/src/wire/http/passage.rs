//! A body on its way through a proxy: it is passed on as it comes, in the coding that it came in, and read only as far as it
//! takes to know where it ends (RFC 9112, 6.3).

use super::answer_head::Framing;
use super::chunked::{ChunkFault, ChunkStep, Chunked};
use super::head::{Body, Version};

#[derive(Clone, Copy, Debug)]
enum State {
    Sized { left: u64 },
    Chunked(Chunked),
    UntilEnd,
    Over,
}

/// What becomes of the lines around the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Kept,
    /// For a recipient of HTTP/1.0, which knows no codings.
    Removed,
}

/// How far one body has come.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    state: State,
    coding: Coding,
}

impl Passage {
    pub fn of_request(body: Body) -> Passage {
        let state = match body {
            Body::None | Body::Sized(0) => State::Over,
            Body::Sized(bytes) => State::Sized { left: bytes },
            Body::Chunked => State::Chunked(Chunked::default()),
        };
        Passage { state, coding: Coding::Kept }
    }

    /// Of an answer that is final, to a client of `version`.
    pub fn of_answer(framing: Framing, version: Version) -> Passage {
        let state = match framing {
            Framing::Interim | Framing::None | Framing::Sized(0) => State::Over,
            Framing::Sized(bytes) => State::Sized { left: bytes },
            Framing::Chunked => State::Chunked(Chunked::default()),
            Framing::UntilEnd => State::UntilEnd,
        };
        let coding = if version == Version::Http10 { Coding::Removed } else { Coding::Kept };
        Passage { state, coding }
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether the end of the connection is the end of the body, and not its loss.
    pub fn ends_with_its_connection(&self) -> bool {
        matches!(self.state, State::UntilEnd | State::Over)
    }

    /// Notes that so many bytes are passed on, if all of them are of the body and nothing has to be looked for in them; else
    /// they are for [`Passage::pass`].
    pub fn pass_unseen(&mut self, bytes: usize) -> bool {
        match &mut self.state {
            State::UntilEnd => true,
            State::Sized { left } if *left >= bytes as u64 => {
                *left -= bytes as u64;
                if *left == 0 {
                    self.state = State::Over;
                }
                true
            }
            _ => false,
        }
    }

    /// Whether more than that is certainly still to come.
    pub fn has_more_than(&self, bytes: usize) -> bool {
        matches!(self.state, State::Sized { left } if left > bytes as u64)
    }

    /// Appends what `input` has of the body to `out`, and says how many bytes of `input` that took. What is left belongs to
    /// the next message if the body is over, and has to be seen again, with more after it, if it is not; that is at most
    /// the largest bound of [`super::chunked`].
    ///
    /// # Errors
    /// It is no body in chunks. All that came before the fault may have been appended.
    pub fn pass(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, ChunkFault> {
        match &mut self.state {
            State::Over => Ok(0),
            State::UntilEnd => {
                out.extend_from_slice(input);
                Ok(input.len())
            }
            State::Sized { left } => {
                let here = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                out.extend_from_slice(&input[..here]);
                *left -= here as u64;
                if *left == 0 {
                    self.state = State::Over;
                }
                Ok(here)
            }
            State::Chunked(chunked) => {
                let (taken, is_over) = pass_chunks(chunked, self.coding, input, out)?;
                if is_over {
                    self.state = State::Over;
                }
                Ok(taken)
            }
        }
    }
}

/// How many bytes were taken, and whether the last chunk was among them.
fn pass_chunks(
    chunked: &mut Chunked,
    coding: Coding,
    input: &[u8],
    out: &mut Vec<u8>,
) -> Result<(usize, bool), ChunkFault> {
    let (mut at, mut is_over) = (0, false);
    while !is_over {
        match chunked.step(&input[at..])? {
            ChunkStep::Data { before, length } => {
                if coding == Coding::Removed {
                    out.extend_from_slice(&input[at + before..at + before + length]);
                }
                at += before + length;
            }
            ChunkStep::End { consumed } => (at, is_over) = (at + consumed, true),
            ChunkStep::More { consumed, .. } => {
                at += consumed;
                break;
            }
        }
    }
    if coding == Coding::Kept {
        out.extend_from_slice(&input[..at]);
    }
    Ok((at, is_over))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes out of a body that arrives in pieces ending at `ends`, how much it took, and whether it is over.
    fn passed(mut passage: Passage, input: &[u8], ends: &[usize]) -> Result<(Vec<u8>, usize, bool), ChunkFault> {
        let (mut out, mut at) = (Vec::new(), 0);
        for &end in ends {
            at += passage.pass(&input[at..end.max(at)], &mut out)?;
        }
        Ok((out, at, passage.is_over()))
    }

    #[test]
    fn a_body_is_passed_on_to_its_end_and_no_further() {
        let sized = passed(Passage::of_request(Body::Sized(3)), b"abcGET", &[2, 6]);
        assert_eq!(sized, Ok((b"abc".to_vec(), 3, true)));
        let chunks = b"3;x\r\nabc\r\n0\r\nA: b\r\n\r\nGET";
        let kept = passed(Passage::of_request(Body::Chunked), chunks, &[chunks.len()]);
        assert_eq!(kept, Ok((chunks[..chunks.len() - 3].to_vec(), chunks.len() - 3, true)));
        let removed = passed(Passage::of_answer(Framing::Chunked, Version::Http10), chunks, &[chunks.len()]);
        assert_eq!(removed, Ok((b"abc".to_vec(), chunks.len() - 3, true)));
        let until_end = Passage::of_answer(Framing::UntilEnd, Version::Http11);
        assert!(until_end.ends_with_its_connection());
        assert_eq!(passed(until_end, b"abc", &[1, 3]), Ok((b"abc".to_vec(), 3, false)));
        assert!(!Passage::of_request(Body::Sized(1)).ends_with_its_connection());
        let mut unseen = Passage::of_request(Body::Sized(3));
        assert!(unseen.has_more_than(2) && !unseen.has_more_than(3));
        assert!(!unseen.pass_unseen(4) && unseen.pass_unseen(2) && !unseen.is_over());
        assert!(unseen.pass_unseen(1) && unseen.is_over());
        assert!(!Passage::of_request(Body::Chunked).pass_unseen(1));
        for nothing in [Body::None, Body::Sized(0)] {
            assert!(Passage::of_request(nothing).is_over());
        }
        assert_eq!(passed(Passage::of_request(Body::Chunked), b"x\r\n", &[3]), Err(ChunkFault::Size));
    }

    proptest! {
        #[test]
        fn where_a_body_is_cut_means_nothing(
            text in "([0-3a]?(;e)?\r?\n?[ab]{0,3}\r?\n){0,4}0\r\n(A: b\r\n)?\r\nrest",
            cuts in prop::collection::vec(0..40usize, 0..5),
            is_old in any::<bool>(),
        ) {
            let version = if is_old { Version::Http10 } else { Version::Http11 };
            let passage = Passage::of_answer(Framing::Chunked, version);
            let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            ends.sort_unstable();
            ends.push(text.len());
            let whole = passed(passage, text.as_bytes(), &[text.len()]);
            prop_assert_eq!(&passed(passage, text.as_bytes(), &ends), &whole);
            if let Ok((out, taken, _)) = whole && !is_old {
                prop_assert_eq!(&out[..], &text.as_bytes()[..taken]);
            }
        }
    }
}
