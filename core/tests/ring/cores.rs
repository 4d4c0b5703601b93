use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::sched::sched_getaffinity;
use nix::unistd::Pid;
use spindle_core::mailbox::{Receiver, Sender, mailbox};
use spindle_core::probe::Unsupported;
use spindle_core::stall::StallReport;
use spindle_core::thread::{CorePlan, cpus_available, start};
use spindle_core::{Core, Limits};

use crate::{PATIENCE, limits, on_ring, turns_until, woken};

pub(crate) fn plan(name: &str, cpu: Option<usize>) -> CorePlan {
    let counters = Default::default();
    CorePlan { name: name.to_owned(), cpu, limits: limits(), stall_report: StallReport::Count, counters }
}

/// Starts a core that runs `main`, which fails instead of waiting for ever.
fn start_core<F: Future<Output = ()> + 'static>(
    name: &str,
    main: impl FnOnce(Core) -> F + Send + 'static,
) -> JoinHandle<()> {
    let bounded = move |core: Core| async move {
        let deadline_ns = core.now_ns() + PATIENCE.as_nanos() as u64;
        let flow = main(core.clone());
        core.until(deadline_ns, flow).await.expect("the flow ends in time");
    };
    start(plan(name, None), bounded).unwrap()
}

/// Sends, and tries again a turn later while the mailbox is full; how often it was.
async fn send(core: &Core, to: &Sender<(usize, u64)>, mut message: (usize, u64)) -> u64 {
    let mut full = 0;
    while let Err(back) = to.send(message) {
        assert_eq!(back, message, "a message that was not taken comes back");
        message = back;
        full += 1;
        core.next_turn().await;
    }
    full
}

#[test]
fn many_messages_of_two_cores_arrive_once_and_in_order() {
    const MESSAGES: u64 = 20_000;
    let (sender, mut receiver) = mailbox(16).unwrap();
    let senders: Vec<_> = (0..2)
        .map(|number| {
            let sender = sender.clone();
            start_core("sender", move |core| async move {
                for message in 0..MESSAGES {
                    send(&core, &sender, (number, message)).await;
                }
            })
        })
        .collect();
    on_ring(limits(), |core| async move {
        let mut next = [0; 2];
        while next != [MESSAGES; 2] {
            let (number, message) = receiver.receive(&core).await.unwrap();
            assert_eq!(message, next[number]);
            next[number] += 1;
        }
    });
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[test]
fn a_full_mailbox_gives_the_message_back() {
    let (sender, mut receiver) = mailbox(2).unwrap();
    assert_eq!((sender.send(1), sender.send(2), sender.send(3)), (Ok(()), Ok(()), Err(3)));
    on_ring(limits(), |core| async move {
        assert_eq!(receiver.receive(&core).await, Ok(1));
        assert_eq!(sender.send(4), Ok(()));
        assert_eq!(receiver.receive(&core).await, Ok(2));
        assert_eq!(receiver.receive(&core).await, Ok(4));
    });
}

async fn play(core: Core, to: Sender<u32>, mut from: Receiver<u32>, serve: bool) {
    if serve {
        to.send(0).unwrap();
    }
    loop {
        let ball = from.receive(&core).await.unwrap();
        if ball < 2000 {
            to.send(ball + 1).unwrap();
        }
        if ball >= 1999 {
            break;
        }
    }
}

/// Each side sleeps while the other thinks: every message has to wake its receiver.
#[test]
fn a_sleeping_receiver_is_woken_by_every_message() {
    let ((to_ours, ours), (to_theirs, theirs)) = (mailbox(1).unwrap(), mailbox(1).unwrap());
    let other = start_core("other", move |core| play(core, to_ours, theirs, false));
    on_ring(limits(), |core| play(core, to_theirs, ours, true));
    other.join().unwrap();
}

/// A receive that was given up must not eat the wake of the next one.
#[test]
fn a_receive_that_was_given_up_does_not_eat_the_next_wake() {
    let (sender, mut receiver) = mailbox(4).unwrap();
    on_ring(limits(), |core| async move {
        for round in 0..100 {
            let soon_ns = core.now_ns() + round % 3 * 10_000;
            assert!(core.until(soon_ns, receiver.receive(&core)).await.is_none());
            let (core_of_sender, sender) = (core.clone(), sender.clone());
            core.spawn("sender", async move {
                for _ in 0..round % 4 {
                    core_of_sender.next_turn().await;
                }
                sender.send(round).unwrap();
            });
            assert_eq!(receiver.receive(&core).await, Ok(round));
        }
    });
}

#[test]
fn a_core_runs_on_its_cpu_under_its_name() {
    let cpu = *cpus_available().last().unwrap();
    let (tell, told) = mpsc::channel();
    let core = start(plan("engine-7", Some(cpu)), move |core| async move {
        core.next_turn().await;
        let set = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let cpus: Vec<_> = cpus_available().into_iter().filter(|&cpu| set.is_set(cpu).unwrap()).collect();
        tell.send((std::thread::current().name().unwrap().to_owned(), cpus)).unwrap();
    })
    .unwrap();
    core.join().unwrap();
    assert_eq!(told.recv().unwrap(), ("engine-7".to_owned(), vec![cpu]));
}

#[test]
fn a_core_that_cannot_start_says_why_and_blames_no_kernel_for_its_limits() {
    // No kernel gives a ring of that many submissions.
    let plan = CorePlan { limits: Limits { submissions: 1 << 30, ..limits() }, ..plan("too large", None) };
    let refused: Result<_, Unsupported> = start(plan, |_core| async {});
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Unsupported::Limits(_)), "{refused}");
    assert!(!refused.to_string().contains('\n'), "one line");
}

#[test]
fn a_gate_lets_the_last_one_out() {
    on_ring(limits(), |core| async move {
        let gate = spindle_core::gate::Gate::new(&core);
        let left = Rc::new(Cell::new(0));
        for turns in 1..=5 {
            let (pass, left, core) = (gate.enter().unwrap(), Rc::clone(&left), core.clone());
            core.clone().spawn("guest", async move {
                for _ in 0..turns {
                    core.next_turn().await;
                }
                left.set(left.get() + 1);
                drop(pass);
            });
        }
        gate.close();
        assert!(gate.enter().is_none());
        gate.emptied().await;
        assert_eq!((left.get(), gate.inside()), (5, 0));
        gate.emptied().await;
        // Nobody waits: waking the task that did is nothing.
        core.wake(core.current_task());
        woken().await;
        turns_until(&core, || core.tasks() == 1).await;
    });
}
