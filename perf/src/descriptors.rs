//! Open files: a connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a process has open beside its connections: the ring, the pipes, the files of a result.
const BESIDE: u64 = 64;

/// The limit that is in the way, and is not ours to raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{connections} connections take {wanted} open files, and {allowed} are allowed: ulimit -Hn {wanted}")]
pub struct TooFewDescriptors {
    pub connections: usize,
    pub wanted: u64,
    pub allowed: u64,
}

/// Makes room for so many connections. A higher limit is left alone.
///
/// # Errors
/// The hard limit is lower, and this is not root (getrlimit(2), `RLIMIT_NOFILE`).
pub(crate) fn make_room(connections: usize) -> Result<(), TooFewDescriptors> {
    let wanted = connections as u64 + BESIDE;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((0, 0));
    if soft >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).map_err(|_| TooFewDescriptors {
        connections,
        wanted,
        allowed: hard,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_and_never_taken() {
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        make_room(0).unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap().0, soft);
        let more = soft as usize;
        match make_room(more) {
            Ok(()) => assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap().0, soft + BESIDE),
            Err(refused) => assert_eq!(refused.wanted, soft + BESIDE),
        }
        // More than any kernel allows (fs.nr_open).
        assert!(make_room(1 << 40).is_err());
    }
}
