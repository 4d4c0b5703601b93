//! The cache's seconds, and what an exptime means.
#![forbid(unsafe_code)]

use spindle_slab::{Expiry, Seconds};

/// Exptimes up to 30 days are relative, greater ones absolute (memcached's REALTIME_MAXDELTA).
const RELATIVE_SECONDS_MAX: i32 = 60 * 60 * 24 * 30;

/// The cache's second at which the process starts: not 0, which means never, and room for "already over" before it.
const FIRST_SECOND: Seconds = 2;

/// Converts between the core's nanoseconds, the cache's seconds and the wall clock's.
#[derive(Clone, Copy, Debug)]
pub struct CacheClock {
    started_ns: u64,
    /// Wall-clock seconds of the cache's second 0.
    epoch_unix_seconds: i64,
}

impl CacheClock {
    /// A clock that starts at `now_ns` of the cores' monotonic time, which is `unix_seconds` of the wall clock.
    pub fn starting_at(now_ns: u64, unix_seconds: i64) -> CacheClock {
        CacheClock { started_ns: now_ns, epoch_unix_seconds: unix_seconds - i64::from(FIRST_SECOND) }
    }

    #[inline]
    pub fn seconds(&self, now_ns: u64) -> Seconds {
        FIRST_SECOND + (now_ns.saturating_sub(self.started_ns) / 1_000_000_000) as Seconds
    }

    pub fn unix_seconds(&self, now: Seconds) -> i64 {
        self.epoch_unix_seconds + i64::from(now)
    }

    pub fn uptime_seconds(&self, now: Seconds) -> u32 {
        now - FIRST_SECOND
    }

    /// What an exptime on the wire means (protocol.txt, "Expiration times"): 0 never, negative at once, up to 30 days
    /// from now, more a time of the wall clock.
    #[inline]
    pub fn expiry(&self, exptime: i32, now: Seconds) -> Expiry {
        match exptime {
            0 => Expiry::NEVER,
            ..0 => Expiry::PAST,
            1..=RELATIVE_SECONDS_MAX => Expiry::at(now + exptime as Seconds),
            _ => {
                let second = i64::from(exptime) - self.epoch_unix_seconds;
                if second <= i64::from(FIRST_SECOND) { Expiry::PAST } else { Expiry::at(second as Seconds) }
            }
        }
    }

    /// Seconds to live; `None` for ever.
    pub fn ttl(&self, expiry: Expiry, now: Seconds) -> Option<u32> {
        expiry.seconds().map(|second| second.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000;

    #[test]
    fn exptimes_mean_what_memcached_means() {
        let clock = CacheClock::starting_at(5_000_000_000, START);
        let now = clock.seconds(15_900_000_000);
        assert_eq!(now, 12);
        assert_eq!(clock.unix_seconds(now), START + 10);
        for (exptime, second) in [
            (0, None),
            (1, Some(13)),
            (RELATIVE_SECONDS_MAX, Some(12 + 2_592_000)),
            ((START + 100) as i32, Some(102)),
            (-1, Some(1)),
            (i32::MIN, Some(1)),
            // 31 days in seconds: an absolute time long ago.
            (2_678_400, Some(1)),
        ] {
            assert_eq!(clock.expiry(exptime, now).seconds(), second, "{exptime}");
        }
    }
}
