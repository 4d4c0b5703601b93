//! The test kit: what makes a test five lines.

pub(crate) mod client;
pub(crate) mod mount;
pub(crate) mod server;

#[path = "../kit/content.rs"]
mod content;
#[path = "../kit/crowd.rs"]
pub(crate) mod crowd;
#[path = "../kit/narrow.rs"]
mod narrow;
#[path = "../kit/process.rs"]
mod process;
#[path = "../kit/waiting.rs"]
mod waiting;

pub(crate) use content::content;
pub(crate) use waiting::eventually;
