//! HTTP/1.1 (RFC 9110, RFC 9112): the server's half, for a server of files, and what a proxy passes on. Bodies are not part
//! of a message here: they follow their head, and the connection moves them straight to where they are kept or sent.
//!
//! ```text
//! head         bytes -> one request: the fields that a file server obeys, and how long its body is
//! target       what a request is aimed at -> a path beneath a root
//! range        Range, and Content-Range of an upload of a part
//! conditional  If-Match and its kin: proceed, 304 or 412; If-Range
//! chunked      a body in chunks
//! answer       the head of an answer, and short texts -> bytes
//! answer_head  bytes -> the head of an answer, as its recipient reads it
//! forward      a head on its way through a proxy: bytes -> bytes without what is between two neighbours only
//! passage      a body on its way through a proxy, and where it ends
//! status       the status codes and their words
//! refusal      what a request is refused for, with which status, and what becomes of the connection
//! date         HTTP-date both ways, and the Date line of this second
//! connection   the options of a Connection field
//! number       digits
//! ```

pub mod answer;
pub mod answer_head;
pub mod chunked;
pub mod conditional;
pub mod connection;
pub mod date;
pub mod forward;
pub mod head;
pub mod number;
pub mod passage;
pub mod range;
pub mod refusal;
pub mod status;
pub mod target;

pub use answer::{Answer, Content, To};
pub use answer_head::{AnswerFault, AnswerHead, Framing};
pub use conditional::{Conditions, Validators, Verdict};
pub use date::DateLine;
pub use forward::Hop;
pub use head::{Body, Expectation, Method, Parsed, Persistence, Request, Version, parse};
pub use passage::Passage;
pub use refusal::Refusal;
pub use status::Status;
