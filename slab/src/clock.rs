//! Time as the cache counts it: whole seconds of the caller's clock. The cache has no clock of its own.
#![forbid(unsafe_code)]

/// Seconds since the caller's epoch. The epoch lies at least one second before the cache is made, since 0 means "never".
pub type Seconds = u32;

/// When an item ends, in the same seconds as `now`.
///
/// The protocol's rules (relative up to 30 days, absolute, negative) belong to the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry(pub(crate) Seconds);

impl Expiry {
    pub const NEVER: Expiry = Expiry(0);
    /// Already over.
    pub const PAST: Expiry = Expiry(1);

    /// Ends at `seconds`: an access at `seconds` or later misses. 0 is taken for 1, the earliest end there is.
    pub fn at(seconds: Seconds) -> Expiry {
        Expiry(seconds.max(1))
    }

    /// The second of the end; none if the item does not end.
    pub fn seconds(self) -> Option<Seconds> {
        (self.0 != 0).then_some(self.0)
    }

    pub fn is_past(self, now: Seconds) -> bool {
        self.0 != 0 && self.0 <= now
    }
}
