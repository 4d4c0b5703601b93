//! The requests of one batch: a template, written once, into which only the numbers of the keys are put. So a batch costs
//! one copy and a few digits a request, whatever the order of the keys.

use super::Work;
use super::keys::Keys;

pub struct Batch {
    /// As many requests as a whole batch has.
    template: Vec<u8>,
    request_bytes: usize,
    /// Where the number of the key lies in a request.
    digits_at: usize,
    digits: usize,
}

impl Batch {
    pub fn new(work: Work, keys: Keys, depth: usize) -> Batch {
        let digits = keys.digits();
        let number = "0".repeat(digits);
        let request = match work {
            Work::Get { .. } => format!("get {}{number}\r\n", keys.prefix),
            Work::Set { value_bytes } => {
                format!("set {}{number} 0 0 {value_bytes}\r\n{}\r\n", keys.prefix, "v".repeat(value_bytes))
            }
        };
        let digits_at = b"get ".len() + keys.prefix.len();
        Batch { template: request.repeat(depth).into_bytes(), request_bytes: request.len(), digits_at, digits }
    }

    /// Appends `requests` requests, at most the depth, with the numbers that `draw` gives.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>, requests: usize, mut draw: impl FnMut() -> u64) {
        let begin = out.len();
        out.extend_from_slice(&self.template[..requests * self.request_bytes]);
        for request in out[begin..].chunks_exact_mut(self.request_bytes) {
            write_number(&mut request[self.digits_at..self.digits_at + self.digits], draw());
        }
    }
}

/// With leading zeros; digits that do not fit are lost.
#[inline]
fn write_number(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed_loop::keys::Order;

    fn written(work: Work, requests: usize) -> String {
        let keys = Keys { prefix: "key_", order: Order::each_once(9) };
        let mut out = Vec::new();
        let mut next = 0;
        Batch::new(work, keys, 3).write(&mut out, requests, || {
            next += 41;
            next
        });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn gets() {
        let all = "get key_000041\r\nget key_000082\r\nget key_000123\r\n";
        assert_eq!(written(Work::Get { value_bytes: 4 }, 3), all);
        assert_eq!(written(Work::Get { value_bytes: 4 }, 1), "get key_000041\r\n");
    }

    #[test]
    fn sets() {
        let two = "set key_000041 0 0 4\r\nvvvv\r\nset key_000082 0 0 4\r\nvvvv\r\n";
        assert_eq!(written(Work::Set { value_bytes: 4 }, 2), two);
    }
}
