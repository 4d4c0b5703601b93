//! Memory that the kernel reads and writes.
//!
//! ```text
//! provided    receive buffers: the kernel picks one, a `Chunk` lends it to the flow, dropping sends it home
//! parcel      what is to be sent: bytes, with lent memory between them
//! lend        the promise that somebody else's memory stays put while it is lent
//! registered  buffers that the kernel has mapped once, for file reads
//! page_cache  the kernel's own: what of a file is in them
//! ```

pub mod lend;
pub mod page_cache;
pub mod parcel;
pub mod provided;
pub mod registered;
