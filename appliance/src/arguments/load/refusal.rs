//! Why a load cannot be, beyond what the parser of a command line sees.
#![forbid(unsafe_code)]

use std::fmt;

/// A value that was understood and cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    pub of: Argument,
    pub value: String,
    pub why: String,
}

/// Which argument: on a command line a flag, in a scenario a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Whom the load is for.
    Server,
    /// In the words of a scenario: `warm_up`, which is `--warm-up` on a command line.
    Named(&'static str),
}

impl Refusal {
    pub fn new(of: Argument, value: impl fmt::Display, why: impl fmt::Display) -> Refusal {
        Refusal { of, value: value.to_string(), why: why.to_string() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { of, value, why } = self;
        match of {
            Argument::Server => write!(formatter, "{value}: {why}"),
            Argument::Named(name) => write!(formatter, "--{} {value}: {why}", name.replace('_', "-")),
        }
    }
}
