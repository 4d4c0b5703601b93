//! What the toy store and the mirror understand: `get <key>`, and `set <key> <flags> <exptime> <bytes>` with its value.
//! Everything else is `ERROR`, line by line.
#![forbid(unsafe_code)]

/// A request that is longer before it is whole is refused and forgotten, in bytes.
pub const REQUEST_BYTES_MAX: usize = 2 << 20;

/// One whole request.
pub enum Request<'a> {
    Get { key: &'a [u8] },
    Set { key: &'a [u8], flags: &'a [u8], value_bytes: &'a [u8], value: &'a [u8] },
    Unknown,
}

/// Has every request answered that `bytes` completes, in order, at the end of `replies`. `partial` is the connection's request
/// that had begun before, empty at first; it is completed by `bytes` and holds what they leave begun.
pub fn answer(
    partial: &mut Vec<u8>,
    bytes: &[u8],
    replies: &mut Vec<u8>,
    mut serve: impl FnMut(&Request<'_>, &mut Vec<u8>),
) {
    if partial.is_empty() {
        let done = answer_whole(bytes, replies, &mut serve);
        partial.extend_from_slice(&bytes[done..]);
    } else {
        partial.extend_from_slice(bytes);
        let done = answer_whole(partial, replies, &mut serve);
        partial.drain(..done);
    }
    if partial.len() > REQUEST_BYTES_MAX {
        partial.clear();
        replies.extend_from_slice(b"ERROR\r\n");
    }
}

/// How many bytes the answered requests took.
fn answer_whole(bytes: &[u8], replies: &mut Vec<u8>, serve: &mut impl FnMut(&Request<'_>, &mut Vec<u8>)) -> usize {
    let mut done = 0;
    while let Some((request, len)) = parse(&bytes[done..]) {
        serve(&request, replies);
        done += len;
    }
    done
}

/// The first request and its length in bytes, once it is whole.
fn parse(bytes: &[u8]) -> Option<(Request<'_>, usize)> {
    let line_end = memchr::memchr(b'\n', bytes)? + 1;
    let line = &bytes[..line_end - 1];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if let Some(key) = line.strip_prefix(b"get ") {
        return Some((Request::Get { key }, line_end));
    }
    let Some((key, flags, value_bytes)) = line.strip_prefix(b"set ").and_then(set_words) else {
        return Some((Request::Unknown, line_end));
    };
    let Some(value_len) = number(value_bytes) else { return Some((Request::Unknown, line_end)) };
    let value_end = line_end + value_len;
    let end = bytes.get(value_end..value_end + 2)?;
    let value = &bytes[line_end..value_end];
    let request = if end == b"\r\n" { Request::Set { key, flags, value_bytes, value } } else { Request::Unknown };
    Some((request, value_end + 2))
}

/// Key, flags and the length of the value, as they are written.
fn set_words(words: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut words = words.split(|&byte| byte == b' ');
    let (key, flags, _expires, value_bytes) = (words.next()?, words.next()?, words.next()?, words.next()?);
    words.next().is_none().then_some((key, flags, value_bytes))
}

/// A decimal number up to the longest request.
fn number(digits: &[u8]) -> Option<usize> {
    let number: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number <= REQUEST_BYTES_MAX).then_some(number)
}
