//! What the comparison says when it cannot be made, and the conversation that it stands on.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use spindle_net::wire::memcached::reply_parse::Reply;
use spindle_perf::closed_loop::LoadError;
use spindle_perf::closed_loop::alternation::{self, Alternated, Alternation, Finale};
use spindle_perf::peers::{Ceiling, Options, PeersError, Progress, run};
use spindle_perf::process::Server;
use spindle_perf::talk::Talk;

/// Answers each line with the next of `replies`, and then hangs up.
fn script(replies: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for reply in replies {
            lines.next().unwrap().unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn a_peer_that_is_no_program_is_named() {
    let options = Options {
        memcached: Some("/nonexistent/memcached".into()),
        ceiling: Ceiling::Absent,
        rows: vec!["get-1x1".parse().unwrap()],
        progress: Progress::Silent,
        ..Options::default()
    };
    match run(&options) {
        Err(PeersError::Unrunnable(path, _)) => assert_eq!(path.to_str(), Some("/nonexistent/memcached")),
        // The machine that runs the tests may have one CPU only.
        Err(PeersError::TooFewCpus { cpus }) => assert_eq!(cpus, 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_conversation_gives_statistics_and_notices_every_other_answer() {
    let server = script(&["STAT pid 7\r\nSTAT version 1.6.45\r\nEND\r\n", "OK\r\n", "ERROR\r\n"]);
    let mut talk = Talk::new(server).unwrap();
    let stats = talk.stats().unwrap();
    assert_eq!((stats["pid"].as_str(), stats["version"].as_str(), stats.len()), ("7", "1.6.45", 2));
    talk.ask(b"flush_all\r\n", Reply::Ok).unwrap();
    let refused = talk.ask(b"flush_all\r\n", Reply::Ok).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidData);
    let ended = talk.ask(b"flush_all\r\n", Reply::Ok).unwrap_err();
    assert!(matches!(ended.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe));
}

/// A server of one connection whose every set is of the next key, and is answered with `stored`.
fn alternating(stored: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut expected = 0;
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while let Some(Ok(line)) = lines.next() {
            let reply = match line.as_str() {
                "mn" => "MN\r\n",
                "flush_all" => "OK\r\n",
                set => {
                    assert_eq!(set, format!("set w{expected:09} 0 0 3"));
                    expected += 1;
                    assert_eq!(lines.next().unwrap().unwrap(), "vvv");
                    stored
                }
            };
            stream.write_all(reply.as_bytes()).unwrap();
        }
    });
    address
}

fn alternation(server: SocketAddr, at_most: Duration) -> Result<Alternated, LoadError> {
    let (prefix, value_bytes, finale) = ("w", 3, Finale::FlushAll);
    alternation::run(&Alternation { server, cpu: None, prefix, numbers: 0..50, value_bytes, finale, at_most })
}

#[test]
fn an_alternation_times_each_set_and_each_no_op() {
    let alternated = alternation(alternating("STORED\r\n"), Duration::from_secs(20)).unwrap();
    assert_eq!((alternated.set_ns.len(), alternated.nothing_ns.len()), (50, 50));
    assert!(alternated.flush.is_some());
}

#[test]
fn an_alternation_notices_every_other_answer_and_none() {
    match alternation(alternating("ERROR\r\n"), Duration::from_secs(20)) {
        Err(LoadError::Answer { asked, answer }) => assert!(asked.starts_with("set ") && answer == "ERROR\r\n"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(alternation(script(&[]), Duration::from_secs(20)), Err(LoadError::HungUp { .. })));
    assert!(matches!(alternation(alternating(""), Duration::from_millis(300)), Err(LoadError::Late { .. })));
}

#[test]
fn a_frozen_server_can_be_thawed_and_stopped() {
    // The test listens in its stead.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut command = Command::new("sleep");
    command.arg("60");
    let server = Server::start(&command, 0, listener.local_addr().unwrap()).unwrap();
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid().0)).unwrap();
        stat.rsplit(") ").next().unwrap().chars().next().unwrap()
    };
    server.freeze().unwrap();
    while state() != 'T' {
        std::thread::yield_now();
    }
    server.thaw().unwrap();
    while state() == 'T' {
        std::thread::yield_now();
    }
    server.freeze().unwrap();
    let begin = Instant::now();
    drop(server);
    assert!(begin.elapsed() < Duration::from_secs(9), "a frozen server has to be killed");
}
