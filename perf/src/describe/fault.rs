//! What can be wrong with an answer.

use thiserror::Error;

use crate::measured::Wrong;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Bytes that nobody wrote, or that nobody had asked to write yet.
    #[error("corrupt: nobody wrote byte {at} of the object")]
    Corrupt { at: u64 },
    /// A whole older version.
    #[error("stale: version {version}, when version {oldest} was acknowledged before the read was sent")]
    Stale { version: u32, oldest: u32 },
    /// In the order in which they were met.
    #[error("torn: a part of version {first}, a part of version {second}")]
    Torn { first: u32, second: u32 },
    /// Another key's bytes or another seed's, in part or all.
    #[error("swapped: bytes of key {key:#018x} of seed {seed}")]
    Swapped { key: u64, seed: u64 },
    #[error("length: {got} bytes instead of {expected}")]
    Length { expected: u64, got: u64 },
    /// Of an answer that says which part of the object it is.
    #[error("misplaced: bytes from {got} on instead of those from {asked} on")]
    Misplaced { asked: u64, got: u64 },
    #[error("lost: nothing there, though version {oldest} was acknowledged before the read was sent")]
    Lost { oldest: u32 },
}

impl Fault {
    pub fn count(&self, wrong: &mut Wrong) {
        let counter = match self {
            Fault::Corrupt { .. } => &mut wrong.corrupt,
            Fault::Stale { .. } => &mut wrong.stale,
            Fault::Torn { .. } => &mut wrong.torn,
            Fault::Swapped { .. } => &mut wrong.swapped,
            Fault::Length { .. } => &mut wrong.length,
            Fault::Misplaced { .. } => &mut wrong.misplaced,
            Fault::Lost { .. } => &mut wrong.lost,
        };
        *counter += 1;
    }
}
