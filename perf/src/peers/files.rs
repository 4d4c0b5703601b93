//! Who serves files and passes requests on: the servers that a user would pick, each as its users run it.
//!
//! ```text
//! rival       who they are: packages, programs, configurations
//! template    a configuration from perf/peers/, filled in
//! folder      a folder of one server's own, gone on drop
//! running     one started server, and the one behind it
//! ```
//!
//! What makes it fair: every server has one CPU to itself, and is configured for it (one worker, one thread, one process);
//! connections are kept for ever; nobody writes an access log; all run as the same user, serve the same folder, and spool
//! uploads on its file system. Each setting that is no default says in its template why it is there.
//!
//! A proxy needs a server behind it, which is always nginx, with the configuration that it has as a contender. The figures
//! of a proxy are its own: CPU time, memory and context switches of its processes alone. The server behind would be another
//! machine; it has a CPU of its own where there are three. Where there are two, load and server behind share one, and the
//! proxy keeps the other to itself: requests per second of the proxy's CPU stay exact, because they do not depend on how
//! fast the rest is, while latencies hold the wait for the shared CPU. They compare proxies with each other, all of which
//! wait alike, and with no server of files.

pub use folder::Folder;
pub use rival::{Found, Job, Rival};
pub use running::{Cpus, FilesError, Running};

mod folder;
mod rival;
mod running;
mod template;
