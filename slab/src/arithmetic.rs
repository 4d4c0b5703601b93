//! incr and decr on values that are decimal numbers.
#![forbid(unsafe_code)]

use crate::clock::{Expiry, Seconds};
use crate::item::{ItemRef, Mark, Shape};
use crate::key::Key;
use crate::shard::{Shard, Starved};
use crate::store::{Birth, Found};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Wraps at 2^64.
    #[default]
    Increment,
    /// Stops at 0.
    Decrement,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Arithmetic {
    pub direction: Direction,
    pub delta: u64,
    /// Only if this is the item's compare-and-swap id; 0 compares nothing, as there.
    pub compare: Option<u64>,
    /// The new id; none: the cache's next.
    pub cas: Option<u64>,
    /// A missing item is made with this value and expiry.
    pub initial: Option<(u64, Expiry)>,
    /// The new expiry of an item that was there.
    pub touch: Option<Expiry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Computed {
    Value {
        value: u64,
        cas: u64,
        /// Before `touch`; of a new item, its own.
        expiry: Expiry,
        /// Made by this operation (`Arithmetic::initial`).
        created: bool,
    },
    NotFound,
    /// The value is no decimal number below 2^64, or is too long to be one.
    NonNumeric,
    /// `compare` is not the item's id.
    Exists,
    OutOfMemory,
}

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;

impl Shard {
    /// The rules of memcached's `do_add_delta`.
    pub(crate) fn arithmetic(&mut self, key: &Key<'_>, sum: &Arithmetic, now: Seconds) -> Result<Computed, Starved> {
        self.work(now);
        let Some(found) = self.find(key, now) else {
            let Some((value, expiry)) = sum.initial else { return Ok(Computed::NotFound) };
            let birth = Birth { cas: self.new_cas(sum.cas), expiry, stale: false, token_sent: false };
            self.put_number(key, None, value, 0, birth, now)?;
            return Ok(Computed::Value { value, cas: birth.cas, expiry, created: true });
        };
        let (heap, item) = (&self.slabs.heap, found.1);
        let (header, flags) = (heap.header(item), heap.flags(item));
        if header.meta.has(Mark::Chained) || header.meta.len() == 0 {
            return Ok(Computed::NonNumeric);
        }
        if sum.compare.is_some_and(|compare| compare != 0 && compare != header.word) {
            return Ok(Computed::Exists);
        }
        let Some(old) = parse(heap.bytes(heap.value_at(item), header.meta.len())) else {
            return Ok(Computed::NonNumeric);
        };
        let value = match sum.direction {
            Direction::Increment => old.wrapping_add(sum.delta),
            Direction::Decrement => old.saturating_sub(sum.delta),
        };
        let expiry = Expiry(header.expiry);
        let birth = Birth { cas: self.new_cas(sum.cas), expiry, stale: false, token_sent: false };
        let item = match self.number_in_place(item, value, birth.cas, now) {
            true => item,
            false => self.put_number(key, Some(found), value, flags, birth, now)?,
        };
        if let Some(touch) = sum.touch {
            self.slabs.heap.header_mut(item).expiry = touch.0;
        }
        Ok(Computed::Value { value, cas: birth.cas, expiry, created: false })
    }

    /// Writes over a value that is at least as long, and pads with spaces, as there; false if it cannot.
    fn number_in_place(&mut self, item: ItemRef, value: u64, cas: u64, now: Seconds) -> bool {
        let mut digits = [0; DIGITS_MAX];
        let digits = print(value, &mut digits);
        let heap = &mut self.slabs.heap;
        let len = heap.meta(item).len();
        if digits.len() > len || heap.pins(item) > 0 {
            return false;
        }
        let at = heap.value_at(item);
        let (number, padding) = heap.bytes_mut(at, len).split_at_mut(digits.len());
        number.copy_from_slice(digits);
        padding.fill(b' ');
        let header = heap.header_mut(item);
        header.word = cas;
        header.accessed = now;
        true
    }

    fn put_number(
        &mut self,
        key: &Key<'_>,
        old: Option<Found>,
        value: u64,
        flags: u32,
        birth: Birth,
        now: Seconds,
    ) -> Result<ItemRef, Starved> {
        let mut digits = [0; DIGITS_MAX];
        let digits = print(value, &mut digits);
        let shape = Shape { key: key.bytes, form: key.form, flags, len: digits.len() };
        self.put(key.hash, old, &shape, digits, birth, now)
    }
}

/// The decimal digits of `value`.
fn print(mut value: u64, digits: &mut [u8; DIGITS_MAX]) -> &[u8] {
    let mut at = DIGITS_MAX;
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return &digits[at..];
        }
    }
}

/// A number as `strtoull` takes it: white space and a plus sign in front, nothing or white space behind.
fn parse(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii_start();
    let value = value.strip_prefix(b"+").unwrap_or(value);
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let (digits, rest) = value.split_at(end);
    if digits.is_empty() || rest.first().is_some_and(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b) {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_memcached_reads_them() {
        let cases: [(&[u8], Option<u64>); 12] = [
            (b"0", Some(0)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"12  ", Some(12)),
            (b" 12", Some(12)),
            (b"+5", Some(5)),
            (b"-5", None),
            (b"", None),
            (b"  ", None),
            (b"12x", None),
            (b"12 x", Some(12)),
            (b"x", None),
        ];
        for (text, value) in cases {
            assert_eq!(parse(text), value, "{text:?}");
        }
        for value in [0, 9, 10, u64::MAX] {
            assert_eq!(parse(print(value, &mut [0; DIGITS_MAX])), Some(value));
        }
    }
}
