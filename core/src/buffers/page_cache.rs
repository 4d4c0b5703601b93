//! What of a file is in the kernel's own buffers, so that sending it waits for no disk: cachestat(2), Linux 6.5.
#![allow(unsafe_code)]

use std::ops::Range;

use crate::Errno;
use crate::descriptor::Descriptor;

/// The same on every architecture.
const SYS_CACHESTAT: libc::c_long = 451;

/// `struct cachestat_range`.
#[repr(C)]
struct CachestatRange {
    offset: u64,
    length: u64,
}

/// `struct cachestat`: all in pages.
#[repr(C)]
#[derive(Default)]
struct Cachestat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// Whether a range of a file is in the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residence {
    /// All of it is, at this moment.
    Cached,
    /// Some of it must be read from the disk first.
    Cold,
    /// The kernel does not say.
    Unknown,
}

/// Where the bytes of `range` are; it lies within the file. Pages of the file system must not be larger than the memory's.
pub fn residence(file: &Descriptor, range: Range<u64>) -> Residence {
    let Descriptor::Kernel(_) = file else { return Residence::Unknown };
    if range.is_empty() {
        return Residence::Cached;
    }
    let asked = CachestatRange { offset: range.start, length: range.end - range.start };
    let mut said = Cachestat::default();
    // SAFETY: both structures are laid out as cachestat(2) wants them and outlive the call, which keeps neither.
    let result = unsafe {
        libc::syscall(SYS_CACHESTAT, file.number(), std::ptr::from_ref(&asked), std::ptr::from_mut(&mut said), 0u32)
    };
    if Errno::result(result).is_err() {
        return Residence::Unknown;
    }
    let page_bytes = page_bytes();
    let pages = (range.end - 1) / page_bytes - range.start / page_bytes + 1;
    if said.cached >= pages { Residence::Cached } else { Residence::Cold }
}

/// Of memory: 4 KiB on most machines.
fn page_bytes() -> u64 {
    // SAFETY: sysconf(3) reads no memory of ours.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).unwrap_or(4096).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_was_just_written_is_cached_and_what_is_a_hole_is_not() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 10_000]).unwrap();
        file.set_len(1 << 20).unwrap();
        let file = Descriptor::from(file);
        if residence(&file, 0..10_000) == Residence::Unknown {
            eprintln!("SKIPPED: this kernel has no cachestat(2)");
            return;
        }
        assert_eq!(residence(&file, 0..10_000), Residence::Cached);
        assert_eq!(residence(&file, 9_999..10_000), Residence::Cached);
        assert_eq!(residence(&file, 5..5), Residence::Cached, "nothing is everywhere");
        assert_eq!(residence(&file, 0..1 << 20), Residence::Cold);
        assert_eq!(residence(&file, 500_000..500_001), Residence::Cold);
    }

    #[test]
    fn the_simulator_has_no_page_cache() {
        let world = crate::simulator::World::new(1, crate::simulator::Faults::default());
        assert_eq!(residence(&world.file(b"bytes"), 0..5), Residence::Unknown);
    }
}
