//! What of a request outlives the buffer that it came in. Nothing of a request is kept in a receive buffer while its client
//! or its disk is waited for: such buffers are the core's, and few.
#![forbid(unsafe_code)]

use spindle_net::wire::http::{Body, Content, Expectation, Method, Persistence, Request, To, Version};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Head,
    Put,
    Delete,
    Options,
    /// One that is not served here.
    Other,
}

/// Whether there are fields that make a difference to who reads or writes the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    Plain,
    /// Conditions, a range or a digest: the head is read again, where it is kept.
    Special,
}

#[derive(Clone, Copy, Debug)]
pub struct Outline {
    pub verb: Verb,
    pub version: Version,
    pub persistence: Persistence,
    pub body: Body,
    pub expectation: Expectation,
    pub fields: Fields,
    /// Of the head, in bytes.
    pub head_bytes: usize,
}

impl Outline {
    pub fn of(request: &Request<'_>, head_bytes: usize) -> Outline {
        let conditions = &request.conditions;
        let special = request.range.is_some()
            || request.content_md5.is_some()
            || request.content_range.is_some()
            || conditions.if_match.is_some()
            || conditions.if_none_match.is_some()
            || conditions.if_modified_since.is_some()
            || conditions.if_unmodified_since.is_some();
        Outline {
            verb: match request.method {
                Method::Get => Verb::Get,
                Method::Head => Verb::Head,
                Method::Put => Verb::Put,
                Method::Delete => Verb::Delete,
                Method::Options => Verb::Options,
                _ => Verb::Other,
            },
            version: request.version,
            persistence: request.persistence,
            body: request.body,
            expectation: request.expectation,
            fields: if special { Fields::Special } else { Fields::Plain },
            head_bytes,
        }
    }

    /// To whom the answer goes.
    pub fn to<'a>(&self, date_line: &'a str) -> To<'a> {
        let content = if self.verb == Verb::Head { Content::Withheld } else { Content::Follows };
        To { version: self.version, persistence: self.persistence, content, date_line }
    }

    /// Whether nobody can know if a body follows a final answer: its client waits to be told to send it (RFC 9110, 10.1.1).
    pub fn body_is_uncertain(&self) -> bool {
        self.has_body() && self.expectation == Expectation::Continue
    }

    /// The same, once its head is consumed.
    pub fn without_head(&self) -> Outline {
        Outline { head_bytes: 0, ..*self }
    }

    /// The same, as the last request on its connection.
    pub fn last(&self) -> Outline {
        Outline { persistence: Persistence::Closes, ..*self }
    }

    /// Whether a body follows the head.
    pub fn has_body(&self) -> bool {
        !matches!(self.body, Body::None | Body::Sized(0))
    }
}
