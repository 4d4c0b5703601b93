//! One connection: requests out as they are given to it, answers in, in order.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use spindle_core::{Core, Descriptor};
use spindle_net::connection::Connection;
use spindle_net::input::Input;

use super::cache::{Heard, KEY_BYTES, Said, hear, write_key};
use super::class::{Asked, Class, Flying};
use super::record::Trouble;
use crate::describe::{Fault, Part, check};

/// Runs until the connection ends, or the core does.
pub(super) async fn converse(core: &Core, class: &Rc<RefCell<Class>>, index: usize, socket: Descriptor) {
    let mut lane = LaneFlow {
        core,
        class,
        index,
        connection: Connection::new(core, socket),
        input: Input::default(),
        bytes_min: 0,
        is_blocked: false,
    };
    class.borrow_mut().lanes[index].task = Some(core.current_task());
    let trouble = poll_fn(|context| lane.poll(context)).await;
    class.borrow_mut().ended(index, core.read_clock_ns(), trouble);
}

struct LaneFlow<'a> {
    core: &'a Core,
    class: &'a RefCell<Class>,
    index: usize,
    connection: Connection,
    input: Input,
    /// Fewer bytes of input hold no whole answer.
    bytes_min: usize,
    /// The server does not read what was sent before.
    is_blocked: bool,
}

impl LaneFlow<'_> {
    /// Goes on as far as it can; ready when the connection is no good any more.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Trouble> {
        loop {
            let sent = self.connection.poll_sent(context);
            if let Poll::Ready(Err(_)) = sent {
                return Poll::Ready(Trouble::Broken);
            }
            let was_blocked = std::mem::replace(&mut self.is_blocked, sent.is_pending());
            let posted = sent.is_ready() && self.post(was_blocked);
            let received = self.connection.poll_receive(&mut self.input, context);
            match received {
                Poll::Ready(Ok(())) => {
                    if let Err(trouble) = self.take_answers() {
                        return Poll::Ready(trouble);
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Trouble::Broken),
                Poll::Pending if posted => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Hands the outbox to the kernel; false when there is nothing in it. Who waited for a blocked connection had no place
    /// on it before now.
    fn post(&mut self, was_blocked: bool) -> bool {
        let mut class = self.class.borrow_mut();
        let lane = &mut class.lanes[self.index];
        if lane.outbox.is_empty() {
            return false;
        }
        let mut parcel = self.core.parcel();
        std::mem::swap(&mut parcel.bytes, &mut lane.outbox);
        let sent_ns = self.core.read_clock_ns();
        let unsent = std::mem::take(&mut lane.unsent);
        let now_ns = if was_blocked { self.core.now_ns() } else { 0 };
        for flying in lane.flying.iter_mut().rev().take(unsent) {
            flying.moments.placed_ns = flying.moments.placed_ns.max(now_ns);
            flying.moments.sent_ns = sent_ns;
        }
        // An end is met by the next receive.
        let _ = self.connection.post(parcel);
        true
    }

    /// Takes whole answers from the input.
    fn take_answers(&mut self) -> Result<(), Trouble> {
        // When this turn's answers were taken from the kernel: what checking those before costs is not the server's time.
        let done_ns = self.core.now_ns();
        let mut class = self.class.borrow_mut();
        let mut at = 0;
        while self.input.bytes().len() - at >= self.bytes_min.max(1) {
            let input = &self.input.bytes()[at..];
            let lane = &class.lanes[self.index];
            // An answer to nothing, or to what was not sent yet.
            let sent = lane.flying.len() > lane.unsent;
            let Some(flying) = lane.flying.front().copied().filter(|_| sent) else { return Err(Trouble::Malformed) };
            let (said, consumed) = match hear(input, matches!(flying.asked, Asked::Get { .. })) {
                Heard::Answer { said, consumed } => (said, consumed),
                Heard::Incomplete { bytes_min } => {
                    self.bytes_min = bytes_min;
                    break;
                }
                Heard::Malformed => return Err(Trouble::Malformed),
            };
            self.bytes_min = 0;
            class.lanes[self.index].flying.pop_front();
            match judge(&class, &flying, said) {
                Ok(fault) => class.answered(self.core, self.index, &flying, done_ns, fault),
                Err(trouble) => class.failed(self.core, self.index, &flying, done_ns, trouble),
            }
            at += consumed;
        }
        self.input.consume(at);
        Ok(())
    }
}

/// Whether the answer is true; an error if it is none.
fn judge(class: &Class, flying: &Flying, said: Said<'_>) -> Result<Option<Fault>, Trouble> {
    match (flying.asked, said) {
        (_, Said::Refused | Said::NotStored) => Err(Trouble::Refused),
        (Asked::Get { sent, .. }, Said::Nothing) => Ok(class.ledger.absence(sent).err()),
        (Asked::Get { key, sent, checked }, Said::Value { key: echoed, data }) => {
            let expected = class.objects.object(key, 0);
            if let Some(echoed) = echoed {
                let mut name = Vec::with_capacity(KEY_BYTES);
                write_key(&mut name, key);
                if echoed != name {
                    let other = std::str::from_utf8(echoed).ok().and_then(|name| name.get(1..)?.parse().ok());
                    return Ok(Some(Fault::Swapped { key: other.unwrap_or(u64::MAX), seed: expected.seed }));
                }
            }
            if data.len() as u64 != expected.length {
                return Ok(Some(Fault::Length { expected: expected.length, got: data.len() as u64 }));
            }
            Ok(if checked { check(&expected, Part::Whole, data, class.ledger.known(sent)).err() } else { None })
        }
        _ => Ok(None),
    }
}
