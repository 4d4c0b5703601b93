//! The bytes of a request.

use std::io::Write;

use super::stock::Store;
use super::{CachePlan, Protocol};
use crate::describe::{Object, fill};
use crate::load::work::Written;

/// A key's number in a key.
pub(super) type Digits = [u8; 11];

/// How requests of a class are written.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    protocol: Protocol,
    /// A get of key 0, and where in it the number stands.
    get: Vec<u8>,
    get_number_at: usize,
    prefix: Vec<u8>,
    counter_prefix: Vec<u8>,
    uniques: ShowUniques,
}

/// Whether reads ask for the unique numbers of what they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShowUniques {
    No,
    Yes,
}

impl Requests {
    pub(super) fn new(plan: &CachePlan) -> Requests {
        let uniques = if plan.mix.cas > 0.0 { ShowUniques::Yes } else { ShowUniques::No };
        let (verb, tail): (&[u8], &[u8]) = match (plan.protocol, uniques) {
            (Protocol::Classic, uniques) => (classic_get(uniques), b"\r\n"),
            (Protocol::Meta, ShowUniques::Yes) => (b"mg ", b" v c\r\n"),
            (Protocol::Meta, ShowUniques::No) => (b"mg ", b" v\r\n"),
        };
        Requests {
            protocol: plan.protocol,
            get: [verb, plan.prefix.as_bytes(), &digits_of(0), tail].concat(),
            get_number_at: verb.len() + plan.prefix.len(),
            prefix: plan.prefix.clone().into_bytes(),
            counter_prefix: format!("{}n", plan.prefix).into_bytes(),
            uniques,
        }
    }

    fn write_key(&self, out: &mut Vec<u8>, key: u64) {
        write_numbered(out, &self.prefix, key);
    }

    fn write_counter(&self, out: &mut Vec<u8>, counter: u64) {
        write_numbered(out, &self.counter_prefix, counter);
    }

    /// Whether that is the key, as it was written: quicker than to read it.
    pub(super) fn is_key(&self, echoed: &[u8], key: u64) -> bool {
        echoed.strip_prefix(&*self.prefix) == Some(&digits_of(key)[..])
    }

