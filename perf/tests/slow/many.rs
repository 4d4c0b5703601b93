//! Thousands at once.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use nix::sys::socket::{Backlog, listen};
use spindle_core::flight::Arrived;
use spindle_core::gate::Gate;
use spindle_core::{Core, Op};
use spindle_net::connection::Connection;
use spindle_net::input::Input;
use spindle_perf::describe::{Known, Object, Part, check};
use spindle_perf::slow::{Behaviour, SlowPlan};

use crate::{http_up, measure, on_a_core, plan, rate};

/// Takes `count` uploads of `length`, answers when all are whole, and says how many were right.
async fn take_uploads(core: Core, listener: TcpListener, count: usize, length: u64) -> usize {
    let taken: Rc<RefCell<Vec<Connection>>> = Rc::default();
    let right = Rc::new(Cell::new(0));
    let (gate, listener) = (Gate::new(&core), Rc::new(listener.into()));
    let mut accepting = core.launch(Op::Accept { listener });
    for _ in 0..count {
        let Arrived::Descriptor(socket) = (&mut accepting).await.arrived else { panic!() };
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
    // Room for all of them, were the server not to run for a while: the usual 128 would be overrun, and some reset.
    listen(&listener, Backlog::new(CLIENTS as i32).unwrap()).unwrap();
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
