//! The soundness rules of the engine, each by a test that fails without the rule. All run in the simulator, so that the
//! kernel can be as late as the rule fears.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use spindle_core::buffers::provided::Provided;
use spindle_core::counters::CoreCounters;
use spindle_core::descriptor::Descriptor;
use spindle_core::flight::Arrived;
use spindle_core::kernel::{Completion, Kernel, Wait};
use spindle_core::op::{Cancel, Fill, Offset};
use spindle_core::simulator::{Faults, Peer, Random, SimulatedKernel, Step, Wire, World};
use spindle_core::stall::StallReport;
use spindle_core::token::Token;
use spindle_core::{Core, Errno, Lend, Limits, Op};

/// Waits to be woken.
async fn pending_once() {
    let mut waited = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut waited, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// A peer that sends something at once and collects what it is sent.
struct Talker {
    say: Vec<u8>,
    heard: Rc<RefCell<Vec<u8>>>,
    window: usize,
}

impl Peer for Talker {
    fn step(&mut self, wire: &mut Wire<'_>, _random: &mut Random) -> Step {
        wire.set_window(self.window);
        let heard = wire.receive(usize::MAX);
        let say = std::mem::take(&mut self.say);
        wire.send(&say);
        let idle = heard.is_empty() && say.is_empty();
        self.heard.borrow_mut().extend(heard);
        if idle { Step::Idle } else { Step::Moved }
    }
}

fn talker(say: &[u8]) -> (Box<Talker>, Rc<RefCell<Vec<u8>>>) {
    let heard = Rc::new(RefCell::default());
    (Box::new(Talker { say: say.to_vec(), heard: Rc::clone(&heard), window: 1 << 20 }), heard)
}

fn small_limits() -> Limits {
    Limits { receive_buffers: 4, receive_buffer_bytes: 64, drain_ns: 1_000_000, ..Limits::default() }
}

fn core_on(world: &World, limits: Limits) -> (Core, Arc<CoreCounters>) {
    let kernel = SimulatedKernel::new(world, &limits).unwrap();
    let counters = Arc::new(CoreCounters::default());
    (Core::new(Box::new(kernel), limits, Arc::clone(&counters), StallReport::Count), counters)
}

/// A kernel that breaks a promise.
struct Twisted {
    kernel: SimulatedKernel,
    fault: Twist,
}

#[derive(PartialEq)]
enum Twist {
    /// Answers every op twice.
    Stutters,
    /// Knows of no cancellation.
    IsDeaf,
}

impl Kernel for Twisted {
    #[allow(unsafe_code)] // Hands the obligation on.
    unsafe fn submit(&mut self, token: Token, op: &mut Op) {
        // SAFETY: the caller's promise is passed on as it is.
        unsafe { self.kernel.submit(token, op) }
    }

    fn cancel(&mut self, target: Cancel) {
        if self.fault != Twist::IsDeaf {
            self.kernel.cancel(target);
        }
    }

    fn enter(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> Result<(), Errno> {
        self.kernel.enter(wait, completions)?;
        if self.fault == Twist::Stutters {
            completions.extend(completions.clone());
        }
        Ok(())
    }

    fn adopt(&mut self, result: i32) -> Descriptor {
        self.kernel.adopt(result)
    }

    fn socket(&mut self, server: SocketAddr) -> Result<Descriptor, Errno> {
        self.kernel.socket(server)
    }

    fn provided(&self) -> Rc<Provided> {
        self.kernel.provided()
    }

    fn now_ns(&self) -> u64 {
        self.kernel.now_ns()
    }

    fn fulfil(&mut self, done: &Completion, op: &mut Op) {
        self.kernel.fulfil(done, op);
    }
}

async fn accept_one(core: &Core, listener: &Rc<Descriptor>) -> Rc<Descriptor> {
    let mut accepting = core.launch(Op::Accept { listener: Rc::clone(listener) });
    match (&mut accepting).await.arrived {
        Arrived::Descriptor(descriptor) => Rc::new(descriptor),
        _ => panic!("no connection"),
    }
}

/// Rule 1: the notification of a zero-copy send frees the memory, not its first completion; and nobody waits for it.
#[test]
fn zero_copy_memory_lives_until_its_notification() {
    for seed in 0..200 {
        let world = World::new(seed, Faults { late: 50, ..Faults::default() });
        let listener = Rc::new(world.listen());
        let (peer, heard) = talker(b"");
        world.connect(&listener, peer);
        let (core, _) = core_on(&world, small_limits());
        let handle = core.clone();
        core.run(async move {
            let socket = accept_one(&handle, &listener).await;
            let owner = Rc::new(b"zero copy".to_vec());
            let alive = Rc::downgrade(&owner);
            let mut parcel = handle.parcel();
            let lent: Rc<dyn Lend> = owner;
            parcel.lend(&lent, 0..1);
            drop(lent);
            let landing = handle.launch(Op::SendZeroCopy { socket, parcel }).await;
            assert_eq!(landing.result, Ok(9));
            assert!(landing.more, "the notification follows");
            assert!(alive.upgrade().is_some(), "seed {seed}: freed before the kernel let go");
            while heard.borrow().is_empty() {
                handle.sleep_until(handle.now_ns() + 1000).await;
            }
            assert_eq!(*heard.borrow(), b"zero copy", "seed {seed}: the kernel read other memory");
            assert!(alive.upgrade().is_none(), "seed {seed}: never freed");
        });
    }
}

/// Rule 2: a completion of an earlier life of a slot hits an assertion, not somebody's task.
#[test]
#[should_panic(expected = "is of another life")]
fn a_stale_completion_hits_an_assertion() {
    let world = World::new(1, Faults::default());
    let file = Rc::new(world.file(b"data"));
    let kernel = SimulatedKernel::new(&world, &small_limits()).unwrap();
    let core = Core::new(
        Box::new(Twisted { kernel, fault: Twist::Stutters }),
        small_limits(),
        Arc::default(),
        StallReport::Count,
    );
    let handle = core.clone();
    core.run(async move {
        // Forsaken at once, so that its first completion ends the slot's life and the second comes too late.
        drop(handle.launch(Op::Read { file, buffer: vec![0; 4], offset: Offset::At(0) }));
        handle.sleep_until(handle.now_ns() + 1_000_000).await;
    });
}

/// Rules 3 and 4: dropping a future frees nothing, and the descriptor closes with the last op: when the cancellation has
/// landed, not before.
#[test]
fn a_dropped_future_leaves_its_cargo_with_the_kernel_until_it_has_landed() {
    for seed in 0..200 {
        let world = World::new(seed, Faults { late: 50, ..Faults::default() });
        let listener = Rc::new(world.listen());
        let (peer, _heard) = talker(b"");
        world.connect(&listener, peer);
        let (core, _) = core_on(&world, small_limits());
        let handle = core.clone();
        let view = world.clone();
        core.run(async move {
            let socket = accept_one(&handle, &listener).await;
            let weak = Rc::downgrade(&socket);
            let open = view.descriptors_open();
            let mut flight =
                handle.launch(Op::ReceiveInto { socket, into: Box::new(vec![0u8; 100]), filled: 0, fill: Fill::Whole });
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(std::pin::Pin::new(&mut flight).poll(context).is_ready())
            });
            assert!(!polled.await, "nothing was sent");
            drop(flight);
            assert!(weak.upgrade().is_some(), "seed {seed}: the kernel still holds it");
            assert_eq!(view.descriptors_open(), open, "seed {seed}: closed under an op in flight");
            while weak.upgrade().is_some() {
                handle.next_turn().await;
            }
            assert_eq!(view.descriptors_open(), open - 1);
        });
    }
}

