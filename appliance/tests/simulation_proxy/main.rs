//! The whole proxy in the simulator: real conversations and exchanges, a simulated kernel, simulated clients and backends.
//!
//! - [`forced`]: runs that are no matter of chance
//!
//! A time is that of the simulated machine, in nanoseconds; nobody waits for it.
#![forbid(unsafe_code)]

mod forced;

use std::net::SocketAddr;

const SECOND_NS: u64 = 1_000_000_000;

fn address(backend: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + backend as u8], 80))
}
