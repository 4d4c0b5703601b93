//! The bytes of a request.

use std::io::Write;

use super::hit::Hits;
use super::key::{Digits, Keys, digits_of};
use super::stock::Store;
use super::{CachePlan, Protocol};
use crate::describe::{Object, fill};
use crate::load::work::Written;

/// How requests of a class are written.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    protocol: Protocol,
    /// A get of key 0, and where in it the number stands; of lengths that are drawn, without its tail.
    get: Vec<u8>,
    get_number_at: usize,
    get_tail: &'static [u8],
    keys: Keys,
    counters: Keys,
    uniques: ShowUniques,
}

/// Whether reads ask for the unique numbers of what they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShowUniques {
    No,
    Yes,
}

impl Requests {
    /// `seed` decides how long keys are, where that is drawn.
    pub(super) fn new(plan: &CachePlan, seed: u64) -> Requests {
        let uniques = if plan.mix.cas > 0.0 { ShowUniques::Yes } else { ShowUniques::No };
        let (verb, tail): (&[u8], &'static [u8]) = match (plan.protocol, uniques) {
            (Protocol::Classic, uniques) => (classic_get(uniques), b"\r\n"),
            (Protocol::Meta, ShowUniques::Yes) => (b"mg ", b" v c\r\n"),
            (Protocol::Meta, ShowUniques::No) => (b"mg ", b" v\r\n"),
        };
        let keys = Keys::new(plan.prefix.clone(), plan.key_sizes.as_ref(), seed);
        let get_end = if keys.padding.is_some() { b"" } else { tail };
        Requests {
            protocol: plan.protocol,
            get: [verb, plan.prefix.as_bytes(), &digits_of(0), get_end].concat(),
            get_number_at: verb.len() + plan.prefix.len(),
            get_tail: tail,
            keys,
            counters: Keys::new(format!("{}n", plan.prefix), plan.key_sizes.as_ref(), seed),
            uniques,
        }
    }

    /// What answers to gets are compared with.
    pub(super) fn hits(&self) -> Hits {
        Hits::new(&self.keys)
    }

    fn write_key(&self, out: &mut Vec<u8>, key: u64) {
        self.keys.write(out, key);
    }

    fn write_counter(&self, out: &mut Vec<u8>, counter: u64) {
        self.counters.write(out, counter);
    }

    /// Whether that is the key, as it was written: quicker than to read it.
    pub(super) fn is_key(&self, echoed: &[u8], key: u64) -> bool {
        self.keys.is(echoed, key)
    }

    /// Which key that is; none of somebody else's.
    pub(super) fn number_of(&self, echoed: &[u8]) -> Option<u64> {
        self.keys.number_of(echoed)
    }

    pub(super) fn write_get(&self, out: &mut Vec<u8>, key: u64) {
        let at = out.len() + self.get_number_at;
        out.extend_from_slice(&self.get);
        out[at..at + size_of::<Digits>()].copy_from_slice(&digits_of(key));
        if let Some(padding) = &self.keys.padding {
            out.extend_from_slice(padding.of(key));
            out.extend_from_slice(self.get_tail);
        }
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

fn write_to(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::describe::Removal;
    use crate::load::KeyPlan;
    use crate::load::cache::OnMiss;
    use crate::popularity::Popularity;
    use crate::sizes::Sizes;

    fn requests(protocol: Protocol, mix: &str) -> Requests {
        requests_of(protocol, mix, None)
    }

    fn requests_of(protocol: Protocol, mix: &str, key_sizes: Option<Sizes>) -> Requests {
        let keys =
            KeyPlan { count: 1, popularity: Popularity::Uniform, sizes: Sizes::Fixed(1), removal: Removal::Never };
        let mix = mix.parse().unwrap();
        let (prefix, on_miss) = ("k".into(), OnMiss::Nothing);
        Requests::new(&CachePlan { protocol, prefix, key_sizes, keys, mix, ttl: None, on_miss }, 1)
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
    fn a_longer_key_is_the_same_in_every_request() {
        for (protocol, get) in [(Protocol::Classic, "get KEY\r\n"), (Protocol::Meta, "mg KEY v\r\n")] {
            let requests = requests_of(protocol, "get=1", Some(Sizes::Fixed(20)));
            let (seven, eight) = ("k00000000007--------", "k00000000008--------");
            let of = |text: &str| text.replace("KEY", seven);
            assert_eq!(written(|out| requests.write_get(out, 7)), of(get));
            let delete = written(|out| requests.write_delete(out, 7));
            assert_eq!(delete.split_whitespace().nth(1), Some(seven));
            let several = written(|out| requests.write_multiget(out, [7, 8].into_iter()));
            assert!(several.contains(&format!(" {seven} ")) && several.contains(&format!(" {eight}")), "{several}");
            let object = Object { key: 7, version: 3, length: 5, seed: 1 };
            let set = written(|out| requests.write_store_line(out, &object, 0, None));
            assert_eq!(set.split_whitespace().nth(1), Some(seven));
            let incr = written(|out| requests.write_incr(out, 7));
            assert_eq!(incr.split_whitespace().nth(1), Some("kn00000000007-------"));
            assert!(requests.is_key(seven.as_bytes(), 7) && requests.number_of(eight.as_bytes()) == Some(8));
        }
    }
}
