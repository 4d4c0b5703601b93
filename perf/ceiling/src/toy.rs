//! The toy store: the least that a cache must do, written plainly. One hash map, one copy in, one copy out; no expiry, no
//! eviction, no cas, no lock, no bound on memory. It is no ceiling: it looks nothing up ahead of time, so a cache that does
//! may pass it.
#![forbid(unsafe_code)]

use crate::requests::{self, Request};
use rapidhash::fast::RandomState;
use std::collections::HashMap;

#[derive(Default)]
pub struct Toy {
    /// By key, what follows the key in a reply: ` <flags> <bytes>\r\n<value>\r\nEND\r\n`. Formatting it once, on a set,
    /// leaves nothing but copies to a get.
    items: HashMap<Vec<u8>, Vec<u8>, RandomState>,
}

impl Toy {
    /// As [`requests::answer`] has it.
    pub fn answer(&mut self, partial: &mut Vec<u8>, bytes: &[u8], replies: &mut Vec<u8>) {
        requests::answer(partial, bytes, replies, |request, replies| self.serve(request, replies));
    }

    fn serve(&mut self, request: &Request, replies: &mut Vec<u8>) {
        match *request {
            Request::Get { key } => match self.items.get(key) {
                Some(rest) => [b"VALUE ", key, rest].iter().for_each(|part| replies.extend_from_slice(part)),
                None => replies.extend_from_slice(b"END\r\n"),
            },
            Request::Set { key, flags, value_bytes, value } => {
                self.store(key, &[b" ", flags, b" ", value_bytes, b"\r\n", value, b"\r\nEND\r\n"]);
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
        let endless = vec![b'x'; requests::REQUEST_BYTES_MAX + 1];
        assert_eq!(answers([&endless[..], b"get a\r\n"]), "ERROR\r\nEND\r\n");
    }
}
