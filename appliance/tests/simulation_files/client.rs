//! A client that follows its script in its own manner, and holds every answer against what it knows.

use std::collections::VecDeque;

use spindle_core::simulator::{Peer, Random, Step, Wire};

use crate::hearing::{Heard, Next, next};
use crate::model::{Label, Model, Weather, label_of};
use crate::script::{Asked, Script, What, hangs};
use crate::{PATIENCE_NS, Run};

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Sends and reads as fast as it can, and finishes.
    Prompt,
    /// Waits for each answer before it asks again.
    OneByOne,
    /// Sends a few bytes at a time.
    Trickling,
    /// Reads a few bytes at a time through a small window.
    SlowReader,
    /// Resets the connection somewhere in the middle.
    Vanishing,
    /// Stops reading altogether, then resets.
    NeverReading,
}

impl Manner {
    fn random(random: &mut Random) -> Manner {
        match random.below(10) {
            0..=1 => Manner::Prompt,
            2..=3 => Manner::OneByOne,
            4..=5 => Manner::Trickling,
            6..=7 => Manner::SlowReader,
            8 => Manner::Vanishing,
            _ => Manner::NeverReading,
        }
    }
}

/// No script takes that long, hanging disks and all: who is still at it waits for something that does not come.
const STUCK_NS: u64 = 300_000_000_000;

/// Nobody who asks for one thing at a time, and nothing of the disk that hangs, waits as long as that: it is half as long as
/// the patience with a disk.
const WAIT_NS_MAX: u64 = PATIENCE_NS / 2;

pub(crate) struct ScriptedClient {
    number: usize,
    manner: Manner,
    weather: Weather,
    /// Not begun to be sent.
    script: VecDeque<Asked>,
    to_send: Vec<u8>,
    sent: usize,
    /// Begun to be sent, and not answered.
    pending: VecDeque<Asked>,
    /// When the last of them was.
    asked_ns: u64,
    heard: Vec<u8>,
    /// After the answer that said so.
    closed: bool,
    finished: bool,
    /// Steps until a client that never reads gives up, or a vanishing one vanishes.
    patience: usize,
    model: Model,
    run: Run,
}

impl ScriptedClient {
    pub(crate) fn new(
        number: usize,
        script: Script,
        weather: Weather,
        random: &mut Random,
        run: Run,
    ) -> ScriptedClient {
        let manner = Manner::random(random);
        ScriptedClient {
            number,
            manner,
            weather,
            script: script.asked.into(),
            to_send: Vec::new(),
            sent: 0,
            pending: VecDeque::new(),
            asked_ns: 0,
            heard: Vec::new(),
            closed: false,
            finished: false,
            patience: 60,
            model: Model::default(),
            run,
        }
    }

    /// Ends, and closes the client's end: what was not answered may have been done or not.
    fn done(&mut self, wire: &mut Wire<'_>, failure: Option<String>) -> Step {
        wire.finish();
        if let Some(failure) = failure {
            let told = format!("client {} ({:?}): {failure}; next {:?}", self.number, self.manner, self.next());
            self.run.failures.borrow_mut().push(told);
        }
        if self.sent < self.to_send.len() {
            // Half a request is none.
            self.pending.pop_back();
        }
        for asked in std::mem::take(&mut self.pending) {
            match asked.what {
                What::Put(label) if is_own(&asked.name) => self.model.may_be(&asked.name, Some(label)),
                What::Delete if is_own(&asked.name) => self.model.may_be(&asked.name, None),
                _ => {}
            }
        }
        self.run.models.borrow_mut().push(std::mem::take(&mut self.model));
        self.run.left.set(self.run.left.get() - 1);
        Step::Done
    }

    fn next(&self) -> Option<(What, &str)> {
        self.pending.front().map(|asked| (asked.what, asked.name.as_str()))
    }

