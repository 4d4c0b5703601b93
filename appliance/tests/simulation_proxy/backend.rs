//! One connection of a backend. It reads requests strictly, holds them against the ledger, and answers each in a way of its
//! own; some of these ways are faults, which it notes.

use spindle_core::simulator::{Peer, Random, Step, Wire};

use crate::answering::{Plan, Trouble, When};
use crate::ledger::{Down, Expectation, Flaw, Form, Ledger, Request, Run, Version, checksum};
use crate::message::{Body, Framing, Head, Reader};

/// What a backend's connections are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Character {
    /// Every request gets its answer.
    Sound,
    /// Most do.
    Fickle,
}

/// How fast it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Fast,
    /// So many bytes at most, through a window of as many.
    Slow(usize),
}

/// Whether it may think before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Others wait for the connection.
    Some,
    None,
}

/// What it does with its end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stance {
    Serves,
    /// It has said that it closes, or its answer ends with the connection.
    Finished,
    /// It goes when the next request comes, before it has read it.
    LeavesAtNext,
    /// It goes at once, though nothing was said of it.
    Leaves,
}

/// The request that is being served.
struct Serving {
    request: Request,
    plan: Plan,
    /// Of the body, so much was compared.
    compared: usize,
    body: Body,
    /// What is to be said, and how much of it is.
    words: Vec<u8>,
    said: usize,
    /// The final answer is among the words.
    answered: bool,
}

pub(crate) struct Backend {
    /// Of its address.
    number: usize,
    character: Character,
    pace: Pace,
    stance: Stance,
    reader: Reader,
    serving: Option<Serving>,
    served: usize,
    last: Option<usize>,
    haste: Haste,
    run: Run,
}

/// A request is none, or must not be here.
type Fault = String;

impl Backend {
    pub(crate) fn new(number: usize, character: Character, haste: Haste, random: &mut Random, run: Run) -> Backend {
        let pace = if random.chance(60) { Pace::Fast } else { Pace::Slow([200, 1000, 5000][random.below(3)]) };
        let leaves = character == Character::Fickle && random.chance(5);
        let stance = if leaves { Stance::LeavesAtNext } else { Stance::Serves };
        let (reader, serving) = (Reader::new(), None);
        Backend { number, character, pace, stance, reader, serving, served: 0, last: None, haste, run }
    }

    /// Whether it does not read for now.
    fn is_deaf(&self, wire: &Wire<'_>) -> bool {
        let deaf = |serving: &Serving| match (serving.plan.trouble, serving.plan.when) {
            (Some(Trouble::Deaf), _) => true,
            (_, When::EarlyAndReadsLater { .. }) => serving.answered && !serving.is_answered(),
            (_, When::EarlyAndHangsUp { .. }) => serving.answered,
            _ => false,
        };
        !wire.server_closed() && self.serving.as_ref().is_some_and(deaf)
    }

