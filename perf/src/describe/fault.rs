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
    #[error("lost: no counter there, though it had counted to {counted}")]
    LostCounter { counted: u64 },
    /// Something is there that an acknowledged delete has removed.
    #[error("stale: something there, though its delete, version {version}, was acknowledged before")]
    Undeleted { version: u32 },
    #[error("expired: there {late_ms} ms after its time to live was over")]
    Expired { late_ms: u32 },
    /// By an answer to a compare-and-swap that was not to be done.
    #[error("lost update: stored in the place of version {seen}, which version {oldest} had replaced before")]
    Overwritten { seen: u32, oldest: u32 },
    /// By an answer to an increment.
    #[error("lost update: counted to {number}, where at least {at_least} were asked for and acknowledged")]
    Uncounted { number: u64, at_least: u64 },
    #[error("invented: changed since version {seen}, though nobody asked for that")]
    Unasked { seen: u32 },
    #[error("invented: counted to {number}, though no more than {asked} were asked for")]
    Overcounted { number: u64, asked: u64 },
}

impl Fault {
    /// As the fields of [`Wrong`] are called.
    pub fn kind(&self) -> &'static str {
        match self {
            Fault::Corrupt { .. } => "corrupt",
            Fault::Stale { .. } | Fault::Undeleted { .. } => "stale",
            Fault::Torn { .. } => "torn",
            Fault::Swapped { .. } => "swapped",
            Fault::Length { .. } => "length",
            Fault::Misplaced { .. } => "misplaced",
            Fault::Lost { .. } | Fault::LostCounter { .. } => "lost",
            Fault::Expired { .. } => "expired",
            Fault::Overwritten { .. } | Fault::Uncounted { .. } => "lost_update",
            Fault::Unasked { .. } | Fault::Overcounted { .. } => "invented",
        }
    }

    pub fn count(&self, wrong: &mut Wrong) {
        let counter = match self {
            Fault::Corrupt { .. } => &mut wrong.corrupt,
            Fault::Stale { .. } | Fault::Undeleted { .. } => &mut wrong.stale,
            Fault::Torn { .. } => &mut wrong.torn,
            Fault::Swapped { .. } => &mut wrong.swapped,
            Fault::Length { .. } => &mut wrong.length,
            Fault::Misplaced { .. } => &mut wrong.misplaced,
            Fault::Lost { .. } | Fault::LostCounter { .. } => &mut wrong.lost,
            Fault::Expired { .. } => &mut wrong.expired,
            Fault::Overwritten { .. } | Fault::Uncounted { .. } => &mut wrong.lost_update,
            Fault::Unasked { .. } | Fault::Overcounted { .. } => &mut wrong.invented,
        };
        *counter += 1;
    }
}
