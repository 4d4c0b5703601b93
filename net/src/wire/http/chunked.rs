//! A body in chunks: RFC 9112, 7.1. Both sides of a connection read it: the server uploads, the load lab answers.

use memchr::memchr;

/// Of a chunk's size and its extensions, in bytes.
pub const LINE_BYTES_MAX: usize = 4096;
/// Of the extensions of all chunks of a body together, in bytes: nobody needs any (RFC 9112, 7.1.1, wants a bound).
pub const EXTENSION_BYTES_MAX: usize = 16 * 1024;
/// Of what comes after the last chunk, in bytes.
pub const TRAILER_BYTES_MAX: usize = 16 * 1024;
/// Fields after the last chunk; they are read over.
pub const TRAILER_FIELDS_MAX: usize = 64;

/// The longest size that a line can say, terminator included: 16 hexadecimal digits. What is more is extension.
const SIZE_BYTES_MAX: usize = 16 + 2;

/// Why a body in chunks is none. Where it would end is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFault {
    #[error("a chunk without a size")]
    Size,
    #[error("more than {EXTENSION_BYTES_MAX} bytes of chunk extensions")]
    Extensions,
    #[error("a chunk that goes on after its end")]
    End,
    #[error("no trailer after the last chunk")]
    Trailer,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Size,
    Data {
        left: u64,
    },
    /// The end of the line that a chunk's data ends with.
    DataEnd,
    Trailer,
}

/// How far one body has been read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chunked {
    state: State,
    extension_bytes: usize,
}

/// What comes next in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkStep {
    /// So many bytes of data, never none, after so many that are of the coding.
    Data { before: usize, length: usize },
    /// The rest of the input is no longer of this body.
    End { consumed: usize },
    /// Nothing, until there are at least so many bytes after those consumed.
    More { consumed: usize, bytes_min: usize },
}

impl Chunked {
    /// Looks at what is next at the front of `input`, which is the first byte that no step before has consumed.
    ///
    /// # Errors
    /// It is no body in chunks. The bounds are those of this module; a caller that keeps as much of the input as the
    /// largest of them never waits for what does not fit.
    pub fn step(&mut self, input: &[u8]) -> Result<ChunkStep, ChunkFault> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match &mut self.state {
                State::Size => match size_line(rest)? {
                    None => return Ok(more(at, rest.len() + 1)),
                    Some((length, size)) => {
                        self.extension_bytes += length.saturating_sub(SIZE_BYTES_MAX);
                        if self.extension_bytes > EXTENSION_BYTES_MAX {
                            return Err(ChunkFault::Extensions);
                        }
                        at += length;
                        self.state = if size == 0 { State::Trailer } else { State::Data { left: size } };
                    }
                },
                State::Data { .. } if rest.is_empty() => return Ok(more(at, 1)),
                State::Data { left } => {
                    let length = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= length as u64;
                    if *left == 0 {
                        self.state = State::DataEnd;
                    }
                    return Ok(ChunkStep::Data { before: at, length });
                }
                State::DataEnd => match rest {
                    [b'\r', b'\n', ..] => (at, self.state) = (at + 2, State::Size),
                    [] | [b'\r'] => return Ok(more(at, 2)),
                    _ => return Err(ChunkFault::End),
                },
                State::Trailer => return trailer(rest, at),
            }
        }
    }
}

fn more(consumed: usize, bytes_min: usize) -> ChunkStep {
    ChunkStep::More { consumed, bytes_min }
}

/// How long the line is, and the size that it says; `None` if it is not all there.
///
/// httparse lets a line without digits pass as 0, and a bare line feed as part of an extension. A server that reads them
/// so, behind a proxy that does not, takes the rest of a body for a request: both are refused.
fn size_line(rest: &[u8]) -> Result<Option<(usize, u64)>, ChunkFault> {
    if rest.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return Err(ChunkFault::Size);
    }
    let within = &rest[..rest.len().min(LINE_BYTES_MAX)];
    let end = memchr(b'\n', within);
    let line = end.map_or(within, |end| &within[..=end]);
    match httparse::parse_chunk_size(line).map_err(|_| ChunkFault::Size)? {
        httparse::Status::Complete(read) => Ok(Some(read)),
        httparse::Status::Partial if end.is_none() && within.len() < LINE_BYTES_MAX => Ok(None),
        httparse::Status::Partial => Err(ChunkFault::Size),
    }
}

fn trailer(rest: &[u8], at: usize) -> Result<ChunkStep, ChunkFault> {
    let mut fields = [httparse::EMPTY_HEADER; TRAILER_FIELDS_MAX];
    let bytes = &rest[..rest.len().min(TRAILER_BYTES_MAX)];
    match httparse::parse_headers(bytes, &mut fields).map_err(|_| ChunkFault::Trailer)? {
        // httparse lets a bare line feed end a line, here as in a size.
        httparse::Status::Complete((length, _)) if has_bare_line_feed(&bytes[..length]) => Err(ChunkFault::Trailer),
        httparse::Status::Complete((length, _)) => Ok(ChunkStep::End { consumed: at + length }),
        httparse::Status::Partial if bytes.len() < TRAILER_BYTES_MAX => Ok(more(at, rest.len() + 1)),
        httparse::Status::Partial => Err(ChunkFault::Trailer),
    }
}

