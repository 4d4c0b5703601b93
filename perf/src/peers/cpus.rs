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

/// Which CPU the server behind a proxy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    ItsOwn,
    /// And the proxy what is left of it.
    TheProxys,
}

impl Cpus {
    /// The load takes the first, where most of the system's own work is done too. What is behind a proxy has the third, or,
    /// where there is none, shares the proxy's: the load must have one to itself, or it is late, and response times are none.
    pub(super) fn choose() -> Result<Cpus, PeersError> {
        Cpus::among(&cpus_available())
    }

    fn among(available: &[usize]) -> Result<Cpus, PeersError> {
        match *available {
            [load, server] => Ok(Cpus { load, server, behind: server }),
            [load, server, behind, ..] => Ok(Cpus { load, server, behind }),
            _ => Err(PeersError::TooFewCpus { cpus: available.len() }),
        }
    }

    pub(super) fn behind_has(self) -> Behind {
        if self.behind == self.server { Behind::TheProxys } else { Behind::ItsOwn }
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
    fn a_load_shares_its_cpu_with_nobody() {
        let cpus = |available: &[usize]| Cpus::among(available).map(|cpus| (cpus.load, cpus.server, cpus.behind));
        assert_eq!(cpus(&[4, 6]).unwrap(), (4, 6, 6));
        assert_eq!(cpus(&[4, 6, 7]).unwrap(), (4, 6, 7));
        assert_eq!(cpus(&[4, 6, 7, 9]).unwrap(), (4, 6, 7));
        assert!(matches!(cpus(&[4]), Err(PeersError::TooFewCpus { cpus: 1 })));
        assert_eq!(Cpus::among(&[4, 6]).unwrap().behind_has(), Behind::TheProxys);
        assert_eq!(Cpus::among(&[4, 6, 7]).unwrap().behind_has(), Behind::ItsOwn);
    }

    #[test]
    fn a_load_takes_what_nobody_else_has() {
        let two = Cpus { load: 0, server: 1, behind: 1 };
        assert_eq!(two.generators_among(&[0, 1]), [0]);
        let many = Cpus { load: 2, server: 3, behind: 5 };
        assert_eq!(many.generators_among(&[2, 3, 5]), [2]);
        assert_eq!(many.generators_among(&[2, 3, 5, 7, 8, 9, 10]), [2, 7, 8, 9]);
    }
}
