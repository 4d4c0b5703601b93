//! The test kit: what makes a test five lines.

pub(crate) mod client;
pub(crate) mod files;
pub(crate) mod relay;
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

pub(crate) use content::content as value;
pub(crate) use waiting::eventually;

/// `set key 0 0 ...` with its data block.
pub(crate) fn set(key: &str, value: &[u8]) -> Vec<u8> {
    [format!("set {key} 0 0 {}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat()
}

/// The reply to a `get` that hits what [`set`] stored.
pub(crate) fn hit(key: &str, value: &[u8]) -> Vec<u8> {
    [format!("VALUE {key} 0 {}\r\n", value.len()).as_bytes(), value, b"\r\nEND\r\n"].concat()
}
