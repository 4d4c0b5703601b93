//! `spindle load compare`: two results, and whether they differ.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::Args;
use spindle_perf::report::json::ReadError;
use spindle_perf::report::summary::Summary;

#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Results (--json) of the one side; several runs, parted by commas, tell much more than one
    #[arg(value_name = "A.json", value_delimiter = ',', num_args = 1, required = true)]
    pub a: Vec<PathBuf>,
    /// And of the other
    #[arg(value_name = "B.json", value_delimiter = ',', num_args = 1, required = true)]
    pub b: Vec<PathBuf>,
    /// Compare measurements that are not valid, too
    #[arg(long)]
    pub even_invalid: bool,
}

impl CompareArguments {
    /// The runs of both sides.
    ///
    /// # Errors
    /// A file that is no result of a load.
    pub fn read(&self) -> Result<[Vec<Summary>; 2], ReadError> {
        let read = |paths: &[PathBuf]| paths.iter().map(|path| Summary::read(path)).collect::<Result<Vec<_>, _>>();
        Ok([read(&self.a)?, read(&self.b)?])
    }
}