    fn hear(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Result<bool, Fault> {
        if self.is_deaf(wire) {
            return Ok(false);
        }
        let limit = if let Pace::Slow(bytes) = self.pace { random.between(1, bytes) } else { usize::MAX };
        let heard = wire.receive(limit);
        self.reader.push(&heard);
        loop {
            let Some(serving) = &mut self.serving else {
                let Some(head) = self.reader.head()? else { break };
                self.begin(&head, wire.now_ns, random)?;
                continue;
            };
            if serving.body == Body::GoesOn {
                serving.body = self.reader.read_body()?;
                compare(serving, &self.reader)?;
                if serving.body == Body::GoesOn {
                    break;
                }
                self.run.borrow_mut().has_come(serving.request.id)?;
            }
            if serving.is_answered() && serving.plan.trouble.is_none() {
                self.serving = None;
                self.served += 1;
                continue;
            }
            if !self.reader.rest().is_empty() {
                let rest = String::from_utf8_lossy(self.reader.rest());
                let (request, plan, said) = (&serving.request, &serving.plan, serving.said);
                return Err(format!("asked before the answer to {request:?} {plan:?}, {said} said: {rest:?}"));
            }
            break;
        }
        Ok(!heard.is_empty())
    }

    fn begin(&mut self, head: &Head, now_ns: u64, random: &mut Random) -> Result<(), Fault> {
        if self.stance != Stance::Serves {
            return Err(format!("asked after it said that it closes: {head:?}"));
        }
        let id = head.line.strip_suffix(" HTTP/1.1").and_then(|line| line.split_once(" /r/")?.1.parse().ok());
        let id = id.ok_or_else(|| format!("no request: {head:?}"))?;
        let request = self.run.borrow_mut().begins(id, self.served > 0)?;
        is_as_asked(head, &request)?;
        let framing = head.framing()?;
        self.reader.begin(if framing == Framing::Unsaid { Framing::Sized(0) } else { framing });
        let mut plan = Plan::random(&request, self.character, random);
        if self.haste == Haste::None && random.chance(20) {
            plan.due_ns = now_ns + random.below(300_000_000) as u64;
        }
        let fate = &mut self.run.borrow_mut().fates[id];
        fate.silent |= matches!(plan.trouble, Some(Trouble::Silent | Trouble::Deaf | Trouble::Stalls));
        let words = plan.interim();
        self.last = Some(id);
        self.serving =
            Some(Serving { request, plan, compared: 0, body: Body::GoesOn, words, said: 0, answered: false });
        Ok(())
    }

    /// Says what there is to say; `None` once it has gone.
    fn say(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Option<bool> {
        let Some(serving) = &mut self.serving else { return self.rest(wire, random) };
        let run = &mut *self.run.borrow_mut();
        run.fates[serving.request.id].answer_was_heard |= wire.unread_by_server() < serving.said;
        if !serving.answered && serving.is_due(wire.now_ns, self.reader.body.len()) {
            answer(serving, &self.reader.body, run, random);
            match serving.plan.trouble {
                Some(Trouble::Closes) => return end(wire, End::Closed),
                Some(Trouble::Resets) => return end(wire, End::Reset),
                _ => {}
            }
        }
        // What the server has not taken in yet bounds what is sent: a socket's buffer.
        let room = (256 * 1024usize).saturating_sub(wire.unread_by_server());
        let count = (serving.words.len() - serving.said).min(room).min(random.between(1, 100_000));
        wire.send(&serving.words[serving.said..serving.said + count]);
        serving.said += count;
        if serving.is_answered() {
            match (serving.plan.trouble, serving.plan.when) {
                (Some(Trouble::ClosesWithin), _) | (None, When::EarlyAndHangsUp { .. }) => {
                    return end(wire, End::Closed);
                }
                (Some(Trouble::ResetsWithin), _) => return end(wire, End::Reset),
                (Some(_), _) => {}
                (None, _) => {
                    self.stance = serving.stance_after(self.stance, self.character, wire, random);
                    if serving.body == Body::Over {
                        self.serving = None;
                        self.served += 1;
                    }
                }
            }
        }
        Some(count > 0)
    }

    /// Between requests.
    fn rest(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Option<bool> {
        let leaves = match self.stance {
            Stance::Serves | Stance::Finished => false,
            Stance::Leaves => random.chance(30),
            Stance::LeavesAtNext => !self.reader.rest().is_empty() || !wire.receive(1).is_empty(),
        };
        if !leaves {
            return Some(false);
        }
        let run = &mut *self.run.borrow_mut();
        if let Some(last) = self.last
            && wire.unread_by_server() > 0
        {
            // A reset takes it away.
            run.fates[last].cut = true;
        }
        run.closed_unasked += 1;
        run.meet("closed unasked");
        end(wire, if random.chance(50) { End::Closed } else { End::Reset })
    }

    /// Its machine is gone, and all its connections.
    fn dies(&mut self, wire: &mut Wire<'_>) -> bool {
        let run = &mut *self.run.borrow_mut();
        if run.down[self.number] != Down::Dead {
            return false;
        }
        match (&self.serving, self.last) {
            (Some(serving), _) => {
                let fate = &mut run.fates[serving.request.id];
                fate.answer_was_heard |= wire.unread_by_server() < serving.said;
                fate.cut = true;
            }
            // The end of its stream is not heard either.
            (None, Some(last)) if wire.unread_by_server() > 0 || self.stance == Stance::Finished => {
                run.fates[last].cut = true;
            }
            _ => run.closed_unasked += 1,
        }
        wire.reset();
        true
    }

    /// The server has closed, and all that it said is heard.
    fn parted(&self) -> Option<Fault> {
        let serving = self.serving.as_ref().filter(|serving| serving.request.is_sound())?;
        (!serving.is_answered() && serving.plan.trouble.is_none())
            .then(|| format!("left in the middle of {:?} {:?}, {} said", serving.request, serving.plan, serving.said))
    }
}

impl Serving {
    fn is_due(&self, now_ns: u64, heard: usize) -> bool {
        let may = self.body == Body::Over || self.plan.when.early_bytes().is_some_and(|early| heard >= early);
        may && now_ns >= self.plan.due_ns
    }

    /// All is said.
    fn is_answered(&self) -> bool {
        self.answered && self.said == self.words.len()
    }

    /// All is said; all may not be heard yet.
    fn stance_after(&self, stance: Stance, character: Character, wire: &mut Wire<'_>, random: &mut Random) -> Stance {
        if stance == Stance::Serves && self.plan.closes() {
            wire.finish();
            return Stance::Finished;
        }
        if stance != Stance::Serves || self.body == Body::GoesOn || character == Character::Sound {
            return stance;
        }
        match random.below(12) {
            0 => Stance::Leaves,
            1 => Stance::LeavesAtNext,
            _ => Stance::Serves,
        }
    }
}

/// Finds the words of an answer, or notes that there are none.
fn answer(serving: &mut Serving, body: &[u8], run: &mut Ledger, random: &mut Random) {
    let is_early = serving.body == Body::GoesOn;
    let fate = &mut run.fates[serving.request.id];
    fate.answered_early |= is_early;
    let hangs_up = matches!(serving.plan.when, When::EarlyAndHangsUp { .. });
    let is_heard_of = !matches!(serving.plan.trouble, Some(Trouble::Silent | Trouble::Deaf));
    fate.cut |= is_heard_of && (serving.plan.trouble.is_some() || hangs_up);
    match serving.plan.trouble {
        Some(Trouble::Closes | Trouble::Resets | Trouble::Silent | Trouble::Deaf) => {}
        _ => {
            let body = (!is_early).then(|| format!("{} {:x}", body.len(), checksum(body)));
            serving.words.extend(serving.plan.answer(&serving.request, body.as_deref(), random));
            serving.answered = true;
            run.meet(&format!("{:?} {:?}", serving.plan.form, serving.plan.version));
            if is_early {
                run.meet("early");
            }
        }
    }
}

enum End {
    Closed,
    Reset,
}

fn end(wire: &mut Wire<'_>, how: End) -> Option<bool> {
    match how {
        End::Closed => wire.close(),
        End::Reset => wire.reset(),
    }
    None
}

/// Whether the body is the one that was asked with, as far as it has come.
fn compare(serving: &mut Serving, reader: &Reader) -> Result<(), Fault> {
    let expected = serving.request.body();
    let is_bad_end = serving.request.flaw == Flaw::BadChunk && reader.body.len() > expected.len();
    let heard = if is_bad_end { &reader.body[..expected.len()] } else { &reader.body[..] };
    let is_right = expected.get(serving.compared..heard.len()) == heard.get(serving.compared..);
    serving.compared = heard.len();
    let is_whole = serving.body == Body::GoesOn || heard.len() == expected.len();
    if is_right && is_whole { Ok(()) } else { Err(format!("another's body: {:?}", serving.request)) }
}

/// Whether a head says what the client said.
fn is_as_asked(head: &Head, request: &Request) -> Result<(), Fault> {
    let framing = match request.form {
        Form::Chunked => Framing::Chunked,
        Form::Sized => Framing::Sized(request.body_bytes),
        Form::None => Framing::Unsaid,
    };
    let expects = request.expectation != Expectation::Nothing
        && request.version == Version::Http11
        && (request.form == Form::Chunked || request.body_bytes > 0);
    let is = head.line == format!("{} /r/{} HTTP/1.1", request.method.name(), request.id)
        && head.framing() == Ok(framing)
        && head.has("expect") == expects
        && head.field("host") == Some("here")
        && head.has("via")
        && head.has("x-forwarded-for")
        && !head.has("connection");
    if is { Ok(()) } else { Err(format!("not what was asked: {head:?} {request:?}")) }
}

impl Peer for Backend {
    fn step(&mut self, wire: &mut Wire<'_>, random: &mut Random) -> Step {
        if let Pace::Slow(bytes) = self.pace {
            wire.set_window(bytes);
        }
        if self.dies(wire) {
            return Step::Done;
        }
        let leaves = self.serving.is_none() && matches!(self.stance, Stance::Leaves | Stance::LeavesAtNext);
        let heard = if leaves { Ok(false) } else { self.hear(wire, random) };
        let heard = match heard {
            Ok(heard) => heard,
            Err(fault) => {
                self.run.borrow_mut().failures.push(format!("a backend: {fault}"));
                wire.reset();
                return Step::Done;
            }
        };
        let Some(said) = self.say(wire, random) else { return Step::Done };
        if wire.server_closed() && !heard {
            self.run.borrow_mut().failures.extend(self.parted().map(|fault| format!("a backend: {fault}")));
            wire.close();
            return Step::Done;
        }
        if heard || said { Step::Moved } else { Step::Idle }
    }
}
