//! The toy store: the least that a cache must do, written plainly. One hash map, one copy in, one copy out; no expiry, no
//! eviction, no cas, no lock, no bound on memory.
//!
//! What it understands: `get <key>` and `set <key> <flags> <exptime> <bytes>` with its value. Everything else is `ERROR`,
//! line by line. It is no ceiling: it looks nothing up ahead of time, so a cache that does may pass it.
#![forbid(unsafe_code)]

use rapidhash::fast::RandomState;
use std::collections::HashMap;

/// A request that is longer before it is whole is refused and forgotten, in bytes.
const REQUEST_BYTES_MAX: usize = 2 << 20;

/// What a get is answered by a mirror: its own key, and this. So whoever checks keys and lengths finds nothing wrong, and
/// a load that does is measured against a server that has next to nothing to do.
const MIRRORED: &[u8] = b" 0 100\r\n\
0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\nEND\r\n";

/// What becomes of what is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    #[default]
    All,
    /// Nothing: every get is a hit, of one canned value.
    Nothing,
}

#[derive(Default)]
pub struct Toy {
    keeping: Keeping,
    /// By key, what follows the key in a reply: ` <flags> <bytes>\r\n<value>\r\nEND\r\n`. Formatting it once, on a set,
    /// leaves nothing but copies to a get.
    items: HashMap<Vec<u8>, Vec<u8>, RandomState>,
}

/// One whole request.
enum Request<'a> {
    Get { key: &'a [u8] },
    Set { key: &'a [u8], flags: &'a [u8], value_bytes: &'a [u8], value: &'a [u8] },
    Unknown,
}

impl Toy {
    pub fn new(keeping: Keeping) -> Toy {
        Toy { keeping, items: HashMap::default() }
    }

    /// Answers every request that `bytes` completes, in order, at the end of `replies`. `partial` is the connection's
    /// request that had begun before, empty at first; it is completed by `bytes` and holds what they leave begun.
    pub fn answer(&mut self, partial: &mut Vec<u8>, bytes: &[u8], replies: &mut Vec<u8>) {
        if partial.is_empty() {
            let done = self.answer_whole(bytes, replies);
            partial.extend_from_slice(&bytes[done..]);
        } else {
            partial.extend_from_slice(bytes);
            let done = self.answer_whole(partial, replies);
            partial.drain(..done);
        }
        if partial.len() > REQUEST_BYTES_MAX {
            partial.clear();
            replies.extend_from_slice(b"ERROR\r\n");
        }
    }

    /// How many bytes the answered requests took.
    fn answer_whole(&mut self, bytes: &[u8], replies: &mut Vec<u8>) -> usize {
        let mut done = 0;
        while let Some((request, len)) = parse(&bytes[done..]) {
            self.serve(&request, replies);
            done += len;
        }
        done
    }

    fn serve(&mut self, request: &Request, replies: &mut Vec<u8>) {
        match *request {
            Request::Get { key } if self.keeping == Keeping::Nothing => {
                [b"VALUE ", key, MIRRORED].iter().for_each(|part| replies.extend_from_slice(part));
            }
            Request::Get { key } => match self.items.get(key) {
                Some(rest) => [b"VALUE ", key, rest].iter().for_each(|part| replies.extend_from_slice(part)),
                None => replies.extend_from_slice(b"END\r\n"),
            },
            Request::Set { key, flags, value_bytes, value } => {
                if self.keeping == Keeping::All {
                    self.store(key, &[b" ", flags, b" ", value_bytes, b"\r\n", value, b"\r\nEND\r\n"]);
                }
                replies.extend_from_slice(b"STORED\r\n");
            }
            Request::Unknown => replies.extend_from_slice(b"ERROR\r\n"),
        }
    }

    /// Overwrites in place: a known key costs no allocation.
    fn store(&mut self, key: &[u8], parts: &[&[u8]]) {
        match self.items.get_mut(key) {
            Some(item) => {
                item.clear();
                parts.iter().for_each(|part| item.extend_from_slice(part));
            }
            None => drop(self.items.insert(key.to_vec(), parts.concat())),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The replies to the requests in `pieces`, received one by one.
    fn answers<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let (mut toy, mut partial, mut replies) = (Toy::default(), Vec::new(), Vec::new());
        pieces.into_iter().for_each(|piece| toy.answer(&mut partial, piece, &mut replies));
        assert!(partial.is_empty());
        String::from_utf8(replies).unwrap()
    }

    #[test]
    fn a_get_returns_what_was_set_wherever_the_bytes_are_split() {
        let input = b"get a\r\nset a 7 0 3\r\nx\ny\r\nget a\r\nset a 0 0 0\r\n\r\nget a\r\nget b\r\n";
        let expected = "END\r\nSTORED\r\nVALUE a 7 3\r\nx\ny\r\nEND\r\nSTORED\r\nVALUE a 0 0\r\n\r\nEND\r\nEND\r\n";
        for cut in 0..=input.len() {
            let (first, second) = input.split_at(cut);
            assert_eq!(answers([first, second]), expected, "cut at {cut}");
        }
        assert_eq!(answers(input.chunks(1)), expected);
    }

    #[test]
    fn a_mirror_has_whatever_is_asked_for() {
        let (mut toy, mut partial, mut replies) = (Toy::new(Keeping::Nothing), Vec::new(), Vec::new());
        toy.answer(&mut partial, b"set a 0 0 1\r\nx\r\nget b\r\n", &mut replies);
        assert_eq!(replies, [b"STORED\r\nVALUE b", MIRRORED].concat());
        assert!(toy.items.is_empty());
    }

    #[test]
    fn what_it_does_not_understand_is_an_error_and_no_more() {
        for (input, expected) in [
            ("\n", "ERROR\r\n"),
            ("stats\r\nget a\r\n", "ERROR\r\nEND\r\n"),
            ("set a 0 0\r\n", "ERROR\r\n"),
            ("set a 0 0 1 noreply\r\n", "ERROR\r\n"),
            ("set a 0 0 -1\r\n", "ERROR\r\n"),
            ("set a 0 0 99999999999999999999\r\n", "ERROR\r\n"),
            ("set a 0 0 18446744073709551615\r\n", "ERROR\r\n"),
            ("set a 0 0 1\r\nxyzget a\r\n", "ERROR\r\nEND\r\n"),
        ] {
            assert_eq!(answers([input.as_bytes()]), expected, "{input:?}");
        }
    }

    #[test]
    fn an_endless_line_is_forgotten() {
        let endless = vec![b'x'; REQUEST_BYTES_MAX + 1];
        assert_eq!(answers([&endless[..], b"get a\r\n"]), "ERROR\r\nEND\r\n");
    }
}
