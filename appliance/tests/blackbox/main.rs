//! The cache as its clients and its operators meet it: real sockets against the real binary.
//!
//! - [`kit`]: a server that is killed when its test ends, a client with deadlines, waiting for a condition
//! - what is said: [`classic`], [`meta`], [`malformed`], [`framing`], [`expiry`], [`values`]
//! - who says it: [`slow`] clients, clients that die mid-value, too many [`connections`], what they hold together ([`bounds`])
//! - what it costs: [`memory`]
//! - what loads it: [`load`], [`load_http`], several at once ([`scenario`]), from several CPUs ([`generators`]), each request by
//!   itself ([`samples`]), more and more ([`ladders`], [`targets`]), without a flaw ([`valid`]), by thousands at once ([`crowds`]),
//!   beside [`peers`]
//! - how it is run: [`stats`], [`machinery`], [`operation`], [`listening`], what it is [`saying`]
//!
//! Every wait ends by a deadline that only a defect reaches; nothing here asserts a speed.
#![forbid(unsafe_code)]

mod bounds;
mod classic;
mod connections;
mod crowds;
mod expiry;
mod framing;
mod generators;
mod kit;
mod ladders;
mod listening;
mod load;
mod load_http;
mod machinery;
mod malformed;
mod memory;
mod meta;
mod operation;
mod peers;
mod samples;
mod saying;
mod scenario;
mod slow;
mod stats;
mod targets;
mod valid;
mod values;
