//! What stays in memory on a skewed trace: every cache with the same memory limit sees the same keys in the same order,
//! at the same pace (values with an expiry time age in seconds, not in requests), and what it misses is stored.

use std::io::Result;
use std::time::{Duration, Instant};

use spindle_core::simulator::Random;
use spindle_net::wire::memcached::reply_parse::Reply;

use super::contender::{Contender, Size};
use super::report::Comparison;
use super::{Field, PeersError, Scale};
use crate::talk::Talk;
use crate::zipf::Zipf;

const MEMORY_MIB: u64 = 64;
/// Their values, all together, are four times the memory.
const KEYS: usize = 400_000;
const EXPONENT: f64 = 0.9;
const SEED: u64 = 42;
/// Outstanding on the one connection.
const BATCH: usize = 64;
const REQUESTS_PER_SECOND: f64 = 60_000.0;
/// A key's value is as long as one of these, by the key: many small ones, a few large ones, as a log-normal has.
const VALUE_BYTES: [usize; 16] = [50, 80, 120, 150, 200, 260, 320, 400, 500, 600, 750, 950, 1200, 1600, 2600, 8000];
/// Of every 16 keys one expires after 2 s, one after 10 s and the others never.
const EXPIRES_S: [u32; 16] = [2, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

#[derive(Clone, Copy, Default)]
struct Hits {
    gets: u64,
    hits: u64,
    /// Sets that were not stored.
    refused: u64,
}

impl Hits {
    fn ratio(self) -> f64 {
        self.hits as f64 / self.gets.max(1) as f64
    }
}

pub(super) fn compare(field: &Field) -> std::result::Result<Comparison, PeersError> {
    let requests = match field.scale {
        Scale::Full => 1_500_000,
        Scale::Quick => 100_000,
    };
    let hits = field.each_cache("hit ratio", |contender| replay(contender, field, requests))?;
    let cell = |hits: &Hits| {
        let refused = if hits.refused > 0 { format!(", {} sets refused", hits.refused) } else { String::new() };
        format!("{:.2} %{refused}", hits.ratio() * 100.0)
    };
    Ok(Comparison {
        what: format!(
            "hit ratio, Zipf({EXPONENT}) over {KEYS} keys, 50 to 8000 bytes, an eighth of the keys with a TTL, at -m {MEMORY_MIB}"
        ),
        purpose: "how well eviction guesses what will be asked for",
        against: field.against(&hits, |spindle, memcached| {
            format!("{:+.2} points", (spindle.ratio() - memcached.ratio()) * 100.0)
        }),
        cells: hits.iter().map(cell).collect(),
    })
}

fn replay(contender: &Contender, field: &Field, requests: usize) -> std::result::Result<Hits, PeersError> {
    let server = contender.start(field.cpus, Size { memory_mib: MEMORY_MIB, connections_max: 1024 })?;
    let mut talk = contender.talk(&server)?;
    trace(&mut talk, requests).map_err(|error| contender.silent(error))
}

/// The first third fills the cache and is not counted.
fn trace(talk: &mut Talk, requests: usize) -> Result<Hits> {
    let (zipf, mut random) = (Zipf::new(KEYS, EXPONENT), Random::new(SEED));
    let value = vec![b'v'; 8000];
    let begin = Instant::now();
    let (mut counted, mut asked) = (Hits::default(), 0);
    let mut request = Vec::new();
    while asked < requests {
        let due = Duration::from_secs_f64(asked as f64 / REQUESTS_PER_SECOND);
        std::thread::sleep(due.saturating_sub(begin.elapsed()));
        let keys: Vec<usize> = (0..BATCH).map(|_| zipf.draw(&mut random)).collect();
        let missed = fetch(talk, &keys, &mut request)?;
        let refused = store(talk, &missed, &value, &mut request)?;
        if asked >= requests / 3 {
            counted.gets += BATCH as u64;
            counted.hits += (BATCH - missed.len()) as u64;
        }
        counted.refused += refused;
        asked += BATCH;
    }
    Ok(counted)
}

/// The keys that were missed.
fn fetch(talk: &mut Talk, keys: &[usize], request: &mut Vec<u8>) -> Result<Vec<usize>> {
    request.clear();
    for key in keys {
        request.extend_from_slice(format!("get z{key:09}\r\n").as_bytes());
    }
    talk.say(request)?;
    let mut missed = Vec::new();
    for &key in keys {
        let is_hit = talk.hear(|reply| matches!(reply, Reply::Value(_)))?;
        if is_hit {
            talk.hear(|_end| ())?;
        } else {
            missed.push(key);
        }
    }
    Ok(missed)
}

/// How many were refused.
fn store(talk: &mut Talk, keys: &[usize], value: &[u8], request: &mut Vec<u8>) -> Result<u64> {
    request.clear();
    for &key in keys {
        let drawn = Random::new(key as u64).draw() as usize;
        let (bytes, expires_s) = (VALUE_BYTES[drawn % 16], EXPIRES_S[drawn / 16 % 16]);
        request.extend_from_slice(format!("set z{key:09} 0 {expires_s} {bytes}\r\n").as_bytes());
        request.extend_from_slice(&value[..bytes]);
        request.extend_from_slice(b"\r\n");
    }
    talk.say(request)?;
    let mut refused = 0;
    for _ in keys {
        refused += u64::from(talk.hear(|reply| reply != Reply::Stored)?);
    }
    Ok(refused)
}
