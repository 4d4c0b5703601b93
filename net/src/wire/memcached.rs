//! memcached's text protocols, classic and meta, as 1.6.45 speaks them.
//!
//! ```text
//! parse        bytes -> one request line: the way in, and where each command word goes
//! request      what a line can ask for, and what came of reading it
//! get store delete arithmetic touch flush admin stats      the classic commands: parse, write, replies
//! mg ms md ma mn me                                        the meta commands: parse, write, replies
//! flags key    what the meta commands share: flags in request order, keys plain or base64
//! data_block   the terminator of a value
//! refusal      every error line, to the byte
//! reply_parse  the client's side: bytes -> one reply
//! scan token number   where words end, the words, and the numbers in a line
//! ```
//!
//! A request borrows its line; the value of a store is not part of it: it follows the line, `data_bytes` and a
//! terminator long, and the connection moves it straight to where it is kept.

pub mod admin;
pub mod arithmetic;
pub mod data_block;
pub mod delete;
pub mod flags;
pub mod flush;
pub mod get;
pub mod key;
pub mod ma;
pub mod md;
pub mod me;
pub mod mg;
pub mod mn;
pub mod ms;
pub mod number;
pub mod parse;
pub mod refusal;
pub mod reply_parse;
pub mod request;
mod scan;
pub mod stats;
pub mod store;
pub mod token;
pub mod touch;

#[cfg(test)]
mod testing;

pub use parse::{parse, parse_resumed};
pub use refusal::Refusal;
pub use request::{Answer, CloseReason, Limits, Parsed, Request};

/// The longest key, in bytes: of the decoded key where the key came in base64 (memcached's KEY_MAX_LENGTH).
pub const KEY_BYTES_MAX: usize = 250;

/// The longest value a line can announce, in bytes: INT_MAX less the terminator. The item limit is the cache's, not the
/// parser's.
pub const DATA_BYTES_MAX: u32 = i32::MAX as u32 - 2;
