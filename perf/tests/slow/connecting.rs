//! Connections on which no request is ever whole, and those that come after.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, socket};
use spindle_perf::slow::{Again, Behaviour, SlowPlan};

use crate::{
    assert_described, assert_trickled, hear_body, hear_until, http_down, http_up, measure, measure_until,
    memcached_down, plan, rate, serve,
};

#[test]
fn slow_headers_never_end() {
    for of in [http_down(), memcached_down()] {
        let (address, server) = serve(|mut stream| {
            let (heard, pieces) = hear_body(&mut stream, 250);
            stream.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
            (String::from_utf8(heard).unwrap(), pieces)
        });
        let began = Instant::now();
        let measured = measure(plan(address, Behaviour::SlowHeaders { of: of.clone(), bytes_per_second: rate(500) }));
        let (heard, pieces) = server.join().unwrap();
        assert_trickled(&pieces, began, 50);
        if of == http_down() {
            assert!(heard.starts_with("GET /large HTTP/1.1\r\nHost: test\r\nX-a: b\r\nX-a: b\r\n"), "{heard}");
            assert!(!heard.contains("\r\n\r\n"));
            assert_eq!(measured.refused, 1);
        } else {
            assert!(heard.starts_with("get large large large ") && !heard.contains('\n'), "{heard}");
            assert_eq!(measured.unexpected, 1, "that is no answer of memcached");
        }
        assert_eq!(measured.completed, 0);
    }
}

#[test]
fn who_is_idle_says_nothing_until_it_is_cut_off() {
    let (address, server) = serve(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        stream.read(&mut [0]).map_err(|error| error.kind())
    });
    let measured = measure(plan(address, Behaviour::Idle));
    assert_eq!(server.join().unwrap(), Err(ErrorKind::WouldBlock));
    assert_eq!((measured.cut_by_server, measured.bytes_sent, measured.attached_max), (1, 0, 1));
}

#[test]
fn who_is_to_comes_back_with_a_new_version_until_the_stop() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        for version in 1..=3 {
            let (mut stream, _) = listener.accept().unwrap();
            hear_until(&mut stream, "\r\n\r\n");
            assert_described(&hear_body(&mut stream, 100).0, 0, version, 100);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        }
        // Holds on to what comes next.
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    });
    let behaviour = Behaviour::TrickledUpload { to: http_up(), body_bytes: 100, bytes_per_second: rate(100_000) };
    let plan = SlowPlan { again: Again::After(Duration::ZERO), ..plan(address, behaviour) };
    let measured = measure_until(plan, |group| group.measured().begun == 4 && group.measured().attached_now == 1);
    server.join().unwrap();
    assert_eq!((measured.answered_as_expected, measured.begun, measured.attached_max), (3, 4, 1));
}

#[test]
fn nobody_there_is_counted_and_tried_again() {
    // Bound, so that it is nobody else's, and not listening.
    let nobody = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(nobody.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let nobody = TcpListener::from(nobody);
    let address = nobody.local_addr().unwrap();
    let plan = SlowPlan { again: Again::After(Duration::ZERO), count: 3, ..plan(address, Behaviour::Idle) };
    let began = Instant::now();
    let measured = measure_until(plan, |group| group.measured().connect_failed >= 9);
    assert!(began.elapsed() > Duration::from_millis(150), "ten times a second at most: {:?}", began.elapsed());
    assert_eq!((measured.attached_max, measured.begun), (0, measured.connect_failed));
}
