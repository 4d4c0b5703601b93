//! A client that follows its script in its own manner, and compares every byte that it is sent.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use spindle_core::simulator::{Peer, Random, Step, Wire};

use super::script::Script;

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Sends and reads as fast as it can, and quits.
    Prompt,
    /// Sends a few bytes at a time.
    Trickling,
    /// Reads a few bytes at a time through a small window.
    SlowReader,
    /// Resets the connection somewhere in the middle.
    Vanishing,
    /// Half-closes after its last request and reads to the end.
    HalfClosing,
    /// Stops reading altogether, then resets.
    NeverReading,
}

impl Manner {
    pub(crate) fn random(random: &mut Random) -> Manner {
        match random.below(12) {
            0..=4 => Manner::Prompt,
            5..=6 => Manner::Trickling,
            7..=8 => Manner::SlowReader,
            9 => Manner::Vanishing,
            10 => Manner::HalfClosing,
            _ => Manner::NeverReading,
        }
    }
}

pub(crate) struct ScriptedClient {
    number: usize,
    manner: Manner,
    to_send: Vec<u8>,
    sent: usize,
    expected: Vec<u8>,
    heard: usize,
    finished: bool,
    /// Steps until a client that never reads gives up, or a vanishing one vanishes.
    patience: usize,
    failures: Rc<RefCell<Vec<String>>>,
    left: Rc<Cell<usize>>,
}

impl ScriptedClient {
    pub(crate) fn new(
        number: usize,
        script: Script,
        manner: Manner,
        failures: Rc<RefCell<Vec<String>>>,
        left: Rc<Cell<usize>>,
    ) -> ScriptedClient {
        let mut to_send: Vec<u8> = script.steps.iter().flat_map(|(request, _)| request).copied().collect();
        let expected = script.steps.iter().flat_map(|(_, reply)| reply).copied().collect();
        if manner != Manner::HalfClosing {
            to_send.extend_from_slice(b"quit\r\n");
        }
        ScriptedClient {
            number,
            manner,
            to_send,
            sent: 0,
            expected,
            heard: 0,
            finished: false,
            patience: 40,
            failures,
            left,
        }
    }

    /// Ends, and closes the client's end.
    fn done(&mut self, wire: &mut Wire<'_>, failure: Option<String>) -> Step {
        wire.finish();
        if let Some(failure) = failure {
            self.failures.borrow_mut().push(format!("client {} ({:?}): {failure}", self.number, self.manner));
        }
        self.left.set(self.left.get() - 1);
        Step::Done
    }

    /// Sends the next piece; true when something was sent.
    fn send(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> bool {
        let left = self.to_send.len() - self.sent;
        // What the server has not taken in yet bounds what is sent: a socket's buffer.
        let room = (256 * 1024usize).saturating_sub(wire.unread_by_server());
        let most = if self.manner == Manner::Trickling { 1500 } else { 200_000 };
        let count = left.min(room).min(random.between(1, most));
        wire.send(&self.to_send[self.sent..self.sent + count]);
        self.sent += count;
        if self.sent == self.to_send.len() && self.manner == Manner::HalfClosing && !self.finished {
            self.finished = true;
            wire.finish();
        }
        count > 0
    }

    /// Compares what has arrived; what is wrong with it.
    fn hear(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Result<bool, String> {
        let limit = if self.manner == Manner::SlowReader { random.between(1, 2000) } else { usize::MAX };
        let heard = wire.receive(limit);
        let expected = self.expected.get(self.heard..self.heard + heard.len());
        if expected != Some(&heard[..]) {
            let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
            let at = self.expected.get(self.heard..).unwrap_or_default();
            let same = at.iter().zip(&heard).take_while(|(one, other)| one == other).count();
            let (at, heard) = (&at[same.saturating_sub(40)..], &heard[same.saturating_sub(40)..]);
            return Err(format!("at byte {}: heard {:?}, expected {:?}", self.heard, shown(heard), shown(at)));
        }
        self.heard += heard.len();
        Ok(!heard.is_empty())
    }
}

/// No script takes that long: who is still at it waits for something that does not come.
const STUCK_NS: u64 = 60_000_000_000;

impl Peer for ScriptedClient {
    fn step(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Step {
        if wire.now_ns > STUCK_NS {
            let (sent, heard) = (self.to_send.len() - self.sent, self.expected.len() - self.heard);
            let unread = wire.unread_by_server();
            return self.done(wire, Some(format!("stuck: {sent} to send, {unread} unread, {heard} to hear")));
        }
        if matches!(self.manner, Manner::Vanishing | Manner::NeverReading) {
            wire.set_window(if self.manner == Manner::Vanishing { 64 * 1024 } else { 100 });
            self.patience -= 1;
            let tired = self.patience == 0 || self.manner == Manner::Vanishing && random.chance(10);
            if tired {
                wire.reset();
                return self.done(wire, None);
            }
            self.send(wire, random);
            // Time passes for those who wait for nothing but time.
            return Step::Moved;
        }
        if self.manner == Manner::SlowReader {
            wire.set_window(3000);
        }
        let moved = self.send(wire, random);
        match self.hear(wire, random) {
            Err(failure) => return self.done(wire, Some(failure)),
            Ok(true) => return Step::Moved,
            Ok(false) => {}
        }
        if wire.server_closed() {
            let missing = self.expected.len() - self.heard;
            return self.done(wire, (missing > 0).then(|| format!("closed with {missing} bytes unsaid")));
        }
        if moved { Step::Moved } else { Step::Idle }
    }
}
