//! The cache service: memcached's protocol joined to the cache.
//!
//! ```text
//! start         what it does on each core: it accepts, and ticks
//! shared        what all cores share: the cache, the clock, counters
//! conversation  one client's flow: receive, answer, send, until somebody ends it
//! answering     input -> requests -> replies in a parcel, and what comes next;  session: what a request needs to know
//! ahead         in a pipeline, asks memory for the next requests' items before the first is served
//! classic meta  the join: a request of either protocol -> the cache -> its reply
//! admin         stats, verbosity, cache_memlimit, shutdown;  machinery: commands for memcached's own machinery
//! value         large values, received straight into the cache's memory
//! clock         the cache's seconds, and what an exptime means
//! counters      what clients did, a set per core;  stats: memcached's names for all of it
//! ```

pub mod admin;
pub mod ahead;
pub mod answering;
pub mod classic;
pub mod clock;
pub mod conversation;
pub mod counters;
pub mod machinery;
pub mod meta;
pub mod session;
pub mod shared;
pub mod start;
pub mod stats;
pub mod value;
