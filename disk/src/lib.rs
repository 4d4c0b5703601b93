//! Disks and the files on them. A map only, for now: nothing here is built yet.
//!
//! ```text
//! disk      one device of the JBOD (/devN), its state, its bound on ops in flight
//! files     the open-file cache
//! transfer  strategies that move a file to a socket
//! upload    a body on its way to a name, and the promise made for it
//! spool     upload space on tmpfs
//! scrub     reads everything, slowly
//! fsync     does fsync tell the truth
//! ```
#![forbid(unsafe_code)]
