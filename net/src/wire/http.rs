//! HTTP/1.1, the server's half (RFC 9110, RFC 9112), for a server of files. Bodies are not part of a message here: they
//! follow their head, and the connection moves them straight to where they are kept.
//!
//! ```text
//! range        Range, and Content-Range of an upload of a part
//! chunked      a body in chunks
//! date         HTTP-date both ways, and the Date line of this second
//! connection   the options of a Connection field
//! number       digits
//! ```

pub mod chunked;
pub mod connection;
pub mod date;
pub mod number;
pub mod range;

pub use date::DateLine;
