//! Runs that are no matter of chance: each forces one thing, step by step, under a kernel that is late now and then.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use spindle_appliance::service::proxy::shared::{ProxyCore, ProxyService};
use spindle_appliance::service::proxy::start::accept_on;
use spindle_appliance::settings::decided::ProxySettings;
use spindle_core::counters::CoreCounters;
use spindle_core::gate::Gate;
use spindle_core::simulator::{Faults, Peer, Random, SimulatedKernel, Step, Wire, World};
use spindle_core::stall::StallReport;
use spindle_core::{Core, Limits};

use crate::{SECOND_NS, address};

/// A peer that does what a test says.
struct Acting<F>(F);

impl<F: FnMut(&mut Wire<'_>) -> Step> Peer for Acting<F> {
    fn step(&mut self, wire: &mut Wire<'_>, _: &mut Random) -> Step {
        (self.0)(wire)
    }
}

/// What is heard at one end, for the test to see.
type Heard = Rc<RefCell<Vec<u8>>>;

fn text(heard: &Heard) -> String {
    String::from_utf8_lossy(&heard.borrow()).into_owned()
}

/// What a client does in a step.
type Client = Box<dyn FnMut(&mut Wire<'_>) -> Step>;

/// Runs clients, and a backend that is made anew for each connection; the first is number 0.
fn run(
    seed: u64,
    backend_connections_max: u32,
    clients: Vec<Client>,
    mut backend: impl FnMut(usize) -> Box<dyn Peer> + 'static,
) {
    let settings = ProxySettings {
        listen: Vec::new(),
        backends: vec![address(0)],
        connections_max: 10,
        cores: 1,
        backlog: 1,
        idle_timeout_seconds: 4,
        backend_connections_max,
        backend_timeout_seconds: 6,
    };
    let world = World::new(seed, Faults { late: 20, ..Faults::default() });
    let limits = Limits { receive_buffers: 32, receive_buffer_bytes: 4096, ..Limits::default() };
    let kernel = SimulatedKernel::new(&world, &limits).unwrap();
    let core = Core::new(Box::new(kernel), limits, Arc::new(CoreCounters::default()), StallReport::Count);
    let shared = ProxyCore::new(&core, &ProxyService::new(&settings));
    let listener = Rc::new(world.listen());
    let mut connections = 0..;
    world.serve(address(0), Box::new(move |_| connections.next().map(&mut backend)));
    let clients_left = Rc::new(Cell::new(clients.len()));
    for mut client in clients {
        let left = Rc::clone(&clients_left);
        let acting = move |wire: &mut Wire<'_>| {
            let step = client(wire);
            left.set(left.get() - usize::from(step == Step::Done));
            step
        };
        world.connect(&listener, Box::new(Acting(acting)));
    }
    let handle = core.clone();
    core.run(async move {
        let gate = Gate::new(&handle);
        accept_on(&shared, &gate, listener);
        while gate.inside() > 0 || clients_left.get() > 0 {
            handle.sleep_until(next_look_ns(handle.now_ns())).await;
            assert!(handle.now_ns() < 60 * SECOND_NS, "seed {seed}: the conversation does not end");
        }
    });
    assert_eq!(world.descriptors_open(), 0);
}

