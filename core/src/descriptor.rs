//! An open file or socket. Ops in flight share it, so it closes when the last of them has landed and the flow has let
//! go of it: a number is never reused under an op.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::simulator::SimulatedDescriptor;

#[derive(Debug)]
pub enum Descriptor {
    Kernel(OwnedFd),
    Simulated(SimulatedDescriptor),
}

impl Descriptor {
    /// The number that the kernel face knows it by.
    #[inline]
    pub fn number(&self) -> RawFd {
        match self {
            Descriptor::Kernel(fd) => fd.as_raw_fd(),
            Descriptor::Simulated(descriptor) => descriptor.number(),
        }
    }
}

impl<T: Into<OwnedFd>> From<T> for Descriptor {
    fn from(fd: T) -> Self {
        Descriptor::Kernel(fd.into())
    }
}
