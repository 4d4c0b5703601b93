//! Slow clients as servers see them. Times are bounded from below only: whoever is delayed is slower still.
//!
//! uploading    bodies that trickle in, and such that break off
//! reading      answers that are read late, or not, or not to their end
//! connecting   connections on which no request is ever whole, and those that come after
//! many         thousands at once

mod connecting;
mod many;
mod reading;
mod uploading;

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use spindle_core::counters::CoreCounters;
use spindle_core::stall::StallReport;
use spindle_core::thread::{CorePlan, start};
use spindle_core::{Core, Limits};
use spindle_perf::describe::{Known, Object, Part, check};
use spindle_perf::slow::{Again, Behaviour, DownloadTarget, SlowGroup, SlowMeasured, SlowPlan, UploadTarget, attach};

/// Far beyond what any test takes.
const PATIENCE: Duration = Duration::from_secs(30);
const SEED: u64 = 7;

/// Runs a flow on a core of its own.
fn on_a_core<T: Send + 'static, F: Future<Output = T> + 'static>(main: impl FnOnce(Core) -> F + Send + 'static) -> T {
    let (answer, answered) = mpsc::channel();
    let plan = CorePlan {
        name: "slow".into(),
        cpu: None,
        limits: Limits::default(),
        stall_report: StallReport::Count,
        counters: Arc::new(CoreCounters::default()),
    };
    let thread = start(plan, move |core| async move { answer.send(main(core).await).unwrap() }).unwrap();
    let answer = answered.recv_timeout(PATIENCE).expect("the flow ends in time");
    thread.join().unwrap();
    answer
}

/// Until all have ended by themselves.
fn measure(plan: SlowPlan) -> SlowMeasured {
    on_a_core(|core| async move {
        let group = attach(&core, &plan);
        group.ended().await;
        group.measured()
    })
}

/// Until `enough`, and then stopped.
fn measure_until(plan: SlowPlan, enough: impl Fn(&SlowGroup) -> bool + Send + 'static) -> SlowMeasured {
    on_a_core(|core| async move {
        let group = attach(&core, &plan);
        while !enough(&group) {
            core.next_turn().await;
        }
        let measured = group.measured();
        group.stop();
        group.ended().await;
        assert_eq!(group.measured(), SlowMeasured { attached_now: 0, ..measured.clone() }, "a stop is no end");
        measured
    })
}

fn plan(server: SocketAddr, behaviour: Behaviour) -> SlowPlan {
    SlowPlan { name: "test".into(), server, count: 1, behaviour, again: Again::Never, ramp: Duration::ZERO, seed: SEED }
}

fn rate(per_second: u64) -> NonZeroU64 {
    NonZeroU64::new(per_second).unwrap()
}

fn http_up() -> UploadTarget {
    UploadTarget::Http { host: "test".into(), path_prefix: "/up/".into() }
}

fn http_down() -> DownloadTarget {
    DownloadTarget::Http { host: "test".into(), path: "/large".into() }
}

fn memcached_down() -> DownloadTarget {
    DownloadTarget::Memcached { key: "large".into() }
}

/// Serves one connection; what comes of it is asked for by joining.
fn serve<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        serve(stream)
    });
    (address, server)
}

/// Up to and with `end`.
fn hear_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut heard, mut byte) = (Vec::new(), [0]);
    while !heard.ends_with(end.as_bytes()) {
        stream.read_exact(&mut byte).unwrap();
        heard.push(byte[0]);
    }
    String::from_utf8(heard).unwrap()
}

fn head_of(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")
}

/// What came, and when: how many bytes there were by then.
fn hear_body(stream: &mut TcpStream, length: usize) -> (Vec<u8>, Vec<(Instant, usize)>) {
    let (mut body, mut pieces, mut chunk) = (Vec::new(), Vec::new(), [0; 4096]);
    while body.len() < length {
        let wanted = chunk.len().min(length - body.len());
        let count = match stream.read(&mut chunk[..wanted]) {
            // A process that was stopped for a while, signal(7).
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            count => count.unwrap(),
        };
        assert_ne!(count, 0, "the body is not whole");
        body.extend_from_slice(&chunk[..count]);
        pieces.push((Instant::now(), body.len()));
    }
    (body, pieces)
}

fn assert_described(bytes: &[u8], key: u64, version: u32, length: u64) {
    let object = Object { key, version, length, seed: SEED };
    assert_eq!(Object::read(bytes), Some(object));
    assert_eq!(check(&object, Part::Whole, bytes, Known { oldest: version, newest: version }), Ok(version));
}

/// The kernel's buffers are full: nobody reads.
fn fill(stream: &mut TcpStream) -> usize {
    stream.set_nonblocking(true).unwrap();
    let (zeros, mut filled) = ([0; 64 * 1024], 0);
    loop {
        match stream.write(&zeros) {
            Ok(count) => filled += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                stream.set_nonblocking(false).unwrap();
                return filled;
            }
        }
    }
}

/// Never faster than a portion of `portion` bytes every tenth of a second, the first of them after the beginning.
fn assert_trickled(pieces: &[(Instant, usize)], began: Instant, portion: usize) {
    for (at, heard) in pieces {
        let since = at.duration_since(began);
        assert!(*heard <= portion * (1 + since.as_millis() as usize / 100), "{heard} bytes after {since:?}");
    }
    assert!(pieces.len() > 1, "all came at once");
}
