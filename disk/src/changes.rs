//! What our own writes have made stale: a count for each group of paths, which every core reads before it trusts what it
//! has kept of a path. Paths share counts, so a change may make others look stale that are not; never the other way round.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const GROUPS: usize = 4096;

/// Shared by all cores of a service.
#[derive(Clone)]
pub struct Changes(Arc<[AtomicU64]>);

impl Default for Changes {
    fn default() -> Self {
        Changes((0..GROUPS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Changes {
    fn of(&self, path: &[u8]) -> &AtomicU64 {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        &self.0[hasher.finish() as usize % GROUPS]
    }

    /// How often something in the path's group was changed.
    pub fn count(&self, path: &[u8]) -> u64 {
        self.of(path).load(Ordering::Acquire)
    }

    /// To be called after the change, and before anybody is told of it.
    pub fn note(&self, path: &[u8]) {
        self.of(path).fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_by_who_shares_them() {
        let here = Changes::default();
        let there = here.clone();
        let before = there.count(b"dev1/a");
        here.note(b"dev1/a");
        assert_ne!(there.count(b"dev1/a"), before);
        assert_eq!(there.count(b"dev1/b"), 0, "another group, as it happens");
    }
}