fn has_bare_line_feed(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', bytes).any(|at| at == 0 || bytes[at - 1] != b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The data of a body that arrives in pieces ending at `ends`, and how many bytes of the input it took.
    fn read(input: &[u8], ends: impl IntoIterator<Item = usize>) -> Result<Option<(Vec<u8>, usize)>, ChunkFault> {
        let (mut chunked, mut data, mut at) = (Chunked::default(), Vec::new(), 0);
        for end in ends {
            loop {
                match chunked.step(&input[at..end.max(at)])? {
                    ChunkStep::Data { before, length } => {
                        data.extend_from_slice(&input[at + before..at + before + length]);
                        at += before + length;
                    }
                    ChunkStep::End { consumed } => return Ok(Some((data, at + consumed))),
                    ChunkStep::More { consumed, bytes_min } => {
                        at += consumed;
                        assert!(bytes_min > end.saturating_sub(at), "it is all there");
                        break;
                    }
                }
            }
        }
        Ok(None)
    }

    fn whole(text: &str) -> Result<Option<(Vec<u8>, usize)>, ChunkFault> {
        read(text.as_bytes(), [text.len()])
    }

    #[test]
    fn a_trailer_ends_with_whole_line_ends() {
        for sound in [&b"0\r\n\r\n"[..], b"0\r\nA: b\r\n\r\n"] {
            assert!(
                matches!(Chunked::default().step(sound), Ok(ChunkStep::End { consumed }) if consumed == sound.len())
            );
        }
        for bare in [&b"0\r\n\n"[..], b"0\r\nA: b\n\r\n", b"0\r\nA: b\r\n\n"] {
            assert_eq!(Chunked::default().step(bare).err(), Some(ChunkFault::Trailer));
        }
    }

    #[test]
    fn data_ends_where_the_last_chunk_says() {
        let text = "3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\nA: b\r\n\r\n";
        assert_eq!(whole(&format!("{text}GET")), Ok(Some((b"abc0123456789".to_vec(), text.len()))));
        assert_eq!(whole("0\r\n\r\n"), Ok(Some((Vec::new(), 5))));
        assert_eq!(whole(&text[..text.len() - 1]), Ok(None));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["\r\n", ";x\r\n", " 1\r\n", "x\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", "1\n", "1\rx", "1 1\r\n"] {
            assert_eq!(whole(text), Err(ChunkFault::Size), "{text:?}");
        }
        assert_eq!(whole("11111111111111111\r\n"), Err(ChunkFault::Size));
        assert_eq!(whole("ffffffffffffffff\r\n"), Ok(None));
        // A line feed alone does not end a line, and is not part of one either.
        assert_eq!(whole("1;x\na\r\n0\r\n\r\n"), Err(ChunkFault::Size));
    }

    #[test]
    fn a_chunk_ends_with_its_line() {
        for text in ["1\r\nab\r\n", "1\r\na\n", "1\r\na\rb", "0\r\nno colon\r\n\r\n"] {
            let fault = if text.starts_with('0') { ChunkFault::Trailer } else { ChunkFault::End };
            assert_eq!(whole(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn everything_around_the_data_is_bounded() {
        assert_eq!(whole(&format!("1;{}", "a".repeat(LINE_BYTES_MAX))), Err(ChunkFault::Size));
        assert_eq!(whole(&format!("0\r\nA: {}", "a".repeat(TRAILER_BYTES_MAX))), Err(ChunkFault::Trailer));
        assert_eq!(whole(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(65))), Err(ChunkFault::Trailer));
        let chunk = |bytes| format!("1;{}\r\na\r\n", "x".repeat(bytes));
        assert_eq!(whole(&chunk(1000).repeat(17)), Err(ChunkFault::Extensions));
        assert_eq!(whole(&chunk(1000).repeat(16)), Ok(None));
        // The short extensions of a well-meaning client cost nothing.
        assert_eq!(whole(&chunk(10).repeat(10_000)), Ok(None));
    }

    proptest! {
        #[test]
        fn where_a_body_is_cut_means_nothing(text in "([0-3a]?(;e)?\r?\n?[ab]{0,3}\r?\n){0,4}0\r\n(A: b\r\n)?\r\nrest") {
            let whole = whole(&text);
            for cut in 0..text.len() {
                prop_assert_eq!(&read(text.as_bytes(), [cut, text.len()]), &whole);
            }
            prop_assert_eq!(read(text.as_bytes(), 0..=text.len()), whole);
        }
    }
}
