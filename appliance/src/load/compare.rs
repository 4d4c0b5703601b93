//! `spindle load compare`: reads the results, and prints how they differ.
#![forbid(unsafe_code)]

use spindle_perf::compare::{IfInvalid, compare};

use super::LoadFailure;
use crate::arguments::load::compare::CompareArguments;
use crate::say;

pub(super) fn run(typed: &CompareArguments) -> Result<(), LoadFailure> {
    let [a, b] = typed.read()?;
    let if_invalid = if typed.even_invalid { IfInvalid::Compare } else { IfInvalid::Refuse };
    let comparison = compare(&a, &b, if_invalid)?;
    say::print(&format!("{comparison}\n")).map_err(LoadFailure::Output)
}
