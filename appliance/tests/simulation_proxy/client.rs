//! A client that follows its script in its own manner, and holds every answer against what it asked.

use std::collections::VecDeque;

use spindle_core::simulator::{Peer, Random, Step, Wire};

use crate::judging::{Answer, Connection, Framed};
use crate::ledger::{Expectation, Flaw, Honesty, Request, Run, Version};
use crate::message::{Body, Reader};
use crate::script::Asked;
use crate::{IDLE_NS_MAX, SECOND_NS};

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Sends and reads as fast as it can.
    Prompt,
    /// Waits for each answer before it asks again.
    OneByOne,
    /// Sends a few bytes at a time.
    Trickling,
    /// Reads a few bytes at a time through a small window.
    SlowReader,
    /// Finishes its stream with the last request, and listens on.
    HalfClosing,
    /// Resets the connection somewhere in the middle.
    Vanishing,
    /// Stops reading altogether, then resets.
    NeverReading,
    /// Stops reading for longer than it may, then reads on.
    Dozing,
}

impl Manner {
    pub(crate) fn random(random: &mut Random) -> Manner {
        match random.below(16) {
            0..=2 => Manner::Prompt,
            3..=5 => Manner::OneByOne,
            6..=7 => Manner::Trickling,
            8..=10 => Manner::SlowReader,
            11..=12 => Manner::HalfClosing,
            13 => Manner::Vanishing,
            14 => Manner::NeverReading,
            _ => Manner::Dozing,
        }
    }

    pub(crate) fn honesty(self) -> Honesty {
        match self {
            Manner::Prompt | Manner::OneByOne | Manner::Trickling | Manner::SlowReader => Honesty::Honest,
            Manner::HalfClosing | Manner::Vanishing | Manner::NeverReading | Manner::Dozing => Honesty::Difficult,
        }
    }
}

/// No script takes that long, timeouts and all: who is still at it waits for something that does not come.
const STUCK_NS: u64 = 600 * SECOND_NS;

/// So long is an interim answer waited for.
const CONTINUE_NS: u64 = SECOND_NS;

/// The request that is being sent.
struct Sending {
    asked: Asked,
    sent: usize,
    /// When its body is sent at the latest, if it is held back.
    held_until_ns: Option<u64>,
}

pub(crate) struct ScriptedClient {
    number: usize,
    manner: Manner,
    script: VecDeque<Asked>,
    sending: Option<Sending>,
    /// Begun to be sent, and not answered.
    pending: VecDeque<Request>,
    reader: Reader,
    /// The answer whose body is next.
    answer: Option<Answer>,
    /// After the answer that said so.
    closed: bool,
    finished: bool,
    /// Steps until a client that never reads gives up, a vanishing one vanishes, or one dozes off.
    patience: usize,
    dozes_until_ns: Option<u64>,
    run: Run,
}

impl ScriptedClient {
    pub(crate) fn new(number: usize, manner: Manner, script: Vec<Asked>, run: Run) -> ScriptedClient {
        ScriptedClient {
            number,
            manner,
            script: script.into(),
            sending: None,
            pending: VecDeque::new(),
            reader: Reader::new(),
            answer: None,
            closed: false,
            finished: false,
            patience: 60,
            dozes_until_ns: None,
            run,
        }
    }

    fn done(&mut self, wire: &mut Wire<'_>, failure: Option<String>) -> Step {
        wire.finish();
        let mut run = self.run.borrow_mut();
        if let Some(failure) = failure {
            let told =
                format!("client {} ({:?}): {failure}; next {:?}", self.number, self.manner, self.pending.front());
            run.failures.push(told);
        }
        run.clients_left -= 1;
        Step::Done
    }

