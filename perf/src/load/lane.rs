//! One connection after the other: requests out as they are given to it, answers in, in order.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use spindle_core::{Core, Descriptor};
use spindle_net::connection::{Connection, End};
use spindle_net::input::Input;

use super::class::{Class, Unanswered};
use super::record::Trouble;
use super::work::{HangUp, Heard, Then, Work, Written};
use crate::dial::dial;

/// Written before it is handed to the kernel, about: the core's pool keeps buffers of this size.
const PARCEL_BYTES: usize = 192 * 1024;

/// How long to wait before the next connection when one was broken: a server that ends each at once is not to be stormed.
const BREATH_NS: u64 = 10_000_000;

/// Runs until no other connection can be had, or the core ends.
pub(super) async fn converse<W: Work>(
    core: &Core,
    class: &Rc<RefCell<Class<W>>>,
    index: usize,
    mut socket: Descriptor,
) {
    class.borrow_mut().lanes[index].task = Some(core.current_task());
    loop {
        let mut lane = LaneFlow {
            core,
            class,
            index,
            connection: Connection::new(core, socket),
            input: Input::default(),
            bytes_min: 0,
            answers: 0,
            in_answer: false,
            is_blocked: false,
        };
        let over = poll_fn(|context| lane.poll(context)).await;
        drop(lane);
        match over {
            Over::Spent => class.borrow_mut().retire(core, index, core.now_ns(), Unanswered::All),
            Over::Trouble(trouble) => {
                class.borrow_mut().broke(core, index, core.now_ns(), trouble);
                core.sleep_until(core.now_ns() + BREATH_NS).await;
            }
        }
        let server = class.borrow().server();
        match dial(core, server).await {
            Ok(dialled) => socket = dialled,
            Err(_) => break,
        }
        class.borrow_mut().opened(core, index, core.read_clock_ns());
    }
    class.borrow_mut().ended(core, index);
}

/// Why a connection is no good any more.
enum Over {
    /// It had what it was to have, or the server wants another one: nothing is wrong.
    Spent,
    Trouble(Trouble),
}

struct LaneFlow<'a, W: Work> {
    core: &'a Core,
    class: &'a RefCell<Class<W>>,
    index: usize,
    connection: Connection,
    input: Input,
    /// Fewer bytes of input hold nothing that could be said of them.
    bytes_min: usize,
    answers: u64,
    /// A part of an answer was heard.
    in_answer: bool,
    /// The server does not read what was sent before.
    is_blocked: bool,
}

