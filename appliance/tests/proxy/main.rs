//! The proxy as clients and backends meet it: real sockets against the real binary, with backends that the tests play.
//!
//! - [`kit`]: a proxy that is killed when its test ends, the two sides of a conversation, backends
//! - what is passed on: [`heads`], [`bodies`], [`interim`] answers; to which of several backends: [`turns`]
//! - what goes wrong: [`failures`], [`smuggling`], [`slow`] sides
//! - how it is run: [`operation`], before real [`servers`]
#![forbid(unsafe_code)]

mod bodies;
mod failures;
mod heads;
mod interim;
mod kit;
mod operation;
mod servers;
mod slow;
mod smuggling;
mod turns;
