//! Limits of the process: open files, core files, locked memory.
#![forbid(unsafe_code)]

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

use super::LifecycleError;
use crate::say;
use crate::settings::decided::Memory;

/// Makes room for `wanted` descriptors. A higher limit is left alone: memcached lowers it to its connection count, which
/// gains nothing here.
pub fn raise_open_files(wanted: u64) -> Result<(), LifecycleError> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((0, 0));
    if soft >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted))
        .map_err(|_| LifecycleError::OpenFiles { wanted, allowed: hard })
}

/// Allows the largest core file that can be had, and insists on some.
pub fn raise_core_dumps() -> Result<(), LifecycleError> {
    if setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY).is_err()
        && let Ok((_, hard)) = getrlimit(Resource::RLIMIT_CORE)
    {
        // Whether this helped is seen below.
        let _ = setrlimit(Resource::RLIMIT_CORE, hard, hard);
    }
    match getrlimit(Resource::RLIMIT_CORE) {
        Ok((soft, _)) if soft > 0 => Ok(()),
        _ => Err(LifecycleError::CoreDumps),
    }
}

/// Locks memory as it is touched: what is only set aside for a higher limit stays virtual (MCL_ONFAULT, mlockall(2); nix
/// has no name for it).
const LOCK_TOUCHED: MlockAllFlags = MlockAllFlags::from_bits_retain(nix::libc::MCL_ONFAULT);

/// Locks present and future memory, if asked to. To fail is a warning, as with memcached: the service only gets slower.
pub fn apply_memory(memory: Memory) {
    if memory == Memory::Locked
        && let Err(error) = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | LOCK_TOUCHED)
    {
        say::line(format_args!("warning: -k invalid, mlockall() failed: {}", error.desc()));
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::resource::{Resource, getrlimit};

    use super::{LifecycleError, raise_open_files};

    #[test]
    fn a_sufficient_limit_stays_as_it_is() {
        let before = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        raise_open_files(before.0).unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), before);
    }

    #[test]
    fn what_the_kernel_never_grants_is_an_error_with_both_numbers() {
        let error = raise_open_files(u64::MAX - 1).unwrap_err();
        assert!(matches!(error, LifecycleError::OpenFiles { wanted, .. } if wanted == u64::MAX - 1));
        assert!(error.to_string().starts_with("failed to set rlimit for open files. Try starting as root or"));
    }
}
