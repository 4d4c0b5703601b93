//! What a turn of the engine costs, from nothing to a whole round trip. Each row adds one thing to the one before it.
//!
//! `flows` is the executor alone: so many tasks are polled, and queued again, in one turn without a system call of weight.
//! `reads` adds slots: each flow launches an op and collects its landing, on a kernel that answers from memory (the
//! simulator, whose own cost is in the row too, so compare it with itself). `enter` is a real ring with nothing to do, the
//! floor of every turn. `echo` is a round trip of 100 bytes over a unix socket, both ends on the same ring: two sends, two
//! receives, and what the kernel does for them.

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spindle_core::flight::Arrived;
use spindle_core::kernel::Kernel;
use spindle_core::op::Offset;
use spindle_core::ring::Ring;
use spindle_core::simulator::{Faults, SimulatedKernel, World};
use spindle_core::stall::StallReport;
use spindle_core::{Core, Descriptor, Limits, Op};

/// How long the flow of `main` takes, without starting and stopping.
fn timed<F>(kernel: Box<dyn Kernel>, main: impl FnOnce(Core) -> F) -> Duration
where
    F: Future<Output = Duration> + 'static,
{
    let core = Core::new(kernel, Limits::default(), Arc::default(), StallReport::Count);
    let took = Rc::new(Cell::new(Duration::ZERO));
    let (flow, measured) = (main(core.clone()), Rc::clone(&took));
    core.run(async move { measured.set(flow.await) });
    took.get()
}

fn simulated(world: &World) -> Box<dyn Kernel> {
    Box::new(SimulatedKernel::new(world, &Limits::default()).unwrap())
}

fn ring() -> Box<dyn Kernel> {
    Box::new(Ring::new(&Limits::default()).expect("a kernel that the engine runs on"))
}

async fn turns(core: Core, turns: u64) -> Duration {
    core.next_turn().await;
    let start = Instant::now();
    for _ in 0..turns {
        core.next_turn().await;
    }
    start.elapsed()
}

fn flows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("turn");
    for flows in [1, 64, 1024] {
        group.throughput(Throughput::Elements(flows));
        group.bench_function(format!("{flows} flows"), |bencher| {
            bencher.iter_custom(|count| {
                timed(simulated(&World::new(1, Faults::default())), |core| {
                    for _ in 1..flows {
                        let other = core.clone();
                        core.spawn("flow", async move {
                            loop {
                                other.next_turn().await;
                            }
                        });
                    }
                    turns(core, count)
                })
            });
        });
    }
    for flows in [1, 64] {
        group.throughput(Throughput::Elements(flows));
        group.bench_function(format!("{flows} reads"), |bencher| {
            bencher.iter_custom(|count| {
                let world = World::new(1, Faults::default());
                timed(simulated(&world), |core| {
                    let file = Rc::new(world.file(b"x"));
                    for _ in 0..flows {
                        core.spawn("reader", read_for_ever(core.clone(), Rc::clone(&file)));
                    }
                    turns(core, count)
                })
            });
        });
    }
    group.finish();
}

async fn read_for_ever(core: Core, file: Rc<Descriptor>) {
    let mut buffer = vec![0; 1];
    loop {
        buffer = core.read(&file, buffer, Offset::At(0)).await.unwrap();
    }
}

fn enter(criterion: &mut Criterion) {
    criterion.bench_function("turn/enter", |bencher| {
        bencher.iter_custom(|count| timed(ring(), |core| turns(core, count)));
    });
}

async fn send(core: &Core, socket: &Rc<Descriptor>) {
    let mut parcel = core.parcel();
    parcel.bytes.extend_from_slice(black_box(&[b'x'; 100]));
    core.launch(Op::Send { socket: Rc::clone(socket), parcel }).await.result.unwrap();
}

/// Receives, and sends as often; the side that serves sends first. Ends after so many round trips.
async fn play(core: Core, socket: UnixStream, rounds: u64, serves: bool) {
    let socket = Rc::new(Descriptor::from(socket));
    if serves {
        send(&core, &socket).await;
    }
    let mut receiving = core.launch(Op::Receive { socket: Rc::clone(&socket) });
    for round in 1..=rounds {
        let landing = (&mut receiving).await;
        assert!(matches!(landing.arrived, Arrived::Chunk(chunk) if chunk.len() == 100) && landing.more);
        if !serves || round < rounds {
            send(&core, &socket).await;
        }
    }
}

fn echo(criterion: &mut Criterion) {
    criterion.bench_function("turn/echo", |bencher| {
        bencher.iter_custom(|count| {
            timed(ring(), |core| async move {
                let (ours, theirs) = UnixStream::pair().unwrap();
                core.spawn("echo", play(core.clone(), theirs, count, false));
                let start = Instant::now();
                play(core, ours, count, true).await;
                start.elapsed()
            })
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = flows, enter, echo
}
criterion_main!(benches);
