//! The load lab: what drives a server, what it costs the server, and who is faster beside it.
//!
//! ```text
//! closed_loop   a load on one core of the engine: every connection sends a batch, waits for its replies, starts again
//!   keys          which keys, in which order
//!   batch         the requests of one batch, from a template
//!   scan          which reply is the right one
//!   flow          one connection
//!   tally         what came of it
//!   alternation   one request at a time, each set beside one that does nothing
//! load          a load whose send times are fixed beforehand: response times that mean something
//! slow          clients that trickle, stall, abort, or sit there, beside a load
//! arrivals      when requests are due
//! popularity    which keys they ask for;  zipf: the law behind it
//! sizes         how large values are
//! share         what one of several generators has of a load
//! describe      values that describe themselves, and a ledger of their versions
//! corpus        files that a server serves: written from a seed, checked, cold or warm
//! measured      what came of a load
//!   report        the same as JSON, CSV, HdrHistogram's formats, a page, lines
//!   environment   and where it was measured;  server_version: whom
//! sweep         servers under a ladder of loads, and the knee of each
//! compare       two results, and whether they differ
//! median        the one in the middle of several
//! link          how full the network between is
//! descriptors   room for so many connections
//! talk          one blocking conversation: statistics, flushes, traces, idle connections
//! process       a server as a child process on a CPU of its own: its CPU time, its memory, its end
//! machine       what a figure has to say about where it was measured
//! peers         Spindle beside its peers in interleaved rounds, as one table
//! ```
#![forbid(unsafe_code)]

pub mod arrivals;
pub mod closed_loop;
pub mod compare;
pub mod corpus;
pub mod describe;
pub mod descriptors;
pub mod environment;
pub mod link;
pub mod load;
pub mod machine;
pub mod measured;
mod median;
pub mod peers;
pub mod popularity;
pub mod process;
pub mod report;
pub mod server_version;
pub mod share;
pub mod sizes;
pub mod slow;
pub mod sweep;
pub mod talk;
pub mod zipf;