    /// Sends the next piece; true when something was sent.
    fn send(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> bool {
        if self.sending.is_none() && !self.closed {
            if self.manner == Manner::OneByOne && !self.pending.is_empty() {
                return false;
            }
            let Some(asked) = self.script.pop_front() else { return self.finish(wire) };
            self.pending.push_back(asked.request);
            let waits = asked.request.expectation == Expectation::Waits;
            let held_until_ns = waits.then_some(u64::MAX);
            self.sending = Some(Sending { asked, sent: 0, held_until_ns });
        }
        let Some(sending) = &mut self.sending else { return false };
        let end = match sending.held_until_ns {
            // It begins to wait when it has said so, and is the one to be answered.
            Some(u64::MAX) if sending.sent == sending.asked.head_bytes && self.pending.len() == 1 => {
                sending.held_until_ns = Some(wire.now_ns + CONTINUE_NS);
                sending.asked.head_bytes
            }
            Some(until_ns) if wire.now_ns < until_ns => sending.asked.head_bytes,
            _ => sending.asked.bytes.len(),
        };
        // What the server has not taken in yet bounds what is sent: a socket's buffer.
        let room = (256 * 1024usize).saturating_sub(wire.unread_by_server());
        let most = if self.manner == Manner::Trickling { 1500 } else { 200_000 };
        let count = (end - sending.sent).min(room).min(random.between(1, most));
        wire.send(&sending.asked.bytes[sending.sent..sending.sent + count]);
        sending.sent += count;
        if sending.sent == sending.asked.bytes.len() {
            let cut = sending.asked.request.flaw == Flaw::Cut;
            self.sending = None;
            if cut {
                self.finished = true;
                wire.finish();
            }
        }
        count > 0
    }

    /// Half-closes after the last request.
    fn finish(&mut self, wire: &mut Wire<'_>) -> bool {
        let finishes = !self.finished && (self.pending.is_empty() || self.manner == Manner::HalfClosing);
        if finishes {
            self.finished = true;
            wire.finish();
        }
        finishes
    }

    /// Takes what has arrived: whether that was anything.
    ///
    /// # Errors
    /// What is wrong with it.
    fn hear(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Result<bool, String> {
        let limit = if self.manner == Manner::SlowReader { random.between(1, 2000) } else { usize::MAX };
        let heard = wire.receive(limit);
        self.reader.push(&heard);
        loop {
            if self.answer.is_none() && !self.read_head()? {
                break;
            }
            let Some(answer) = &self.answer else { continue };
            if self.reader.read_body()? == Body::GoesOn {
                break;
            }
            let answer = answer.clone();
            self.conclude(&answer, random)?;
        }
        if self.pending.is_empty() && !self.reader.rest().is_empty() {
            let rest = self.reader.rest();
            let text = String::from_utf8_lossy(&rest[..rest.len().min(80)]);
            return Err(format!("nobody asked for {text:?}"));
        }
        Ok(!heard.is_empty())
    }

    /// Whether there was one.
    fn read_head(&mut self) -> Result<bool, String> {
        let Some(request) = self.pending.front().copied() else { return Ok(false) };
        let Some(head) = self.reader.head()? else { return Ok(false) };
        let answer = Answer::of(&head, &request)?;
        if answer.status >= 200 {
            self.reader.begin(answer.framing());
            self.answer = Some(answer);
            return Ok(true);
        }
        if request.version == Version::Http10 {
            return Err(format!("an interim answer to HTTP/1.0: {}", head.line));
        }
        self.run.borrow_mut().meet(&format!("interim {}", answer.status));
        if answer.status == 100
            && let Some(sending) = &mut self.sending
            && sending.asked.request.id == request.id
        {
            sending.held_until_ns = None;
        }
        Ok(true)
    }

    /// An answer is whole.
    fn conclude(&mut self, answer: &Answer, random: &mut Random) -> Result<(), String> {
        self.answer = None;
        let request = self.pending.pop_front().expect("it was answered");
        let run = &mut *self.run.borrow_mut();
        run.meet(&answer.status.to_string());
        answer.judge(&request, &self.reader.body, run).map_err(|why| format!("{why}: {request:?} {answer:?}"))?;
        let is_being_sent = self.sending.as_ref().is_some_and(|sending| sending.asked.request.id == request.id);
        if answer.connection == Connection::GoesOn {
            return if is_being_sent { Err(format!("goes on after half of {request:?}")) } else { Ok(()) };
        }
        // What was sent after it is never looked at.
        for late in self.pending.drain(..).chain(self.script.drain(..).map(|asked| asked.request)) {
            run.fates[late.id].came_too_late = true;
            if run.fates[late.id].begun > 0 {
                return Err(format!("{} went on to a backend before {} was answered", late.id, request.id));
            }
        }
        self.closed = true;
        if !is_being_sent || random.chance(50) {
            self.sending = None;
        }
        Ok(())
    }

    /// The server has closed: whether it may, and whether what it said last may be cut.
    fn parted(&mut self, wire: &Wire<'_>, random: &mut Random) -> Option<String> {
        if let Some(answer) = self.answer.clone()
            && answer.framed == Framed::UntilEnd
            && !wire.server_aborted()
        {
            return self.conclude(&answer, random).err();
        }
        let run = &mut *self.run.borrow_mut();
        let is_honest = self.manner.honesty() == Honesty::Honest;
        let Some(request) = self.pending.front() else {
            let is_early = !self.closed && is_honest && !(self.script.is_empty() && self.finished);
            return is_early.then(|| "closed before it was asked".to_owned());
        };
        let fate = run.fates[request.id];
        run.meet(if wire.server_aborted() { "broken off" } else { "closed within" });
        let said_something = self.answer.is_some() || wire.server_aborted();
        let is_explained = request.flaw == Flaw::Cut || said_something && (fate.cut || fate.silent);
        (is_honest && !is_explained).then(|| format!("closed without an answer: {:?} {fate:?}", self.answer))
    }

    /// For those who do not do what they should: `None` to go on as the others do.
    fn misbehave(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Option<Step> {
        self.patience = self.patience.saturating_sub(1);
        match self.manner {
            Manner::Vanishing | Manner::NeverReading => {
                wire.set_window(if self.manner == Manner::Vanishing { 64 * 1024 } else { 100 });
                if self.patience == 0 || self.manner == Manner::Vanishing && random.chance(5) {
                    wire.reset();
                    return Some(self.done(wire, None));
                }
                self.send(wire, random);
                if self.manner == Manner::Vanishing
                    && let Err(failure) = self.hear(wire, random)
                {
                    return Some(self.done(wire, Some(failure)));
                }
                // Time passes for those who wait for nothing but time.
                Some(Step::Moved)
            }
            Manner::Dozing => {
                wire.set_window(3000);
                if self.dozes_until_ns.is_none() && (self.patience == 0 || random.chance(10)) {
                    self.dozes_until_ns = Some(wire.now_ns + IDLE_NS_MAX + 3 * SECOND_NS);
                }
                self.dozes_until_ns.is_some_and(|until_ns| wire.now_ns < until_ns).then_some(Step::Idle)
            }
            _ => None,
        }
    }
}

impl Peer for ScriptedClient {
    fn step(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Step {
        if wire.now_ns > STUCK_NS {
            let told = format!("stuck: {} unread, {} heard", wire.unread_by_server(), self.reader.rest().len());
            return self.done(wire, Some(told));
        }
        if let Some(step) = self.misbehave(wire, random) {
            return step;
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
            let failure = self.parted(wire, random);
            return self.done(wire, failure);
        }
        if moved { Step::Moved } else { Step::Idle }
    }
}
