//! What one client asks, and the exact answers that it must get. Every client has keys of its own, so its answers follow
//! from its own requests alone, whatever the others do; keys that all share hold values that describe themselves.

use std::collections::BTreeMap;

use spindle_core::simulator::Random;

/// Requests with their answers, in order.
pub(crate) struct Script {
    pub(crate) steps: Vec<(Vec<u8>, Vec<u8>)>,
}

struct Item {
    flags: u32,
    value: Vec<u8>,
}

/// A client's own view of the cache.
struct Model {
    client: usize,
    items: BTreeMap<usize, Item>,
}

const KEYS: usize = 6;

impl Script {
    pub(crate) fn random(client: usize, random: &mut Random) -> Script {
        let mut model = Model { client, items: BTreeMap::new() };
        let count = random.between(1, 25);
        Script { steps: (0..count).map(|_| model.step(random)).collect() }
    }
}

impl Model {
    fn key(&self, number: usize) -> String {
        format!("client{}:{}", self.client, number)
    }

    fn value(&self, random: &mut Random) -> Vec<u8> {
        let length = match random.below(20) {
            0 => random.between(16_000, 150_000),
            1..=3 => random.between(1000, 8000),
            4 => 0,
            _ => random.between(1, 200),
        };
        let first = random.draw() as u8;
        (0..length).map(|at| first.wrapping_add(at as u8)).collect()
    }

    fn step(&mut self, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        let number = random.below(KEYS);
        match random.below(14) {
            0..=3 => self.store(number, random),
            4..=6 => self.get(random),
            7 => self.delete(number),
            8 => self.meta_get(number),
            9 => self.meta_set(number, random),
            10 => self.arithmetic(number, random),
            11 => self.concatenate(number, random),
            12 => malformed(random),
            _ => self.bad_block(number),
        }
    }

    fn store(&mut self, number: usize, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        let value = self.value(random);
        let flags = random.below(3) as u32;
        let (verb, stored) = match random.below(3) {
            0 => ("set", true),
            1 => ("add", !self.items.contains_key(&number)),
            _ => ("replace", self.items.contains_key(&number)),
        };
        let quiet = random.chance(20);
        let noreply = if quiet { " noreply" } else { "" };
        let mut request = format!("{verb} {} {flags} 0 {}{noreply}\r\n", self.key(number), value.len()).into_bytes();
        request.extend_from_slice(&value);
        request.extend_from_slice(b"\r\n");
        if stored {
            self.items.insert(number, Item { flags, value });
        }
        let reply: &[u8] = match (quiet, stored) {
            (true, _) => b"",
            (false, true) => b"STORED\r\n",
            (false, false) => b"NOT_STORED\r\n",
        };
        (request, reply.to_vec())
    }

    fn get(&self, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        let numbers: Vec<usize> = (0..random.between(1, 8)).map(|_| random.below(KEYS)).collect();
        let mut request = b"get".to_vec();
        let mut reply = Vec::new();
        for number in numbers {
            let key = self.key(number);
            request.extend_from_slice(format!(" {key}").as_bytes());
            if let Some(item) = self.items.get(&number) {
                reply.extend_from_slice(format!("VALUE {key} {} {}\r\n", item.flags, item.value.len()).as_bytes());
                reply.extend_from_slice(&item.value);
                reply.extend_from_slice(b"\r\n");
            }
        }
        request.extend_from_slice(b"\r\n");
        reply.extend_from_slice(b"END\r\n");
        (request, reply)
    }

    fn delete(&mut self, number: usize) -> (Vec<u8>, Vec<u8>) {
        let reply: &[u8] = if self.items.remove(&number).is_some() { b"DELETED\r\n" } else { b"NOT_FOUND\r\n" };
        (format!("delete {}\r\n", self.key(number)).into_bytes(), reply.to_vec())
    }

    fn meta_get(&self, number: usize) -> (Vec<u8>, Vec<u8>) {
        let key = self.key(number);
        let request = format!("mg {key} s v f k Oopaque\r\n").into_bytes();
        let Some(item) = self.items.get(&number) else {
            return (request, format!("EN k{key} Oopaque\r\n").into_bytes());
        };
        let length = item.value.len();
        let mut reply = format!("VA {length} s{length} f{} k{key} Oopaque\r\n", item.flags).into_bytes();
        reply.extend_from_slice(&item.value);
        reply.extend_from_slice(b"\r\n");
        (request, reply)
    }

    fn meta_set(&mut self, number: usize, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        let value = self.value(random);
        let mut request = format!("ms {} {} F7 Ox\r\n", self.key(number), value.len()).into_bytes();
        request.extend_from_slice(&value);
        request.extend_from_slice(b"\r\n");
        self.items.insert(number, Item { flags: 7, value });
        (request, b"HD Ox\r\n".to_vec())
    }

    fn arithmetic(&mut self, number: usize, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        // The number gets a value first, so that the answer is known.
        let (start, delta) = (random.below(1_000_000), random.below(1000));
        let (key, text) = (self.key(number), start.to_string());
        let request = format!("set {key} 0 0 {}\r\n{text}\r\nincr {key} {delta}\r\n", text.len());
        let mut sum = (start + delta).to_string();
        let reply = format!("STORED\r\n{sum}\r\n");
        // In place a number keeps its length: blanks stand for the digits that it lost. Growing, it has none.
        sum = format!("{sum:<width$}", width = text.len());
        self.items.insert(number, Item { flags: 0, value: sum.into_bytes() });
        (request.into_bytes(), reply.into_bytes())
    }

    fn concatenate(&mut self, number: usize, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
        let value = self.value(random);
        let append = random.chance(50);
        let verb = if append { "append" } else { "prepend" };
        let mut request = format!("{verb} {} 0 0 {}\r\n", self.key(number), value.len()).into_bytes();
        request.extend_from_slice(&value);
        request.extend_from_slice(b"\r\n");
        let Some(item) = self.items.get_mut(&number) else { return (request, b"NOT_STORED\r\n".to_vec()) };
        if append {
            item.value.extend_from_slice(&value);
        } else {
            item.value.splice(0..0, value);
        }
        (request, b"STORED\r\n".to_vec())
    }

    fn bad_block(&self, number: usize) -> (Vec<u8>, Vec<u8>) {
        // The terminator is missing: five bytes are taken, the rest is read as a line.
        let request = format!("set {} 0 0 3\r\nabcdefgh\r\n", self.key(number));
        (request.into_bytes(), b"CLIENT_ERROR bad data chunk\r\nERROR\r\n".to_vec())
    }
}

fn malformed(random: &mut Random) -> (Vec<u8>, Vec<u8>) {
    let long_key = "k".repeat(251);
    let cases: [(String, &str); 7] = [
        ("bogus\r\n".into(), "ERROR\r\n"),
        ("get\r\n".into(), "CLIENT_ERROR bad command line format\r\n"),
        (format!("get {long_key}\r\n"), "CLIENT_ERROR bad command line format\r\n"),
        ("set k 0 0 -1\r\n".into(), "CLIENT_ERROR bad command line format\r\n"),
        ("incr k x\r\n".into(), "CLIENT_ERROR invalid numeric delta argument\r\n"),
        ("mg k !\r\n".into(), "CLIENT_ERROR bad command line format\r\n"),
        ("touch k x\r\n".into(), "CLIENT_ERROR invalid exptime argument\r\n"),
    ];
    let (request, reply) = &cases[random.below(cases.len())];
    (request.clone().into_bytes(), reply.as_bytes().to_vec())
}
