//! The engine: one core is one pinned thread, one ring, and a local executor on top of it.
//!
//! ```text
//! flow (async fn) --launch--> slot (op + cargo) --submit--> kernel
//!      ^                                                      |
//!      +------ ready queue <-- landing <-- slot <-- completion+
//!
//! op          everything that is asked of the kernel, as data that owns its cargo
//! token       user_data: kind, slot, generation
//! slots       where ops live while the kernel holds their cargo
//! kernel      the face of the kernel: `ring` (io_uring) or `simulator` (seeded, with faults)
//! ring        the one file that talks to io_uring;  probe: is this kernel good enough, and if not, why
//! buffers/    provided (receive), parcel (send), registered (files), lend (memory that others own), page_cache (the kernel's)
//! pipes       pooled pipes for splice
//! descriptor  an open file or socket that closes when the last op lets go of it;  status: what is known of a file
//! executor    tasks and the ready queue;  timers, clock, stall: time
//! engine      `Core`: the turn, and the futures over ops;  flight: one op in the air
//! mailbox     messages between cores (`doorbell`: who wakes whom);  gate: may I stop yet
//! writer      a thread that writes to the files of one disk, so that no disk waits for another
//! limits      every bound, tied together
//! ```
#![deny(unsafe_code)]

pub mod buffers;
pub mod clock;
pub mod counters;
pub mod descriptor;
pub mod doorbell;
pub mod engine;
mod executor;
pub mod flight;
pub mod gate;
pub mod kernel;
pub mod limits;
pub mod mailbox;
pub mod op;
pub mod pipes;
pub mod probe;
pub mod ring;
pub mod simulator;
mod slots;
pub mod stall;
pub mod status;
pub mod thread;
mod timers;
pub mod token;
pub mod writer;

pub use buffers::lend::{Lend, LendMut};
pub use buffers::parcel::Parcel;
pub use buffers::provided::Chunk;
pub use descriptor::Descriptor;
pub use engine::Core;
pub use executor::TaskId;
pub use flight::{Flight, Landing};
pub use limits::Limits;
pub use nix::errno::Errno;
pub use op::Op;
