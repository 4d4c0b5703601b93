//! The kernel's twin for tests: sockets and files in memory, time that only tests pass, and every fault that a kernel may
//! answer with, all drawn from one seed. The same seed gives the same run.
//!
//! ```text
//! world    the simulated machine: clock, sockets, files, peers
//! wire     one connection, and the peer at its far end;  sockets: connecting, sending, receiving
//! kernel   the kernel face over that world
//! tree     its files: names and contents;  naming: the ops on names
//! random   the one source of chance
//! ```

mod kernel;
mod naming;
mod random;
mod sockets;
mod tree;
mod wire;
mod world;

pub use kernel::SimulatedKernel;
pub use random::Random;
pub use sockets::Welcome;
pub use wire::{Peer, Step, Wire};
pub use world::{Faults, SimulatedDescriptor, World};
