//! Where a connection's bytes stopped, kept by the engine; which of them it is says what answers them.
#![forbid(unsafe_code)]

use crate::lines::Lines;
use crate::options::Store;

pub enum Session {
    Canned(Lines),
    /// The request that has begun.
    Toy(Vec<u8>),
    Mirror(Vec<u8>),
}

impl Session {
    pub fn new(store: Store) -> Session {
        match store {
            Store::Canned => Session::Canned(Lines::default()),
            Store::Toy => Session::Toy(Vec::new()),
            Store::Mirror => Session::Mirror(Vec::new()),
        }
    }
}
