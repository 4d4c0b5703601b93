//! The loader against small servers: an honest one, and liars of every kind, each of which is counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use spindle_perf::closed_loop::keys::{Keys, Order};
use spindle_perf::closed_loop::{Class, ClassOutcome, Load, LoadError, Outcome, Until, Work, Wrong, run};

const VALUE_BYTES: usize = 100;

/// How a server answers the `lie_every`th of its requests; the others honestly.
#[derive(Clone, Copy)]
enum Lie {
    Miss,
    ShortValue,
    Refusal,
    Nonsense,
    HangUp,
    Silence,
}

/// A server of one thread a connection, that keeps nothing: every get is a hit, every set is stored.
fn serve(lie: Option<Lie>, lie_every: usize) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || drop(answer(stream, lie, lie_every)));
        }
    });
    address
}

fn answer(stream: TcpStream, lie: Option<Lie>, lie_every: usize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            break;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let honest = if words[0] == "set" {
            let mut block = vec![0; words[4].parse::<usize>().unwrap() + 2];
            input.read_exact(&mut block)?;
            "STORED\r\n".to_string()
        } else {
            hit(words[1], VALUE_BYTES)
        };
        let said = match lie.filter(|_| number % lie_every == 0) {
            None => honest,
            Some(Lie::Miss) => "END\r\n".into(),
            Some(Lie::ShortValue) => hit(words[1], VALUE_BYTES - 1),
            Some(Lie::Refusal) => "SERVER_ERROR out of memory\r\n".into(),
            Some(Lie::Nonsense) => "so what\r\n".into(),
            Some(Lie::HangUp) => break,
            Some(Lie::Silence) => continue,
        };
        out.write_all(said.as_bytes())?;
    }
    Ok(())
}

fn hit(key: &str, bytes: usize) -> String {
    format!("VALUE {key} 0 {bytes}\r\n{}\r\nEND\r\n", "v".repeat(bytes))
}

fn load(server: SocketAddr, work: Work, connections: usize, depth: usize, requests: u64) -> Outcome {
    let keys = Keys { prefix: "key_", order: Order::Cycle { count: 1000, requests } };
    let class = Class { work, connections, depth, keys };
    let until = Until::Spent { at_most: Duration::from_secs(20) };
    run(&Load { server, cpu: None, classes: vec![class], until, watched: None }).unwrap()
}

fn get(server: SocketAddr, connections: usize, depth: usize, requests: u64) -> ClassOutcome {
    load(server, Work::Get { value_bytes: VALUE_BYTES }, connections, depth, requests).classes.remove(0)
}

#[test]
fn every_request_of_an_honest_server_is_counted_once() {
    let server = serve(None, 1);
    // 1003: the last batch is short.
    for (work, connections, depth, requests) in [
        (Work::Get { value_bytes: VALUE_BYTES }, 3, 1, 100),
        (Work::Get { value_bytes: VALUE_BYTES }, 5, 64, 1003),
        (Work::Set { value_bytes: VALUE_BYTES }, 3, 16, 1003),
        (Work::Set { value_bytes: 50_000 }, 2, 8, 40),
    ] {
        let outcome = load(server, work, connections, depth, requests);
        let class = &outcome.classes[0];
        assert!(class.is_clean(), "{class:?}");
        assert_eq!((class.requests, class.response_ns.len()), (requests, requests));
        assert!(class.response_ns.max() <= outcome.measured.as_nanos() as u64 * 11 / 10);
    }
}

#[test]
fn wrong_answers_are_counted_by_kind() {
    let wrong = |lie| get(serve(Some(lie), 10), 1, 16, 1000);
    assert_eq!(wrong(Lie::Miss).wrong, Wrong { misses: 100, ..Wrong::default() });
    assert_eq!(wrong(Lie::ShortValue).wrong, Wrong { lengths: 100, ..Wrong::default() });
    let refused = wrong(Lie::Refusal);
    assert_eq!(refused.wrong, Wrong { refusals: 100, ..Wrong::default() });
    assert_eq!((refused.requests, refused.unanswered, refused.broken), (1000, 0, 0));
}

#[test]
fn nonsense_and_hanging_up_end_a_connection() {
    let nonsense = get(serve(Some(Lie::Nonsense), 10), 1, 1, 1000);
    assert_eq!((nonsense.wrong.malformed, nonsense.requests, nonsense.unanswered), (1, 9, 1));
    let hung_up = get(serve(Some(Lie::HangUp), 10), 2, 1, 1000);
    assert_eq!((hung_up.broken, hung_up.requests, hung_up.unanswered), (2, 18, 2));
    assert!(!hung_up.is_clean());
}

#[test]
fn a_silent_server_leaves_its_requests_unanswered() {
    let keys = Keys { prefix: "key_", order: Order::Uniform { count: 1000, seed: 1 } };
    let class = Class { work: Work::Get { value_bytes: VALUE_BYTES }, connections: 2, depth: 4, keys };
    let until = Until::Elapsed { warm_up: Duration::ZERO, measured: Duration::from_millis(50) };
    let server = serve(Some(Lie::Silence), 1);
    let outcome = run(&Load { server, cpu: None, classes: vec![class], until, watched: None }).unwrap();
    assert_eq!((outcome.classes[0].requests, outcome.classes[0].unanswered), (0, 8));
}

#[test]
fn an_endless_class_ends_with_the_finite_one() {
    let server = serve(None, 1);
    let fill = Keys { prefix: "f_", order: Order::each_once(500) };
    let probe = Keys { prefix: "p_", order: Order::Uniform { count: 10, seed: 1 } };
    let work = Work::Set { value_bytes: 8 };
    let classes = [(fill, 16), (probe, 1)].map(|(keys, depth)| Class { work, connections: 1, depth, keys });
    let until = Until::Spent { at_most: Duration::from_secs(20) };
    let outcome = run(&Load { server, cpu: None, classes: classes.into(), until, watched: None }).unwrap();
    assert_eq!(outcome.classes[0].requests, 500);
    assert!(outcome.classes[1].requests > 0);
    assert!(outcome.classes.iter().all(ClassOutcome::is_clean));
}

#[test]
fn nobody_to_load_is_an_error() {
    let server = spindle_perf::process::free_address().unwrap();
    let load = Load {
        server,
        cpu: None,
        classes: vec![Class {
            work: Work::Get { value_bytes: 1 },
            connections: 1,
            depth: 1,
            keys: Keys { prefix: "k", order: Order::each_once(1) },
        }],
        until: Until::Spent { at_most: Duration::from_secs(1) },
        watched: None,
    };
    assert!(matches!(run(&load), Err(LoadError::Connect { .. })));
}
