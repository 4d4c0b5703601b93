//! What the comparison says when it cannot be made, and the conversation that it stands on.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use spindle_net::wire::memcached::reply_parse::Reply;
use spindle_perf::peers::{Ceiling, Options, PeersError, Progress, run};
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
