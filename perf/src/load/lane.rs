//! One connection after the other: requests out as they are given to it, answers in, in order.
//!
//! ```text
//! breath   how long to wait between two of them
//! ```

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use spindle_core::{Core, Descriptor};
use spindle_net::connection::{Connection, End};
use spindle_net::dial::dial;
use spindle_net::input::Input;

use super::class::{Class, Over};
use super::record::Trouble;
use super::work::{HangUp, Heard, Then, Work, Written};
use breath::{Breath, Worth};

mod breath;

/// Written before it is handed to the kernel, about: the core's pool keeps buffers of this size.
const PARCEL_BYTES: usize = 192 * 1024;

/// Runs until no other connection can be had, or the core ends.
pub(super) async fn converse<W: Work>(
    core: &Core,
    class: &Rc<RefCell<Class<W>>>,
    index: usize,
    mut socket: Descriptor,
) {
    class.borrow_mut().lanes[index].task = Some(core.current_task());
    let mut breath = Breath::new();
    loop {
        let begin_ns = core.now_ns();
        let mut lane = LaneFlow {
            core,
            class,
            index,
            connection: Connection::new(core, socket),
            input: Input::default(),
            bytes_min: 0,
            answers: 0,
            in_answer: false,
            sending: Sending::Free,
        };
        let over = poll_fn(|context| lane.poll(context)).await;
        let worth = Worth::of(lane.answers, matches!(over, Over::Trouble(_)), core.now_ns() - begin_ns);
        drop(lane);
        class.borrow_mut().retire(core, index, core.now_ns(), over);
        let breath_ns = breath.after(worth);
        if breath_ns > 0 {
            core.sleep_until(core.now_ns() + breath_ns).await;
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

/// Whether the server takes what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Free,
    /// It does not read what was sent before.
    Blocked,
    /// It has stopped reading, and may have said why: that is heard to its end.
    CutOff,
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
    sending: Sending,
}

impl<W: Work> LaneFlow<'_, W> {
    /// Goes on as far as it can; ready when the connection is no good any more.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Over> {
        loop {
            let before = self.sending;
            self.sending = match self.connection.poll_sent(context) {
                Poll::Ready(Err(End::Refused)) => return Poll::Ready(self.hung_up()),
                Poll::Ready(Err(_)) => Sending::CutOff,
                Poll::Ready(Ok(())) if before == Sending::CutOff => Sending::CutOff,
                Poll::Ready(Ok(())) => Sending::Free,
                Poll::Pending => Sending::Blocked,
            };
            let posted = self.sending == Sending::Free && self.post(before);
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

    /// Writes what is to be asked, and hands it to the kernel; false when there is nothing. Who waited for a connection that
    /// was blocked before had no place on it until now.
    fn post(&mut self, before: Sending) -> bool {
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
        let now_ns = if before == Sending::Blocked { self.core.now_ns() } else { 0 };
        for flying in lane.flying.range_mut(begun.start.min(begun.end)..begun.end) {
            flying.moments.placed_ns = flying.moments.placed_ns.max(now_ns);
            flying.moments.sent_ns = sent_ns;
        }
        // An end is met by the next receive.
        let _ = self.connection.post(parcel);
        true
    }

    /// Takes answers from the input as far as they are there, and has the places taken again that they leave.
    fn take_answers(&mut self) -> Result<(), Over> {
        // When this turn's answers were taken from the kernel: what checking those before costs is not the server's time.
        let done_ns = self.core.now_ns();
        let class = self.class;
        let taken = self.hear_answers(&mut class.borrow_mut(), done_ns);
        class.borrow_mut().replenish(self.core, self.index, done_ns);
        taken
    }

    fn hear_answers(&mut self, class: &mut Class<W>, done_ns: u64) -> Result<(), Over> {
        let mut at = 0;
        while self.input.bytes().len() - at >= self.bytes_min.max(1) {
            let Class { work, lanes, .. } = class;
            let lane = &mut lanes[self.index];
            let begun = lane.begun();
            let Some(flying) = lane.flying.front_mut().filter(|_| begun > 0) else {
                return Err(self.unasked());
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
            let (operation, moments) = (W::operation(&flying.asked), flying.moments);
            lane.flying.pop_front();
            let was_cut_off = lane.flying.len() < lane.unwritten;
            if was_cut_off {
                // The server did not wait for all of it, so the rest would be taken for the next request.
                (lane.unwritten, lane.written_to) = (lane.unwritten - 1, 0);
            }
            if was_cut_off || then == Then::Close {
                class.retire(self.core, self.index, done_ns, Over::Spent);
            }
            class.answered(operation, &moments, done_ns, verdict);
            if class.is_spent(self.index) {
                return Err(Over::Spent);
            }
        }
        self.input.consume(at);
        Ok(())
    }

    /// The server says something where nothing is asked. To who never asked it may be a good-bye (408: RFC 9110, 15.5.9); after
    /// an answer it is more than that answer should be.
    fn unasked(&self) -> Over {
        let is_good_bye = W::HANG_UP == HangUp::Usual && self.answers == 0;
        if is_good_bye { Over::HungUp } else { Over::Trouble(Trouble::Malformed) }
    }

    /// The server has finished its stream: the end of an answer, of its patience, or of itself.
    fn finished(&mut self) -> Over {
        let mut class = self.class.borrow_mut();
        let done_ns = self.core.now_ns();
        let Class { work, lanes, .. } = &mut *class;
        let lane = &mut lanes[self.index];
        let begun = lane.begun();
        let answered = lane.flying.front_mut().filter(|_| begun > 0).and_then(|flying| {
            let verdict = work.finished(&mut flying.asked, done_ns)?;
            Some((verdict, W::operation(&flying.asked), flying.moments))
        });
        let Some((verdict, operation, moments)) = answered else {
            drop(class);
            return self.hung_up();
        };
        self.answers += 1;
        lane.flying.pop_front();
        if lane.flying.len() < lane.unwritten {
            (lane.unwritten, lane.written_to) = (lane.unwritten - 1, 0);
        }
        class.retire(self.core, self.index, done_ns, Over::Spent);
        class.answered(operation, &moments, done_ns, verdict);
        class.replenish(self.core, self.index, done_ns);
        Over::Spent
    }

    /// The connection has ended. A server that may hang up on who is idle has not seen what it was asked at that moment,
    /// unless a part of the answer came. Nor is a connection idle whose first request was sent.
    fn hung_up(&self) -> Over {
        let was_used = self.answers > 0 || self.class.borrow().lanes[self.index].begun() == 0;
        let was_idle = W::HANG_UP == HangUp::Usual && was_used && !self.in_answer;
        if was_idle { Over::HungUp } else { Over::Trouble(Trouble::Broken) }
    }
}
