//! The bytes of a request.

use std::io::Write;

use super::{CachePlan, Protocol};
use crate::describe::{Object, fill};
use crate::load::work::Written;

/// A key's number in a key, in bytes.
const DIGITS: usize = 11;

/// How requests of a class are written.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    protocol: Protocol,
    prefix: Vec<u8>,
}

impl Requests {
    pub(super) fn new(plan: &CachePlan) -> Requests {
        Requests { protocol: plan.protocol, prefix: plan.prefix.clone().into_bytes() }
    }

    #[inline]
    fn write_key(&self, out: &mut Vec<u8>, key: u64) {
        let mut digits = [b'0'; DIGITS];
        let mut left = key;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
        }
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(&digits);
    }

    /// Which key that is, if it is not `key`; `u64::MAX` for one of somebody else.
    pub(super) fn other_key(&self, echoed: &[u8], key: u64) -> Option<u64> {
        let number = echoed.strip_prefix(&*self.prefix).filter(|digits| digits.len() == DIGITS);
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(u64::MAX);
        (number != key).then_some(number)
    }

    pub(super) fn write_get(&self, out: &mut Vec<u8>, key: u64) {
        match self.protocol {
            Protocol::Classic => {
                out.extend_from_slice(b"get ");
                self.write_key(out, key);
                out.extend_from_slice(b"\r\n");
            }
            Protocol::Meta => {
                out.extend_from_slice(b"mg ");
                self.write_key(out, key);
                out.extend_from_slice(b" v\r\n");
            }
        }
    }

    /// The whole of it.
    pub(super) fn write_set(&self, out: &mut Vec<u8>, object: &Object) {
        self.write_set_from(out, object, 0, usize::MAX);
    }

    /// A part of it: `from` 0 begins with the line, and above it counts the bytes of the value that were written before, and
    /// one.
    pub(super) fn write_set_from(&self, out: &mut Vec<u8>, object: &Object, from: u64, room: usize) -> Written {
        if from == 0 {
            self.write_set_line(out, object);
        }
        let offset = from.saturating_sub(1);
        let count = (object.length - offset).min(room.max(1) as u64);
        let at = out.len();
        out.resize(at + count as usize, 0);
        fill(object, offset, &mut out[at..]);
        if offset + count < object.length {
            return Written::Part { next: 1 + offset + count };
        }
        out.extend_from_slice(b"\r\n");
        Written::Whole
    }

    fn write_set_line(&self, out: &mut Vec<u8>, object: &Object) {
        let verb: &[u8] = match self.protocol {
            Protocol::Classic => b"set ",
            Protocol::Meta => b"ms ",
        };
        out.extend_from_slice(verb);
        self.write_key(out, object.key);
        let written = match self.protocol {
            Protocol::Classic => write!(out, " 0 0 {}\r\n", object.length),
            Protocol::Meta => write!(out, " {}\r\n", object.length),
        };
        written.expect("a vector takes every byte");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::Removal;
    use crate::load::KeyPlan;
    use crate::popularity::Popularity;
    use crate::sizes::Sizes;

    fn requests(protocol: Protocol) -> Requests {
        let keys =
            KeyPlan { count: 1, popularity: Popularity::Uniform, sizes: Sizes::Fixed(1), removal: Removal::Never };
        Requests::new(&CachePlan { protocol, prefix: "k".into(), keys, set_share: 0.0 })
    }

    #[test]
    fn a_set_in_parts_is_the_set() {
        for protocol in [Protocol::Classic, Protocol::Meta] {
            let requests = requests(protocol);
            let object = Object { key: 7, version: 3, length: 1000, seed: 1 };
            let mut whole = Vec::new();
            requests.write_set(&mut whole, &object);
            assert!(whole.ends_with(b"\r\n"));
            for room in [0, 1, 63, 999, 1000] {
                let (mut parts, mut from) = (Vec::new(), 0);
                while let Written::Part { next } = requests.write_set_from(&mut parts, &object, from, room) {
                    from = next;
                }
                assert!(parts == whole, "{protocol:?} in parts of {room}");
            }
        }
    }

    #[test]
    fn keys_are_told_apart() {
        let requests = requests(Protocol::Classic);
        let mut key = Vec::new();
        requests.write_key(&mut key, 123);
        assert_eq!(key, b"k00000000123");
        assert_eq!(requests.other_key(&key, 123), None);
        assert_eq!(requests.other_key(&key, 124), Some(123));
        assert_eq!(requests.other_key(b"somebody's", 124), Some(u64::MAX));
    }
}
