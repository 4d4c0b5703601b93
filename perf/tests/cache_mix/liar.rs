//! A small cache of both protocols that is honest but for one lie.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Of the occasions for its lie, the one that the liar takes.
const TAKEN: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lie {
    None,
    /// One bit of a value is another, its last byte is missing, it is another key's.
    FlippedBit,
    ShortBody,
    OfAnother,
    /// A multiget is answered with an object that it did not ask for.
    Unasked,
    /// One object of a multiget comes twice.
    Twice,
    /// One object of a multiget is left out.
    LeftOut,
    /// One object of a multiget is its first version.
    Old,
    /// "Deleted", and it is not.
    Undone,
    /// "Not found", of a delete or touch of something that is there.
    DeniedDelete,
    DeniedTouch,
    /// "Deleted", "touched", of something that is not there.
    ClaimedDelete,
    ClaimedTouch,
    /// An increment that is not counted, that counts too much, whose counter is gone.
    Uncounted,
    Overcounted,
    CounterLost,
    /// A compare-and-swap that is done though it should not be, that is not done though it should be, that finds nothing.
    Overwriting,
    DeniedCas,
    CasLost,
    /// Nothing ever expires.
    Immortal,
}

#[derive(Clone)]
struct Item {
    data: Vec<u8>,
    first: Vec<u8>,
    unique: u64,
    expires: Option<Instant>,
}

pub(crate) struct Liar {
    lie: Lie,
    occasions: u64,
    items: HashMap<String, Item>,
    unique: u64,
    /// All that clients said.
    pub(crate) heard: Vec<u8>,
}

/// Serves until the process ends.
pub(crate) fn start(lie: Lie) -> (SocketAddr, Arc<Mutex<Liar>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let liar = Liar { lie, occasions: 0, items: HashMap::new(), unique: 0, heard: Vec::new() };
    let liar = Arc::new(Mutex::new(liar));
    let serving = Arc::clone(&liar);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let liar = Arc::clone(&serving);
            std::thread::spawn(move || serve(stream.unwrap(), || liar.lock().unwrap()));
        }
    });
    (address, liar)
}

fn serve<'a>(stream: TcpStream, liar: impl Fn() -> MutexGuard<'a, Liar>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut input, mut output) = (BufReader::new(stream.try_clone().ok()?), stream);
    let (mut line, mut replies) = (String::new(), Vec::new());
    while input.read_line(&mut line).ok()? > 0 {
        liar().heard.extend_from_slice(line.as_bytes());
        let words: Vec<&str> = line.split_whitespace().collect();
        let length = match *words.first()? {
            "set" | "add" | "cas" => words.get(4)?.parse().ok()?,
            "ms" => words.get(2)?.parse().ok()?,
            _ => 0,
        };
        let mut data = vec![0; length];
        if length > 0 {
            data.resize(length + 2, 0);
            input.read_exact(&mut data).ok()?;
            liar().heard.extend_from_slice(&data);
            data.truncate(length);
        }
        liar().answer(&words, &data, &mut replies)?;
        if input.buffer().is_empty() {
            output.write_all(&replies).ok()?;
            replies.clear();
        }
        line.clear();
    }
    Some(())
}

/// What follows a letter among a meta request's flags.
fn flag<'a>(words: &[&'a str], letter: char) -> Option<&'a str> {
    words.iter().skip(2).find_map(|word| word.strip_prefix(letter))
}

fn expiry(seconds: &str) -> Option<Instant> {
    let seconds: u64 = seconds.parse().unwrap();
    (seconds > 0).then(|| Instant::now() + Duration::from_secs(seconds))
}

impl Liar {
    /// Whether to lie now, which is an occasion for it.
    fn lies(&mut self, lie: Lie) -> bool {
        self.occasions += u64::from(self.lie == lie);
        self.lie == lie && self.occasions == TAKEN
    }

    fn answer(&mut self, words: &[&str], data: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let key = words.get(1).copied().unwrap_or_default();
        if self.lie != Lie::Immortal && self.items.get(key).is_some_and(|item| item.expires < Some(Instant::now())) {
            self.items.retain(|_, item| item.expires.is_none_or(|expires| expires > Instant::now()));
        }
        let exists = self.items.contains_key(key);
        let reply = match *words.first()? {
            "get" | "gets" => {
                self.get(words, out);
                "END"
            }
            "mg" if flag(words, 'T').is_some() => {
                let expires = expiry(flag(words, 'T')?);
                if self.touch(key, expires) { "HD" } else { "EN" }
            }
            "mg" => return self.meta_get(words, out),
            "mn" => "MN",
            "set" | "add" | "cas" if words[0] == "add" && exists => "NOT_STORED",
            "set" | "add" | "cas" => {
                let unique = words.get(5).and_then(|unique| unique.parse().ok());
                self.store(key, data, expiry(words.get(3)?), unique)
            }
            "ms" if flag(words, 'M').is_some() && exists => "NS",
            "ms" => {
                let unique = flag(words, 'C').and_then(|unique| unique.parse().ok());
                match self.store(key, data, expiry(flag(words, 'T').unwrap_or("0")), unique) {
                    "STORED" => "HD",
                    "EXISTS" => "EX",
                    _ => "NF",
                }
            }
            "delete" => {
                if self.delete(key) {
                    "DELETED"
                } else {
                    "NOT_FOUND"
                }
            }
            "md" => {
                if self.delete(key) {
                    "HD"
                } else {
                    "NF"
                }
            }
            "touch" => {
                if self.touch(key, expiry(words.get(2)?)) {
                    "TOUCHED"
                } else {
                    "NOT_FOUND"
                }
            }
            "incr" => &self.incr(key).map_or("NOT_FOUND".into(), |number| number.to_string()),
            "ma" => {
                &self.incr(key).map_or("NF".into(), |number| format!("VA {}\r\n{number}", number.to_string().len()))
            }
            _ => "ERROR",
        };
        out.extend_from_slice(reply.as_bytes());
        out.extend_from_slice(b"\r\n");
        Some(())
    }

