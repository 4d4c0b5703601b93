//! Answers that are read late, or not, or not to their end.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use spindle_perf::slow::{Abort, Behaviour};

use crate::{fill, head_of, hear_until, http_down, measure, measure_until, memcached_down, plan, rate, serve};

#[test]
fn a_slow_reader_keeps_its_rate_and_reads_all() {
    const BODY: usize = 4000;
    let (address, server) = serve(|mut stream| {
        assert!(hear_until(&mut stream, "\r\n\r\n").starts_with("GET /large HTTP/1.1\r\n"));
        stream.write_all(head_of(BODY).as_bytes()).unwrap();
        stream.write_all(&[1; BODY]).unwrap();
    });
    let began = Instant::now();
    let measured = measure(plan(address, Behaviour::SlowReader { of: http_down(), bytes_per_second: rate(10_000) }));
    let took = began.elapsed();
    server.join().unwrap();
    assert!(took >= Duration::from_millis(300), "4 of 10 kB in {took:?}");
    assert_eq!(measured.bytes_received, (head_of(BODY).len() + BODY) as u64);
    assert_eq!((measured.answered_as_expected, measured.completed), (1, 1));
}

#[test]
fn what_a_slow_reader_does_not_read_piles_up_with_the_server() {
    let (full, is_full) = mpsc::channel();
    let (address, server) = serve(move |mut stream| {
        assert_eq!(hear_until(&mut stream, "\r\n"), "get large\r\n");
        stream.write_all(b"VALUE large 0 1000000000\r\n").unwrap();
        full.send(fill(&mut stream)).unwrap();
        // Holds on until the reader has gone.
        stream.write_all(&[0; 1 << 20]).unwrap_err();
    });
    let read = Behaviour::SlowReader { of: memcached_down(), bytes_per_second: rate(100) };
    let measured = measure_until(plan(address, read), move |_| is_full.try_recv().is_ok());
    server.join().unwrap();
    assert!(measured.bytes_received < 1000, "{} read", measured.bytes_received);
    assert_eq!((measured.attached_now, measured.completed), (1, 0));
}

#[test]
fn a_stalled_reader_makes_the_server_wait_and_reads_all_in_the_end() {
    const STALL: Duration = Duration::from_millis(300);
    const BODY: usize = 8 << 20;
    let (address, server) = serve(|mut stream| {
        hear_until(&mut stream, "\r\n\r\n");
        stream.write_all(head_of(BODY).as_bytes()).unwrap();
        let began = Instant::now();
        let filled = fill(&mut stream);
        stream.write_all(&vec![0; BODY - filled]).unwrap();
        (filled, began.elapsed())
    });
    let rest_bytes_per_second = rate(1 << 30);
    let stalled = Behaviour::StalledReader { of: http_down(), first_bytes: 100, stall: STALL, rest_bytes_per_second };
    let measured = measure(plan(address, stalled));
    let (filled, waited) = server.join().unwrap();
    assert!(filled < BODY / 2, "{filled} bytes were on their way");
    assert!(waited > STALL.mul_f64(0.9), "the server waited {waited:?}");
    assert_eq!(measured.bytes_received, (head_of(BODY).len() + BODY) as u64);
    assert_eq!((measured.answered_as_expected, measured.completed), (1, 1));
}

#[test]
fn an_abort_in_the_answer_breaks_it_off() {
    for how in [Abort::Fin, Abort::Reset] {
        let (address, server) = serve(|mut stream| {
            hear_until(&mut stream, "\r\n\r\n");
            stream.write_all(head_of(1 << 30).as_bytes()).unwrap();
            loop {
                if let Err(error) = stream.write_all(&[0; 4096]) {
                    break error.kind();
                }
            }
        });
        let measured = measure(plan(address, Behaviour::AbortMidAnswer { of: http_down(), after_bytes: 3000, how }));
        let error = server.join().unwrap();
        assert!(matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{how:?}: {error}");
        assert_eq!((measured.aborted, measured.completed, measured.bytes_received), (1, 1, 3000));
    }
}

#[test]
fn an_answer_that_is_over_before_the_abort_is_an_answer() {
    let (address, server) = serve(|mut stream| {
        hear_until(&mut stream, "\r\n");
        stream.write_all(b"VALUE large 0 5\r\nhello\r\nEND\r\n").unwrap();
    });
    let abort = Behaviour::AbortMidAnswer { of: memcached_down(), after_bytes: 3000, how: Abort::Fin };
    let measured = measure(plan(address, abort));
    server.join().unwrap();
    assert_eq!((measured.aborted, measured.answered_as_expected), (0, 1));
}

#[test]
fn who_closes_half_is_answered_after_its_end() {
    let (address, server) = serve(|mut stream| {
        let mut request = String::new();
        stream.read_to_string(&mut request).unwrap();
        stream.write_all(&[head_of(5000).as_bytes(), &[0; 5000]].concat()).unwrap();
        request
    });
    let measured = measure(plan(address, Behaviour::HalfClose { of: http_down() }));
    assert!(server.join().unwrap().ends_with("\r\n\r\n"), "the request was whole");
    assert_eq!((measured.answered_as_expected, measured.completed), (1, 1));
}

#[test]
fn who_never_reads_makes_the_server_wait() {
    let (address, server) = serve(|mut stream| {
        assert!(!hear_until(&mut stream, "\r\n\r\n").contains("close"));
        hear_until(&mut stream, "\r\n\r\n");
        fill(&mut stream)
    });
    let measured = measure(plan(address, Behaviour::NeverRead { of: http_down(), requests_per_second: rate(100) }));
    assert!(server.join().unwrap() > 0);
    assert_eq!((measured.cut_by_server, measured.bytes_received, measured.completed), (1, 0, 0));
    assert!(measured.bytes_sent >= 2 * 37, "{} sent", measured.bytes_sent);
}
