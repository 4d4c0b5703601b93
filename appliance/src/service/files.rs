//! The server of files: HTTP joined to the disks.
//!
//! ```text
//! start         the root and the listeners, opened while root may still be needed; what it does on each core
//! shared        what all cores share, and what each has
//! conversation  one client's flow: a request, its answer, the next, until somebody ends it
//! outline       what of a request outlives the buffer that it came in
//! answering     the heads of answers, and short ones whole
//! get           GET and HEAD: the file, a part of it, or that the client has it;  sending: its way to the client
//! put           PUT: the body's way to its name;  body: its bytes, as they come;  delete
//! ```

pub mod answering;
pub mod body;
pub mod conversation;
pub mod delete;
pub mod get;
pub mod outline;
pub mod put;
pub mod sending;
pub mod shared;
pub mod start;