/// Rule 5: what will not drain is leaked, never freed under the kernel's hands.
#[test]
fn a_ring_that_will_not_drain_is_abandoned() {
    for deaf in [false, true] {
        let world = World::new(3, Faults::default());
        let listener = Rc::new(world.listen());
        let (peer, _heard) = talker(b"");
        world.connect(&listener, peer);
        let kernel = SimulatedKernel::new(&world, &small_limits()).unwrap();
        let kernel: Box<dyn Kernel> =
            if deaf { Box::new(Twisted { kernel, fault: Twist::IsDeaf }) } else { Box::new(kernel) };
        let counters = Arc::new(CoreCounters::default());
        let core = Core::new(kernel, small_limits(), Arc::clone(&counters), StallReport::Count);
        let handle = core.clone();
        let weak = Rc::new(RefCell::new(None));
        let keep = Rc::clone(&weak);
        core.run(async move {
            let socket = accept_one(&handle, &listener).await;
            *keep.borrow_mut() = Some(Rc::downgrade(&socket));
            let flight =
                handle.launch(Op::ReceiveInto { socket, into: Box::new(vec![0u8; 100]), filled: 0, fill: Fill::Whole });
            handle.spawn("waits for ever", async move { drop(flight.await) });
            handle.next_turn().await;
        });
        let held = weak.borrow().as_ref().unwrap().upgrade().is_some();
        assert_eq!(held, deaf, "cargo that the kernel may still write is not freed, all other is");
        assert_eq!(counters.rings_abandoned.get(), u64::from(deaf));
    }
}