/// Peers move when somebody looks at the time: finely where a test is about moments.
fn next_look_ns(now_ns: u64) -> u64 {
    let (from_ns, to_ns) = (5 * SECOND_NS - SECOND_NS / 1000, 5 * SECOND_NS + SECOND_NS / 1000);
    match now_ns {
        _ if now_ns < from_ns => from_ns.min(now_ns + SECOND_NS / 10),
        _ if now_ns < to_ns => now_ns + 20_000,
        _ => now_ns + SECOND_NS / 10,
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// How far the proxy has come with the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Nothing,
    /// The first parcel is on its way.
    First,
    /// All of the body is read.
    All,
}

/// The first connection answers before it has read the body, and reads on only then; those after it answer at once.
fn early(connection: usize, heard: Heard, stage: Rc<Cell<Stage>>) -> impl FnMut(&mut Wire<'_>) -> Step {
    let (head, body) = ANSWER.split_at(ANSWER.len() - 5);
    let (mut said, mut pause) = (0, 200);
    move |wire| {
        if connection > 0 {
            let bytes = wire.receive(usize::MAX);
            heard.borrow_mut().extend(&bytes);
            if bytes.ends_with(b"\r\n\r\n") {
                wire.send(ANSWER);
            }
            return if bytes.is_empty() { Step::Idle } else { Step::Moved };
        }
        match said {
            0 => {
                wire.set_window(1000);
                if stage.get() == Stage::Nothing {
                    heard.borrow_mut().extend(wire.receive(1));
                    stage.set(if heard.borrow().is_empty() { Stage::Nothing } else { Stage::First });
                }
                if stage.get() == Stage::All {
                    pause -= 1;
                    if pause == 0 {
                        wire.send(head);
                        said = head.len();
                    }
                    return Step::Moved;
                }
                Step::Idle
            }
            // The proxy has understood that this is the answer; now the parcel that was being sent gets through.
            _ if wire.unread_by_server() > 0 => Step::Idle,
            _ => {
                wire.set_window(1 << 20);
                let bytes = wire.receive(usize::MAX);
                heard.borrow_mut().extend(&bytes);
                pause = if bytes.is_empty() { pause + 1 } else { 0 };
                if said == head.len() && pause > 200 {
                    wire.send(body);
                    said = ANSWER.len();
                }
                if wire.server_closed() && bytes.is_empty() {
                    return Step::Done;
                }
                if said == head.len() || !bytes.is_empty() { Step::Moved } else { Step::Idle }
            }
        }
    }
}

#[test]
fn an_early_answer_while_the_last_of_the_body_waits_does_not_let_the_connection_be_used_again() {
    const BODY_BYTES: usize = 4000;
    for seed in 0..20 {
        let (answers, stage) = (Heard::default(), Rc::<Cell<Stage>>::default());
        let backends: [Heard; 3] = Default::default();
        let head = format!("POST /first HTTP/1.1\r\nHost: h\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
        let half = vec![b'x'; BODY_BYTES / 2];
        let first = [head.as_bytes(), &half].concat();
        let (heard, read, mut asked) = (Rc::clone(&answers), Rc::clone(&stage), 0);
        let client = move |wire: &mut Wire<'_>| {
            let bytes = wire.receive(usize::MAX);
            heard.borrow_mut().extend(&bytes);
            let answered = text(&heard).matches("hello").count();
            match asked {
                0 => wire.send(&first),
                1 if read.get() == Stage::First => wire.send(&half),
                2 if answered == 1 => wire.send(b"GET /second HTTP/1.1\r\nHost: h\r\n\r\n"),
                3 if answered == 2 => wire.finish(),
                _ => {
                    if asked == 2 && wire.unread_by_server() == 0 {
                        read.set(Stage::All);
                    }
                    return if wire.server_closed() && bytes.is_empty() { Step::Done } else { Step::Idle };
                }
            }
            asked += 1;
            Step::Moved
        };
        let heard = backends.clone();
        run(seed, 8, vec![Box::new(client)], move |connection| {
            Box::new(Acting(early(connection, Rc::clone(&heard[connection]), Rc::clone(&stage))))
        });
        let [first, second, third] = backends.each_ref().map(text);
        assert!(first.starts_with("POST /first ") && first.len() < BODY_BYTES, "the last of the body never waited");
        assert!(!first.contains("/second"), "seed {seed}: the next request came in the place of the body's rest");
        assert!(second.starts_with("GET /second ") && third.is_empty(), "seed {seed}: {second:?}");
        assert_eq!(text(&answers).matches("hello").count(), 2, "seed {seed}");
    }
}

#[test]
fn what_comes_of_a_body_while_the_backend_makes_us_wait_is_passed_on() {
    for seed in 0..50 {
        let (answers, stage) = (Heard::default(), Rc::<Cell<Stage>>::default());
        let (heard, read, mut sent) = (Rc::clone(&answers), Rc::clone(&stage), 0);
        let client = move |wire: &mut Wire<'_>| {
            heard.borrow_mut().extend(wire.receive(usize::MAX));
            match sent {
                0 => wire.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n"),
                1 if read.get() == Stage::First => wire.send(b"abc"),
                // The proxy has just received that, and is about to wait for the parcel before.
                2 if wire.unread_by_server() == 0 => {
                    wire.send(b"def");
                    read.set(Stage::All);
                }
                3 if text(&heard).ends_with("hello") => wire.finish(),
                _ => return if wire.server_closed() { Step::Done } else { Step::Idle },
            }
            sent += 1;
            Step::Moved
        };
        run(seed, 8, vec![Box::new(client)], move |_| {
            let (mut heard, mut answered, stage) = (Vec::new(), false, Rc::clone(&stage));
            Box::new(Acting(move |wire: &mut Wire<'_>| {
                wire.set_window(if stage.get() == Stage::All { 100 } else { 10 });
                let bytes = wire.receive(match stage.get() {
                    Stage::Nothing => 1,
                    Stage::First => 0,
                    Stage::All => 10,
                });
                heard.extend(&bytes);
                if stage.get() == Stage::Nothing && !heard.is_empty() {
                    stage.set(Stage::First);
                }
                if !answered && heard.ends_with(b"abcdef") {
                    answered = true;
                    wire.send(ANSWER);
                }
                if bytes.is_empty() { Step::Idle } else { Step::Moved }
            }))
        });
        assert!(text(&answers).ends_with("hello"), "seed {seed}: {:?}", text(&answers));
    }
}

/// What a client does that does not get all of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    /// It has finished its stream, and listens on.
    Finished,
    /// It takes nothing for longer than it may, and then goes on.
    Asleep,
}

