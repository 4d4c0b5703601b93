//! Slow clients as servers see them.

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use spindle_core::counters::CoreCounters;
use spindle_core::gate::Gate;
use spindle_core::stall::StallReport;
use spindle_core::thread::{CorePlan, start};
use spindle_core::{Core, Limits, Op};
use spindle_net::connection::Connection;
use spindle_net::input::Input;
use spindle_perf::describe::{Known, Object, Part, check};
use spindle_perf::slow::{
    Abort, Again, Behaviour, DownloadTarget, SlowGroup, SlowMeasured, SlowPlan, UploadTarget, attach,
};

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

/// Bytes, and when they came.
fn hear_body(stream: &mut TcpStream, length: usize) -> (Vec<u8>, Vec<(Instant, usize)>) {
    let (mut body, mut pieces, mut chunk) = (Vec::new(), Vec::new(), [0; 4096]);
    while body.len() < length {
        let count = stream.read(&mut chunk).unwrap();
        assert_ne!(count, 0, "the body is not whole");
        pieces.push((Instant::now(), count));
        body.extend_from_slice(&chunk[..count]);
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

#[test]
fn a_trickled_upload_keeps_its_rate_and_describes_itself() {
    let (address, server) = serve(|mut stream| {
        let head = hear_until(&mut stream, "\r\n\r\n");
        assert!(head.starts_with("PUT /up/0 HTTP/1.1\r\nHost: test\r\nContent-Length: 500\r\n"), "{head}");
        let (body, pieces) = hear_body(&mut stream, 500);
        stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap();
        (head.len(), body, pieces)
    });
    let measured = measure(plan(
        address,
        Behaviour::TrickledUpload { to: http_up(), body_bytes: 500, bytes_per_second: rate(1000) },
    ));
    let (head_bytes, body, pieces) = server.join().unwrap();
    assert_described(&body, 0, 1, 500);
    // Never faster than a portion a tenth of a second, wherever we are delayed.
    let mut heard = 0;
    for (at, count) in &pieces {
        heard += count;
        let since = at.duration_since(pieces[0].0) + Duration::from_millis(60);
        assert!(heard <= 100 * (1 + since.as_millis() as usize / 100), "{heard} bytes after {since:?}");
    }
    assert!(pieces.len() >= 3, "{} pieces", pieces.len());
    let expected = SlowMeasured {
        name: "test".into(),
        attached_max: 1,
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
    const BODY: usize = 16 << 20;
    let (address, server) = serve(|mut stream| {
        hear_until(&mut stream, "\r\n\r\n");
        stream.write_all(head_of(BODY).as_bytes()).unwrap();
        let began = Instant::now();
        let filled = fill(&mut stream);
        stream.write_all(&vec![0; BODY - filled]).unwrap();
        (filled, began.elapsed())
    });
    let stalled = Behaviour::StalledReader { of: http_down(), first_bytes: 100, stall: STALL };
    let measured = measure(plan(address, stalled));
    let (filled, waited) = server.join().unwrap();
    println!("{filled} bytes on their way, {waited:?} until all were");
    assert!(filled < BODY / 2, "{filled} bytes were on their way");
    assert!(waited > STALL.mul_f64(0.9), "the server waited {waited:?}");
    assert_eq!(measured.bytes_received, (head_of(BODY).len() + BODY) as u64);
    assert_eq!((measured.answered_as_expected, measured.completed), (1, 1));
}

#[test]
fn slow_headers_never_end() {
    for of in [http_down(), memcached_down()] {
        let (address, server) = serve(|mut stream| {
            let (heard, pieces) = hear_body(&mut stream, 250);
            stream.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
            (String::from_utf8(heard).unwrap(), pieces)
        });
        let measured = measure(plan(address, Behaviour::SlowHeaders { of: of.clone(), bytes_per_second: rate(500) }));
        let (heard, pieces) = server.join().unwrap();
        assert!(pieces[4].0.duration_since(pieces[0].0) > Duration::from_millis(300));
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
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let plan = SlowPlan { again: Again::After(Duration::ZERO), count: 3, ..plan(address, Behaviour::Idle) };
    let began = Instant::now();
    let measured = measure_until(plan, |group| group.measured().connect_failed >= 9);
    assert!(began.elapsed() > Duration::from_millis(150), "ten times a second at most: {:?}", began.elapsed());
    assert_eq!((measured.attached_max, measured.begun), (0, measured.connect_failed));
}

/// Takes `count` uploads of `length`, answers when all are whole, and says how many were right.
async fn take_uploads(core: Core, listener: TcpListener, count: usize, length: u64) -> usize {
    let taken: Rc<std::cell::RefCell<Vec<Connection>>> = Rc::default();
    let right = Rc::new(std::cell::Cell::new(0));
    let (gate, listener) = (Gate::new(&core), Rc::new(listener.into()));
    let mut accepting = core.launch(Op::Accept { listener });
    for _ in 0..count {
        let spindle_core::flight::Arrived::Descriptor(socket) = (&mut accepting).await.arrived else { panic!() };
        let mut connection = Connection::new(&core, socket);
        let (taken, right, inside) = (Rc::clone(&taken), Rc::clone(&right), gate.enter());
        core.spawn("upload", async move {
            let (mut input, mut heard) = (Input::default(), Vec::new());
            loop {
                connection.receive(&mut input).await.unwrap();
                heard.extend_from_slice(input.bytes());
                input.consume(input.bytes().len());
                let Some(head) = heard.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                if heard.len() as u64 == head as u64 + 4 + length {
                    let body = &heard[head + 4..];
                    let object = Object::read(body).unwrap();
                    let name = format!("PUT /up/{} HTTP/1.1\r\n", object.key);
                    assert!(heard.starts_with(name.as_bytes()));
                    let known = Known { oldest: 1, newest: 1 };
                    right.set(right.get() + usize::from(check(&object, Part::Whole, body, known) == Ok(1)));
                    break;
                }
            }
            taken.borrow_mut().push(connection);
            drop(inside);
        });
    }
    gate.emptied().await;
    let mut input = Input::default();
    for mut connection in taken.take() {
        let mut parcel = core.parcel();
        parcel.bytes.extend_from_slice(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        connection.send(parcel, &mut input).await.unwrap();
        connection.flush(&mut input).await.unwrap();
    }
    right.get()
}

#[test]
fn two_thousand_trickle_at_once() {
    const CLIENTS: usize = 2000;
    const LENGTH: u64 = 300;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || on_a_core(|core| take_uploads(core, listener, CLIENTS, LENGTH)));
    let behaviour = Behaviour::TrickledUpload { to: http_up(), body_bytes: LENGTH, bytes_per_second: rate(300) };
    let ramp = Duration::from_millis(500);
    let measured = measure(SlowPlan { count: CLIENTS, ramp, ..plan(address, behaviour) });
    assert_eq!(server.join().unwrap(), CLIENTS, "bodies that are right");
    let clients = CLIENTS as u64;
    assert_eq!((measured.attached_max, measured.attached_now, measured.begun), (clients, 0, clients));
    assert_eq!((measured.answered_as_expected, measured.completed), (clients, clients));
    assert!(measured.bytes_sent > clients * LENGTH);
}
