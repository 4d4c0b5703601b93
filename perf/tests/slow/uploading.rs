//! Bodies that trickle in, and such that break off.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use spindle_perf::process::{Server, free_address};
use spindle_perf::slow::{Abort, Behaviour, DownloadTarget, SlowMeasured, SlowPlan, UploadTarget};

use crate::{assert_described, assert_trickled, hear_body, hear_until, http_up, measure, plan, rate, serve};

#[test]
fn a_trickled_upload_keeps_its_rate_and_describes_itself() {
    let (address, server) = serve(|mut stream| {
        let head = hear_until(&mut stream, "\r\n\r\n");
        assert!(head.starts_with("PUT /up/0 HTTP/1.1\r\nHost: test\r\nContent-Length: 500\r\n"), "{head}");
        let (body, pieces) = hear_body(&mut stream, 500);
        stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap();
        (head.len(), body, pieces)
    });
    let began = Instant::now();
    let measured = measure(plan(
        address,
        Behaviour::TrickledUpload { to: http_up(), body_bytes: 500, bytes_per_second: rate(1000) },
    ));
    let (head_bytes, body, pieces) = server.join().unwrap();
    assert_described(&body, 0, 1, 500);
    assert_trickled(&pieces, began, 100);
    let expected = SlowMeasured {
        name: "test".into(),
        attached_max: 1,
        planned: 1,
        begun: 1,
        completed: 1,
        answered_as_expected: 1,
        bytes_sent: head_bytes as u64 + 500,
        bytes_received: 43,
        ..SlowMeasured::default()
    };
    assert_eq!(measured, expected);
}

#[test]
fn a_trickled_value_is_stored() {
    let (address, server) = serve(|mut stream| {
        assert_eq!(hear_until(&mut stream, "\r\n"), "set up0 0 0 64\r\n");
        let (data, _) = hear_body(&mut stream, 66);
        stream.write_all(b"STORED\r\n").unwrap();
        data
    });
    let to = UploadTarget::Memcached { key_prefix: "up".into() };
    let measured =
        measure(plan(address, Behaviour::TrickledUpload { to, body_bytes: 64, bytes_per_second: rate(200) }));
    let data = server.join().unwrap();
    assert_described(&data[..64], 0, 1, 64);
    assert_eq!(&data[64..], b"\r\n");
    assert_eq!((measured.answered_as_expected, measured.completed), (1, 1));
}

#[test]
fn a_trickled_upload_hears_that_it_is_refused_before_it_is_whole() {
    let (address, server) = serve(|mut stream| {
        hear_until(&mut stream, "\r\n\r\n");
        hear_body(&mut stream, 1);
        stream.write_all(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n").unwrap();
    });
    let trickle = Behaviour::TrickledUpload { to: http_up(), body_bytes: 1 << 40, bytes_per_second: rate(1000) };
    let measured = measure(plan(address, trickle));
    server.join().unwrap();
    assert_eq!((measured.refused, measured.completed, measured.cut_by_server), (1, 0, 0));
}

#[test]
fn a_success_before_the_upload_is_whole_is_not_expected() {
    let (address, server) = serve(|mut stream| {
        hear_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    });
    let trickle = Behaviour::TrickledUpload { to: http_up(), body_bytes: 1 << 40, bytes_per_second: rate(10) };
    let measured = measure(plan(address, trickle));
    server.join().unwrap();
    assert_eq!((measured.unexpected, measured.completed), (1, 0));
}

#[test]
fn a_server_that_cuts_off_who_is_slow_is_counted() {
    let (address, server) = serve(|mut stream| {
        hear_until(&mut stream, "\r\n\r\n");
    });
    let trickle = Behaviour::TrickledUpload { to: http_up(), body_bytes: 1 << 40, bytes_per_second: rate(1000) };
    let measured = measure(plan(address, trickle));
    server.join().unwrap();
    assert_eq!((measured.cut_by_server, measured.completed), (1, 0));
}

#[test]
fn an_abort_in_the_body_is_an_end_or_a_reset() {
    for how in [Abort::Fin, Abort::Reset] {
        let (address, server) = serve(|mut stream| {
            hear_until(&mut stream, "\r\n\r\n");
            let (mut body, mut chunk) = (0, [0; 4096]);
            loop {
                match stream.read(&mut chunk) {
                    Ok(0) => return (body, None),
                    Ok(count) => body += count,
                    Err(error) => return (body, Some(error.kind())),
                }
            }
        });
        let abort = Behaviour::AbortMidBody { to: http_up(), body_bytes: 1 << 20, after_bytes: 40_000, how };
        let measured = measure(plan(address, abort));
        let (body, error) = server.join().unwrap();
        assert_eq!(error, (how == Abort::Reset).then_some(ErrorKind::ConnectionReset), "{how:?}");
        assert_eq!(body, 40_000);
        assert_eq!((measured.aborted, measured.completed, measured.cut_by_server), (1, 1, 0));
    }
}

#[test]
fn memcached_takes_what_trickles_in() {
    let address = free_address().unwrap();
    let mut command = Command::new("memcached");
    command.args(["-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", &address.port().to_string()]);
    let _server = match Server::start(&command, 0, address) {
        Ok(server) => server,
        Err(error) => return println!("SKIPPED: no memcached: {error}"),
    };
    let to = UploadTarget::Memcached { key_prefix: "up".into() };
    let trickle = Behaviour::TrickledUpload { to, body_bytes: 1000, bytes_per_second: rate(5000) };
    let measured = measure(SlowPlan { count: 3, ..plan(address, trickle) });
    assert_eq!((measured.answered_as_expected, measured.attached_max), (3, 3));
    let mut stream = TcpStream::connect(address).unwrap();
    for key in 0..3 {
        writeln!(stream, "get up{key}\r").unwrap();
        hear_until(&mut stream, &format!("VALUE up{key} 0 1000\r\n"));
        assert_described(&hear_body(&mut stream, 1000).0, key, 1, 1000);
        hear_until(&mut stream, "END\r\n");
    }
    let read =
        Behaviour::SlowReader { of: DownloadTarget::Memcached { key: "up0".into() }, bytes_per_second: rate(10_000) };
    assert_eq!(measure(plan(address, read)).answered_as_expected, 1);
    let missed = Behaviour::HalfClose { of: DownloadTarget::Memcached { key: "nothing".into() } };
    assert_eq!(measure(plan(address, missed)).refused, 1);
}
