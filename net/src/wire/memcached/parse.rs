//! Bytes -> one request line: the way in, and where each command word goes.

use memchr::memchr;

use super::refusal::Refusal;
use super::request::{CloseReason, Fault, Limits, Parsed, Request};
use super::token::{self, Tokens};
use super::{admin, arithmetic, delete, flush, get, ma, md, me, mg, ms, stats, store, touch};

/// The longest line that is not a multiget, in bytes, terminator not counted. memcached gives up on a line when it holds
/// more than this much without a line end; the same bound here also holds for lines that arrive whole, so that what a
/// line means never depends on how the network cut it.
pub const LINE_BYTES_MAX: usize = 2048;

/// Shorter lines, terminator included, are malformed whatever they say (memcached's process_request).
const LINE_AND_END_BYTES_MIN: usize = 4;

/// The first byte of every binary request.
const BINARY_MAGIC: u8 = 0x80;

/// As many spaces may stand before a long multiget.
const LEADING_SPACES_MAX: usize = 100;

/// Reads the request at the front of `input`.
#[inline]
pub fn parse<'a>(input: &'a [u8], limits: &Limits) -> Parsed<'a> {
    match input.first_chunk() {
        Some(b"get ") => {
            if let Some((get, consumed)) = get::parse_one_key(input) {
                return Parsed::Request { request: Request::Get(get), consumed };
            }
        }
        Some(b"set ") => {
            if let Some((store, consumed)) = store::parse_plain_set(input) {
                return Parsed::Request { request: Request::Store(store), consumed };
            }
        }
        _ => {}
    }
    parse_resumed(input, 0, limits)
}

/// [`parse`] for a caller that knows the first `searched` bytes to hold no line end, because the last answer about them
/// was [`Parsed::Incomplete`]: a line that comes in small pieces is then searched once, not once a piece.
pub fn parse_resumed<'a>(input: &'a [u8], searched: usize, limits: &Limits) -> Parsed<'a> {
    if input.first() == Some(&BINARY_MAGIC) {
        return Parsed::Close { refusal: Some(Refusal::BinaryProtocol), reason: CloseReason::BinaryProtocol };
    }
    let searched = searched.min(input.len());
    let end = memchr(b'\n', &input[searched..]).map(|at| searched + at);
    if let Some(close) = refuse_length(input, end.unwrap_or(input.len()), limits) {
        return close;
    }
    let Some(end) = end else { return Parsed::Incomplete };
    let consumed = end + 1;
    let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
    if consumed < LINE_AND_END_BYTES_MIN {
        return refused(Refusal::BadCommandLine.into(), consumed);
    }
    match parse_line(line) {
        Ok(Some(request)) => Parsed::Request { request, consumed },
        Ok(None) => parse_unknown(line, consumed),
        Err(fault) => refused(fault, consumed),
    }
}

/// The request in a whole line; `None` for an unknown command.
fn parse_line(line: &[u8]) -> Result<Option<Request<'_>>, Fault> {
    let (word, args) = line.split_at(memchr(b' ', line).unwrap_or(line.len()));
    let args = Tokens::of(args);
    let request = match word {
        b"mg" => mg::parse(args)?,
        b"ms" => ms::parse(args)?,
        b"md" => md::parse(args)?,
        b"ma" => ma::parse(args)?,
        b"me" => me::parse(args)?,
        b"mn" => Request::MetaNoop,
        b"get" | b"gets" | b"gat" | b"gats" => get::parse(word, args)?,
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => store::parse(word, args, line)?,
        b"delete" => delete::parse(args, line)?,
        b"incr" | b"decr" => arithmetic::parse(word, args, line)?,
        b"touch" => touch::parse(args, line)?,
        b"version" => Request::Version,
        b"quit" => Request::Quit,
        b"stats" => stats::parse(args),
        b"watch" => admin::parse_watch(args),
        b"flush_all" => flush::parse(args, line)?,
        _ => return admin::parse(word, args, line),
    };
    Ok(Some(request))
}

/// An unknown command: a browser is shown the door, everybody else is told.
fn parse_unknown(line: &[u8], consumed: usize) -> Parsed<'_> {
    let is_http = token::last(line).is_some_and(|last| last.starts_with(b"HTTP/"));
    if is_http && Tokens::of(line).nth(1).is_some() {
        return Parsed::Close { refusal: None, reason: CloseReason::HttpRequest };
    }
    let answer = token::answer_wanted(line);
    refused(Fault { refusal: Refusal::Error, answer, swallow_bytes: 0 }, consumed)
}

fn refused<'a>(fault: Fault, consumed: usize) -> Parsed<'a> {
    let Fault { refusal, answer, swallow_bytes } = fault;
    Parsed::Refused { refusal, answer, consumed, swallow_bytes }
}

/// Ends the conversation when a line, of which `line_bytes` are here, is longer than its kind may be.
fn refuse_length<'a>(input: &[u8], line_bytes: usize, limits: &Limits) -> Option<Parsed<'a>> {
    let reason = CloseReason::LineTooLong;
    if line_bytes <= LINE_BYTES_MAX {
        None
    } else if !is_multiget(input) {
        Some(Parsed::Close { refusal: None, reason })
    } else if line_bytes > limits.multiget_line_bytes_max {
        Some(Parsed::Close { refusal: Some(Refusal::OutOfMemoryReadingRequest), reason })
    } else {
        None
    }
}

/// Whether a long line may go on. memcached lets `get` and `gets` alone; `gat` and `gats` carry as many keys, and it
/// takes their long lines too when they happen to arrive in one piece.
fn is_multiget(input: &[u8]) -> bool {
    let spaces = input.iter().take(LEADING_SPACES_MAX + 1).take_while(|&&byte| byte == b' ').count();
    let verbs: [&[u8]; 4] = [b"get ", b"gets ", b"gat ", b"gats "];
    spaces <= LEADING_SPACES_MAX && verbs.iter().any(|verb| input[spaces..].starts_with(verb))
}
