//! Bytes -> one request line: the way in, and where each command word goes.

use super::refusal::Refusal;
use super::request::{CloseReason, Fault, Limits, Parsed, Request};
use super::token::{self, Tokens};
use super::{admin, arithmetic, delete, flush, get, ma, md, me, mg, ms, scan, stats, store, touch};

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
    let end = scan::find_line_end(&input[searched..]).map(|at| searched + at);
    if let Some(close) = refuse_length(input, end.unwrap_or(input.len()), limits) {
        return close;
    }
    let Some(end) = end else { return Parsed::Incomplete };
    let consumed = end + 1;
    let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
    if consumed < LINE_AND_END_BYTES_MIN {
        return refused(Refusal::BadCommandLine.into(), consumed);
    }
    parse_line(line, consumed)
}

/// A whole line, its terminator taken off.
#[inline]
fn parse_line(line: &[u8], consumed: usize) -> Parsed<'_> {
    let (word, args) = line.split_at(scan::find_space(line).unwrap_or(line.len()));
    let args = Tokens::of(args);
    let outcome = match word {
        b"mg" => mg::parse(args),
        b"ms" => ms::parse(args),
        b"md" => md::parse(args),
        b"ma" => ma::parse(args),
        b"me" => me::parse(args),
        b"mn" => Ok(Request::MetaNoop),
        b"get" | b"gets" | b"gat" | b"gats" => get::parse(word, args),
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => store::parse(word, args, line),
        b"delete" => delete::parse(args, line),
        b"incr" | b"decr" => arithmetic::parse(word, args, line),
        b"touch" => touch::parse(args, line),
        b"version" => Ok(Request::Version),
        b"quit" => Ok(Request::Quit),
        b"stats" => Ok(stats::parse(args)),
        b"watch" => Ok(admin::parse_watch(args)),
        b"flush_all" => flush::parse(args, line),
        _ => match admin::parse(word, args, line) {
            Ok(None) => return parse_unknown(line, consumed),
            Ok(Some(request)) => Ok(request),
            Err(fault) => Err(fault),
        },
    };
    match outcome {
        Ok(request) => Parsed::Request { request, consumed },
        Err(fault) => refused(fault, consumed),
    }
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

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, refused_with};
    use super::super::{Answer, get::Get};
    use super::*;

    const LIMITS: Limits = Limits { multiget_line_bytes_max: 8192 };

    fn closed(input: &[u8], refusal: Option<Refusal>, reason: CloseReason) {
        assert_eq!(parse(input, &LIMITS), Parsed::Close { refusal, reason }, "{}", String::from_utf8_lossy(input));
    }

    #[test]
    fn nothing_happens_before_the_line_ends() {
        for input in ["", "g", "get ", "get key", "get key\r", "set k 0 0 5", "hello"] {
            assert_eq!(parse(input.as_bytes(), &LIMITS), Parsed::Incomplete);
        }
    }

    #[test]
    fn only_the_first_line_is_consumed() {
        let Parsed::Request { request: Request::Get(Get { mut keys, .. }), consumed } =
            parse(b"get a\r\nget b\r\n", &LIMITS)
        else {
            panic!()
        };
        assert_eq!((keys.next(), consumed), (Some(&b"a"[..]), 7));
    }

    #[test]
    fn lines_too_short_to_be_commands() {
        for line in ["\r\n", "\n", "a\n", "a\r\n", "ab\n", "mn\n"] {
            refused(line, Refusal::BadCommandLine);
        }
    }

    #[test]
    fn unknown_commands() {
        for line in
            ["ab\r\n", "hello\r\n", "GET k\r\n", " get k\r\n", "getx k\r\n", "get\tk\r\n", "mx k\r\n", "m k\r\n"]
        {
            refused(line, Refusal::Error);
        }
        refused("HTTP/1.1\r\n", Refusal::Error);
        refused_with("hello noreply\r\n", Refusal::Error, Answer::Suppressed, 0);
    }

    #[test]
    fn browsers_are_shown_the_door() {
        closed(b"GET / HTTP/1.1\r\n", None, CloseReason::HttpRequest);
        closed(b"POST /x HTTP/1.0 \n", None, CloseReason::HttpRequest);
    }

    #[test]
    fn the_binary_protocol_is_refused_on_its_first_byte() {
        closed(b"\x80", Some(Refusal::BinaryProtocol), CloseReason::BinaryProtocol);
        closed(b"\x80\x00\r\n", Some(Refusal::BinaryProtocol), CloseReason::BinaryProtocol);
    }

    #[test]
    fn a_line_has_a_bound_whether_it_has_ended_or_not() {
        let longest = [b"delete k ".as_slice(), &[b'x'; LINE_BYTES_MAX - 9]].concat();
        assert_eq!(longest.len(), LINE_BYTES_MAX);
        assert_eq!(parse(&longest, &LIMITS), Parsed::Incomplete);
        assert!(matches!(parse(&[&longest[..], b"\n"].concat(), &LIMITS), Parsed::Request { .. }));
        for end in ["x", "x\n", "\r\n"] {
            closed(&[&longest[..], end.as_bytes()].concat(), None, CloseReason::LineTooLong);
        }
    }

    #[test]
    fn a_multiget_has_a_bound_of_its_own() {
        for verb in ["get ", "gets ", "gat 1 ", "gats 1 "] {
            let mut line = verb.as_bytes().to_vec();
            line.extend_from_slice("key ".repeat(3000).as_bytes());
            line.truncate(LIMITS.multiget_line_bytes_max);
            assert_eq!(parse(&line, &LIMITS), Parsed::Incomplete);
            let whole = [&line[..], b"\n"].concat();
            assert!(matches!(parse(&whole, &LIMITS), Parsed::Request { .. }), "{verb}");
            line.push(b'x');
            closed(&line, Some(Refusal::OutOfMemoryReadingRequest), CloseReason::LineTooLong);
        }
    }

    #[test]
    fn a_few_spaces_may_stand_before_a_long_multiget() {
        let line = |spaces: usize| [" ".repeat(spaces).as_bytes(), b"get ", &[b'k'; LINE_BYTES_MAX]].concat();
        assert_eq!(parse(&line(100), &LIMITS), Parsed::Incomplete);
        closed(&line(101), None, CloseReason::LineTooLong);
    }

    #[test]
    fn a_resumed_search_finds_the_same() {
        let input = b"get key\r\n";
        for searched in 0..input.len() - 1 {
            assert_eq!(parse_resumed(input, searched, &LIMITS), parse(input, &LIMITS));
        }
        assert_eq!(parse_resumed(b"get key", 100, &LIMITS), Parsed::Incomplete);
    }
}
