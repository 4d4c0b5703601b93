//! Who serves files and passes requests on: Spindle, and the servers that a user would pick, each as its users run it.
//!
//! ```text
//! rival       who they are: packages, programs, configurations
//! place       where the files are, and on which file system
//! folder      a folder of one server's own, gone on drop
//! running     one started server, and the one behind it
//! rows        what is measured, and what each number is for
//! contest     everybody does the same, in turn
//! uploads     what became of what was put
//! table       all of it as Markdown
//! ```
//!
//! What makes it fair: every server has one CPU to itself, and is configured for it (one worker, one thread, one process);
//! connections are kept for ever; nobody writes an access log; all run as the same user, serve the same folder, have one of
//! their own beneath it for uploads, and spool these on its file system. Each setting that is no default says in its template
//! why it is there. Uploads are on a tmpfs, and the servers are started again for their rows: `place` says why.
//!
//! A proxy needs a server behind it, which is always nginx, with the configuration that it has as a contender. The figures
//! of a proxy are its own: CPU time, memory and context switches of its processes alone. The server behind would be another
//! machine; it has a CPU of its own where there are three. Where there are two, it shares the proxy's, and the load keeps the
//! other to itself, because a load that has to wait for its CPU measures its own lateness. Requests per second of the proxy's CPU
//! stay exact, because they do not depend on how fast the rest is (what two on one CPU do to each other's caches is in the
//! figures of all proxies alike). Response times are those of proxy and server behind on one CPU: they compare proxies with
//! each other, and with no server of files. And no proxy can have all of that CPU in use: how much it had says nothing of
//! whether it was the bottleneck.

use std::path::PathBuf;
use std::time::Duration;

use super::{Progress, Scale};
pub use contest::run;
pub use folder::Folder;
pub use rival::{Found, Job, Rival};
pub use rows::{FileRow, UnknownFileRow};
pub use running::{FilesError, Running};
pub use table::Report;

mod contest;
mod folder;
mod place;
mod rival;
mod rows;
mod running;
mod table;
mod uploads;

/// What to measure, and how thoroughly.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the files are put while it lasts, and all that the servers write. None: what is read where temporary files are,
    /// and what is uploaded on a tmpfs.
    pub folder: Option<PathBuf>,
    /// The binary that answers to `spindle serve`; none: the others alone.
    pub spindle: Option<PathBuf>,
    pub missing: Missing,
    /// At least 1; of an odd number the median is a measured one.
    pub rounds: usize,
    /// Of one measurement, after a warm-up of a quarter of it.
    pub measured: Duration,
    pub scale: Scale,
    pub rows: Vec<FileRow>,
    pub progress: Progress,
}

/// What is done about a server that is not installed. (Spindle never is: it is named.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is installed, and left out only where that cannot be done.
    Install,
    LeaveOut,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            folder: None,
            spindle: None,
            missing: Missing::Install,
            rounds: 5,
            measured: Duration::from_secs(2),
            scale: Scale::Full,
            rows: FileRow::ALL.to_vec(),
            progress: Progress::StandardError,
        }
    }
}

impl Options {
    /// A smoke run: one short round, few files.
    #[must_use]
    pub fn quick(self) -> Options {
        Options { rounds: 1, measured: Duration::from_millis(300), scale: Scale::Quick, ..self }
    }
}
