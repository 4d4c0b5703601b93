//! The kernel's twin for tests: sockets and files in memory, time that only tests pass, and every fault that a kernel may
//! answer with, all drawn from one seed. The same seed gives the same run.
//!
//! ```text
//! world    the simulated machine: clock, sockets, files, peers
//! kernel   the kernel face over that world
//! tree     its files: names and contents;  naming: the ops on names
//! random   the one source of chance
//! ```

mod kernel;
mod naming;
mod random;
mod tree;
mod world;

pub use kernel::SimulatedKernel;
pub use random::Random;
pub use world::{Faults, Peer, SimulatedDescriptor, Step, Wire, World};
