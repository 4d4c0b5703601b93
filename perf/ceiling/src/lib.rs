//! The ceiling: what the kernel allows a thread-per-core io_uring server, with no protocol and no cache, and what the least
//! possible cache makes of it (`--store toy`). The product is held against both as ratios of one run.
//!
//! ```text
//!   main    --- options, listener
//!     |
//!   raw | flows (on executor)      who keeps a connection's state: the difference is the price of async
//!      \   /
//!      wire --- connection, arena  accept, receive, reply, close
//!      /   \
//!   ring   buffers                 the kernel
//!
//!   session                        where a connection's bytes stopped, for one of:
//!   lines                          counting requests, canned replies
//!   toy                            a hash map
//!   mirror                         nothing, with answers that go with what was asked
//!   requests                       what both understand
//!   bin/ping                       a closed-loop load to try it with, on the same ring
//! ```
#![deny(unsafe_code)]

mod arena;
pub mod buffers;
mod connection;
mod executor;
pub mod flows;
pub mod lines;
pub mod listener;
mod mirror;
pub mod options;
pub mod pin;
pub mod ping;
pub mod raw;
mod requests;
pub mod ring;
mod session;
mod toy;
pub mod wire;
