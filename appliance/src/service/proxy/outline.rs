//! What of a request outlives the buffer that it came in.
#![forbid(unsafe_code)]

use spindle_net::wire::http::{Body, Content, Method, Persistence, Request, Version};

/// Whether a request may be sent again when nobody knows what became of it (RFC 9110, 9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    Harmless,
    /// It is not idempotent, or its body is gone.
    Forbidden,
}

/// What of a request has not been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    Nothing,
    Body,
}

#[derive(Clone, Copy, Debug)]
pub struct Outline {
    pub version: Version,
    pub persistence: Persistence,
    /// Of the answer.
    pub content: Content,
    pub body: Body,
    pub repeat: Repeat,
    /// Of the head, in bytes.
    pub head_bytes: usize,
}

impl Outline {
    pub fn of(request: &Request<'_>, head_bytes: usize) -> Outline {
        let is_idempotent = match request.method {
            Method::Get | Method::Head | Method::Put | Method::Delete | Method::Options => true,
            Method::Other(name) => name == "TRACE",
            Method::Post | Method::Mkcol => false,
        };
        let has_body = !matches!(request.body, Body::None | Body::Sized(0));
        Outline {
            version: request.version,
            persistence: request.persistence,
            content: if request.method == Method::Head { Content::Withheld } else { Content::Follows },
            body: request.body,
            repeat: if is_idempotent && !has_body { Repeat::Harmless } else { Repeat::Forbidden },
            head_bytes,
        }
    }

    /// Before any of the body was read.
    pub fn rest(&self) -> Rest {
        if matches!(self.body, Body::None | Body::Sized(0)) { Rest::Nothing } else { Rest::Body }
    }
}
