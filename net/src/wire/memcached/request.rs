//! What a line can ask for, and what came of reading it.

use super::admin::{Admin, CacheMemlimit, Shutdown, Verbosity};
use super::arithmetic::Arithmetic;
use super::delete::Delete;
use super::flush::FlushAll;
use super::get::Get;
use super::ma::MetaArithmetic;
use super::md::MetaDelete;
use super::me::MetaDebug;
use super::mg::MetaGet;
use super::ms::MetaSet;
use super::refusal::Refusal;
use super::stats::Stats;
use super::store::Store;
use super::touch::Touch;

/// One request. Borrows the line that it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// `get`, `gets`, `gat`, `gats`.
    Get(Get<'a>),
    /// `set`, `add`, `replace`, `append`, `prepend`, `cas`. A data block follows.
    Store(Store<'a>),
    Delete(Delete<'a>),
    /// `incr`, `decr`.
    Arithmetic(Arithmetic<'a>),
    Touch(Touch<'a>),
    MetaGet(MetaGet<'a>),
    /// A data block follows.
    MetaSet(MetaSet<'a>),
    MetaDelete(MetaDelete<'a>),
    MetaArithmetic(MetaArithmetic<'a>),
    /// `mn`: answered, and everything answered so far is sent at once.
    MetaNoop,
    MetaDebug(MetaDebug<'a>),
    FlushAll(FlushAll),
    Version,
    Verbosity(Verbosity),
    Stats(Stats<'a>),
    CacheMemlimit(CacheMemlimit),
    Shutdown(Shutdown),
    /// What is queued is sent, then the connection closes.
    Quit,
    /// Commands that tune or watch memcached's own machinery: `slabs`, `lru`, `lru_crawler`, `watch`, `extstore`,
    /// `refresh_certs`.
    Admin(Admin<'a>),
}

impl Request<'_> {
    /// Bytes of the value that follows the line, its two-byte terminator not counted; `None` for a request without one.
    pub fn data_bytes(&self) -> Option<u32> {
        match self {
            Request::Store(store) => Some(store.data_bytes),
            Request::MetaSet(set) => Some(set.data_bytes),
            _ => None,
        }
    }
}

/// Whether the client waits for an answer. The classic protocol's `noreply`, honoured as the last word of a line only,
/// takes every answer away, errors too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Wanted,
    Suppressed,
}

/// What came of looking at the front of the bytes received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// No whole line yet. Nothing is consumed.
    Incomplete,
    /// A request of `consumed` bytes, line terminator included, data block not.
    Request { request: Request<'a>, consumed: usize },
    /// A line that cannot be obeyed; the connection lives on. `swallow_bytes` bytes after the line (a data block and its
    /// terminator) are to be dropped unread; 0 when there is none, or its length is unknown.
    Refused { refusal: Refusal, answer: Answer, consumed: usize, swallow_bytes: u64 },
    /// The conversation is over: send the refusal, where there is one, and close.
    Close { refusal: Option<Refusal>, reason: CloseReason },
}

/// Why the parser ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// No line end within the bound.
    LineTooLong,
    /// A browser or a scanner: the last word of an unknown command begins with `HTTP/`.
    HttpRequest,
    /// The first byte is the binary protocol's magic, 0x80.
    BinaryProtocol,
}

/// The bounds that the parser keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line of a multiget, in bytes, terminator not counted. memcached has no such bound; every other line
    /// ends within [`super::parse::LINE_BYTES_MAX`].
    pub multiget_line_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { multiget_line_bytes_max: 1 << 20 }
    }
}

/// A refusal on its way out of a command's parser: [`Parsed::Refused`] less the line's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) refusal: Refusal,
    pub(super) answer: Answer,
    pub(super) swallow_bytes: u64,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Fault { refusal, answer: Answer::Wanted, swallow_bytes: 0 }
    }
}
