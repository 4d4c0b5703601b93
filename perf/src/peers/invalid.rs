//! Response times that say nothing about a server.

use std::fmt;

/// A row of response times, and those of whom a round at least is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRow {
    /// As it is asked for.
    pub row: String,
    /// In the order of the table, at least one.
    pub servers: Vec<String>,
}

impl InvalidRow {
    /// None when all are valid.
    pub(super) fn of(row: &str, servers: Vec<String>) -> Option<InvalidRow> {
        (!servers.is_empty()).then(|| InvalidRow { row: row.into(), servers })
    }
}

impl fmt::Display for InvalidRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.row, self.servers.join(", "))
    }
}
