//! The proxy: HTTP from clients to backends and back.
//!
//! ```text
//! start         the listeners; what it does on each core
//! shared        what all cores share, and what each has
//! backends      a core's connections to backends: kept, dialled in turn, held off;  places: how many there may be
//! conversation  one client's flow: a request, its answer, the next, until somebody ends it
//! outline       what of a request outlives the buffer that it came in
//! exchange      one request and its answer, over one connection to a backend
//! upload        the request's way to the backend;  relay: the answer's way to the client
//! waiting       for one side, with an ear for the other
//! answering     what the proxy says itself
//! ```
//!
//! Heads are read and written anew, bodies are passed on as they come. Each way at most one parcel is under way, and while
//! its taker makes it wait, nothing more is received from its giver: a slow side costs one parcel and what had arrived. The
//! rest of a body that is known to be large is received in pieces; what comes together with its head, in one turn, is taken as
//! it is, up to all of a core's receive buffers.

pub mod answering;
pub mod backends;
pub mod conversation;
pub mod exchange;
pub mod outline;
pub mod places;
pub mod relay;
pub mod shared;
pub mod start;
pub mod upload;
pub mod waiting;
