//! The server of files as its clients, its operators and its disks meet it: real sockets against the real binary.
//!
//! - [`kit`]: a server that is killed when its test ends, a client with deadlines, disks of one's own
//! - what is read: [`reading`], [`conditions`]
//! - what is written: [`writing`], [`uploads`] that go wrong
//! - what is said: [`framing`] of requests, [`refusals`], ways out of the root ([`paths`])
//! - who says it: [`bounds`], [`idle`] clients, too slow ones ([`slow`]), thousands of these ([`crowd`])
//! - how it is run: [`operation`]; on which [`disks`]
//!
//! Every wait ends by a deadline that only a defect reaches; nothing here asserts a speed. What needs root says loudly
//! where it is skipped.
#![forbid(unsafe_code)]

mod bounds;
mod conditions;
mod crowd;
mod disks;
mod framing;
mod idle;
mod kit;
mod operation;
mod paths;
mod reading;
mod refusals;
mod slow;
mod uploads;
mod writing;
