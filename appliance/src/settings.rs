//! Settings as decided: complete, bounded, resolved. Whoever holds a [`Settings`] needs to check nothing.
//!
//! - [`decided`]: the settings themselves; what the services and the lifecycle read
//! - [`asked`]: the same names, each of them optional, not yet believed; also the shape of the file of `spindle serve`
//! - [`validator`]: asked -> decided, the only place that has defaults and bounds, with [`files`] and [`proxy`] for those services
//! - [`memcached`], [`serve`]: the two ways to ask
//! - [`listen`], [`size`]: the two notations inside a value
//! - [`ineffective`]: the bounds of values that change nothing here
//! - [`words`]: the words of the file where a setting is one of few
//! - [`error`]: every refusal, in memcached's words where it has some; [`file_error`]: the same in the words of the file
#![forbid(unsafe_code)]

pub mod asked;
pub mod decided;
pub mod error;
pub mod file_error;
pub mod files;
pub mod ineffective;
pub mod listen;
pub mod memcached;
pub mod proxy;
pub mod serve;
pub mod size;
pub mod validator;
pub mod words;

pub use decided::{CacheSettings, FilesSettings, Listen, ProcessSettings, ProxySettings, Settings};
pub use error::SettingsError;
pub use memcached::from_memcached;
pub use serve::from_serve;

#[cfg(test)]
mod tests;
