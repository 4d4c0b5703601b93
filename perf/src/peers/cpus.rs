//! Who has which CPU.

use spindle_core::thread::cpus_available;

use super::PeersError;

/// Of a load that needs more than one to outrun a server.
const GENERATORS_MAX: usize = 4;

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
        match cpus_available()[..] {
            [load, server] => Ok(Cpus { load, server, behind: load }),
            [load, server, behind, ..] => Ok(Cpus { load, server, behind }),
            ref few => Err(PeersError::TooFewCpus { cpus: few.len() }),
        }
    }
    /// Where a load has its generators: on its own CPU, and on those that nobody else has.
    pub(super) fn generators(self) -> Vec<usize> {
        self.generators_among(&cpus_available())
    }

    fn generators_among(self, available: &[usize]) -> Vec<usize> {
        let spare = available.iter().copied().filter(|cpu| ![self.load, self.server, self.behind].contains(cpu));
        std::iter::once(self.load).chain(spare).take(GENERATORS_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_takes_what_nobody_else_has() {
        let two = Cpus { load: 0, server: 1, behind: 0 };
        assert_eq!(two.generators_among(&[0, 1]), [0]);
        let many = Cpus { load: 2, server: 3, behind: 5 };
        assert_eq!(many.generators_among(&[2, 3, 5]), [2]);
        assert_eq!(many.generators_among(&[2, 3, 5, 7, 8, 9, 10]), [2, 7, 8, 9]);
    }
}
