//! One answer, held against its request.

use crate::ledger::{Flaw, Ledger, Method, Request, Version, checksum};
use crate::message::{Framing, Head};

/// Where the body of an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// There is none, whatever the head says.
    None,
    Sized(usize),
    Chunked,
    UntilEnd,
}

/// What becomes of the connection after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    GoesOn,
    Closes,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) framed: Framed,
    pub(crate) connection: Connection,
    /// Where a backend gave it: what it answers to, as that understood it.
    echo: Option<Echo>,
    length: Option<usize>,
}

#[derive(Clone, Debug)]
struct Echo {
    id: String,
    method: String,
    body: String,
}

impl Answer {
    /// # Errors
    /// It is no answer.
    pub(crate) fn of(head: &Head, request: &Request) -> Result<Answer, String> {
        let wrong = || format!("no answer: {head:?}");
        let status = head.line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or_else(wrong)?;
        let status: u16 = status.parse().map_err(|_| wrong())?;
        let length = match head.framing()? {
            Framing::Sized(length) => Some(length),
            Framing::Chunked | Framing::Unsaid => None,
        };
        let framed = match head.framing()? {
            _ if request.method == Method::Head || status < 200 || status == 204 => Framed::None,
            Framing::Sized(length) => Framed::Sized(length),
            Framing::Chunked if request.version == Version::Http11 => Framed::Chunked,
            Framing::Chunked => return Err("chunks for HTTP/1.0".to_owned()),
            Framing::Unsaid => Framed::UntilEnd,
        };
        let goes_on = match (request.version, head.field("connection")) {
            (_, Some("close")) => false,
            (Version::Http11, _) => true,
            (Version::Http10, said) => said == Some("keep-alive"),
        };
        if framed == Framed::UntilEnd && goes_on {
            return Err(format!("it ends with a connection that goes on: {head:?}"));
        }
        let connection = if goes_on { Connection::GoesOn } else { Connection::Closes };
        let said = |name: &str| head.field(name).unwrap_or_default().to_owned();
        let echo = Echo { id: said("x-id"), method: said("x-method"), body: said("x-body") };
        let echo = head.has("x-id").then_some(echo);
        if status >= 200 && (echo.is_some() != head.has("via") || !head.has("date")) {
            return Err(wrong());
        }
        Ok(Answer { status, framed, connection, echo, length })
    }

    pub(crate) fn framing(&self) -> Framing {
        match self.framed {
            Framed::None => Framing::Sized(0),
            Framed::Sized(length) => Framing::Sized(length),
            Framed::Chunked => Framing::Chunked,
            Framed::UntilEnd => Framing::Unsaid,
        }
    }

    /// # Errors
    /// It is not the answer to that request, or not all of it, or nothing explains why it fails.
    pub(crate) fn judge(&self, request: &Request, body: &[u8], ledger: &mut Ledger) -> Result<(), String> {
        let Some(echo) = &self.echo else { return self.judge_failure(request, ledger) };
        if echo.id != request.id.to_string() || echo.method != request.method.name() {
            return Err("it is another's".to_owned());
        }
        let whole = format!("{} {:x}", request.body_bytes, checksum(&request.body()));
        let is_understood = match echo.body.as_str() {
            "early" => ledger.fates[request.id].answered_early,
            body => body == whole && request.flaw == Flaw::None,
        };
        if !is_understood {
            return Err("the backend has another body".to_owned());
        }
        match (self.status, request.method) {
            (200, Method::Head) if self.length.is_none_or(|length| length == request.answer_bytes) => Ok(()),
            (200, method) if method != Method::Head && body == request.answer() => Ok(()),
            (204, _) if body.is_empty() && self.length.is_none() => Ok(()),
            _ => Err(format!("{} bytes of another body", body.len())),
        }
    }

    /// The proxy's own answer.
    fn judge_failure(&self, request: &Request, ledger: &mut Ledger) -> Result<(), String> {
        let is_explained = match (self.status, request.flaw) {
            (400, flaw) => flaw == Flaw::BadChunk && self.connection == Connection::Closes,
            (status, _) => ledger.explains(request.id, status),
        };
        if is_explained { Ok(()) } else { Err(format!("nothing explains it: {:?}", ledger.fates[request.id])) }
    }
}
