//! What the services that speak HTTP have in common: a client, from its coming to its end.
//!
//! ```text
//! clients    how many a service lets in, how long each may say nothing, and that they are asked to end;  accepting them
//! client     one of them: its connection, what it said and our patience with it
//! ended      how a conversation with one ended
//! date       the Date field of now
//! ```
//!
//! What a service says to its clients is its own: see its `conversation`.

pub mod client;
pub mod clients;
pub mod date;
pub mod ended;