impl<W: Work> LaneFlow<'_, W> {
    /// Goes on as far as it can; ready when the connection is no good any more.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Over> {
        loop {
            let sent = self.connection.poll_sent(context);
            if let Poll::Ready(Err(_)) = sent {
                return Poll::Ready(self.hung_up());
            }
            let was_blocked = std::mem::replace(&mut self.is_blocked, sent.is_pending());
            let posted = sent.is_ready() && self.post(was_blocked);
            let received = self.connection.poll_receive(&mut self.input, context);
            match received {
                Poll::Ready(Ok(())) => {
                    if let Err(over) = self.take_answers() {
                        return Poll::Ready(over);
                    }
                }
                Poll::Ready(Err(End::Finished)) => return Poll::Ready(self.finished()),
                Poll::Ready(Err(_)) => return Poll::Ready(self.hung_up()),
                Poll::Pending if posted => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Writes what is to be asked, and hands it to the kernel; false when there is nothing. Who waited for a blocked
    /// connection had no place on it before now.
    fn post(&mut self, was_blocked: bool) -> bool {
        let mut class = self.class.borrow_mut();
        let Class { work, lanes, .. } = &mut *class;
        let lane = &mut lanes[self.index];
        if lane.unwritten == 0 {
            return false;
        }
        let mut parcel = self.core.parcel();
        let first = lane.flying.len() - lane.unwritten;
        let mut begun = first + usize::from(lane.written_to > 0)..first;
        while lane.unwritten > 0 && parcel.bytes.len() < PARCEL_BYTES {
            let at = lane.flying.len() - lane.unwritten;
            begun.end = at + 1;
            let room = PARCEL_BYTES - parcel.bytes.len();
            match work.write(&lane.flying[at].asked, lane.written_to, room, &mut parcel.bytes) {
                Written::Whole => {
                    lane.unwritten -= 1;
                    lane.written_to = 0;
                }
                Written::Part { next } => {
                    lane.written_to = next;
                    break;
                }
            }
        }
        let sent_ns = self.core.read_clock_ns();
        let now_ns = if was_blocked { self.core.now_ns() } else { 0 };
        for flying in lane.flying.range_mut(begun.start.min(begun.end)..begun.end) {
            flying.moments.placed_ns = flying.moments.placed_ns.max(now_ns);
            flying.moments.sent_ns = sent_ns;
        }
        // An end is met by the next receive.
        let _ = self.connection.post(parcel);
        true
    }

    /// Takes answers from the input as far as they are there.
    fn take_answers(&mut self) -> Result<(), Over> {
        // When this turn's answers were taken from the kernel: what checking those before costs is not the server's time.
        let done_ns = self.core.now_ns();
        let mut class = self.class.borrow_mut();
        let mut at = 0;
        while self.input.bytes().len() - at >= self.bytes_min.max(1) {
            let Class { work, lanes, .. } = &mut *class;
            let lane = &mut lanes[self.index];
            let is_begun = lane.flying.len() > lane.unwritten || lane.written_to > 0;
            // An answer to nothing, or to what was not sent yet.
            let Some(flying) = lane.flying.front_mut().filter(|_| is_begun) else {
                return Err(Over::Trouble(Trouble::Malformed));
            };
            let (consumed, verdict, then) = match work.hear(&mut flying.asked, &self.input.bytes()[at..], done_ns) {
                Heard::Answer { consumed, verdict, then } => (consumed, verdict, then),
                Heard::More { consumed, bytes_min } => {
                    at += consumed;
                    (self.bytes_min, self.in_answer) = (bytes_min, true);
                    continue;
                }
                Heard::Malformed => return Err(Over::Trouble(Trouble::Malformed)),
            };
            at += consumed;
            (self.bytes_min, self.in_answer) = (0, false);
            self.answers += 1;
            let moments = flying.moments;
            lane.flying.pop_front();
            let was_cut_off = lane.flying.len() < lane.unwritten;
            if was_cut_off {
                // The server did not wait for all of it, so the rest would be taken for the next request.
                (lane.unwritten, lane.written_to) = (lane.unwritten - 1, 0);
            }
            if was_cut_off || then == Then::Close {
                class.retire(self.core, self.index, done_ns, Unanswered::All);
            }
            class.answered(self.core, self.index, &moments, done_ns, verdict);
            if class.is_spent(self.index) {
                return Err(Over::Spent);
            }
        }
        self.input.consume(at);
        Ok(())
    }

    /// The server has finished its stream: the end of an answer, of its patience, or of itself.
    fn finished(&mut self) -> Over {
        let mut class = self.class.borrow_mut();
        let done_ns = self.core.now_ns();
        let Class { work, lanes, .. } = &mut *class;
        let lane = &mut lanes[self.index];
        let is_begun = lane.flying.len() > lane.unwritten || lane.written_to > 0;
        let answered = lane.flying.front_mut().filter(|_| is_begun).and_then(|flying| {
            let verdict = work.finished(&mut flying.asked, done_ns)?;
            Some((verdict, flying.moments))
        });
        let Some((verdict, moments)) = answered else {
            drop(class);
            return self.hung_up();
        };
        lane.flying.pop_front();
        if lane.flying.len() < lane.unwritten {
            (lane.unwritten, lane.written_to) = (lane.unwritten - 1, 0);
        }
        class.retire(self.core, self.index, done_ns, Unanswered::All);
        class.answered(self.core, self.index, &moments, done_ns, verdict);
        Over::Spent
    }

    /// The connection has ended. A server that may hang up as it likes has not seen what it was asked then, unless that was
    /// the first on this connection, or a part of the answer came.
    fn hung_up(&self) -> Over {
        let was_idle = W::HANG_UP == HangUp::Usual && self.answers > 0 && !self.in_answer;
        if was_idle { Over::Spent } else { Over::Trouble(Trouble::Broken) }
    }
}
