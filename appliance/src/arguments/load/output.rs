//! What is kept of a result.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::Args;

#[derive(Clone, Debug, Args)]
pub struct OutputArguments {
    /// Writes the result (docs/load-result.md)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes a row a second
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Writes a row for every request
    #[arg(long, value_name = "FILE")]
    pub samples: Option<PathBuf>,
    /// Writes a page to look at
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Writes the percentiles as HdrHistogram's plotter reads them
    #[arg(long, value_name = "FILE")]
    pub hgrm: Option<PathBuf>,
    /// Writes the histograms, one a second, as HdrHistogram's log
    #[arg(long, value_name = "FILE")]
    pub hlog: Option<PathBuf>,
}
