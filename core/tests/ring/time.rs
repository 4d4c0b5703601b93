use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::pending;
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;

use spindle_core::clock::monotonic_ns;
use spindle_core::ring::Ring;
use spindle_core::stall::StallReport;
use spindle_core::{Core, Limits};
use tracing::field::{Field, Visit};

use crate::{Chunks, limits, on_ring, run, tcp_pair, turns_until, woken};

const MILLISECOND_NS: u64 = 1_000_000;

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines_and_never_early() {
    on_ring(limits(), |core| async move {
        let start_ns = core.now_ns();
        let woken = Rc::new(RefCell::new(Vec::new()));
        for after in [3, 1, 4, 2, 0] {
            let (core, woken) = (core.clone(), Rc::clone(&woken));
            core.clone().spawn("sleeper", async move {
                let deadline_ns = start_ns + after * MILLISECOND_NS;
                core.sleep_until(deadline_ns).await;
                assert!(core.now_ns() >= deadline_ns && monotonic_ns() >= deadline_ns);
                woken.borrow_mut().push(after);
            });
        }
        turns_until(&core, || woken.borrow().len() == 5).await;
        assert_eq!(*woken.borrow(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn until_gives_the_output_or_none_at_the_deadline() {
    on_ring(limits(), |core| async move {
        let deadline_ns = core.now_ns() + 2 * MILLISECOND_NS;
        assert_eq!(core.until(deadline_ns, pending::<()>()).await, None);
        assert!(core.now_ns() >= deadline_ns);
        assert_eq!(core.until(deadline_ns, async { "at once" }).await, Some("at once"), "though the deadline is over");
        let soon_ns = core.now_ns() + MILLISECOND_NS;
        let winner = core.until(soon_ns + 1000 * MILLISECOND_NS, core.sleep_until(soon_ns)).await;
        assert_eq!(winner, Some(()));
    });
}

/// A deadline that never comes must not turn waiting into spinning.
#[test]
fn a_deadline_that_never_comes_costs_no_turns() {
    let (socket, mut peer) = tcp_pair();
    let writer = thread::spawn(move || {
        let start_ns = monotonic_ns();
        while monotonic_ns() < start_ns + 20 * MILLISECOND_NS {
            thread::yield_now();
        }
        peer.write_all(b"late").unwrap();
    });
    // Without the deadline that every other test has.
    let core = Core::new(Box::new(Ring::new(&limits()).unwrap()), limits(), Arc::default(), StallReport::Count);
    let handle = core.clone();
    core.run(async move {
        let chunk = handle.until(u64::MAX, Chunks::new(&handle, &socket).next()).await.unwrap();
        assert_eq!(&chunk.unwrap()[..], b"late");
        let turns = handle.counters().turns.get();
        assert!(turns < 20, "{turns} turns for one chunk");
    });
    writer.join().unwrap();
}

#[test]
fn next_turn_lets_the_kernel_be_entered_and_yield_now_does_not() {
    on_ring(limits(), |core| async move {
        let turns = || core.counters().turns.get();
        let before = turns();
        for round in 1..=5 {
            core.next_turn().await;
            assert_eq!(turns(), before + round);
        }
        let ran = Rc::new(Cell::new(false));
        let other = Rc::clone(&ran);
        core.spawn("other", async move { other.set(true) });
        core.yield_now().await;
        assert!(ran.get(), "every other ready task runs first");
        assert_eq!(turns(), before + 5, "in the same turn");
    });
}

/// Numbers of tasks are used again, so any task may be woken for nothing.
#[test]
fn a_wake_for_nothing_does_not_end_next_turn() {
    on_ring(limits(), |core| async move {
        let turns_waited = Rc::new(Cell::new(None));
        let (waiter_core, waited) = (core.clone(), Rc::clone(&turns_waited));
        let waiter = core.spawn("waiter", async move {
            let before = waiter_core.counters().turns.get();
            waiter_core.next_turn().await;
            waited.set(Some(waiter_core.counters().turns.get() - before));
        });
        core.yield_now().await;
        core.wake(waiter);
        core.yield_now().await;
        assert_eq!(turns_waited.get(), None, "the kernel was not entered yet");
        turns_until(&core, || turns_waited.get().is_some()).await;
        assert_eq!(turns_waited.get(), Some(1));
    });
}

#[test]
fn wake_all_lets_every_task_look_again() {
    on_ring(limits(), |core| async move {
        let looked = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let looked = Rc::clone(&looked);
            core.spawn("waiter", async move {
                woken().await;
                looked.set(looked.get() + 1);
            });
        }
        core.next_turn().await;
        core.wake_all();
        core.next_turn().await;
        assert_eq!(looked.get(), 10);
        assert_eq!(core.tasks(), 1, "only this one is left");
    });
}

/// What is logged, as one line of `name=value` each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.lock().unwrap().push_str(&format!("{}={value:?} ", field.name()));
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _span: &tracing::span::Id, _values: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _span: &tracing::span::Id) {}
    fn exit(&self, _span: &tracing::span::Id) {}
}

async fn compute(core: Core) {
    core.next_turn().await;
    let start_ns = monotonic_ns();
    while monotonic_ns() < start_ns + 30 * MILLISECOND_NS {}
    core.next_turn().await;
}

#[test]
fn a_flow_that_computes_for_too_long_is_counted_and_under_a_flag_named() {
    for (stall_report, named) in [(StallReport::Count, false), (StallReport::Name, true)] {
        let limits = Limits { stall_ns: 10 * MILLISECOND_NS, ..limits() };
        let log = Log::default();
        let counters = tracing::subscriber::with_default(log.clone(), || {
            run(Ring::new(&limits).unwrap(), limits, stall_report, |core| async move {
                let done = Rc::new(Cell::new(false));
                let (flow, ended) = (compute(core.clone()), Rc::clone(&done));
                core.spawn("slow thinker", async move {
                    flow.await;
                    ended.set(true);
                });
                turns_until(&core, || done.get()).await;
            })
        });
        assert!(counters.stalls.get() >= 1);
        assert!(counters.stall_ns_max.get() >= 30 * MILLISECOND_NS);
        let log = log.0.lock().unwrap();
        assert_eq!(log.contains("flow=\"slow thinker\""), named, "{log}");
    }
}