#[test]
fn an_answer_that_ends_with_its_connection_is_broken_off_where_it_cannot_be_given_to_its_end() {
    for (seed, listener) in
        [(0, Listener::Finished), (1, Listener::Asleep), (2, Listener::Finished), (3, Listener::Asleep)]
    {
        let (answers, was_aborted) = (Heard::default(), Rc::new(Cell::new(false)));
        let (heard, aborted, mut asked) = (Rc::clone(&answers), Rc::clone(&was_aborted), false);
        let client = move |wire: &mut Wire<'_>| {
            wire.set_window(1000);
            if !asked {
                asked = true;
                wire.send(b"GET / HTTP/1.0\r\n\r\n");
                return Step::Moved;
            }
            if listener == Listener::Asleep && wire.now_ns < 10 * SECOND_NS {
                return Step::Idle;
            }
            let bytes = wire.receive(usize::MAX);
            heard.borrow_mut().extend(&bytes);
            if listener == Listener::Finished && !bytes.is_empty() {
                wire.finish();
            }
            aborted.set(wire.server_aborted());
            match (bytes.is_empty(), wire.server_closed()) {
                (true, true) => Step::Done,
                (true, false) => Step::Idle,
                (false, _) => Step::Moved,
            }
        };
        run(seed, 8, vec![Box::new(client)], move |_| {
            let (mut said, bytes) = (0, if listener == Listener::Asleep { 5000 } else { 500 });
            Box::new(Acting(move |wire: &mut Wire<'_>| {
                let moved = wire.receive(usize::MAX);
                if !moved.is_empty() {
                    said += 1;
                    wire.send(b"HTTP/1.1 200 OK\r\n\r\n");
                    wire.send(&vec![b'x'; bytes]);
                }
                // Who has finished is waiting for more.
                if said == 1 && listener == Listener::Asleep {
                    said += 1;
                    wire.finish();
                }
                if moved.is_empty() { Step::Idle } else { Step::Moved }
            }))
        });
        assert!(was_aborted.get(), "{listener:?}: {:?}", text(&answers));
    }
}

#[test]
fn what_came_of_an_answer_before_its_backend_fell_silent_reaches_a_client_that_is_slower_still() {
    // What comes in one piece is passed on in one, and the client is not waited for before the next.
    const LENGTH: usize = 3000;
    for seed in 0..20 {
        let answers = Heard::default();
        let (heard, mut asked) = (Rc::clone(&answers), false);
        let client = move |wire: &mut Wire<'_>| {
            wire.set_window(1000);
            if !std::mem::replace(&mut asked, true) {
                wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
                return Step::Moved;
            }
            // The backend has been given up by now.
            let bytes = if wire.now_ns < 8 * SECOND_NS { Vec::new() } else { wire.receive(300) };
            heard.borrow_mut().extend(&bytes);
            match (bytes.is_empty(), wire.server_closed()) {
                (true, true) if wire.now_ns > 8 * SECOND_NS => Step::Done,
                (true, _) => Step::Idle,
                (false, _) => Step::Moved,
            }
        };
        run(seed, 8, vec![Box::new(client)], move |_| {
            Box::new(Acting(move |wire: &mut Wire<'_>| {
                let moved = wire.receive(usize::MAX);
                if !moved.is_empty() {
                    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n");
                    wire.send(&[b'x'; LENGTH]);
                }
                if moved.is_empty() { Step::Idle } else { Step::Moved }
            }))
        });
        let passed_on = answers.borrow().iter().rev().take_while(|byte| **byte == b'x').count();
        assert_eq!(passed_on, LENGTH, "seed {seed}: {} bytes in all", answers.borrow().len());
    }
}

/// Says one thing, and hears all that comes.
fn asking(request: &'static [u8], heard: &Heard) -> Client {
    let (heard, mut asked) = (Rc::clone(heard), false);
    Box::new(move |wire| {
        if !std::mem::replace(&mut asked, true) {
            wire.send(request);
        }
        let bytes = wire.receive(usize::MAX);
        heard.borrow_mut().extend(&bytes);
        match (bytes.is_empty(), wire.server_closed()) {
            (true, true) => Step::Done,
            (true, false) => Step::Idle,
            (false, _) => Step::Moved,
        }
    })
}

#[test]
fn what_the_wait_for_room_took_is_not_held_against_a_backend() {
    let mut answered = 0;
    for seed in 0..40 {
        let answers: [Heard; 2] = Default::default();
        let clients =
            answers.each_ref().map(|heard| asking(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", heard));
        // The one connection that there may be is free again when the second request has waited almost as long as it may.
        let due_ns = 5 * SECOND_NS + seed * 5_000;
        run(seed, 1, clients.into(), move |connection| {
            let (mut heard, mut said) = (Vec::new(), false);
            Box::new(Acting(move |wire: &mut Wire<'_>| {
                heard.extend(wire.receive(usize::MAX));
                if said || heard.is_empty() {
                    return if wire.server_closed() { Step::Done } else { Step::Idle };
                }
                if connection > 0 || wire.now_ns >= due_ns {
                    said = true;
                    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
                }
                Step::Idle
            }))
        });
        let statuses = answers.each_ref().map(|heard| text(heard).get(9..12).unwrap_or_default().to_owned());
        // Or it came too late.
        let is_late = statuses.contains(&"503".to_owned());
        assert!(is_late || statuses == ["200", "200"], "seed {seed}: {statuses:?}");
        answered += usize::from(!is_late);
    }
    assert!(answered > 5, "it always came too late");
}
