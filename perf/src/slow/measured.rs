//! What came of a group of slow clients.

use serde::{Deserialize, Serialize};

/// Every connection that was begun has one end, or is `attached_now`, or connecting, or was let go by the stop:
/// `connect_failed`, `answered_as_expected`, `refused`, `unexpected`, `cut_by_server` or `aborted`. That a server cuts
/// off who is slow is its policy, and no error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowMeasured {
    pub name: String,
    /// Connected, at this moment.
    pub attached_now: u64,
    /// The most that were connected at once.
    pub attached_max: u64,
    /// Clients; older results do not have them, nor who of them was missing.
    #[serde(default)]
    pub planned: u64,
    /// Clients that were not there when the measured time began: that had not connected once, or were at it anew for more
    /// than a second.
    #[serde(default)]
    pub missing_at_begin: u64,
    /// Connections that were tried, successful or not.
    pub begun: u64,
    /// That the server did not accept, or for which no descriptor or port was left.
    pub connect_failed: u64,
    /// That ended as they were meant to: the sum of `answered_as_expected` and `aborted`.
    pub completed: u64,
    /// Whose answer was read whole and is the one that their behaviour expects.
    pub answered_as_expected: u64,
    /// That ended with an error reply, a redirection, or a miss; also one that came before the request was whole.
    pub refused: u64,
    /// That ended with an answer that is none, or with a success before the request was whole.
    pub unexpected: u64,
    /// That the server ended, or the network, without an answer or in the middle of one.
    pub cut_by_server: u64,
    /// That went away in the middle, as they were meant to.
    pub aborted: u64,
    /// Taken by the kernel.
    pub bytes_sent: u64,
    pub bytes_received: u64,
}