/// Rule 6: receives that find no buffer go on when half of the buffers are home.
#[test]
fn receives_without_a_buffer_are_armed_again() {
    for seed in 0..100 {
        let world =
            World::new(seed, Faults { short: 30, late: 20, no_buffers: 10, ends_early: 5, ..Faults::default() });
        let listener = Rc::new(world.listen());
        let connections = 12;
        for number in 0..connections {
            world.connect(&listener, talker(&vec![number as u8; 500]).0);
        }
        let (core, counters) = core_on(&world, small_limits());
        let handle = core.clone();
        core.run(async move {
            let done = Rc::new(Cell::new(0));
            for number in 0..connections {
                let socket = accept_one(&handle, &listener).await;
                let (core, done) = (handle.clone(), Rc::clone(&done));
                handle.spawn("reader", async move {
                    let mut total = 0;
                    let mut first = None;
                    while total < 500 {
                        let mut receiving = core.launch(Op::Receive { socket: Rc::clone(&socket) });
                        loop {
                            let landing = (&mut receiving).await;
                            if let Arrived::Chunk(chunk) = &landing.arrived {
                                let sender = *first.get_or_insert(chunk[0]);
                                assert!(chunk.iter().all(|&byte| byte == sender), "seed {seed}: reader {number}");
                                total += chunk.len();
                            }
                            if landing.result == Err(Errno::ENOBUFS) {
                                core.wake_when_buffers_are_home();
                                pending_once().await;
                            }
                            if !landing.more || total == 500 {
                                break;
                            }
                        }
                    }
                    done.set(done.get() + 1);
                });
            }
            while done.get() < connections {
                handle.next_turn().await;
            }
        });
        assert!(counters.receive_buffers_exhausted.get() > 0, "seed {seed}: the fault did not happen");
    }
}

/// Rule 7: slots are bounded, and a flow at the bound is refused, not queued.
#[test]
fn at_the_bound_of_slots_a_flow_is_refused() {
    let world = World::new(5, Faults { disk_ns: 1_000_000, ..Faults::default() });
    let file = Rc::new(world.file(b"data"));
    let (core, counters) = core_on(&world, Limits { slots_max: 256, ..small_limits() });
    let handle = core.clone();
    core.run(async move {
        let read = || Op::Read { file: Rc::clone(&file), buffer: vec![0; 4], offset: Offset::At(0) };
        let flights: Vec<_> = (0..256).map(|_| handle.launch(read())).collect();
        assert_eq!(handle.launch(read()).await.result, Err(Errno::EAGAIN));
        for flight in flights {
            assert_eq!(flight.await.result, Ok(4));
        }
        assert_eq!(handle.launch(read()).await.result, Ok(4), "a slot that landed is used again");
    });
    assert_eq!(counters.slots_exhausted.get(), 1);
}

/// Rule 7: a flow that does not take its chunks has its receive cancelled; nothing that had arrived is lost.
#[test]
fn the_backlog_of_a_connection_is_bounded() {
    for seed in 0..50 {
        let world = World::new(seed, Faults { late: 20, ..Faults::default() });
        let listener = Rc::new(world.listen());
        let said: Vec<u8> = (0..=255).cycle().take(4000).collect();
        world.connect(&listener, talker(&said).0);
        let limits = Limits { receive_buffers: 64, backlog_chunks_max: 3, ..small_limits() };
        let (core, counters) = core_on(&world, limits);
        let handle = core.clone();
        core.run(async move {
            let socket = accept_one(&handle, &listener).await;
            let mut heard = Vec::new();
            while heard.len() < said.len() {
                let mut receiving = handle.launch(Op::Receive { socket: Rc::clone(&socket) });
                for _ in 0..20 {
                    handle.sleep_until(handle.now_ns() + 1000).await;
                }
                loop {
                    let landing = (&mut receiving).await;
                    if let Arrived::Chunk(chunk) = &landing.arrived {
                        heard.extend_from_slice(chunk);
                    }
                    if heard.len() == said.len() || !landing.more {
                        break;
                    }
                }
            }
            assert_eq!(heard, said);
        });
        assert!(counters.receives_paused.get() > 0);
    }
}

/// The same seed gives the same run.
#[test]
fn a_seed_replays() {
    let run = |seed: u64| {
        let world = World::new(seed, Faults { short: 30, late: 30, ..Faults::default() });
        let listener = Rc::new(world.listen());
        world.connect(&listener, talker(&[7; 3000]).0);
        let (core, _) = core_on(&world, small_limits());
        let handle = core.clone();
        let trace = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&trace);
        core.run(async move {
            let socket = accept_one(&handle, &listener).await;
            let mut total = 0;
            let mut receiving = handle.launch(Op::Receive { socket: Rc::clone(&socket) });
            while total < 3000 {
                let landing = (&mut receiving).await;
                if let Arrived::Chunk(chunk) = &landing.arrived {
                    total += chunk.len();
                    log.borrow_mut().push((handle.now_ns(), chunk.len()));
                }
            }
        });
        trace.take()
    };
    assert_eq!(run(11), run(11));
    assert_ne!(run(11), run(12));
}
