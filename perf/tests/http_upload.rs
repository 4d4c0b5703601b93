//! Objects that are larger than the memory that they are sent from.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use spindle_perf::describe::{Known, Part, Reading, Removal};
use spindle_perf::environment::Environment;
use spindle_perf::load::http::{Filling, HttpPlan, ObjectsPlan};
use spindle_perf::load::{ClassPlan, KeyPlan, Pace, Plan, Spin, Verify, WorkPlan, run};
use spindle_perf::popularity::Popularity;
use spindle_perf::sizes::Sizes;

const LENGTH: u64 = 64 << 20;
const SEED: u64 = 7;

/// The largest memory that this process ever had, in bytes.
fn resident_bytes_max() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Looks at every byte, and keeps none.
fn take_uploads(stream: TcpStream, whole: &mpsc::Sender<u32>) -> Option<()> {
    let (mut input, mut output) = (BufReader::new(stream.try_clone().ok()?), stream);
    let mut piece = vec![0; 256 * 1024];
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        assert!(head.contains(&format!("\r\nContent-Length: {LENGTH}\r\n")), "{head}");
        let (mut reading, mut left) = (Reading::new(0, SEED, Part::Whole), LENGTH);
        while left > 0 {
            let length = input.read(&mut piece[..left.min(256 * 1024) as usize]).ok().filter(|&length| length > 0)?;
            reading.take(&piece[..length]);
            left -= length as u64;
        }
        whole.send(reading.end(Known { oldest: 2, newest: 1000 }, |_| LENGTH).unwrap()).ok()?;
        output.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}

#[test]
fn a_large_object_is_never_in_memory() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = listener.local_addr().unwrap();
    let (whole, uploads) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let whole = whole.clone();
            std::thread::spawn(move || take_uploads(stream.unwrap(), &whole));
        }
    });
    let before = resident_bytes_max();
    let keys =
        KeyPlan { count: 1, popularity: Popularity::Uniform, sizes: Sizes::Fixed(LENGTH), removal: Removal::Never };
    let measured = run(
        &Plan {
            cpus: Vec::new(),
            classes: vec![ClassPlan {
                name: "uploads".into(),
                server,
                pace: Pace::Closed,
                connections: 2,
                depth: 2,
                churn: None,
                verify: Verify::All,
                seed: SEED,
                work: WorkPlan::Http(HttpPlan {
                    url: "http://box/".parse().unwrap(),
                    objects: ObjectsPlan::Keys(keys),
                    mix: "put".parse().unwrap(),
                    range_share: 0.0,
                    conditional_share: 0.0,
                    filling: Filling::Present { seed: SEED },
                }),
            }],
            warm_up: Duration::ZERO,
            measured: Duration::from_millis(500),
            patience: Duration::from_secs(60),
            spin: Spin::Always,
            slow: Vec::new(),
            watched: None,
            environment: Environment::look(Vec::new()),
        },
        |_, _| {},
    )
    .unwrap();
    assert_eq!((measured.errors(), measured.wrong()), (0, 0));
    let mut versions: Vec<u32> = uploads.try_iter().collect();
    versions.sort_unstable();
    let expected: Vec<u32> = (2..2 + versions.len() as u32).collect();
    assert!(versions.len() >= 4 && versions == expected, "{versions:?}");
    let grown = resident_bytes_max() - before;
    assert!(grown < LENGTH / 2, "{grown} bytes more than before");
}
