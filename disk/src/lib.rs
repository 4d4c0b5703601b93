//! Disks and the files on them.
//!
//! ```text
//! root       the folder that is served, and the disks beneath it: /devN, each a device of its own
//! disk       one of them: its bound on ops in flight, who waits for a place, and whether it hangs
//! folder     opening and making folders beneath a disk
//! lasting    which folders a power cut does not take
//! open_file  a file that is open: what is known of it, and its entity tag
//! files      the open-file cache;  changes: what our own writes have made stale, on every core
//! transfer   the pieces of a file on their way to a socket: copied, or sent from the page cache
//! upload     a body on its way to a name, and the promise that is kept for it
//! failure    what a disk answers when it does not do what was asked
//! ```
//!
//! A file's way in and out:
//!
//! ```text
//! path --root--> disk --files--> open file --transfer--> pieces --> the socket
//! body --upload--> a temporary name on the same disk --promise--> its own name
//! ```
//!
//! Not built yet: the spool on tmpfs, scrubbing, and the fsync checker.
#![forbid(unsafe_code)]

pub mod changes;
pub mod disk;
pub mod failure;
pub mod files;
pub mod folder;
mod lasting;
pub mod open_file;
pub mod root;
pub mod transfer;
pub mod upload;

pub use changes::Changes;
pub use disk::{Disk, DiskLimits};
pub use failure::Failure;
pub use files::Files;
pub use open_file::OpenFile;
pub use root::{Root, RootFolders};
pub use transfer::{Piece, Transfer};
pub use upload::{Promise, Upload};
