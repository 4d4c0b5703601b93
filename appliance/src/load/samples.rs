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

/// Created before anything is sent, because a name that cannot be written should not cost a measurement.
pub(super) struct SampleFile {
    path: PathBuf,
    out: BufWriter<File>,
}

/// The file while it is written.
pub(super) struct Writing {
    path: PathBuf,
    pub(super) sampling: Sampling,
    writer: JoinHandle<io::Result<()>>,
}

impl SampleFile {
    pub(super) fn create(path: &Path) -> Result<SampleFile, LoadFailure> {
        let file = File::create(path).map_err(|error| LoadFailure::File { path: path.into(), error })?;
        Ok(SampleFile { path: path.into(), out: BufWriter::new(file) })
    }

    /// To be called when it is known who takes signals.
    pub(super) fn write(self, plan: &Plan) -> Result<Writing, LoadFailure> {
        let SampleFile { path, mut out } = self;
        let classes: Vec<String> = plan.classes.iter().map(|class| class.name.clone()).collect();
        let (sampling, samples) = Sampling::new();
        let writing =
            std::thread::Builder::new().name("samples".into()).spawn(move || write(&classes, &samples, &mut out));
        match writing {
            Ok(writer) => Ok(Writing { path, sampling, writer }),
            Err(error) => Err(LoadFailure::File { path, error }),
        }
    }
}

impl Writing {
    /// Waits until all is written, and says what is not there.
    pub(super) fn finish(self) -> Result<(), LoadFailure> {
        let Writing { path, sampling, writer } = self;
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
