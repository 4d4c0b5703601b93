//! Connections that end: what was asked on them is neither lost nor asked twice, and is called what it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use spindle_perf::arrivals::Arrivals;
use spindle_perf::load::Pace;
use spindle_perf::load::http::{Filling, ObjectsPlan};
use spindle_perf::measured::Errors;
use spindle_perf::sizes::Sizes;

use super::scripted::serve;
use super::{REQUESTS, http, measure, plan};

const DONE: &str = "HTTP/1.1 204 x\r\n\r\n";

fn present(address: std::net::SocketAddr, mix: &str) -> spindle_perf::load::Plan {
    let mut plan = plan(address, mix);
    http(&mut plan).filling = Filling::Present { seed: 7 };
    plan
}

/// A server that stops for a moment hears no more from a connection than its depth, however often it closed others.
#[test]
fn a_connection_never_has_more_than_its_depth_after_many_that_ended() {
    let (answered, crowded) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let heard = Arc::clone(&crowded);
    let address = serve(move |_, client| {
        for of_connection in 1.. {
            client.request()?;
            if answered.fetch_add(1, Relaxed) == 200 {
                // What is due meanwhile finds no place.
                std::thread::sleep(Duration::from_millis(100));
            }
            heard.fetch_add(u64::from(!client.input.buffer().is_empty()), Relaxed);
            let close = if of_connection % 4 == 0 { "Connection: close\r\n" } else { "" };
            client.say(&format!("HTTP/1.1 204 x\r\n{close}\r\n"))?;
            if of_connection % 4 == 0 {
                return None;
            }
        }
        None
    });
    let mut plan = present(address, "post");
    (plan.classes[0].connections, plan.classes[0].depth) = (4, 1);
    let class = &measure(&plan).classes[0];
    assert_eq!((class.requests, class.errors), (REQUESTS, Errors::default()));
    assert_eq!(crowded.load(Relaxed), 0, "requests behind another one on a connection of depth 1");
}

/// It answers and closes before it has heard everything, and the kernel adds a reset: the answer is there all the same.
#[test]
fn an_upload_that_is_refused_early_is_refused_and_not_broken() {
    let address = serve(|_, client| {
        client.head()?;
        client.say("HTTP/1.1 413 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    });
    let mut plan = present(address, "put");
    if let ObjectsPlan::Keys(keys) = &mut http(&mut plan).objects {
        keys.sizes = Sizes::Fixed(4 << 20);
    }
    plan.classes[0].depth = 1;
    let class = &measure(&plan).classes[0];
    assert_eq!(class.errors, Errors { refused: REQUESTS, ..Errors::default() });
}

/// One that is of no use is not to be followed by the next at once, for as long as the run lasts.
#[test]
fn a_server_that_ends_each_connection_at_once_is_met_with_few() {
    let accepted = Arc::new(AtomicU64::new(0));
    let accepting = Arc::clone(&accepted);
    let address = serve(move |_, _| {
        accepting.fetch_add(1, Relaxed);
        None
    });
    let mut plan = present(address, "get");
    (plan.measured, plan.patience) = (Duration::from_secs(1), Duration::from_secs(1));
    let measured = measure(&plan);
    assert_eq!(measured.classes[0].requests, 0);
    // In two seconds: after 10 ms, 20 more, 40 more, and so on. Every 10 ms would be two hundred.
    let accepted = accepted.load(Relaxed);
    assert!((2..=20).contains(&accepted), "{accepted} connections");
}

/// A server may close what nobody uses, also before it was ever used, and may say so first.
#[test]
fn a_connection_that_ends_unused_is_no_error() {
    let (first, connections) = (5, Arc::new(AtomicU64::new(0)));
    let opened = Arc::clone(&connections);
    let address = serve(move |number, client| {
        opened.fetch_add(1, Relaxed);
        // The others are closed while the first one is asked for something.
        match number {
            1 | 2 => return None,
            3 | 4 => return client.say("HTTP/1.1 408 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            _ => {}
        }
        loop {
            client.request()?;
            client.say(DONE)?;
        }
    });
    let mut plan = present(address, "post");
    let class = &mut plan.classes[0];
    class.connections = first as usize;
    class.pace = Pace::Open { per_second: 10.0, arrivals: Arrivals::Constant };
    plan.measured = Duration::from_secs(1);
    let class = &measure(&plan).classes[0];
    assert_eq!((class.requests, class.errors), (10, Errors::default()));
    assert_eq!(connections.load(Relaxed), first + first - 1);
}

/// A server that hangs up may have done what it did not answer, and a POST done twice is another thing than one.
#[test]
fn a_post_that_was_heard_is_not_asked_twice() {
    let heard = Arc::new(AtomicU64::new(0));
    let hearing = Arc::clone(&heard);
    let address = serve(move |_, client| {
        for _ in 0..9 {
            client.request()?;
            hearing.fetch_add(1, Relaxed);
            client.say(DONE)?;
        }
        client.request()?;
        hearing.fetch_add(1, Relaxed);
        None
    });
    let mut plan = present(address, "post");
    plan.classes[0].depth = 1;
    let class = &measure(&plan).classes[0];
    assert_eq!(class.requests + class.errors.broken, REQUESTS, "{:?}", class.errors);
    assert_eq!(heard.load(Relaxed), REQUESTS);
}

/// What may be asked again is asked again once: a server that hangs up on it every time has not done it.
#[test]
fn a_request_that_nobody_answers_is_not_asked_for_ever() {
    let heard = Arc::new(AtomicU64::new(0));
    let hearing = Arc::clone(&heard);
    let address = serve(move |_, client| {
        // The first answer of each connection keeps it, whatever comes second ends it.
        client.request()?;
        client.say("HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n")?;
        client.request()?;
        hearing.fetch_add(1, Relaxed);
        None
    });
    let mut plan = present(address, "get");
    (plan.classes[0].connections, plan.classes[0].depth) = (20, 1);
    let class = &measure(&plan).classes[0];
    assert!(class.errors.broken > 0, "{heard:?} were heard and not answered: {:?}", class.errors);
}
