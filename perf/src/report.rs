//! Results, in the forms that people and programs read.
//!
//! ```text
//! summary   one run as plain data: what JSON holds, and what the pages and comparisons are made of
//! json      that, in a file and back; the schema is in docs/load-result.md
//! csv       a row a second
//! samples   a row a request
//! hgrm      percentiles, for HdrHistogram's plotter
//! hlog      a histogram a second, for HdrHistogram's log tools;  comments: where both were measured
//! html      one page with the plots
//! line      a terminal: a line a second, and the end
//! figures   how numbers are written for people;  markdown: and tables of them
//! ```

mod comments;
pub mod csv;
pub mod figures;
pub mod hgrm;
pub mod hlog;
pub mod html;
pub mod json;
pub mod line;
pub mod markdown;
pub mod samples;
#[cfg(test)]
pub(crate) mod specimen;
pub mod summary;
