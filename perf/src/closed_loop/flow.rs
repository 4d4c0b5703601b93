//! One connection: a batch out, its answers in, and again.

use std::cell::Cell;

use spindle_core::{Core, Descriptor};
use spindle_net::connection::Connection;
use spindle_net::input::Input;

use super::Class;
use super::batch::Batch;
use super::keys::Chooser;
use super::scan::{ReplyScan, Scanned};
use super::tally::Tally;

/// What is done with a batch that is answered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    WarmUp,
    Measured,
    /// Nothing new is sent.
    Over,
}

/// What the connections of a class share.
pub(super) struct ClassRun {
    depth: usize,
    batch: Batch,
    scan: ReplyScan,
    chooser: Chooser,
    pub(super) tally: Tally,
}

impl ClassRun {
    pub(super) fn new(class: &Class) -> ClassRun {
        ClassRun {
            depth: class.depth,
            batch: Batch::new(class.work, class.keys, class.depth),
            scan: ReplyScan::new(class.work),
            chooser: Chooser::new(class.keys.order),
            tally: Tally::new(),
        }
    }
}

/// Why a connection stopped before the load was over.
enum Stopped {
    Broken,
    Malformed,
}

/// Runs until the load is over or the class is spent.
pub(super) async fn converse(core: &Core, phase: &Cell<Phase>, class: &ClassRun, socket: Descriptor) {
    match exchange(core, phase, class, socket).await {
        Ok(()) => {}
        Err(Stopped::Broken) => class.tally.broken(),
        Err(Stopped::Malformed) => class.tally.malformed(),
    }
}

async fn exchange(core: &Core, phase: &Cell<Phase>, class: &ClassRun, socket: Descriptor) -> Result<(), Stopped> {
    let mut connection = Connection::new(core, socket);
    let mut input = Input::default();
    let mut sent_ns = core.read_clock_ns();
    while phase.get() != Phase::Over {
        let requests = class.chooser.left(class.depth);
        if requests == 0 {
            break;
        }
        let mut parcel = core.parcel();
        class.batch.write(&mut parcel.bytes, requests, || class.chooser.draw());
        class.tally.asked(requests);
        connection.send(parcel, &mut input).await.map_err(|_| Stopped::Broken)?;
        let mut answers = 0;
        while answers < requests {
            connection.receive(&mut input).await.map_err(|_| Stopped::Broken)?;
            answers += take_answers(class, &mut input, requests - answers)?;
        }
        let answered_ns = core.read_clock_ns();
        if phase.get() == Phase::Measured {
            class.tally.measured(requests, answered_ns - sent_ns);
        }
        sent_ns = answered_ns;
    }
    Ok(())
}

/// Takes whole answers from the input, `awaited` at most.
#[inline]
fn take_answers(class: &ClassRun, input: &mut Input, awaited: usize) -> Result<usize, Stopped> {
    let bytes = input.bytes();
    let (mut at, mut answers) = (0, 0);
    while answers < awaited && at < bytes.len() {
        match class.scan.scan(&bytes[at..]) {
            Scanned::Answer { verdict, consumed } => {
                class.tally.answered(verdict);
                at += consumed;
                answers += 1;
            }
            Scanned::Incomplete => break,
            Scanned::Malformed => return Err(Stopped::Malformed),
        }
    }
    // What comes after the last answer was never asked for.
    if answers == awaited && at < bytes.len() {
        return Err(Stopped::Malformed);
    }
    input.consume(at);
    Ok(answers)
}
