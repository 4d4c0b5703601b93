//! What slow clients do on the wire, and what is the answer that each expects.

use std::num::NonZeroU64;
use std::time::Duration;

/// Each client has one connection, and asks once on it (but for [`Behaviour::NeverRead`]). Small things are done ten times
/// a second at most; a rate beyond that makes larger portions.
///
/// **As expected** is a success (`2xx`, `STORED`, a value) that is as long as it says, after the whole request. An error
/// reply, a redirection and a miss are refusals. Behaviours that never finish a request or an answer expect nothing: they
/// are attached until the server cuts them off or the group is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Sends the head at once and the body a little at a time. Expects that the body is taken, and watches meanwhile for
    /// an answer that comes too early.
    TrickledUpload { to: UploadTarget, body_bytes: u64, bytes_per_second: NonZeroU64 },
    /// Asks, and reads the answer a little at a time. Expects all of it. What it does not read piles up: in a receive
    /// buffer as small as the kernel has, then with the server.
    SlowReader { of: DownloadTarget, bytes_per_second: NonZeroU64 },
    /// Asks, reads so many bytes, nothing for a while, and then the rest at a rate: those who stalled together would
    /// storm together. Expects all of it. The receive buffer is small.
    StalledReader { of: DownloadTarget, first_bytes: u64, stall: Duration, rest_bytes_per_second: NonZeroU64 },
    /// A request that never ends: header lines of HTTP (`X-a: b`), or ever more keys of a memcached `get`. Expects nothing.
    SlowHeaders { of: DownloadTarget, bytes_per_second: NonZeroU64 },
    /// Sends the head and so many bytes of the body, and goes away; of a body that is not longer, without its answer.
    AbortMidBody { to: UploadTarget, body_bytes: u64, after_bytes: u64, how: Abort },
    /// Asks, reads so many bytes, head and all, and goes away. The receive buffer is small. An answer that is not longer
    /// is read whole, and as expected.
    AbortMidAnswer { of: DownloadTarget, after_bytes: u64, how: Abort },
    /// Asks, says that it will not say more (FIN), and reads the answer at once. Expects all of it.
    HalfClose { of: DownloadTarget },
    /// Asks again and again on one connection, and never reads. The receive buffer is small. Expects nothing; once the
    /// server stops reading, it asks no more.
    NeverRead { of: DownloadTarget, requests_per_second: NonZeroU64 },
    /// Connects and says nothing. Expects nothing.
    Idle,
}

/// Where uploads go. The name is the prefix and the number of the client, from 0.
///
/// Bodies describe themselves: [`crate::describe::Object::read`] tells key (the number), version (1 for what a client
/// uploads first), length and seed of those of 40 bytes and more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadTarget {
    /// `PUT`, with `Content-Length`. The path begins with a slash.
    Http { host: String, path_prefix: String },
    /// `set`, classic.
    Memcached { key_prefix: String },
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownloadTarget {
    /// `GET`. The path begins with a slash.
    Http { host: String, path: String },
    /// `get`, classic.
    Memcached { key: String },
}

/// How a client goes away in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abort {
    /// It closes: the server meets the end of the stream. While an answer is still coming the kernel adds a reset.
    Fin,
    /// It resets the connection (`SO_LINGER` of 0): the server meets `ECONNRESET`.
    Reset,
}

/// What a client does when its connection is over, whoever ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    Never,
    /// Connects anew after a pause, up to a tenth of a second longer: those that were cut off together come back spread.
    After(Duration),
}
