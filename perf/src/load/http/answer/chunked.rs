//! A body in chunks: RFC 9112, 7.1.

use super::{FIELDS_MAX, HEAD_BYTES_MAX, Malformed};

/// Of a chunk's size and its extensions, in bytes.
const LINE_BYTES_MAX: usize = 4096;

/// What comes next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Chunked {
    #[default]
    Size,
    Data {
        left: u64,
    },
    /// The end of the line that a chunk's data ends with.
    DataEnd,
    Trailer,
}

pub(super) enum ChunkStep {
    /// So many bytes of data, never none, after so many that are of the coding.
    Data {
        before: usize,
        length: usize,
    },
    End {
        consumed: usize,
    },
    More {
        consumed: usize,
        bytes_min: usize,
    },
}

impl Chunked {
    pub(super) fn step(&mut self, input: &[u8]) -> Result<ChunkStep, Malformed> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match self {
                Chunked::Size => {
                    let line = &rest[..rest.len().min(LINE_BYTES_MAX)];
                    match httparse::parse_chunk_size(line).map_err(|_| Malformed::ChunkSize)? {
                        httparse::Status::Complete((length, 0)) => (at, *self) = (at + length, Chunked::Trailer),
                        httparse::Status::Complete((length, left)) => {
                            (at, *self) = (at + length, Chunked::Data { left });
                        }
                        httparse::Status::Partial if line.len() < LINE_BYTES_MAX => {
                            return Ok(more(at, rest.len() + 1));
                        }
                        httparse::Status::Partial => return Err(Malformed::ChunkSize),
                    }
                }
                Chunked::Data { .. } if rest.is_empty() => return Ok(more(at, 1)),
                Chunked::Data { left } => {
                    let length = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= length as u64;
                    if *left == 0 {
                        *self = Chunked::DataEnd;
                    }
                    return Ok(ChunkStep::Data { before: at, length });
                }
                Chunked::DataEnd => match rest {
                    [b'\r', b'\n', ..] => (at, *self) = (at + 2, Chunked::Size),
                    [] | [b'\r'] => return Ok(more(at, 2)),
                    _ => return Err(Malformed::ChunkEnd),
                },
                Chunked::Trailer => return trailer(rest, at),
            }
        }
    }
}

fn more(consumed: usize, bytes_min: usize) -> ChunkStep {
    ChunkStep::More { consumed, bytes_min }
}

fn trailer(rest: &[u8], at: usize) -> Result<ChunkStep, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let bytes = &rest[..rest.len().min(HEAD_BYTES_MAX)];
    match httparse::parse_headers(bytes, &mut fields).map_err(|_| Malformed::Trailer)? {
        httparse::Status::Complete((length, _)) => Ok(ChunkStep::End { consumed: at + length }),
        httparse::Status::Partial if bytes.len() < HEAD_BYTES_MAX => Ok(more(at, rest.len() + 1)),
        httparse::Status::Partial => Err(Malformed::Trailer),
    }
}
