//! The file of samples, written by a thread of its own while the load runs.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use spindle_perf::load::{Plan, Sampling};
use spindle_perf::report::samples::write;

use super::LoadFailure;
use crate::say;

pub(super) struct SampleFile {
    path: PathBuf,
    pub(super) sampling: Sampling,
    writer: JoinHandle<io::Result<()>>,
}

impl SampleFile {
    pub(super) fn create(path: &Path, plan: &Plan) -> Result<SampleFile, LoadFailure> {
        let failed = |error| LoadFailure::File { path: path.into(), error };
        let mut out = BufWriter::new(File::create(path).map_err(failed)?);
        let classes: Vec<String> = plan.classes.iter().map(|class| class.name.clone()).collect();
        let (sampling, samples) = Sampling::new();
        let writer = std::thread::Builder::new()
            .name("samples".into())
            .spawn(move || write(&classes, &samples, &mut out))
            .map_err(failed)?;
        Ok(SampleFile { path: path.into(), sampling, writer })
    }

    /// Waits until all is written, and says what is not there.
    pub(super) fn finish(self) -> Result<(), LoadFailure> {
        let SampleFile { path, sampling, writer } = self;
        let left_out = sampling.left_out();
        drop(sampling);
        let written = writer.join().unwrap_or_else(|_| Err(io::Error::other("its writer died")));
        written.map_err(|error| LoadFailure::File { path: path.clone(), error })?;
        if left_out > 0 {
            say::line(format!(
                "{}: {left_out} requests are left out, because they could not be written as fast as they were measured",
                path.display()
            ));
        }
        Ok(())
    }
}
