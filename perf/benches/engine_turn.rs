//! What a turn of the engine costs, on the real kernel.
//!
//! Read it as follows. `empty turn` is the floor: one system call that finds nothing, and the way through the executor.
//! `echo` is one request and one reply over a socket pair, both ends on this core: with one pair every turn carries one
//! message, so each pays for turns of its own; with 64 pairs a turn carries 64, and what is left is the price of the
//! messages themselves. The distance between the two is what batching is worth.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use spindle_core::counters::CoreCounters;
use spindle_core::gate::Gate;
use spindle_core::ring::Ring;
use spindle_core::stall::StallReport;
use spindle_core::{Core, Limits};
use spindle_net::connection::Connection;
use spindle_net::input::Input;

const MESSAGE: &[u8] = b"get key_000001\r\n";

/// Runs a flow on a core of its own; how long the flow took, without building and draining the ring.
fn timed<F: Future<Output = ()> + 'static>(flow: impl FnOnce(Core) -> F + 'static) -> Duration {
    let limits = Limits::default();
    let ring = Ring::new(&limits).expect("io_uring");
    let core = Core::new(Box::new(ring), limits, Arc::new(CoreCounters::default()), StallReport::Count);
    let took = Rc::new(std::cell::Cell::new(Duration::ZERO));
    let told = Rc::clone(&took);
    core.clone().run(async move {
        let begin = Instant::now();
        flow(core).await;
        told.set(begin.elapsed());
    });
    took.get()
}

async fn empty_turns(core: Core, turns: u64) {
    for _ in 0..turns {
        core.next_turn().await;
    }
}

async fn echoes(core: Core, pairs: u64, messages: u64) {
    let gate = Gate::new(&core);
    for pair in 0..pairs {
        let ends =
            socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC).expect("socket pair");
        let (asking, answering) = (Connection::new(&core, ends.0.into()), Connection::new(&core, ends.1.into()));
        let mine = messages / pairs + u64::from(pair < messages % pairs);
        let (inside, core_of_flow) = (gate.enter(), core.clone());
        core.spawn("ask", async move {
            talk(&core_of_flow, asking, mine, Turn::First).await;
            drop(inside);
        });
        let core_of_flow = core.clone();
        core.spawn("answer", async move { talk(&core_of_flow, answering, mine, Turn::Second).await });
    }
    gate.emptied().await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    Second,
}

async fn talk(core: &Core, mut connection: Connection, messages: u64, turn: Turn) {
    let mut input = Input::default();
    for _ in 0..messages {
        if turn == Turn::First {
            send(core, &mut connection, &mut input).await;
        }
        while input.bytes().len() < MESSAGE.len() {
            connection.receive(&mut input).await.expect("the other end lives");
        }
        input.consume(MESSAGE.len());
        if turn == Turn::Second {
            send(core, &mut connection, &mut input).await;
        }
    }
}

async fn send(core: &Core, connection: &mut Connection, input: &mut Input) {
    let mut parcel = core.parcel();
    parcel.bytes.extend_from_slice(MESSAGE);
    connection.send(parcel, input).await.expect("the other end lives");
}

fn engine(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    group.bench_function("empty turn", |b| b.iter_custom(|turns| timed(move |core| empty_turns(core, turns))));
    for pairs in [1, 64] {
        group.bench_function(format!("echo, {pairs} pairs"), |b| {
            b.iter_custom(|messages| timed(move |core| echoes(core, pairs, messages)))
        });
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
