//! Who has which CPU.

use super::PeersError;

/// Where the load runs, the server that is measured, and the one behind it if it is a proxy.
#[derive(Clone, Copy, Debug)]
pub struct Cpus {
    pub load: usize,
    pub server: usize,
    pub behind: usize,
}

impl Cpus {
    /// The load takes the first, where most of the system's own work is done too. What is behind a proxy has the third, or,
    /// where there is none, shares the load's.
    pub(super) fn choose() -> Result<Cpus, PeersError> {
        match spindle_core::thread::cpus_available()[..] {
            [load, server] => Ok(Cpus { load, server, behind: load }),
            [load, server, behind, ..] => Ok(Cpus { load, server, behind }),
            ref few => Err(PeersError::TooFewCpus { cpus: few.len() }),
        }
    }
}
