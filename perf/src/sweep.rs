//! Servers under a ladder of loads, and the highest load that one bears: its knee.
//!
//! ```text
//! ladder   the loads that are offered, in which order, and when a server's ladder ends
//! search   the knee by doubling and bisection
//! step     what came of one load, run several times: the median decides
//! limit    the response time that is still good enough
//! knee     what is known of the highest load within it
//! offer    one plan at another load
//! remains  what earlier runs have left on the servers
//! result   all of it as plain data, in a JSON file (docs/sweep-result.md)
//! table    and for people: a line a run, a table in the end
//! ```
//!
//! What is measured, and how, is the caller's: a function is asked for one run at a time, and may drive a cache, a file server
//! or a whole scenario.

pub mod knee;
pub mod ladder;
pub mod limit;
pub mod offer;
pub mod remains;
pub mod result;
pub mod search;
pub mod step;
pub mod table;

/// One run that is to be made now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// By its place among the targets.
    pub target: usize,
    /// Offered.
    pub per_second: f64,
    /// From 0. A caller does well to draw other keys and gaps in another repeat, and the same for every target.
    pub repeat: u32,
}

/// Loads that people can read: whole numbers, where that is no difference.
fn readable(per_second: f64) -> f64 {
    if per_second >= 100.0 { per_second.round() } else { per_second }
}
