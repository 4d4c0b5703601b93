//! The Date field of now, made once a second by each core.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use spindle_net::wire::http::DateLine;

/// The wall clock, in seconds since 1970.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[derive(Default)]
pub struct Date(RefCell<DateLine>);

impl Date {
    /// Does something with the field, terminator included.
    pub fn with<T>(&self, then: impl FnOnce(&str) -> T) -> T {
        then(self.0.borrow_mut().at(unix_seconds()))
    }
}