    /// Sends the next piece; true when something was sent.
    fn send(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> bool {
        let waits = self.manner == Manner::OneByOne && !self.pending.is_empty() && !self.cuts();
        if self.sent == self.to_send.len() && !waits && !self.closed {
            let Some(asked) = self.script.pop_front() else { return self.finish(wire) };
            self.to_send.clone_from(&asked.bytes);
            self.sent = 0;
            self.pending.push_back(asked);
            self.asked_ns = wire.now_ns;
        }
        // What the server has not taken in yet bounds what is sent: a socket's buffer.
        let room = (256 * 1024usize).saturating_sub(wire.unread_by_server());
        let most = if self.manner == Manner::Trickling { 1500 } else { 200_000 };
        let count = (self.to_send.len() - self.sent).min(room).min(random.between(1, most));
        wire.send(&self.to_send[self.sent..self.sent + count]);
        self.sent += count;
        count > 0
    }

    /// Half-closes after the last request.
    fn finish(&mut self, wire: &mut Wire<'_>) -> bool {
        let finishes = !self.finished && (self.pending.is_empty() || self.manner == Manner::Prompt || self.cuts());
        if finishes {
            self.finished = true;
            wire.finish();
        }
        finishes
    }

    /// Whether the last request is cut short.
    fn cuts(&self) -> bool {
        self.pending.back().is_some_and(|asked| matches!(asked.what, What::PutCut))
    }

    /// Takes what has arrived; what is wrong with it.
    fn hear(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Result<bool, String> {
        let limit = if self.manner == Manner::SlowReader { random.between(1, 2000) } else { usize::MAX };
        let heard = wire.receive(limit);
        self.heard.extend_from_slice(&heard);
        while let Some(asked) = self.pending.front() {
            let Next::Whole(answer, length) = next(&self.heard, asked.what == What::Head)? else { break };
            self.heard.drain(..length);
            if answer.status == 100 {
                continue;
            }
            let asked = self.pending.pop_front().expect("it was looked at");
            *self.run.statuses.borrow_mut().entry(answer.status).or_default() += 1;
            let waited_ns = wire.now_ns - self.asked_ns;
            if self.manner == Manner::OneByOne && !hangs(&asked.name) && waited_ns > WAIT_NS_MAX {
                return Err(format!("{} ms for {:?} {}", waited_ns / 1_000_000, asked.what, asked.name));
            }
            self.judge(&asked, &answer).map_err(|why| format!("{why}: {:?} {}", asked.what, asked.name))?;
            if answer.closes {
                // What was sent after it is never looked at.
                self.closed = true;
                self.pending.clear();
                self.script.clear();
            }
        }
        if self.pending.is_empty() && !self.heard.is_empty() {
            return Err(format!(
                "nobody asked for {:?}",
                String::from_utf8_lossy(&self.heard[..self.heard.len().min(80)])
            ));
        }
        Ok(!heard.is_empty())
    }

    /// Holds an answer against what is known, and learns from it.
    fn judge(&mut self, asked: &Asked, answer: &Heard) -> Result<(), String> {
        let status = answer.status;
        let fails = match self.weather {
            Weather::Fair => false,
            Weather::Faults => true,
            Weather::Hang => hangs(&asked.name),
        };
        let failed = match self.weather {
            Weather::Fair => false,
            Weather::Faults => matches!(status, 500 | 507),
            Weather::Hang => status == 503,
        };
        if failed && fails {
            return self.learn_failure(asked, status);
        }
        let own = is_own(&asked.name);
        match (asked.what, status) {
            (_, 404) if asked.name.starts_with("dev9") => Ok(()),
            (What::Get, 200) => {
                let label = label_of(&answer.body).ok_or("a torn content")?;
                self.learn(asked, own, |possible| possible == Some(label))
            }
            (What::GetPart, 206) => {
                let word = |at: usize| u32::from_le_bytes(*answer.body[at..].first_chunk().unwrap());
                if answer.length != 8 {
                    return Err(format!("{} bytes", answer.length));
                }
                let label = Label { number: word(0), bytes: word(4) as usize };
                self.learn(asked, own, |possible| possible == Some(label))
            }
            (What::Head, 200) => {
                let is = |possible: Option<Label>| possible.is_some_and(|label| label.bytes == answer.length);
                self.learn(asked, own, is)
            }
            (What::Get | What::GetPart | What::Head, 404) => self.learn(asked, own, |possible| possible.is_none()),
            (What::Put(label), 201) => {
                if own {
                    self.model.is(&asked.name, Some(label));
                }
                Ok(())
            }
            (What::PutWrong, 400) => Ok(()),
            (What::Delete, 204 | 404) => {
                if status == 404 {
                    self.learn(asked, own, |possible| possible.is_none())?;
                } else if own {
                    self.learn(asked, own, |possible| possible.is_some())?;
                    self.model.is(&asked.name, None);
                }
                Ok(())
            }
            (_, status) => Err(format!("{status} is no answer ({:?})", self.weather)),
        }
    }

    /// Of what may be, only that is left for which it holds.
    fn learn(&mut self, asked: &Asked, own: bool, holds: impl Fn(Option<Label>) -> bool) -> Result<(), String> {
        if !own {
            return Ok(());
        }
        let possible = self.model.possible(&asked.name);
        let before = possible.clone();
        possible.retain(|label| holds(*label));
        if possible.is_empty() { Err(format!("it may only be {before:?}")) } else { Ok(()) }
    }

    /// A write that failed has not been done when there was no space; otherwise nobody knows.
    fn learn_failure(&mut self, asked: &Asked, status: u16) -> Result<(), String> {
        match asked.what {
            _ if !is_own(&asked.name) || status == 507 => {}
            What::Put(label) => self.model.may_be(&asked.name, Some(label)),
            What::Delete => self.model.may_be(&asked.name, None),
            What::Get | What::GetPart | What::Head | What::PutWrong | What::PutCut => {}
        }
        Ok(())
    }

    /// The server has closed: whether it may, and whether what it said last may be cut.
    fn parted(&mut self) -> Option<String> {
        let Some(asked) = self.pending.front() else {
            return (!self.script.is_empty()).then(|| "closed before it was asked".to_owned());
        };
        if matches!(asked.what, What::PutCut) && self.pending.len() == 1 {
            return None;
        }
        let heard = match next(&self.heard, asked.what == What::Head) {
            Ok(Next::Begun(heard)) => heard,
            _ => return Some("closed without an answer".to_owned()),
        };
        // A disk that fails in the middle of a file leaves no other word.
        let is_file = matches!((asked.what, heard.status), (What::Get, 200) | (What::GetPart, 206));
        let may = is_file && self.weather != Weather::Fair;
        let begins = |label: &Label| label.content().starts_with(&heard.body);
        let torn = is_own(&asked.name) && !self.model.possible(&asked.name).iter().flatten().any(begins);
        (!may || torn).then(|| format!("closed within an answer ({torn})"))
    }
}

fn is_own(name: &str) -> bool {
    !name.starts_with("dev9") && !name.starts_with("dev1/shared")
}

impl Peer for ScriptedClient {
    fn step(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Step {
        if wire.now_ns > STUCK_NS {
            let told = format!("stuck: {} unread, {} heard", wire.unread_by_server(), self.heard.len());
            return self.done(wire, Some(told));
        }
        if matches!(self.manner, Manner::Vanishing | Manner::NeverReading) {
            wire.set_window(if self.manner == Manner::Vanishing { 64 * 1024 } else { 100 });
            self.patience -= 1;
            if self.patience == 0 || self.manner == Manner::Vanishing && random.chance(10) {
                wire.reset();
                return self.done(wire, None);
            }
            self.send(wire, random);
            if self.manner == Manner::Vanishing
                && let Err(failure) = self.hear(wire, random)
            {
                return self.done(wire, Some(failure));
            }
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
            let failure = if self.closed { None } else { self.parted() };
            return self.done(wire, failure);
        }
        if moved { Step::Moved } else { Step::Idle }
    }
}