    /// What is found under one of the keys of a multiget.
    fn find_among(&mut self, key: &str) -> Vec<Item> {
        let Some(item) = self.items.get(key).cloned() else { return Vec::new() };
        if self.lies(Lie::LeftOut) {
            return Vec::new();
        }
        if item.first != item.data && self.lies(Lie::Old) {
            return vec![Item { data: item.first.clone(), ..item }];
        }
        if self.lies(Lie::Twice) { vec![item.clone(), item] } else { vec![item] }
    }

    /// What is found under the key of a get of its own.
    fn find(&self, key: &str) -> Vec<Item> {
        self.items.get(key).cloned().into_iter().collect()
    }

    /// The value that is said to be the key's.
    fn told(&mut self, key: &str, mut value: Vec<u8>) -> Vec<u8> {
        if self.lies(Lie::FlippedBit) {
            value[30] ^= 0x10;
        }
        if self.lies(Lie::ShortBody) {
            value.pop();
        }
        if self.lies(Lie::OfAnother) {
            value = self.items.iter().find(|(other, _)| *other != key).unwrap().1.data.clone();
        }
        value
    }

    fn get(&mut self, words: &[&str], out: &mut Vec<u8>) {
        let (uniques, keys) = (words[0] == "gets", &words[1..]);
        for key in keys {
            let found = match keys.len() {
                1 => self.find(key),
                _ => self.find_among(key),
            };
            for Item { data, unique, .. } in found {
                let data = self.told(key, data);
                let unasked = keys.len() > 1 && self.lies(Lie::Unasked);
                let key = if unasked { "k00000000000x" } else { key };
                let unique = if uniques { format!(" {unique}") } else { String::new() };
                out.extend_from_slice(format!("VALUE {key} 0 {}{unique}\r\n", data.len()).as_bytes());
                out.extend_from_slice(&data);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    fn meta_get(&mut self, words: &[&str], out: &mut Vec<u8>) -> Option<()> {
        let opaque = flag(words, 'O');
        let found = match opaque {
            Some(_) => self.find_among(words[1]),
            None => self.find(words[1]),
        };
        if found.is_empty() && flag(words, 'q').is_none() {
            out.extend_from_slice(b"EN\r\n");
        }
        for Item { data, unique, .. } in found {
            let data = self.told(words[1], data);
            let mut head = format!("VA {}", data.len());
            if flag(words, 'c').is_some() {
                head += &format!(" c{unique}");
            }
            if let Some(opaque) = opaque {
                let opaque = if self.lies(Lie::Unasked) { "999" } else { opaque };
                head += &format!(" O{opaque}");
            }
            out.extend_from_slice(format!("{head}\r\n").as_bytes());
            out.extend_from_slice(&data);
            out.extend_from_slice(b"\r\n");
        }
        Some(())
    }

    fn store(&mut self, key: &str, data: &[u8], expires: Option<Instant>, unique: Option<u64>) -> &'static str {
        let stored = self.items.get(key).map(|item| item.unique);
        match (unique, stored) {
            (Some(_), None) => return "NOT_FOUND",
            (Some(_), Some(_)) if self.lies(Lie::CasLost) => return "NOT_FOUND",
            (Some(unique), Some(stored)) if unique != stored && !self.lies(Lie::Overwriting) => return "EXISTS",
            (Some(unique), Some(stored)) if unique == stored && self.lies(Lie::DeniedCas) => return "EXISTS",
            _ => {}
        }
        self.unique += 1;
        let first = self.items.get(key).map_or(data, |item| &item.first).to_vec();
        self.items.insert(key.into(), Item { data: data.into(), first, unique: self.unique, expires });
        "STORED"
    }

    fn delete(&mut self, key: &str) -> bool {
        match self.items.contains_key(key) {
            true if self.lies(Lie::Undone) => true,
            true => {
                self.items.remove(key);
                !self.lies(Lie::DeniedDelete)
            }
            false => self.lies(Lie::ClaimedDelete),
        }
    }

    fn touch(&mut self, key: &str, expires: Option<Instant>) -> bool {
        if self.items.contains_key(key) && self.lies(Lie::DeniedTouch) {
            return false;
        }
        match self.items.get_mut(key) {
            Some(item) => {
                item.expires = expires;
                true
            }
            None => self.lies(Lie::ClaimedTouch),
        }
    }

    fn incr(&mut self, key: &str) -> Option<u64> {
        let number: u64 = std::str::from_utf8(&self.items.get(key)?.data).unwrap().parse().unwrap();
        if self.lies(Lie::CounterLost) {
            self.items.remove(key);
            return None;
        }
        let step = match () {
            () if self.lies(Lie::Uncounted) => 0,
            () if self.lies(Lie::Overcounted) => 100_000,
            () => 1,
        };
        self.items.get_mut(key)?.data = (number + step).to_string().into_bytes();
        Some(number + step)
    }
}
