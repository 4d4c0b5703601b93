//! The box around the appliance: facts -> plan -> apply / undo. A map only, for now: nothing here is built yet.
//!
//! ```text
//! facts   what the machine is and how it is set
//! plan    what should change, and why
//! apply   changes it, and remembers how to undo that
//! ```
#![forbid(unsafe_code)]
