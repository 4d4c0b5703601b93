//! What the two ends of the proxy know of a run, and hold against each other: what was asked, what reached a backend, and
//! which faults there were to explain what a client is told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use spindle_core::simulator::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Put,
    Post,
    Delete,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
}

/// How the body of a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    None,
    Sized,
    Chunked,
}

/// Whether a client waits to be told to send its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    Nothing,
    /// It says so, and waits for a while.
    Waits,
    /// It says so, and sends it all the same.
    SaysSo,
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Its body stops being one, and something that looks like a request follows.
    BadChunk,
    /// Its body ends before it should, and the client's stream with it.
    Cut,
}

/// Whether a client does all that it can to get its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Honesty {
    Honest,
    Difficult,
}

/// One request. Its id is its place in the ledger, and all bytes of its body and of its answer's follow from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) id: usize,
    pub(crate) client: Honesty,
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) form: Form,
    pub(crate) body_bytes: usize,
    pub(crate) expectation: Expectation,
    pub(crate) flaw: Flaw,
    pub(crate) answer_bytes: usize,
}

impl Request {
    pub(crate) fn body(&self) -> Vec<u8> {
        content(self.id as u64 * 2, self.body_bytes)
    }

    pub(crate) fn answer(&self) -> Vec<u8> {
        content(self.id as u64 * 2 + 1, self.answer_bytes)
    }

    /// Whether a second one does no harm (RFC 9110, 9.2.2), and can be made: a body is not kept.
    pub(crate) fn may_be_repeated(&self) -> bool {
        let has_body = self.form == Form::Chunked || self.body_bytes > 0;
        self.method != Method::Post && !has_body
    }

    /// Nothing at the client's end is a reason for it to fail.
    pub(crate) fn is_sound(&self) -> bool {
        self.client == Honesty::Honest && self.flaw == Flaw::None
    }
}

fn content(seed: u64, bytes: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut content = Vec::with_capacity(bytes + 8);
    while content.len() < bytes {
        content.extend(random.draw().to_le_bytes());
    }
    content.truncate(bytes);
    content
}

pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let word = |chunk: &[u8]| chunk.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    bytes.chunks(8).fold(bytes.len() as u64, |sum, chunk| sum.rotate_left(7) ^ word(chunk))
}

/// What became of a request behind the proxy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    /// Backends that got its head, and those that got all of it.
    pub(crate) begun: usize,
    pub(crate) whole: usize,
    /// The first one was on a connection that had been used before.
    pub(crate) began_on_kept: bool,
    /// The proxy has read some of an answer.
    pub(crate) answer_was_heard: bool,
    /// An answer began before the request was all there.
    pub(crate) answered_early: bool,
    /// A backend broke its connection, or said something that is no answer.
    pub(crate) cut: bool,
    /// A backend never says, or never takes, the rest.
    pub(crate) silent: bool,
    /// It came after an answer that ended its connection.
    pub(crate) came_too_late: bool,
}

/// Which failures the run as a whole gives reason for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reasons {
    /// 503: there was a time without any backend, or more clients than connections.
    pub(crate) unavailable: bool,
    /// 504: there was a time without an answer to those who connect.
    pub(crate) unanswered: bool,
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) requests: Vec<Request>,
    pub(crate) fates: Vec<Fate>,
    pub(crate) reasons: Reasons,
    /// Connections that a backend closed of its own accord before it had read another request.
    pub(crate) closed_unasked: usize,
    /// Answers of 502 that no fate explains: the connection closed under a request that nobody has read.
    pub(crate) bad_gateways_unexplained: usize,
    pub(crate) failures: Vec<String>,
    /// Clients that are still at it.
    pub(crate) clients_left: usize,
    /// Which backends are down, and take their connections with them.
    pub(crate) down: Vec<Down>,
    /// What was met, and how often: faults that are never met would prove nothing.
    pub(crate) met: BTreeMap<String, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Down {
    Up,
    Refuses,
    /// And has broken all its connections.
    Dead,
}

/// What all who take part share.
pub(crate) type Run = Rc<RefCell<Ledger>>;

impl Ledger {
    /// Registers what is going to be asked; its id is given to it.
    pub(crate) fn add(&mut self, request: Request) -> Request {
        let request = Request { id: self.requests.len(), ..request };
        self.requests.push(request);
        self.fates.push(Fate::default());
        request
    }

    pub(crate) fn meet(&mut self, what: &str) {
        *self.met.entry(what.to_owned()).or_default() += 1;
    }

    /// A backend has read the head of a request.
    ///
    /// # Errors
    /// It must not have come here.
    pub(crate) fn begins(&mut self, id: usize, on_kept: bool) -> Result<Request, String> {
        let request = *self.requests.get(id).ok_or_else(|| format!("nobody asked for {id}"))?;
        let fate = &mut self.fates[id];
        fate.begun += 1;
        if fate.came_too_late {
            return Err(format!("{id} came after the last answer of its connection"));
        }
        if fate.begun == 1 {
            fate.began_on_kept = on_kept;
            return Ok(request);
        }
        let may = request.may_be_repeated() && fate.began_on_kept && !fate.answer_was_heard && !on_kept;
        if !may || fate.begun > 2 {
            return Err(format!("repeated: {request:?} {fate:?}, kept: {on_kept}"));
        }
        self.meet("repeated");
        Ok(request)
    }

    /// All of its body has come.
    pub(crate) fn has_come(&mut self, id: usize) -> Result<(), String> {
        let (request, fate) = (&self.requests[id], &mut self.fates[id]);
        fate.whole += 1;
        if request.flaw != Flaw::None {
            return Err(format!("it never was all there: {request:?}"));
        }
        Ok(())
    }

    /// Holds a failure that a client was told against what there was.
    pub(crate) fn explains(&mut self, id: usize, status: u16) -> bool {
        let (fate, reasons) = (self.fates[id], self.reasons);
        match status {
            502 if fate.cut => true,
            502 => {
                self.bad_gateways_unexplained += 1;
                true
            }
            503 => reasons.unavailable,
            504 => fate.silent || reasons.unanswered,
            _ => false,
        }
    }
}
