//! Wire formats and connections.
//!
//! ```text
//! wire/        bytes <-> messages, sans-IO: parsers take bytes and return (message, consumed)
//! input        framing: what was received and not yet consumed
//! connection   one socket: a stream of chunks in, parcels out, and how it ends
//! listener     sockets that accept: TCP (one per core, SO_REUSEPORT) and unix
//! dial         sockets that connect
//! ```
#![forbid(unsafe_code)]

pub mod connection;
pub mod dial;
pub mod input;
pub mod listener;
pub mod wire;
