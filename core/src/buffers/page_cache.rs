//! What of a file is in the kernel's own buffers, so that sending it waits for no disk: cachestat(2) of Linux 6.5, and
//! preadv2(2) with RWF_NOWAIT.
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
    if file.kernel().is_none() {
        return Residence::Unknown;
    }
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

/// Appends up to `count` bytes of the file at `offset` to `into`, if that waits for nothing: how many there were. `None` where
/// the disk must be asked, or the kernel does not say.
pub fn read(file: &Descriptor, into: &mut Vec<u8>, count: usize, offset: u64) -> Option<usize> {
    file.kernel()?;
    into.reserve(count);
    let room = into.spare_capacity_mut();
    let segment = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: count };
    // SAFETY: the segment lies in the spare capacity that was just reserved, and the kernel writes no further than it says.
    let result = unsafe {
        libc::preadv2(file.number(), std::ptr::from_ref(&segment), 1, offset as libc::off_t, libc::RWF_NOWAIT)
    };
    let read = usize::try_from(result).ok()?;
    // SAFETY: so many bytes were written at the end of what was there, and they are no more than were reserved.
    unsafe { into.set_len(into.len() + read) };
    Some(read)
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
    fn cached_bytes_are_appended_and_cold_ones_are_not_waited_for() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let file = Descriptor::from(file);
        let mut into = b"head ".to_vec();
        assert_eq!(read(&file, &mut into, 4, 2), Some(4));
        assert_eq!(read(&file, &mut into, 400, 8), Some(2), "up to the end");
        assert_eq!(read(&file, &mut into, 4, 10), Some(0), "and no further");
        assert_eq!(into, b"head 234589");
        let descriptor = Descriptor::from(std::fs::File::open("/").unwrap());
        assert_eq!(read(&descriptor, &mut into, 4, 0), None, "a folder has no bytes");
        assert_eq!(into, b"head 234589");
    }

    #[test]
    fn the_simulator_has_no_page_cache() {
        let world = crate::simulator::World::new(1, crate::simulator::Faults::default());
        let file = world.file(b"bytes");
        assert_eq!(residence(&file, 0..5), Residence::Unknown);
        assert_eq!(read(&file, &mut Vec::new(), 5, 0), None);
    }
}
