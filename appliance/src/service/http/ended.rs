//! How a conversation ended.
#![forbid(unsafe_code)]

use spindle_net::connection::End;
use spindle_net::wire::http::Refusal;

/// For the log, and for what is still to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Connection(End),
    /// The client, its protocol or its answer wanted it so.
    Asked,
    Refused(Refusal),
    /// What the client goes on to send is not wanted.
    Unwanted,
    Idle,
    /// An answer could not be given to its end.
    Unfinished,
    Stopping,
}

impl From<End> for Ended {
    fn from(end: End) -> Ended {
        if end == End::Silent { Ended::Idle } else { Ended::Connection(end) }
    }
}