    /// Which key that is; none of somebody else's.
    pub(super) fn number_of(&self, echoed: &[u8]) -> Option<u64> {
        let digits = echoed.strip_prefix(&*self.prefix).filter(|digits| digits.len() == size_of::<Digits>())?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    pub(super) fn write_get(&self, out: &mut Vec<u8>, key: u64) {
        let at = out.len() + self.get_number_at;
        out.extend_from_slice(&self.get);
        out[at..at + size_of::<Digits>()].copy_from_slice(&digits_of(key));
    }

    /// One request of the classic protocol. Of the meta protocol one for each key, numbered, of which those that find nothing
    /// say nothing, and one to mark the end.
    pub(super) fn write_multiget(&self, out: &mut Vec<u8>, keys: impl Iterator<Item = u64>) {
        match self.protocol {
            Protocol::Classic => {
                out.extend_from_slice(classic_get(self.uniques).trim_ascii_end());
                for key in keys {
                    out.push(b' ');
                    self.write_key(out, key);
                }
                out.extend_from_slice(b"\r\n");
            }
            Protocol::Meta => {
                let uniques = if self.uniques == ShowUniques::Yes { " c" } else { "" };
                for (part, key) in keys.enumerate() {
                    out.extend_from_slice(b"mg ");
                    self.write_key(out, key);
                    write_to(out, format_args!(" v{uniques} q O{part}\r\n"));
                }
                out.extend_from_slice(b"mn\r\n");
            }
        }
    }

    pub(super) fn write_delete(&self, out: &mut Vec<u8>, key: u64) {
        out.extend_from_slice(self.either(b"delete ", b"md "));
        self.write_key(out, key);
        out.extend_from_slice(b"\r\n");
    }

    /// `ttl_s` zero makes it immortal.
    pub(super) fn write_touch(&self, out: &mut Vec<u8>, key: u64, ttl_s: u32) {
        out.extend_from_slice(self.either(b"touch ", b"mg "));
        self.write_key(out, key);
        match self.protocol {
            Protocol::Classic => write_to(out, format_args!(" {ttl_s}\r\n")),
            Protocol::Meta => write_to(out, format_args!(" T{ttl_s}\r\n")),
        }
    }

    /// By one.
    pub(super) fn write_incr(&self, out: &mut Vec<u8>, counter: u64) {
        out.extend_from_slice(self.either(b"incr ", b"ma "));
        self.write_counter(out, counter);
        out.extend_from_slice(self.either(b" 1\r\n", b" v\r\n"));
    }

    /// A counter at zero, if there is none.
    pub(super) fn write_add(&self, out: &mut Vec<u8>, counter: u64) {
        out.extend_from_slice(self.either(b"add ", b"ms "));
        self.write_counter(out, counter);
        out.extend_from_slice(self.either(b" 0 0 1\r\n0\r\n", b" 1 ME\r\n0\r\n"));
    }

    /// A counter at zero, whatever it was before. In the classic protocol, as the fill is.
    pub(super) fn write_zero(&self, out: &mut Vec<u8>, counter: u64) {
        out.extend_from_slice(b"set ");
        self.write_counter(out, counter);
        out.extend_from_slice(b" 0 0 1\r\n0\r\n");
    }

    fn either<'a>(&self, classic: &'a [u8], meta: &'a [u8]) -> &'a [u8] {
        match self.protocol {
            Protocol::Classic => classic,
            Protocol::Meta => meta,
        }
    }

    /// A set, or with a `unique` number a compare-and-swap with it; a part of it: `from` 0 begins with the line, and above it
    /// counts the bytes of the value that were written before, and one.
    pub(super) fn write_store(
        &self,
        out: &mut Vec<u8>,
        object: &Object,
        (store, unique): (&Store, Option<u64>),
        from: u64,
        room: usize,
    ) -> Written {
        if from == 0 {
            self.write_store_line(out, object, store.ttl_s, unique);
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

    fn write_store_line(&self, out: &mut Vec<u8>, object: &Object, ttl_s: u32, unique: Option<u64>) {
        let length = object.length;
        match (self.protocol, unique) {
            (Protocol::Classic, None) => {
                out.extend_from_slice(b"set ");
                self.write_key(out, object.key);
                write_to(out, format_args!(" 0 {ttl_s} {length}\r\n"));
            }
            (Protocol::Classic, Some(unique)) => {
                out.extend_from_slice(b"cas ");
                self.write_key(out, object.key);
                write_to(out, format_args!(" 0 {ttl_s} {length} {unique}\r\n"));
            }
            (Protocol::Meta, unique) => {
                out.extend_from_slice(b"ms ");
                self.write_key(out, object.key);
                write_to(out, format_args!(" {length}"));
                if ttl_s > 0 {
                    write_to(out, format_args!(" T{ttl_s}"));
                }
                if let Some(unique) = unique {
                    write_to(out, format_args!(" C{unique}"));
                }
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

fn classic_get(uniques: ShowUniques) -> &'static [u8] {
    match uniques {
        ShowUniques::No => b"get ",
        ShowUniques::Yes => b"gets ",
    }
}

#[inline]
fn write_numbered(out: &mut Vec<u8>, prefix: &[u8], number: u64) {
    out.extend_from_slice(prefix);
    out.extend_from_slice(&digits_of(number));
}

/// Below 10^11, as every number of a key is. Without a loop and without memory, because a generator writes and compares
/// nothing more often: all digits of a word at once, by splitting it into halves with multiplications that divide.
#[inline]
pub(super) fn digits_of(number: u64) -> Digits {
    const LOWER: u64 = 100_000_000;
    let mut digits = Digits::default();
    digits[..3].copy_from_slice(&eight_digits(number / LOWER % 1000)[5..]);
    digits[3..].copy_from_slice(&eight_digits(number % LOWER));
    digits
}

/// Of a number below 10^8.
#[inline]
fn eight_digits(number: u64) -> [u8; 8] {
    let by_4 = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((by_4 * 10_486) >> 20) & 0x7f_0000_007f;
    let by_2 = hundreds | ((by_4 - hundreds * 100) << 16);
    let tens = ((by_2 * 103) >> 10) & 0x000f_000f_000f_000f;
    let by_1 = tens | ((by_2 - tens * 10) << 8);
    (by_1 + 0x3030_3030_3030_3030).to_le_bytes()
}

fn write_to(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        let powers = (0..11).map(|power| 10u64.pow(power)).flat_map(|power| [power - 1, power, power + 1, power * 7]);
        let mut random = spindle_core::simulator::Random::new(1);
        let drawn = (0..100_000).map(|_| random.draw() % 10u64.pow(11));
        for number in powers.chain(drawn).chain([99_999_999_999]) {
            assert_eq!(digits_of(number), *format!("{:011}", number % 10u64.pow(11)).as_bytes(), "{number}");
        }
    }
    use crate::describe::Removal;
    use crate::load::KeyPlan;
    use crate::load::cache::OnMiss;
    use crate::popularity::Popularity;
    use crate::sizes::Sizes;

    fn requests(protocol: Protocol, mix: &str) -> Requests {
        let keys =
            KeyPlan { count: 1, popularity: Popularity::Uniform, sizes: Sizes::Fixed(1), removal: Removal::Never };
        let mix = mix.parse().unwrap();
        Requests::new(&CachePlan { protocol, prefix: "k".into(), keys, mix, ttl: None, on_miss: OnMiss::Nothing })
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_set_in_parts_is_the_set() {
        for protocol in [Protocol::Classic, Protocol::Meta] {
            let requests = requests(protocol, "get=1");
            let object = Object { key: 7, version: 3, length: 1000, seed: 1 };
            let store = Store { key: 7, version: 3, ttl_s: 60 };
            let mut whole = Vec::new();
            requests.write_store(&mut whole, &object, (&store, None), 0, usize::MAX);
            assert!(whole.ends_with(b"\r\n"));
            for room in [0, 1, 63, 999, 1000] {
                let (mut parts, mut from) = (Vec::new(), 0);
                while let Written::Part { next } = requests.write_store(&mut parts, &object, (&store, None), from, room)
                {
                    from = next;
                }
                assert!(parts == whole, "{protocol:?} in parts of {room}");
            }
        }
    }

    #[test]
    fn every_request_in_both_protocols() {
        let (plain, cas) = ("get=1", "get=1,cas=1");
        let line = |requests: &Requests, ttl_s, unique| {
            let object = Object { key: 7, version: 3, length: 5, seed: 1 };
            written(|out| requests.write_store_line(out, &object, ttl_s, unique))
        };
        let classic = requests(Protocol::Classic, plain);
        assert_eq!(written(|out| classic.write_get(out, 7)), "get k00000000007\r\n");
        let two = || [7, 8].into_iter();
        assert_eq!(written(|out| classic.write_multiget(out, two())), "get k00000000007 k00000000008\r\n");
        assert_eq!(written(|out| classic.write_delete(out, 7)), "delete k00000000007\r\n");
        assert_eq!(written(|out| classic.write_touch(out, 7, 60)), "touch k00000000007 60\r\n");
        assert_eq!(written(|out| classic.write_incr(out, 7)), "incr kn00000000007 1\r\n");
        assert_eq!(written(|out| classic.write_add(out, 7)), "add kn00000000007 0 0 1\r\n0\r\n");
        assert_eq!(line(&classic, 0, None), "set k00000000007 0 0 5\r\n");
        assert_eq!(line(&classic, 60, Some(9)), "cas k00000000007 0 60 5 9\r\n");
        let classic = requests(Protocol::Classic, cas);
        assert_eq!(written(|out| classic.write_get(out, 7)), "gets k00000000007\r\n");
        assert_eq!(written(|out| classic.write_multiget(out, two())), "gets k00000000007 k00000000008\r\n");
        let meta = requests(Protocol::Meta, plain);
        assert_eq!(written(|out| meta.write_get(out, 7)), "mg k00000000007 v\r\n");
        let multiget = "mg k00000000007 v q O0\r\nmg k00000000008 v q O1\r\nmn\r\n";
        assert_eq!(written(|out| meta.write_multiget(out, two())), multiget);
        assert_eq!(written(|out| meta.write_delete(out, 7)), "md k00000000007\r\n");
        assert_eq!(written(|out| meta.write_touch(out, 7, 60)), "mg k00000000007 T60\r\n");
        assert_eq!(written(|out| meta.write_incr(out, 7)), "ma kn00000000007 v\r\n");
        assert_eq!(written(|out| meta.write_add(out, 7)), "ms kn00000000007 1 ME\r\n0\r\n");
        assert_eq!(line(&meta, 0, None), "ms k00000000007 5\r\n");
        assert_eq!(line(&meta, 60, Some(9)), "ms k00000000007 5 T60 C9\r\n");
        let meta = requests(Protocol::Meta, cas);
        assert_eq!(written(|out| meta.write_get(out, 7)), "mg k00000000007 v c\r\n");
    }

    #[test]
    fn keys_are_told_apart() {
        let requests = requests(Protocol::Classic, "get=1");
        let mut key = Vec::new();
        requests.write_key(&mut key, 123);
        assert_eq!(key, b"k00000000123");
        assert!(requests.is_key(&key, 123) && !requests.is_key(&key, 124) && !requests.is_key(&key[1..], 123));
        assert_eq!(requests.number_of(&key), Some(123));
        for foreign in ["somebody's", "k1", "kn00000000123", "k0000000012x", ""] {
            assert_eq!(requests.number_of(foreign.as_bytes()), None, "{foreign}");
        }
    }
}
