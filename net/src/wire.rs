//! Wire formats, sans-IO: bytes in, typed messages that borrow from them out, and writers that append to a buffer.
//!
//! Nothing here reads a socket, keeps a clock or allocates on the way in.
//!
//! ```text
//! memcached   the classic text and the meta protocol of memcached 1.6.45, both directions
//! http        HTTP/1.1: the server's side, the head of an answer, and both on their way through a proxy
//! base64      what a few fields of both are written in
//! ```

pub mod base64;
pub mod http;
pub mod memcached;
